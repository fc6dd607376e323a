"""PO, the catalogues of gettext: entries that lack a translation or are fuzzy get one, and the mark fuzzy.

polib spells and wraps texts. Knows entries; no file.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

from nmt.documents.document import Edit, Span, Unit, lines_of
from nmt.documents.kept import lost
from nmt.documents.po_entries import Entry, entries_of
from nmt.documents.values import Lines
from nmt.errors import SettingsError, missing_extra
from nmt.text.lines import one_line

if TYPE_CHECKING:
    from nmt.documents import Asked

WIDTH = 78
"""Columns at which gettext breaks lines, for polib; a file with wider lines was not wrapped."""

_PLURALS = re.compile(r"nplurals\s*=\s*([1-6])\b(?:\s*;\s*plural\s*=([^;\n]*))?")
_CHARSET = re.compile(r"(?<=charset=)(?!utf-?8\b)[\w-]+", re.IGNORECASE)


def read(text: str, name: str, asked: "Asked") -> Iterator[Unit]:
    """The units of a catalogue: an entry each. Raises DataError, and SettingsError when polib is not installed."""
    try:
        import polib
    except ImportError:
        raise SettingsError(f"{name}: to read it takes polib", missing_extra("formats")) from None
    written = Written(text)
    for entry in entries_of(text, name, polib):
        if entry.is_header:
            written.read(entry)
        elif entry.texts["msgid"] and (asked.again or entry.is_fuzzy or not all(entry.translated)):
            unit = Translated(entry, written, asked.again or entry.is_fuzzy)
            if unit.texts:
                yield unit


class Written:
    """How a file writes entries: the ends and the width of its lines, its forms of the plural, its encoding."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.newline = "\r\n" if "\r\n" in text else "\n"
        self.width = WIDTH if max(end - start for start, end in lines_of(text)) <= WIDTH + 22 else 0
        self.plurals, self.single, self.is_exact = 0, 0, False
        self.charset: list[Edit] = []
        self._has_header = False

    def read(self, header: Entry) -> None:
        """Read what a header says; the first of a file counts."""
        if self._has_header:
            return
        self._has_header = True
        about = header.texts.get("msgstr", "")
        plurals = _PLURALS.search(about)
        self.plurals = int(plurals[1]) if plurals else 0
        self.single, self.is_exact = _form_of_one(plurals[2] or "" if plurals else "", self.plurals)
        charset = _CHARSET.search(self._text, *header.spans.get("msgstr", Span(0, 0)))
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


_NO_LINES = Lines("")


class Translated:
    """A unit: an entry, whose texts are the lines of msgid and of msgid_plural."""

    __slots__ = ("_again", "_entry", "_plural", "_single", "_written", "start", "texts")

    def __init__(self, entry: Entry, written: Written, again: bool) -> None:
        self._entry, self._written, self._again = entry, written, again
        self.start = entry.spans["msgid"].start
        self._single = Lines(entry.texts["msgid"])
        self._plural = Lines(entry.texts["msgid_plural"]) if "msgid_plural" in entry.texts else _NO_LINES
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
