"""What a rule of cleaning is: it learns from a sample of the corpus, then scores pairs; the higher the worse.

Knows texts; no files, and not what becomes of a pair.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from nmt.text.words import words

Scores = npt.NDArray[np.float32]
"""Shape (pairs,). NaN where the rule has no opinion; such a pair is kept."""

SIDES = (0, 1)
AT_A_TIME = 1 << 12  # pairs that are judged together: arrays of all their pairs of words take some 60 MB


@dataclass(frozen=True)
class Chunk:
    """Some pairs in their normal form, with what several rules ask of them."""

    pairs: Sequence[tuple[str, str]]

    def __len__(self) -> int:
        return len(self.pairs)

    @cached_property
    def words(self) -> tuple[list[list[str]], list[list[str]]]:
        """The words of each source, and of each target, as ``nmt.text.words`` cuts them."""
        return [words(source) for source, _ in self.pairs], [words(target) for _, target in self.pairs]

    def with_words(self, sources: list[list[str]], targets: list[list[str]]) -> "Chunk":
        """The same pairs with other words."""
        chunk = Chunk(self.pairs)
        chunk.__dict__["words"] = sources, targets
        return chunk

    def where(self, kept: npt.NDArray[np.bool_]) -> "Chunk":
        """The pairs at which ``kept``, bool (pairs,), is true."""
        rows = np.flatnonzero(kept).tolist()
        part = Chunk([self.pairs[row] for row in rows])
        if "words" in self.__dict__:
            part.__dict__["words"] = tuple([side[row] for row in rows] for side in self.words)
        return part


class Described(Protocol):
    """What settings and reports say of a rule."""

    @property
    def name(self) -> str:
        """The name in reports, in ``--rule`` and in dropped.tsv.gz."""

    @property
    def about(self) -> str:
        """What a dropped pair is, to complete "the pair …"."""

    @property
    def unit(self) -> str:
        """What the score counts."""

    @property
    def normal(self) -> float:
        """The threshold by default."""

    @property
    def strict(self) -> float:
        """The threshold of ``--clean strict``."""

    @property
    def highest(self) -> float:
        """The highest score that a histogram tells from higher ones."""


class Rule(Described, Protocol):
    """A rule: it drops the pairs whose score is over its threshold."""

    def learn(self, sample: Chunk) -> None:
        """Learn from pairs of the corpus, of which some may be wrong; earlier rules keep all of them."""

    def judge(self, chunk: Chunk) -> Scores:
        """Score pairs, float32 (pairs,). Depends on each pair and on what was learnt alone."""


@runtime_checkable
class TellsLanguages(Protocol):
    """A rule that tells languages apart, for the report."""

    def shares(self) -> tuple[Mapping[str, float], Mapping[str, float]]:
        """The share of each language among the sources, and among the targets, as learnt from the sample."""

    def kinds(self, dropped: Chunk) -> Sequence[str]:
        """The language of each dropped pair and the side that is in it, in words."""


@runtime_checkable
class Compares(Protocol):
    """A rule that compares with pairs that are held out, for the report."""

    def reached(self, near: Chunk) -> Mapping[int, float]:
        """The held-out pairs, by number, of which a pair of ``near`` is a near-copy, each with the highest score."""


def unknown(count: int) -> Scores:
    """Scores of ``count`` pairs without an opinion."""
    return np.full(count, np.nan, np.float32)
