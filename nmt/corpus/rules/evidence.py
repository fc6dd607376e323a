"""How probable it is that a pair is wrong, by comparing its score with those of pairs that were made wrong on purpose.

The corpus is a mixture: a share π of its pairs is wrong, and their scores are distributed like those of the pairs made
wrong. So the probability that a pair with score x is wrong is π · wrong(x) / corpus(x), with densities that are
counted. π is the largest share that the corpus has room for at low scores (Elkan and Noto 2008 learn from positive and
unlabelled examples in this way), less a share of right pairs that look wrong: free translations, rare words. So a clean
corpus loses nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

LEAST = 200  # scores of the corpus from which anything is learnt
BINS = 100
ROOM = 0.2  # share of the wrong scores below which the corpus's share of wrong pairs is not estimated: few scores


@dataclass(frozen=True)
class Evidence:
    """A falling step function from a score, of which lower is worse, to the probability of a wrong pair."""

    edges: Values  # (steps - 1,), rising
    probabilities: Values  # (steps,), falling

    @classmethod
    def learn(cls, corpus: Values, wrong: Values, look_wrong: float) -> Self | None:
        """Learn from scores of the corpus and of wrong pairs; None when there are too few to learn from.

        ``look_wrong`` is the share of right pairs whose scores are like those of wrong ones.
        """
        if len(corpus) < LEAST or len(wrong) < LEAST:
            return None
        edges = np.unique(np.quantile(np.concatenate([corpus, wrong]), np.linspace(0, 1, BINS + 1)[1:-1]))
        in_corpus, in_wrong = _histogram(corpus, edges), _histogram(wrong, edges)
        ratios = _falling((in_wrong + 0.5) / len(wrong) / ((in_corpus + 0.5) / len(corpus)), in_corpus + in_wrong + 1)
        below_corpus = (np.cumsum(in_corpus) + 1) / len(corpus)
        below_wrong = np.cumsum(in_wrong) / len(wrong)
        share = float(np.min(below_corpus[below_wrong >= ROOM] / below_wrong[below_wrong >= ROOM]))
        certain = max(0.0, 1.0 - look_wrong / share)
        return cls(edges, certain * np.minimum(min(share, 1.0) * ratios, 1.0))

    def probability(self, scores: Values) -> npt.NDArray[np.float32]:
        """The probability that each pair is wrong: float32, the shape of ``scores``."""
        steps = np.searchsorted(self.edges, scores, side="right")
        probabilities: npt.NDArray[np.float32] = self.probabilities[steps].astype(np.float32)
        return probabilities

    def limit(self, probability: float) -> float:
        """The score below which a pair is wrong with more than this probability; -inf if none is."""
        steps = int(np.count_nonzero(self.probabilities > probability))
        if steps == len(self.probabilities):
            return float("inf")
        return float(self.edges[steps - 1]) if steps else -float("inf")


def exchanged(lengths: Sequence[npt.NDArray[np.int64]]) -> list[int]:
    """For each pair the number of another, of like lengths, whose target it gets: so lengths do not tell wrong pairs.

    ``lengths`` are those of the sources, and of the targets.
    """
    sources, targets = lengths
    order = np.lexsort((np.random.default_rng(0).permutation(len(sources)), targets, sources))
    others = np.empty_like(order)
    others[order] = np.roll(order, 1)
    numbers: list[int] = others.tolist()
    return numbers


def _histogram(scores: Values, edges: Values) -> Values:
    return np.bincount(np.searchsorted(edges, scores, side="right"), minlength=len(edges) + 1).astype(np.float64)


def _falling(values: Values, weights: Values) -> Values:
    """The falling sequence nearest to ``values`` by weighted squares: pooling adjacent violators."""
    pools: list[tuple[float, float, int]] = []  # value, weight, length
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        pool = (value, weight, 1)
        while pools and pools[-1][0] < pool[0]:
            last = pools.pop()
            together = last[1] + pool[1]
            pool = ((last[0] * last[1] + pool[0] * pool[1]) / together, together, last[2] + pool[2])
        pools.append(pool)
    return np.repeat([pool[0] for pool in pools], [pool[2] for pool in pools])


def discriminant(right: Values, wrong: Values) -> Values:
    """Fisher's linear discriminant: the weights of the signs, float64 (signs,), by which right pairs score higher."""
    if min(len(right), len(wrong)) < 2:
        return np.ones(right.shape[1])
    within = _covariance(right) + _covariance(wrong) + 1e-6 * np.eye(right.shape[1])
    weights: Values = np.linalg.solve(within, right.mean(0) - wrong.mean(0))
    return weights


def weigh(signs: Values, weights: Values) -> Values:
    """The weighted sum of the signs: float64 (pairs,).

    Written out, as BLAS adds it up otherwise with another number of threads, and then other processes judge otherwise.
    """
    weighted: Values = sum(signs[:, sign] * weights[sign] for sign in range(len(weights)))
    return weighted


def _covariance(signs: Values) -> Values:
    """The covariance of the signs, (signs, signs), also without BLAS."""
    apart = signs - signs.mean(0)
    columns = range(signs.shape[1])
    return np.array([[(apart[:, a] * apart[:, b]).sum() for a in columns] for b in columns]) / (len(signs) - 1)
