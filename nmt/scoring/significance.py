"""Whether the difference of two systems is more than chance: a paired test over the lines on which they differ."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

TRIALS = 10_000  # sacreBLEU's, like the seed
SEED = 12345
EXACT_LINES = 12  # so many lines have 4,096 exchanges, which are all tried
COUNTS = 0.05  # a p below it is more than chance
NUMBERS_AT_ONCE = 1 << 22
ALIKE = 1e-9  # of two scores: sums in another order differ by less


def differing(hypotheses: Sequence[str], baseline: Sequence[str]) -> list[int]:
    """The lines on which two systems differ: the others tell nothing of which is better."""
    return [i for i, (ours, theirs) in enumerate(zip(hypotheses, baseline, strict=True)) if ours != theirs]


def smallest_p(lines: int) -> float:
    """The smallest p that so many differing lines can have: an exchange of all, and of none, differ as much."""
    return min(1.0, 2.0 ** (1 - lines))


def p_value(metric: Any, ours: Sequence[Any], theirs: Sequence[Any], lines: Sequence[int]) -> float:
    """How probable so large a difference is if each line's two translations were exchanged at random.

    Paired approximate randomization (Riezler and Maxwell 2005). ``ours`` and ``theirs`` are a sacreBLEU metric's
    statistics, a list of numbers a line; ``lines`` are those on which the systems differ. All exchanges are tried where
    the lines are few; else so many as sacreBLEU tries, by its seed. Its p counts only larger differences than the
    observed one; ours counts equal ones too, as the test wants, which are many where lines are few or alike.
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
    # An exchange moves a line's difference from one system's sums to the other's; in parts, so that memory is bounded.
    parts = np.array_split(kept, max(1, kept.size // NUMBERS_AT_ONCE))
    moved = np.concatenate([part @ (left - right) for part in parts])
    sums = zip(right.sum(0) + moved, left.sum(0) - moved, strict=True)
    differences = np.array([abs(_score(metric, one) - _score(metric, other)) for one, other in sums])
    extreme = int((differences >= observed - ALIKE).sum())
    if len(lines) <= EXACT_LINES:
        return extreme / len(kept)
    return (1 + extreme) / (1 + len(kept))


def _score(metric: Any, statistics: "npt.NDArray[np.float64]") -> float:
    return float(metric._compute_score_from_stats(list(statistics)).score)
