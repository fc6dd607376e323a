"""JSON lines: the texts of named keys of each object. Knows objects and keys; no file."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from nmt.disk.untrusted import strict_json
from nmt.documents.document import Edit, Span, Unit, lines_of
from nmt.documents.values import Lines
from nmt.errors import DataError, UsageError, nearest, shown
from nmt.text.lines import one_line

if TYPE_CHECKING:
    from nmt.documents import Asked

LONGEST = 1 << 23
"""Characters of a line: an object takes up to fifty times as many bytes."""
_KNOWN = 1000  # keys among which the nearest is looked for

_SPACE = re.compile(r"[ \t\r\n]*")
_HALF = re.compile("[\ud800-\udfff]")  # of a character, which JSON can spell and UTF-8 cannot
_VALUES = json.JSONDecoder()


def read(text: str, name: str, asked: "Asked") -> Iterator[Unit]:
    """The units: the text of each key that was asked for, in each object that has it.

    A key stands in the object itself; null is no text. Raises DataError for a line that is no object, a key without
    text, and a key that no object has; UsageError when no key was asked for.
    """
    if not asked.keys:
        raise UsageError(f"{name} has objects, and no key was named whose text is translated", "name them: `columns`")
    lacking, known = set(asked.keys), dict[str, None]()
    is_ascii = text.isascii() and "\\u" in text
    for number, (start, end) in enumerate(lines_of(text), start=1):
        if end - start > LONGEST:
            raise DataError(f"{name} line {number} has over {LONGEST >> 20} MiB", "cut it into smaller objects")
        line = text[start:end]
        bare = line.removeprefix("\ufeff") if not start else line
        if bare.strip():
            for key, span, value in _members(bare, f"{name} line {number}"):
                if len(known) < _KNOWN:
                    known[key] = None
                if key in asked.keys:
                    lacking.discard(key)
                    if value is None:
                        continue
                    if not isinstance(value, str) or _HALF.search(value):
                        raise DataError(f"{name} line {number} has no text as {shown(key)}", "name another key")
                    before = start + len(line) - len(bare)
                    unit = String(Span(before + span.start, before + span.end), value, is_ascii)
                    if unit.texts:
                        yield unit
    if lacking and known:
        key = min(lacking)
        raise DataError(f"{name} has no key {shown(key)}", nearest(key, known))


def _members(line: str, place: str) -> Iterator[tuple[str, Span, object]]:
    """The keys of the line's object with their values and where these stand."""
    try:
        record = strict_json(line.encode())
    except ValueError as error:  # also half of a surrogate pair
        reason = getattr(error, "msg", None) or ("no character" if isinstance(error, UnicodeError) else str(error))
        raise DataError(f"{place} is not JSON: {reason}", "write one JSON object on each line") from None
    if not isinstance(record, dict):
        raise DataError(f"{place} is no object", 'write it like {"text": "Yes."}')
    del record  # so that a line is not in the memory twice
    at = _skip(line, _skip(line, 0) + 1)
    while line[at] == '"':
        key, at = _VALUES.raw_decode(line, at)
        start = _skip(line, _skip(line, at) + 1)
        value, end = _VALUES.raw_decode(line, start)
        yield key, Span(start, end), value
        at = _skip(line, end)
        at = _skip(line, at + 1) if line[at] == "," else at


def _skip(line: str, at: int) -> int:
    found = _SPACE.match(line, at)
    return found.end() if found else at


class String:
    """A unit: a text, each line of it by itself."""

    __slots__ = ("_is_ascii", "_lines", "_span", "start", "texts")

    def __init__(self, span: Span, value: str, is_ascii: bool) -> None:
        self._span, self._is_ascii, self._lines = span, is_ascii, Lines(value)
        self.start = span.start
        self.texts = [one_line(line) for line in self._lines.texts]

    def problem(self, translations: Sequence[str]) -> str:
        """See ``nmt.documents.document.Unit``."""
        return ""

    def edits(self, translations: Sequence[str]) -> list[Edit]:
        """See ``nmt.documents.document.Unit``; what is translated by itself stays byte for byte."""
        if list(translations) == self.texts:
            return []
        text = self._lines.joined(translations)
        return [Edit(*self._span, [json.dumps(text, ensure_ascii=self._is_ascii)])]
