"""Entries of a catalogue with their places in its text: found here, and compared with what polib reads. Knows no unit.

polib tells no places, and a file in which both see different entries is refused.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from nmt.documents.document import Span, lines_of
from nmt.errors import DataError, shown
from nmt.text.lines import LONGEST_LINE, one_line

LONGEST = 1 << 12
"""Lines of an entry, with its comments: what polib does grows with their square."""
_GROUP = 1 << 18  # characters that polib reads at once, which bounds its memory

_LINE = re.compile(
    r"[ \t]*(?:(?P<keyword>msg(?:ctxt|id_plural|id|str(?:\[(?P<number>\d)\])?))[ \t]*)?"
    r'"(?P<text>[^"\\\n]*+(?:\\.[^"\\\n]*+)*+)"[ \t\r]*'
)
_FLAGS = re.compile(r"[ \t]*#,[ \t]*")
_ESCAPE = re.compile(r'\\[\\"ntrbvf]')  # those that polib reads


_NO_PARTS: dict[str, list[str]] = {}


@dataclass(slots=True)
class Entry:
    """An entry as it stands in the file."""

    number: int  # of its first line, with comments, from 1
    first: int  # where that line begins
    start: int  # of the line after which there is nothing of it but keywords
    flags: list[tuple[int, str]] = field(default_factory=list)  # where each line of flags begins, and what follows
    spans: dict[str, Span] = field(default_factory=dict)  # by keyword; from it to the last quote
    parts: dict[str, list[str]] = field(default_factory=dict)  # of each text, as its lines spell it
    texts: dict[str, str] = field(default_factory=dict)
    end: int = 0  # of its last line
    is_readable: bool = True  # whether polib reads each escape of what is translated

    @property
    def is_header(self) -> bool:
        """Whether it says what holds for the file."""
        return not self.texts["msgid"] and "msgctxt" not in self.texts

    @property
    def is_whole(self) -> bool:
        """Whether the next keyword but msgstr, or the next comment, begins another entry."""
        return any(keyword.startswith("msgstr") for keyword in self.parts)

    @property
    def is_fuzzy(self) -> bool:
        """Whether its translation is marked as doubtful."""
        return any("fuzzy" in (flag.strip() for flag in flags.split(",")) for _, flags in self.flags)

    @property
    def translated(self) -> list[str]:
        """Its translations, one for each form of the plural."""
        return [text for keyword, text in self.texts.items() if keyword.startswith("msgstr")]


def entries_of(text: str, name: str, polib: Any) -> Iterator[Entry]:
    """The entries in order, obsolete ones left out, as the module ``polib`` reads them, too.

    Raises DataError, with the line, for what is not PO.
    """
    for group in _groups(_entries(text, name)):
        for entry in group:
            _unescape(entry, name, polib)
        _compare(group, text, name, polib)
        yield from group


def _entries(text: str, name: str) -> Iterator[Entry]:
    """The entries in order, obsolete ones left out. Raises DataError for a line that belongs to none."""
    entry, keyword = Entry(1, 0, 0), ""
    for number, (start, end) in enumerate(lines_of(text), start=1):
        _bound(entry, number, start, name)
        place, line = end + 1, text[start:end]
        bare = line.removeprefix("\ufeff") if not start else line
        if not bare.strip() or bare.lstrip().startswith("#"):
            if entry.is_whole and bare.strip():
                entry.end = start
                yield entry
                entry, keyword = Entry(number, start, start), ""
            if bare.lstrip().startswith("#~"):  # obsolete, and so is what was said before it
                if entry.parts:
                    raise _not_po(name, number, bare)
                entry = Entry(number + 1, place, place)
            elif flags := _FLAGS.match(bare):
                entry.flags.append((start + len(line) - len(bare) + flags.end(), bare[flags.end() :]))
            elif not entry.parts and not bare.startswith("#|"):
                entry.start = place
            continue
        found = _LINE.fullmatch(bare)
        if not found or not (found["keyword"] or keyword):
            raise _not_po(name, number, bare)
        if found["keyword"]:
            if not found["keyword"].startswith("msgstr") and entry.is_whole:
                entry.end = start
                yield entry
                entry = Entry(number, start, start)
            keyword = found["keyword"]
            forms = sum(each.startswith("msgstr") for each in entry.parts)
            if keyword in entry.parts or int(found["number"] or forms) != forms:
                raise _not_po(name, number, bare)
            entry.spans[keyword] = Span(start + found.start("keyword"), 0)
            entry.parts[keyword] = []
        close = start + len(line) - len(bare) + found.end("text") + 1
        entry.spans[keyword] = Span(entry.spans[keyword].start, close)
        entry.parts[keyword].append(found["text"])
    entry.end = len(text)
    _bound(entry, entry.number, entry.end, name)
    if entry.parts:
        yield entry


def _bound(entry: Entry, number: int, end: int, name: str) -> None:
    """Raise DataError for what is too long up to the line ``number``, which begins at ``end``."""
    if number - entry.number > LONGEST or end - entry.first > LONGEST_LINE:
        what = f"{name} line {entry.number} begins an entry of over {LONGEST:,} lines or {LONGEST_LINE >> 20} MiB"
        raise DataError(what, "cut it into shorter ones")


def _groups(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Entries that polib reads at once."""
    group, size = list[Entry](), 0
    for entry in entries:
        group.append(entry)
        size += entry.end - entry.first
        if size > _GROUP:
            yield group
            group, size = [], 0
    yield group


def _unescape(entry: Entry, name: str, polib: Any) -> None:
    """Make the texts of an entry. Raises DataError where it has no msgid."""
    spelled = {keyword: "".join(parts) for keyword, parts in entry.parts.items()}
    if "msgid" not in spelled:
        raise _not_po(name, entry.number, " ".join(spelled))
    sources = spelled["msgid"], spelled.get("msgid_plural", "")
    entry.is_readable = not any("\\" in _ESCAPE.sub("", each) for each in sources)
    entry.texts = {keyword: polib.unescape(each) for keyword, each in spelled.items()}
    entry.parts = _NO_PARTS


def _compare(group: Sequence[Entry], text: str, name: str, polib: Any) -> None:
    """Raises DataError unless polib reads the same entries."""
    ours = [entry for entry in group if not entry.is_header]
    lines = "".join(f"{text[entry.first : entry.end]}\n" for entry in group).removeprefix("\ufeff")
    if len(ours) == len(group):  # polib takes what looks like a header away
        lines = f'msgid ""\nmsgstr ""\n\n{lines}'
    try:
        alike = "".join(f"{one_line(line)}\n" for line in lines.split("\n"))
        catalogue = polib.pofile(alike, encoding="utf-8", check_for_duplicates=False)
        theirs = [each for each in catalogue if not each.obsolete]
    except (OSError, ValueError):
        theirs = []
        if len(group) > 1:  # where it is
            for entry in group:
                _compare([entry], text, name, polib)
    for our, their in zip_longest(ours, theirs):
        if our is None or their is None or _known(our) != _seen(their) or our.is_fuzzy != their.fuzzy:
            line = text.count("\n", 0, (our or group[-1]).start) + 1
            raise DataError(f"{name} line {line} begins an entry that is not PO", "check it with msgfmt -c")


def _known(entry: Entry) -> list[str]:
    texts = entry.texts
    return [one_line(each) for each in (texts["msgid"], texts.get("msgid_plural", ""), *entry.translated)]


def _seen(entry: Any) -> list[str]:
    translated = entry.msgstr_plural.values() if entry.msgid_plural else [entry.msgstr]
    return [one_line(each) for each in (entry.msgid, entry.msgid_plural, *translated)]


def _not_po(name: str, number: int, line: str) -> DataError:
    return DataError(f"{name} line {number} is not PO: {shown(line.strip())}", "check it with msgfmt -c")
