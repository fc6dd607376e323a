"""PO, the catalogues of gettext: entries that lack a translation or are fuzzy get one, and the mark fuzzy.

polib reads the file, spells and wraps texts; where an entry is in the file is found here, and the file is refused
where both see different entries. Knows entries; no file.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from nmt.documents.document import Edit, Span, Unit
from nmt.documents.kept import lost
from nmt.documents.values import Lines
from nmt.errors import DataError, SettingsError, missing_extra, shown
from nmt.text.lines import one_line

if TYPE_CHECKING:
    from nmt.documents import Asked

WIDTH = 78
"""Columns at which gettext breaks lines, for polib; a file with wider lines was not wrapped."""

_LINE = re.compile(
    r"[ \t]*(?:(?P<keyword>msg(?:ctxt|id_plural|id|str(?:\[(?P<number>\d)\])?))[ \t]*)?"
    r'"(?P<text>[^"\\\n]*(?:\\.[^"\\\n]*)*)"[ \t\r]*'
)
_FLAGS = re.compile(r"[ \t]*#,[ \t]*")
_PLURALS = re.compile(r"nplurals\s*=\s*([1-6])\b(?:\s*;\s*plural\s*=([^;\n]*))?")
_ESCAPE = re.compile(r'\\[\\"ntrbvf]')  # those that polib reads
_CHARSET = re.compile(r"(?<=charset=)(?!utf-?8\b)[\w-]+", re.IGNORECASE)


@dataclass
class Entry:
    """An entry as it stands in the file."""

    start: int  # of the line after which there is nothing of it but keywords
    flags: list[tuple[int, str]] = field(default_factory=list)  # where each line of flags begins, and what follows
    spans: dict[str, Span] = field(default_factory=dict)  # by keyword; from it to the last quote
    texts: dict[str, str] = field(default_factory=dict)
    is_readable: bool = True  # whether polib reads each escape of what is translated

    @property
    def is_fuzzy(self) -> bool:
        """Whether its translation is marked as doubtful."""
        return any("fuzzy" in (flag.strip() for flag in flags.split(",")) for _, flags in self.flags)

    @property
    def translated(self) -> list[str]:
        """Its translations, one for each form of the plural."""
        return [text for keyword, text in self.texts.items() if keyword.startswith("msgstr")]


def read(text: str, name: str, asked: "Asked") -> Iterator[Unit]:
    """The units of a catalogue: an entry each. Raises DataError, and SettingsError when polib is not installed."""
    try:
        import polib
    except ImportError:
        raise SettingsError(f"{name}: to read it takes polib", missing_extra("formats")) from None
    entries = [entry for entry in _entries(text, name) if entry.texts]
    _compare(entries, text, name, polib)
    header = next((entry for entry in entries if not entry.texts["msgid"] and "msgctxt" not in entry.texts), None)
    written = Written(text, header)
    for entry in entries:
        if entry.texts["msgid"] and (asked.again or entry.is_fuzzy or not all(entry.translated)):
            unit = Translated(entry, written, asked.again or entry.is_fuzzy)
            if unit.texts:
                yield unit


def _entries(text: str, name: str) -> Iterator[Entry]:
    """The entries in order, obsolete ones left out. Raises DataError for a line that belongs to none."""
    entry, keyword, place = Entry(0), "", 0
    for number, line in enumerate(text.split("\n"), start=1):
        start, place = place, place + len(line) + 1
        bare = line.removeprefix("\ufeff") if not start else line
        if not bare.strip() or bare.lstrip().startswith("#"):
            if any(each.startswith("msgstr") for each in entry.texts) and bare.strip():
                yield entry
                entry, keyword = Entry(start), ""
            if bare.lstrip().startswith("#~"):  # obsolete, and so is what was said before it
                if entry.texts:
                    raise _not_po(name, number, bare)
                entry = Entry(place)
            elif flags := _FLAGS.match(bare):
                entry.flags.append((start + len(line) - len(bare) + flags.end(), bare[flags.end() :]))
            elif not entry.texts and not bare.startswith("#|"):
                entry.start = place
            continue
        found = _LINE.fullmatch(bare)
        if not found or not (found["keyword"] or keyword):
            raise _not_po(name, number, bare)
        if found["keyword"]:
            if not found["keyword"].startswith("msgstr") and any(each.startswith("msgstr") for each in entry.texts):
                yield entry
                entry = Entry(start)
            keyword = found["keyword"]
            forms = sum(each.startswith("msgstr") for each in entry.texts)
            if keyword in entry.texts or int(found["number"] or forms) != forms:
                raise _not_po(name, number, bare)
            entry.spans[keyword] = Span(start + found.start("keyword"), 0)
            entry.texts[keyword] = ""
        end = start + len(line) - len(bare) + found.end("text") + 1
        entry.spans[keyword] = Span(entry.spans[keyword].start, end)
        entry.texts[keyword] += found["text"]
    yield entry


def _compare(entries: Sequence[Entry], text: str, name: str, polib: Any) -> None:
    """Unescape the texts, and raise DataError unless polib reads the same entries."""
    try:
        lines = "".join(f"{one_line(line)}\n" for line in text.removeprefix("\ufeff").split("\n"))
        catalogue = polib.pofile(lines, encoding="utf-8", check_for_duplicates=False)
    except (OSError, ValueError) as error:
        place = re.search(r"line (\d+)\)(?:: (.*))?", str(error))
        where = f" line {place[1]}" if place else ""
        raise DataError(f"{name}{where} is not PO", "check it with msgfmt -c") from None
    theirs = [each for each in catalogue if not each.obsolete]
    ours = []
    for entry in entries:
        sources = entry.texts.get("msgid", ""), entry.texts.get("msgid_plural", "")
        entry.is_readable = not any("\\" in _ESCAPE.sub("", each) for each in sources)
        entry.texts = {keyword: polib.unescape(each) for keyword, each in entry.texts.items()}
        if entry.texts.get("msgid") or "msgctxt" in entry.texts:
            ours.append(entry)
        elif "msgid" not in entry.texts:
            raise _not_po(name, text.count("\n", 0, entry.start) + 1, " ".join(entry.texts))
    for our, their in zip_longest(ours, theirs):
        if our is None or their is None or _known(our) != _seen(their) or our.is_fuzzy != their.fuzzy:
            line = text.count("\n", 0, our.start) + 1 if our else their.linenum
            raise DataError(f"{name} line {line} begins an entry that is not PO", "check it with msgfmt -c")


def _known(entry: Entry) -> list[str]:
    texts = entry.texts
    return [one_line(each) for each in (texts["msgid"], texts.get("msgid_plural", ""), *entry.translated)]


def _seen(entry: Any) -> list[str]:
    translated = entry.msgstr_plural.values() if entry.msgid_plural else [entry.msgstr]
    return [one_line(each) for each in (entry.msgid, entry.msgid_plural, *translated)]


class Written:
    """How a file writes entries: the ends and the width of its lines, its forms of the plural, its encoding."""

    def __init__(self, text: str, header: Entry | None) -> None:
        self.newline = "\r\n" if "\r\n" in text else "\n"
        self.width = WIDTH if max(map(len, text.split("\n"))) <= WIDTH + 22 else 0
        about = header.texts.get("msgstr", "") if header else ""
        plurals = _PLURALS.search(about)
        self.plurals = int(plurals[1]) if plurals else 0
        self.single, self.is_exact = _form_of_one(plurals[2] or "" if plurals else "", self.plurals)
        span = header.spans.get("msgstr", Span(0, 0)) if header else Span(0, 0)
        charset = _CHARSET.search(text, *span)
        self.charset = [Edit(*charset.span(), ["UTF-8"])] if charset else []

    def string(self, text: str, form: int | None = None) -> str:
        """The lines of a translation, of one form of the plural if given."""
        import polib

        made = polib.POEntry(msgid="", msgstr=text)
        if form is not None:
            made = polib.POEntry(msgid="", msgid_plural="x", msgstr_plural={form: text})
        lines = made.__unicode__(wrapwidth=self.width).rstrip("\n").split("\n")
        first = next(number for number, line in enumerate(lines) if line.startswith("msgstr"))
        return self.newline.join(lines[first:])


def _form_of_one(rule: str, count: int) -> tuple[int, bool]:
    """Which form of the plural one thing has by the header's rule, and whether none but one and none at all have it."""
    from gettext import c2py

    try:
        form_of = c2py(rule)
        forms = [form_of(number) for number in range(1000)]
    except (ArithmeticError, RecursionError, ValueError):
        return 0, count == 2
    return forms[1], forms[1] not in forms[2:]


class Translated:
    """A unit: an entry, whose texts are the lines of msgid and of msgid_plural."""

    def __init__(self, entry: Entry, written: Written, again: bool) -> None:
        self._entry, self._written, self._again = entry, written, again
        self.start = entry.spans["msgid"].start
        self._single, self._plural = Lines(entry.texts["msgid"]), Lines(entry.texts.get("msgid_plural", ""))
        self.texts = [one_line(text) for text in (*self._single.texts, *self._plural.texts)]

    def problem(self, translations: Sequence[str]) -> str:
        """See ``nmt.documents.document.Unit``."""
        return "" if self._entry.is_readable else "it has an escape that is not one of \\n \\t \\r \\b \\v \\f"

    def edits(self, translations: Sequence[str]) -> list[Edit]:
        """See ``nmt.documents.document.Unit``; a translation that is there already is left as it is.

        So is a form of the plural that is there, unless the entry is fuzzy or all is translated again.
        """
        entry, written, count = self._entry, self._written, len(self._single.texts)
        spans = [span for keyword, span in entry.spans.items() if keyword.startswith("msgstr")]
        if "msgid_plural" in entry.texts:
            forms = self._forms(self._single.joined(translations[:count]), self._plural.joined(translations[count:]))
            strings: list[str | Span] = [written.string(form, number) for number, form in enumerate(forms)]
        else:
            forms = [self._single.joined(translations)]
            strings = [written.string(forms[0])]
        if forms == entry.translated:
            return []
        for number, (form, there) in enumerate(zip(forms, entry.translated, strict=False)):
            if form == there:
                strings[number] = spans[number]
        parts = [part for each in strings for part in (written.newline, each)][1:]
        made = [Edit(spans[0].start, spans[-1].end, parts)]
        if not entry.is_fuzzy:
            place, flags = entry.flags[0] if entry.flags else (entry.start, "")
            mark = "fuzzy, " if flags.strip() else "fuzzy" if entry.flags else f"#, fuzzy{written.newline}"
            made.append(Edit(place, place, [mark]))
        return made if all(each.isascii() for each in forms) else [*made, *written.charset]

    def _forms(self, single: str, several: str) -> list[str]:
        """The forms of the plural: that of one thing need not have the placeholders of several, if no other has it."""
        written, there = self._written, self._entry.translated
        forms = [several] * (written.plurals or len(there))
        exact = written.is_exact if written.plurals else len(forms) == 2
        if len(forms) > 1 and written.single < len(forms) and (exact or not lost(several, single)):
            forms[written.single] = single
        if self._again:
            return forms
        kept = [old or new for old, new in zip_longest(there, forms, fillvalue="")]
        return kept if any(kept[len(forms) :]) else kept[: len(forms)]


def _not_po(name: str, number: int, line: str) -> DataError:
    return DataError(f"{name} line {number} is not PO: {shown(line.strip())}", "check it with msgfmt -c")
