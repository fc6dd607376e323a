"""What every format offers: it reads the pairs of one file. Knows no format, no compression."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from nmt.errors import DataError, shown
from nmt.text.languages import sides_of
from nmt.text.lines import LONGEST_LINE, one_line, printable

MOST_LANGUAGES = 1000  # codes in one file; a file with more would fill the memory with them

Row = tuple[int, str, str]
"""A pair after the number of its line or unit, from 1."""


@dataclass(frozen=True)
class Asked:
    """What is read from a file: which languages, and which columns or keys if a person named them."""

    name: str  # of the file, as errors show it
    languages: tuple[str, str]  # of source and target
    columns: tuple[str, str] | None = None


class Reader(Protocol):
    """Reads the pairs of a file, each as soon as it is complete, in memory that does not grow with the file.

    Counts in ``skipped`` what is no pair, by reason. Raises DataError that names the file and the line or unit.
    """

    def __call__(self, file: BinaryIO, asked: Asked, skipped: Counter[str]) -> Iterator[Row]:
        """Yield each pair with the number of its line or unit."""


@dataclass(frozen=True)
class Format:
    """A format: its reader, what its numbers count, and what sort of file it is."""

    read: Reader
    unit: str = "line"
    is_table: bool = False  # has columns or keys to choose from, and about a line for each pair
    is_lines: bool = False  # its texts are parts of lines, which were checked when they were read


class Matcher:
    """Tells which side of a corpus a code of a language belongs to."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._sides: dict[str, int | None] = {}

    @property
    def codes(self) -> list[str]:
        """The codes that were met so far."""
        return list(self._sides)

    def side(self, code: str) -> int | None:
        """Whether the code names the source's language (0), the target's (1) or another one (None)."""
        if code not in self._sides:
            if len(self._sides) == MOST_LANGUAGES:
                raise DataError(f"{self._asked.name} has over {MOST_LANGUAGES} codes of languages", "repair the file")
            self._sides[code] = side_of(code, self._asked.languages)
        return self._sides[code]


def side_of(code: str, languages: tuple[str, str]) -> int | None:
    """Whether the code names the first language (0), the second (1) or neither (None); an equal code comes first."""
    return next(iter(sides_of(code, languages)), None)


def by_language(names: Iterable[str], languages: tuple[str, str]) -> tuple[str, str] | None:
    """The names that are codes of the two languages, as ``en-US`` is of ``en``; None unless both are there."""
    sides: list[str | None] = [None, None]
    for name in names:
        side = side_of(name.strip(), languages)
        if side is not None and sides[side] is None:
            sides[side] = name
    source, target = sides
    return (source, target) if source is not None and target is not None else None


def whole_line(text: str, asked: Asked, place: str) -> str:
    """The text on one line. Raises DataError, naming the ``place``, for over 1 MiB or half of a surrogate pair."""
    if len(text) <= LONGEST_LINE // 4 and text.isprintable():
        return text
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise DataError(
            f"{asked.name} {place} has half of a surrogate pair, which is no character", "leave it out, or repair it"
        ) from None
    if size > LONGEST_LINE:
        raise DataError(
            f"{asked.name} {place} has a text of over {LONGEST_LINE} bytes", "leave it out, or cut it into sentences"
        )
    return one_line(text)


def listed(names: Iterable[str], most: int = 12) -> str:
    """Names from a file as an error lists them: quoted, each cut, and at most ``most``."""
    every = list(names)
    more = f" and {len(every) - most} more" if len(every) > most else ""
    return ", ".join(shown(printable(name), 40) for name in every[:most]) + more


def counted(skipped: Mapping[str, int]) -> str:
    """What was skipped, as a message says it: ``untranslated 3, fuzzy 1``."""
    return ", ".join(f"{reason} {count:,}" for reason, count in skipped.items())
