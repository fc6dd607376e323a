"""Sides that are only partly translated: words of the other side's language stand among their own.

Which words are of which side is learnt from the corpus: they are far more frequent there. Names, terms and markup are
as frequent on both sides, so they do not count. Knows words; no language.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from nmt.corpus.rules.rule import SIDES, Chunk, Scores

TIMES = 5.0  # as frequent as on the other side: a word of the side
SEEN = 5  # occurrences below which a word is of no side
LEAST = 3  # words of the other side, below which they may be a title or a quotation


class Mixed:
    """The rule ``half-translated``: which share of a side's words is of the other side's language."""

    name = "half-translated"
    about = "has a side with many words of the other side's language"
    unit = "share of words"
    normal, strict = 0.3, 0.2
    highest = 1.0

    def __init__(self) -> None:
        self._own: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset())

    def learn(self, sample: Chunk) -> None:
        counts = [Counter(word for line in side for word in line if word[0].isalpha()) for side in sample.words]
        sizes = [max(count.total(), 1) for count in counts]
        self._own = (
            frozenset(_more_frequent(counts[0], counts[1], TIMES * sizes[0] / sizes[1])),
            frozenset(_more_frequent(counts[1], counts[0], TIMES * sizes[1] / sizes[0])),
        )

    def judge(self, chunk: Chunk) -> Scores:
        scores = np.zeros(len(chunk), np.float32)
        for side in SIDES:
            other = self._own[1 - side]
            shares = (_share(line, other) for line in chunk.words[side])
            scores = np.maximum(scores, np.fromiter(shares, np.float32, len(chunk)))
        return scores


def _more_frequent(counts: Counter[str], others: Counter[str], times: float) -> list[str]:
    return [word for word, count in counts.items() if count >= SEEN and count >= times * others[word]]


def _share(line: Sequence[str], words: frozenset[str]) -> float:
    letters = sum(word[0].isalpha() for word in line)
    foreign = sum(word in words for word in line)
    return foreign / letters if foreign >= LEAST else 0.0
