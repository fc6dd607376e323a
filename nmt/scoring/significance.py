"""Confidence in scores and in their differences: resampled lines, paired tests, several seeds. Knows no text.

Everything here is computed from counts of lines, float64 (lines, counts), whose sum gives the score of all lines.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from statistics import fmean, variance
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Counts: TypeAlias = "npt.NDArray[np.float64]"
ScoreOf: TypeAlias = Callable[[Any], float]
"""The score of the sum of some lines' counts."""

TRIALS = 10_000  # of the randomization, and
RESAMPLES = 1000  # of the bootstrap: sacreBLEU's numbers, as is the seed
SEED = 12345
EXACT_LINES = 12  # up to so many differing lines, all exchanges are tried: at most 4,096
COUNTS = 0.05  # a difference with a smaller p is significant
NUMBERS_AT_ONCE = 1 << 22  # in memory
ALIKE = 1e-9  # rounding makes equal scores differ by less
STEPS = 20_000  # of the integral of Student's t


def differing(ours: Sequence[Sequence[str]], theirs: Sequence[Sequence[str]]) -> list[int]:
    """Indices of the lines on which two systems, each of some runs, differ; only these tell which is better.

    A line does not if each translation of it has the same share of both systems' runs.
    """
    lines = zip(zip(*ours, strict=True), zip(*theirs, strict=True), strict=True)
    return [
        number for number, (left, right) in enumerate(lines) if Counter(left * len(right)) != Counter(right * len(left))
    ]


def smallest_p(lines: int) -> float:
    """The smallest p possible with n differing lines: of 2^n exchanges, all and none are always as extreme."""
    return min(1.0, 2.0 ** (1 - lines))


def resampled(sides: Sequence[Counts]) -> Iterator[list[Counts]]:
    """The sums of resampled lines (Koehn 2004), the same lines for each of ``sides``; as sacreBLEU draws them."""
    import numpy as np

    drawing, lines = np.random.default_rng(SEED), len(sides[0])
    for _ in range(RESAMPLES):
        times = np.bincount(drawing.choice(lines, size=lines, replace=True), minlength=lines).astype(np.float64)
        yield [times @ counts for counts in sides]


def interval(score: ScoreOf, counts: Counts, bounds: tuple[float, float]) -> tuple[float, float]:
    """The 95% interval of a score by bootstrap resampling, within ``bounds``, as sacreBLEU estimates it."""
    import numpy as np
    from sacrebleu.significance import estimate_ci

    mean, half = estimate_ci(np.array([score(sums) for (sums,) in resampled([counts])]))
    # The interval is centred on the mean of the resamples, and may exceed what a score can be.
    low, high = (min(max(float(mean + side * half), bounds[0]), bounds[1]) for side in (-1, 1))
    return low, high


def randomization(score: ScoreOf, ours: Counts, theirs: Counts) -> float:
    """The probability of so large a difference when each line's two translations are exchanged at random.

    Paired approximate randomization (Riezler and Maxwell 2005). If few lines differ, all exchanges are tried, otherwise
    as many as sacreBLEU tries, with its seed. sacreBLEU's p counts only differences larger than the observed one; this
    p counts equal ones as well, as the test requires: they are many when lines are few or alike.

    Several runs of a system are the mean of their counts, so that a line's translations by all runs are exchanged
    together: exchanged one by one they would count as so many more lines (docs/decisions/p-of-seeds.md).
    """
    import numpy as np

    differ = np.flatnonzero((ours != theirs).any(1))
    if len(differ) <= EXACT_LINES:
        numbers = np.arange(2 ** len(differ))[:, None]
        kept = np.ones((len(numbers), len(ours)), dtype=bool)
        kept[:, differ] = (numbers >> np.arange(len(differ))) & 1
    else:
        kept = np.random.default_rng(SEED).integers(2, size=(TRIALS, len(ours)), dtype=bool)
    observed = abs(score(ours.sum(0)) - score(theirs.sum(0)))
    # An exchange moves a line's difference from one system's sums to the other's. In parts, to bound memory.
    parts = np.array_split(kept, max(1, kept.size // NUMBERS_AT_ONCE))
    moved = np.concatenate([part @ (ours - theirs) for part in parts])
    sums = zip(theirs.sum(0) + moved, ours.sum(0) - moved, strict=True)
    differences = np.array([abs(score(first) - score(second)) for first, second in sums])
    extreme = int((differences >= observed - ALIKE).sum())
    if len(differ) <= EXACT_LINES:
        return extreme / len(kept)
    return (1 + extreme) / (1 + len(kept))


def bootstrap(score: ScoreOf, ours: Counts, theirs: Counts) -> float:
    """The probability of so large a difference among resampled lines whose mean difference is none; sacreBLEU's."""
    import numpy as np

    observed = abs(score(ours.sum(0)) - score(theirs.sum(0)))
    differences = np.array([abs(score(first) - score(second)) for first, second in resampled([ours, theirs])])
    larger = int((differences - differences.mean() > observed).sum())
    return (1 + larger) / (1 + len(differences))


def welch(ours: Sequence[float], theirs: Sequence[float]) -> float | None:
    """The probability of so large a difference of mean scores among other seeds of equal systems (Welch 1947).

    None where a system has one run only: nothing tells then how seeds differ. Takes scores of seeds as normally
    distributed, whose deviations may differ between the systems.
    """
    if len(ours) < 2 or len(theirs) < 2:
        return None
    left, right = (variance(scores) / len(scores) for scores in (ours, theirs))
    difference = abs(fmean(ours) - fmean(theirs))
    if left + right < ALIKE**2:
        return 1.0 if difference < ALIKE else 0.0
    freedom = (left + right) ** 2 / (left**2 / (len(ours) - 1) + right**2 / (len(theirs) - 1))
    return student(difference / math.sqrt(left + right), freedom)


def student(t: float, freedom: float) -> float:
    """The probability that Student's t is farther from 0 than ``t``, on either side."""
    import numpy as np

    # With t = √freedom · tan(angle) the density is cos(angle)^(freedom − 1), on a finite range.
    middles = (np.arange(STEPS) + 0.5) / STEPS
    areas = []
    for lowest in (math.atan(t / math.sqrt(freedom)), 0.0):
        width = math.pi / 2 - lowest
        areas.append(float((np.cos(lowest + width * middles) ** (freedom - 1)).sum()) * width)
    return areas[0] / areas[1]
