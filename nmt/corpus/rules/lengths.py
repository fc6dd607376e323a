"""Whether the lengths of the sides fit: the length model of Gale and Church (1993), learnt on the corpus.

The logarithm of the ratio of lengths is taken to be normally distributed, with a mean and a deviation for each range of
lengths: long messages vary more than that model's variance allows. Both are learnt from medians, on which wrong pairs
have little influence. Knows lengths alone.
"""

import numpy as np
import numpy.typing as npt

from nmt.corpus.rules.rule import Chunk, Scores

LEAST = 200  # pairs of a range of lengths to learn from
RANGES = (12.0, 20.0, 35.0, 60.0, 110.0, 200.0)  # characters, the mean of both sides, at which another range begins
ALLOWANCE = 4.0  # characters that are added to both sides: of short texts a ratio says little ("네." is "Yes, it is.")
SPREAD = 0.35  # deviation before anything was learnt


class LengthRatio:
    """The rule ``length-ratio``: how many standard deviations the target is too long or too short."""

    name = "length-ratio"
    about = "has a side that is far too long for the other, by the lengths of the corpus"
    unit = "standard deviations"
    normal, strict = 6.0, 4.0
    highest = 12.0

    def __init__(self) -> None:
        self._ratios = np.zeros(len(RANGES) + 1)  # medians of the logarithm of target by source
        self._deviations = np.full(len(RANGES) + 1, SPREAD)

    def learn(self, sample: Chunk) -> None:
        logs, ranges = _logs(sample)
        for number in range(len(RANGES) + 1):
            own = logs[ranges == number]
            if len(own) >= LEAST:
                self._ratios[number] = np.median(own)
                self._deviations[number] = max(
                    NORMAL * float(np.median(np.abs(own - self._ratios[number]))), LEAST_SPREAD
                )

    def judge(self, chunk: Chunk) -> Scores:
        logs, ranges = _logs(chunk)
        scores: Scores = (np.abs(logs - self._ratios[ranges]) / self._deviations[ranges]).astype(np.float32)
        return scores


NORMAL = 1.4826  # standard deviation of a normal distribution by its median absolute deviation
LEAST_SPREAD = 0.1


def _logs(chunk: Chunk) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """The logarithm of the ratio of lengths, and the range of the mean length: (pairs,) each."""
    lengths = np.array([(len(source), len(target)) for source, target in chunk.pairs], np.float64).reshape(-1, 2)
    ranges = np.searchsorted(RANGES, lengths.mean(1), side="right")
    lengths += ALLOWANCE
    return np.log(lengths[:, 1] / lengths[:, 0]), ranges
