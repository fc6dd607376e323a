"""What one rule made of a corpus, for its report: how its scores are distributed, and pairs near its threshold.

Findings of parts of a corpus add up to those of the whole, in whatever order. Knows scores and texts; no files.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nsmallest
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

BINS = 40
SHOWN = 20  # pairs on either side of the threshold
LONGEST = 300  # characters of a text that is shown


@dataclass(frozen=True, order=True)
class Example:
    """A pair near the threshold. The nearest sort first, and among those equally near any, but always the same."""

    distance: float
    draw: int
    score: float
    corpus: int
    line: int  # from 1
    source: str
    target: str


@dataclass(frozen=True)
class Findings:
    """Counts and examples of one rule, over the pairs that earlier rules kept."""

    highest: float  # the right end of the histogram; the last bin holds what lies beyond, too
    bins: npt.NDArray[np.int64]
    unknown: int  # pairs on which the rule had no opinion
    dropped: int
    victims: list[Example]
    survivors: list[Example]

    @classmethod
    def of(
        cls,
        highest: float,
        threshold: float,
        scores: npt.NDArray[np.float32],
        pairs: Sequence[tuple[str, str]],
        places: Sequence[tuple[int, int]],
    ) -> "Findings":
        """Findings on ``pairs`` with their scores; ``places`` are the number of the corpus and the line of each."""
        known = ~np.isnan(scores)
        bins = np.minimum(np.maximum(scores[known], 0) / highest * BINS, BINS - 1).astype(np.int64)
        over = scores > threshold
        sides = []
        for chosen in (over, known & ~over):
            rows = np.flatnonzero(chosen)
            distances = np.abs(scores[rows] - threshold)
            if len(rows) > SHOWN:
                near = distances <= np.partition(distances, SHOWN)[SHOWN]
                rows, distances = rows[near], distances[near]
            sides.append(
                nsmallest(
                    SHOWN,
                    (
                        Example(
                            round(float(distance), 6),
                            crc32(repr(pairs[row]).encode("utf-8", "surrogatepass")),
                            float(scores[row]),
                            *places[row],
                            *(text[:LONGEST] for text in pairs[row]),
                        )
                        for row, distance in zip(rows.tolist(), distances.tolist(), strict=True)
                    ),
                )
            )
        counts = np.bincount(bins, minlength=BINS)
        return cls(highest, counts, int((~known).sum()), int(over.sum()), *sides)

    def __add__(self, other: "Findings") -> "Findings":
        """The findings on the pairs of both."""
        return Findings(
            self.highest,
            self.bins + other.bins,
            self.unknown + other.unknown,
            self.dropped + other.dropped,
            nsmallest(SHOWN, [*self.victims, *other.victims]),
            nsmallest(SHOWN, [*self.survivors, *other.survivors]),
        )

    def facts(self) -> dict[str, Any]:
        """What a report shows, as JSON has it."""
        sides = {"victims": self.victims, "survivors": self.survivors}
        return {
            "highest": self.highest,
            "bins": self.bins.tolist(),
            "unknown": self.unknown,
            "dropped": self.dropped,
            **{
                name: [[round(e.score, 4), e.corpus, e.line, e.source, e.target] for e in examples]
                for name, examples in sides.items()
            },
        }


def add_up(total: Sequence[Findings], part: Sequence[Findings]) -> list[Findings]:
    """The findings of each rule on two parts of a corpus; an empty ``total`` is nothing yet."""
    return [left + right for left, right in zip(total, part, strict=True)] if total else list(part)
