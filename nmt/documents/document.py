"""A document: the text of a file, and the spans of it that translations replace. Knows no format, no model.

All that is not in such a span is written as it was read, so nothing else can change.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from nmt.documents.kept import lost, tidied
from nmt.errors import DataError
from nmt.text.lines import LONGEST_LINE


def over_long(text: str, start: int, name: str) -> DataError:
    """The error for a text in a document that is longer than a line may be; it begins at the character ``start``."""
    line = text.count("\n", 0, start) + 1
    return DataError(f"{name} line {line} begins a text of over {LONGEST_LINE} bytes", "cut it into paragraphs")


class Span(NamedTuple):
    """A part of the file's text: from ``start`` to before ``end``, in characters."""

    start: int
    end: int


def lines_of(text: str) -> Iterator[Span]:
    """The lines of a text without their ends, one after another: a list of many short ones would fill the memory."""
    start = 0
    while (end := text.find("\n", start)) >= 0:
        yield Span(start, end)
        start = end + 1
    yield Span(start, len(text))


class Edit(NamedTuple):
    """What replaces a span: new texts, and spans of the file that are written again, with the edits within them."""

    start: int
    end: int
    parts: Sequence[str | Span]


class Unit(Protocol):
    """What is translated as a whole or left as it is: a paragraph, a cue, an entry."""

    @property
    def start(self) -> int:
        """The character of the file where it begins."""

    @property
    def texts(self) -> Sequence[str]:
        """Its segments, each one line with what the translation must keep."""

    def problem(self, translations: Sequence[str]) -> str:
        """Why the translations of its segments cannot stand in their place; "" when they can."""

    def edits(self, translations: Sequence[str]) -> list[Edit]:
        """What puts the translations of its segments in their place."""


class Left(NamedTuple):
    """A unit that is left as it was: the line of the file where it begins, from 1, and why."""

    line: int
    reason: str


@dataclass(frozen=True)
class Document:
    """A file that was read: its text, its units in order, and how the text becomes bytes."""

    text: str
    units: Sequence[Unit]
    encode: Callable[[str], bytes] = str.encode

    @property
    def segments(self) -> list[str]:
        """The texts to translate, each one line."""
        return [text for unit in self.units for text in unit.texts]

    def filled(self, translations: Sequence[str]) -> tuple[str, list[Left]]:
        """The text with a translation for each segment, and the units that are left as they were."""
        rest, edits, left = iter(translations), list[Edit](), list[Left]()
        line, place = 1, 0
        for unit in self.units:
            own = [tidied(text, next(rest)) for text in unit.texts]
            problems = (lost(source, target) for source, target in zip(unit.texts, own, strict=True))
            if reason := next(filter(None, problems), "") or unit.problem(own):
                line, place = line + self.text.count("\n", place, unit.start), unit.start
                left.append(Left(line, reason))
            else:
                edits += unit.edits(own)
        return rendered(self.text, edits), left

    def written(self, translations: Sequence[str]) -> tuple[bytes, list[Left]]:
        """The bytes of ``filled``."""
        text, left = self.filled(translations)
        return self.encode(text), left


def rendered(text: str, edits: Iterable[Edit]) -> str:
    """The text with the edits; one within another counts where that writes its span again."""
    ordered = sorted(edits, key=lambda edit: (edit.start, -edit.end))
    starts = [edit.start for edit in ordered]
    made: list[str] = []

    def render(start: int, end: int, place: int) -> None:
        """Render a span, beginning with the edit number ``place``."""
        while place < len(ordered) and (edit := ordered[place]).start < end:
            place += 1
            if edit.start < start:  # within the edit before it
                continue
            made.append(text[start : edit.start])
            for part in edit.parts:
                if isinstance(part, str):
                    made.append(part)
                else:
                    render(*part, max(place, bisect_left(starts, part.start)))
            start = edit.end
        made.append(text[start:end])

    render(0, len(text) + 1, 0)  # an edit may begin at the end
    return "".join(made)
