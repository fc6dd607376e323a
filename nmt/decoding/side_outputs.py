"""Files that a job writes beside its output: links of words, and lines to review. Knows no stream and no journal."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Protocol

from nmt.decoding.formats import pharaoh, review_line
from nmt.decoding.translation import Translation
from nmt.errors import UsageError, shown


class SideOutput(Protocol):
    """A file with lines of its own for each window of translations."""

    @property
    def name(self) -> str:
        """The argument that names it, for errors."""

    @property
    def path(self) -> Path:
        """The file, plain or compressed by its name."""

    def about(self) -> dict[str, str | float]:
        """What its lines depend on besides the translations, by name."""

    def records(self, before: int, translations: Sequence[Translation]) -> list[str]:
        """Its lines for a window of translations; ``before`` lines came before it."""


@dataclass(frozen=True)
class Links:
    """The links of each line, as word aligners write them."""

    path: Path
    name: str = "alignments"

    def about(self) -> dict[str, str | float]:
        """See ``SideOutput``."""
        return {}

    def records(self, before: int, translations: Sequence[Translation]) -> list[str]:
        """See ``SideOutput``."""
        return list(map(pharaoh, translations))


@dataclass(frozen=True)
class Review:
    """The lines most in doubt: those that fail a check, or the ``share`` of each window that is least ``usable``.

    Where the model cannot say that, it is the share that fails most checks, and of equals has the lowest scores. A
    window is chosen from by itself, so that memory depends on it alone, and a job resumes.
    """

    path: Path
    share: float | None = None  # of the lines that are not blank, from 0 to 1
    name: str = "review"

    def about(self) -> dict[str, str | float]:
        """See ``SideOutput``."""
        return {} if self.share is None else {"share": self.share}

    def records(self, before: int, translations: Sequence[Translation]) -> list[str]:
        """See ``SideOutput``."""
        return [review_line(before + place + 1, translations[place]) for place in self.chosen(translations)]

    def chosen(self, translations: Sequence[Translation]) -> list[int]:
        """The places of the lines to review, in order."""
        if self.share is None:
            return [place for place, each in enumerate(translations) if each.checks]
        places = [place for place, each in enumerate(translations) if each.source.strip()]
        places.sort(key=lambda place: (*doubt(translations[place]), place))
        return sorted(places[: ceil(round(self.share * len(places), 9))])


def doubt(translation: Translation) -> tuple[float, float]:
    """What lines are sorted by, those most in doubt first: how probably usable, or else failed checks and score."""
    if translation.usable is not None:
        return translation.usable, translation.score
    return -len(translation.checks or []), translation.score


def parse_share(text: str) -> float:
    """A share from ``10%`` or ``0.1``, over 0 and at most 1. Raises UsageError."""
    number = text.strip()
    try:
        share = float(number.removesuffix("%")) / (100 if number.endswith("%") else 1)
    except ValueError:
        share = 0.0
    if 0 < share <= 1:
        return share
    raise UsageError(f"`review_share` {shown(text)} is no share", "write it like 10% or 0.1")
