"""Whether all of a pair is translated: a side may be cut off, or run on with what belongs to another pair.

Two signs: the stretch of six words that the other side explains least, by the translation table of agreement, and how
far the lengths are from those of the corpus. Both are weighted against pairs of which a half was cut off or another
target was added. Knows words and lengths; no language.
"""

import numpy as np

from nmt.corpus.rules.agreement import Agreement, Values
from nmt.corpus.rules.evidence import Evidence, discriminant, weigh
from nmt.corpus.rules.lengths import LengthRatio
from nmt.corpus.rules.rule import Chunk, Scores, unknown
from nmt.corpus.rules.word_ids import Ids

FEWEST = 4_000  # pairs to learn from
COMPARED = 20_000  # pairs that are cut or run on
LEAST = 8  # known words of the longer side, below which a part is too short to tell
LENGTHS = (12, 20)  # words up to which evidence is counted together
LOOK_WRONG = (0.015, 0.015, 0.015)  # share of right pairs that look cut, by length
FARTHEST = 8.0  # standard deviations of the length that count


class Coverage:
    """The rule ``coverage``: the probability that a part of a pair is missing or too much."""

    name = "coverage"
    about = "has a side of which a part has no translation on the other"
    unit = "probability of a missing part"
    normal, strict = 0.7, 0.5
    highest = 1.0

    def __init__(self, agreement: Agreement, lengths: LengthRatio) -> None:
        self._agreement = agreement
        self._lengths = lengths
        self._weights = np.zeros(2)
        self._evidence: list[Evidence | None] = []

    def learn(self, sample: Chunk) -> None:
        if len(sample) < FEWEST:
            return
        compared = sample.where(np.arange(len(sample)) % (-(-len(sample) // COMPARED)) == 0)
        right, counts = self._signs(compared)
        wrong, wrong_counts = self._signs(_damaged(compared))
        self._weights = discriminant(right[counts >= LEAST], wrong[wrong_counts >= LEAST])
        self._evidence = [
            Evidence.learn(weigh(right, self._weights)[ours], weigh(wrong, self._weights)[theirs], look_wrong)
            for ours, theirs, look_wrong in (
                (_ranges(counts) == number, _ranges(wrong_counts) == number, look_wrong)
                for number, look_wrong in enumerate(LOOK_WRONG)
            )
        ]

    def judge(self, chunk: Chunk) -> Scores:
        probabilities = unknown(len(chunk))
        if not self._evidence:
            return probabilities
        signs, counts = self._signs(chunk)
        for number, evidence in enumerate(self._evidence):
            rows = _ranges(counts) == number
            if evidence:
                probabilities[rows] = evidence.probability(weigh(signs[rows], self._weights))
        return probabilities

    def _signs(self, chunk: Chunk) -> tuple[Values, Ids]:
        """The two signs, float64 (pairs, 2), and the known words of the longer side, int64 (pairs,)."""
        stretches, counts = self._agreement.worst_stretches(chunk)
        far = np.minimum(self._lengths.judge(chunk), FARTHEST)
        return np.stack([stretches, -far.astype(np.float64)], axis=1), counts


def _ranges(counts: Ids) -> Ids:
    return np.where(counts >= LEAST, np.searchsorted(LENGTHS, counts), -1)


def _damaged(chunk: Chunk) -> Chunk:
    """The pairs, each with a half of a side cut off, or with the next pair's target behind its own."""
    following = [target for _, target in chunk.pairs[1:]] + [chunk.pairs[0][1]]
    damaged = []
    for row, ((source, target), more) in enumerate(zip(chunk.pairs, following, strict=True)):
        kind = row % 4
        if kind == 0:
            damaged.append((source, f"{target} {more}"))
        elif kind == 1:
            damaged.append((source, target[: len(target) // 2]))
        elif kind == 2:
            damaged.append((source, target[len(target) // 2 :]))
        else:
            damaged.append((source[: len(source) // 2], target))
    return Chunk(damaged)
