"""The significance of the difference between two systems: a paired test. Knows no text and no metric."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

TRIALS = 10_000  # sacreBLEU's number, as is the seed
SEED = 12345
EXACT_LINES = 12  # up to so many differing lines, all exchanges are tried: at most 4,096
COUNTS = 0.05  # a difference with a smaller p is significant
NUMBERS_AT_ONCE = 1 << 22  # in memory
ALIKE = 1e-9  # rounding makes equal scores differ by less


def differing(hypotheses: Sequence[str], baseline: Sequence[str]) -> list[int]:
    """Indices of the lines on which two systems differ; only these tell which is better."""
    return [i for i, (ours, theirs) in enumerate(zip(hypotheses, baseline, strict=True)) if ours != theirs]


def smallest_p(lines: int) -> float:
    """The smallest p possible with n differing lines: of 2^n exchanges, all and none are always as extreme."""
    return min(1.0, 2.0 ** (1 - lines))


def p_value(metric: Any, ours: Sequence[Any], theirs: Sequence[Any], lines: Sequence[int]) -> float:
    """The probability of so large a difference when each line's two translations are exchanged at random.

    Paired approximate randomization (Riezler and Maxwell 2005). ``ours`` and ``theirs`` are a sacreBLEU metric's
    statistics, a list of numbers for each line; ``lines`` are the lines on which the systems differ. If they are few,
    all exchanges are tried, otherwise as many as sacreBLEU tries, with its seed. sacreBLEU's p counts only differences
    larger than the observed one; this p counts equal ones as well, as the test requires: they are many when lines are
    few or alike.
    """
    import numpy as np

    left, right = np.array(ours, dtype=np.float64), np.array(theirs, dtype=np.float64)
    if len(lines) <= EXACT_LINES:
        numbers = np.arange(2 ** len(lines))[:, None]
        kept = np.ones((len(numbers), len(left)), dtype=bool)
        kept[:, list(lines)] = (numbers >> np.arange(len(lines))) & 1
    else:
        kept = np.random.default_rng(SEED).integers(2, size=(TRIALS, len(left)), dtype=bool)
    observed = abs(_score(metric, left.sum(0)) - _score(metric, right.sum(0)))
    # An exchange moves a line's difference from one system's sums to the other's. In parts, to bound memory.
    parts = np.array_split(kept, max(1, kept.size // NUMBERS_AT_ONCE))
    moved = np.concatenate([part @ (left - right) for part in parts])
    sums = zip(right.sum(0) + moved, left.sum(0) - moved, strict=True)
    differences = np.array([abs(_score(metric, first) - _score(metric, second)) for first, second in sums])
    extreme = int((differences >= observed - ALIKE).sum())
    if len(lines) <= EXACT_LINES:
        return extreme / len(kept)
    return (1 + extreme) / (1 + len(kept))


def _score(metric: Any, statistics: "npt.NDArray[np.float64]") -> float:
    return float(metric._compute_score_from_stats(list(statistics)).score)
