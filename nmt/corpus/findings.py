"""What the rules made of a corpus, for its report: distributions of scores and lengths, pairs near a threshold.

Findings of parts of a corpus add up to those of the whole, in whatever order. Knows scores and texts; no files.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from heapq import nsmallest
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

from nmt.corpus.rules.rule import Described

BINS = 40
SHOWN = 20  # pairs on either side of the threshold
LONGEST = 300  # characters of a text that is shown
LENGTHS = 24  # bins of lengths in characters: two for each doubling, from 1 on; the last has no end
KINDS = 12  # of dropped pairs that are named; the others are counted together
OTHER = "other"


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
    kinds: Counter[str] = field(default_factory=Counter)  # of dropped pairs, of a rule that tells them apart
    reached: Mapping[int, float] = field(default_factory=dict)  # held-out pairs with a near-copy, with its score
    near: tuple[list[Example], list[Example]] | None = None  # of victims and survivors, the better near-copies

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
            # Rounded before any are left out, or it would depend on how the corpus is cut into parts which ones are.
            distances = np.abs(scores[rows].astype(np.float64) - threshold).round(6)
            if len(rows) > SHOWN:
                near = distances <= np.partition(distances, SHOWN)[SHOWN]
                rows, distances = rows[near], distances[near]
            draws = [crc32(repr(pairs[row]).encode("utf-8", "surrogatepass")) for row in rows.tolist()]
            first = np.lexsort((rows, scores[rows], np.array(draws, np.int64), distances))[:SHOWN].tolist()
            sides.append(
                [
                    Example(
                        float(distances[place]),
                        draws[place],
                        float(scores[rows[place]]),
                        *places[rows[place]],
                        *(text[:LONGEST] for text in pairs[rows[place]]),
                    )
                    for place in first
                ]
            )
        counts = np.bincount(bins, minlength=BINS)
        victims, survivors = sides
        return cls(highest, counts, int((~known).sum()), int(over.sum()), victims, survivors)

    def __add__(self, other: "Findings") -> "Findings":
        """The findings on the pairs of both."""
        return Findings(
            self.highest,
            self.bins + other.bins,
            self.unknown + other.unknown,
            self.dropped + other.dropped,
            nsmallest(SHOWN, [*self.victims, *other.victims]),
            nsmallest(SHOWN, [*self.survivors, *other.survivors]),
            self.kinds + other.kinds,
            {
                row: max(side.get(row, 0.0) for side in (self.reached, other.reached))
                for row in self.reached.keys() | other.reached.keys()
            },
        )

    def telling(self, kinds: Counter[str], reached: Mapping[int, float]) -> "Findings":
        """The same with what some rules tell besides."""
        return replace(self, kinds=kinds, reached=reached)

    def facts(self) -> dict[str, Any]:
        """What a report shows, as JSON has it."""
        sides = {"victims": self.victims, "survivors": self.survivors}
        if self.near:
            sides |= dict(zip(("victims_near", "survivors_near"), self.near, strict=True))
        return {
            "highest": self.highest,
            "bins": self.bins.tolist(),
            "unknown": self.unknown,
            "dropped": self.dropped,
            "kinds": _most_common(self.kinds),
            **{
                name: [[round(e.score, 4), e.corpus, e.line, e.source, e.target] for e in examples]
                for name, examples in sides.items()
            },
        }

    def state(self) -> dict[str, Any]:
        """All of it but ``near``, which is found last, for JSON and ``restored``."""
        return {
            **{name: getattr(self, name) for name in ("highest", "unknown", "dropped", "kinds")},
            "bins": self.bins.tolist(),
            "victims": [astuple(example) for example in self.victims],
            "survivors": [astuple(example) for example in self.survivors],
            "reached": list(self.reached.items()),
        }

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> "Findings":
        """The findings that gave the state."""
        changed = {
            "bins": np.array(state["bins"], np.int64),
            "victims": [Example(*example) for example in state["victims"]],
            "survivors": [Example(*example) for example in state["survivors"]],
            "kinds": Counter(state["kinds"]),
            "reached": dict(state["reached"]),
        }
        return cls(**{**state, **changed})


def _most_common(kinds: Counter[str]) -> dict[str, int]:
    """The counts of the most frequent kinds, and of the others together."""
    ordered = sorted(kinds.items(), key=lambda item: (-item[1], item[0]))
    rest = sum(count for _, count in ordered[KINDS:])
    return dict(ordered[:KINDS]) | ({OTHER: rest} if rest else {})


@dataclass(frozen=True)
class Late:
    """The findings of what judges when all pairs have been judged by the rules, with what it is."""

    rule: Described
    threshold: float
    findings: Findings


@dataclass(frozen=True)
class Collected:
    """What is collected while a corpus is judged: findings of each rule, and the lengths of its pairs."""

    rules: list[Findings] = field(default_factory=list)  # empty before anything was judged
    kept: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros((2, LENGTHS), np.int64))
    dropped: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros((2, LENGTHS), np.int64))
    """Pairs that the rules kept and dropped, by side and length; pairs with an empty side are in neither."""
    late: Sequence[Late] = ()  # of what judged after the rules, in that order
    same_source: int = 0  # kept pairs whose source others have, too, beside other targets; counted late, too

    def __add__(self, other: "Collected") -> "Collected":
        """What is collected from both."""
        pairs = zip(self.rules, other.rules, strict=True) if self.rules and other.rules else ()
        rules = [left + right for left, right in pairs] or self.rules or other.rules
        return Collected(rules, self.kept + other.kept, self.dropped + other.dropped)

    def state(self) -> dict[str, Any]:
        """What was collected while the pairs were judged, for JSON and ``restored``."""
        rules = [findings.state() for findings in self.rules]
        return {"rules": rules, "kept": self.kept.tolist(), "dropped": self.dropped.tolist()}

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> "Collected":
        """What was collected when it gave the state."""
        rules = [Findings.restored(findings) for findings in state["rules"]]
        return cls(rules, np.array(state["kept"], np.int64), np.array(state["dropped"], np.int64))


def length_bins(pairs: Sequence[tuple[str, str]]) -> npt.NDArray[np.int64]:
    """The bin of the length of each side, in characters: (2, pairs)."""
    lengths = np.array([[len(text) for text in pair] for pair in pairs], np.float64).reshape(-1, 2).T
    # A little more, so that no rounding puts 2, 4, 8 and so on below their bins.
    bins: npt.NDArray[np.int64] = np.floor(2 * np.log2(np.maximum(lengths, 1)) + 1e-9).astype(np.int64)
    return np.minimum(bins, LENGTHS - 1)


def count_lengths(bins: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Number of pairs in each bin, for each side: (2, LENGTHS)."""
    return np.stack([np.bincount(side, minlength=LENGTHS) for side in bins]).astype(np.int64)
