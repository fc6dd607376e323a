"""What the Translator returns for a line, and how a line's is joined from those of its segments."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from nmt.decoding.usable import Judge
from nmt.decoding.word_links import Link
from nmt.text.sentences import join_sentences

Token = tuple[str, float]  # a piece, and its log-probability


class Alternative(NamedTuple):
    """Another hypothesis of a line, worse than its translation."""

    text: str
    score: float


class TermUse(NamedTuple):
    """A term of the glossary in a line, and its translation: that of the glossary which is there, or its first."""

    source: str  # as the line has it
    target: str
    kept: bool  # whether the translation has it, inflected or not


@dataclass(frozen=True)
class Translation:
    """One translated line."""

    source: str
    text: str
    score: float  # log-probabilities / length^A, or mean similarity (mbr); mean of a line's segments; 0.0 if blank
    alternatives: list[Alternative] = field(default_factory=list)  # the rest of the n-best list, best first
    source_pieces: int = 0
    target_pieces: int = 0
    tokens: list[Token] | None = None  # when asked for: each piece, and </s> of each segment, with its log-probability
    alignment: list[Link] | None = None  # when asked for: (source word, target word), numbered as spaces separate them
    checks: list[str] | None = None  # when asked for: the names of the checks that it fails
    terms: list[TermUse] | None = None  # with a glossary: those in the line, in order
    mended: bool = False  # it failed some, until it was searched again
    judge: Judge | None = field(default=None, repr=False, compare=False)  # of the model, if that has one

    @cached_property
    def usable(self) -> float | None:
        """The probability that it is usable, from 0 to 1; None when the model cannot say."""
        return self.judge.probability(self) if self.judge else None


def join(segments: list[list[Alternative]], gaps: list[str]) -> list[Alternative]:
    """The n-best list of a line from those of its segments: their best joined, then their second-best and so on.

    ``gaps`` are the white space before each segment.
    """
    if len(segments) == 1:
        return segments[0]
    joined = []
    for rank in range(max(map(len, segments), default=1)):
        chosen = [n_best[min(rank, len(n_best) - 1)] for n_best in segments]
        score = sum(part.score for part in chosen) / max(1, len(chosen))
        joined.append(Alternative(join_sentences((part.text for part in chosen), gaps), score))
    return joined
