"""Whether a budget of minutes is enough to learn anything: foreseen by arithmetic, and measured once it shows."""

from nmt.config import TrainingConfig

LEAST_UPDATES, LEAST_PASSES = 200, 1.0  # with fewer of either no translator is learnt
# A share of the budget and a number of updates after which its rate is known; of fewer, four times the share.
SHARE_TO_MEASURE, UPDATES_TO_MEASURE = 0.05, 20
_INSTEAD = "or take a smaller preset or fewer pairs"


def foreseen(training: TrainingConfig, passes: float, pairs: int) -> str:
    """A warning when the estimated ``passes`` over the ``pairs`` are too few, or ""."""
    if not training.minutes or passes >= LEAST_PASSES:
        return ""
    return (
        f"{training.minutes:g} minutes are enough for an estimated {passes:.2g} passes over the {pairs:,} pairs: ten "
        f"take about {10 * training.minutes / passes:,.0f} minutes; give more time, {_INSTEAD}"
    )


def measured(training: TrainingConfig, progress: float, step: int, passes: float) -> str:
    """A warning when ``step`` updates and so many ``passes`` in that share of the budget are too few, or ""."""
    least = min(step / progress / LEAST_UPDATES, passes / progress / LEAST_PASSES)
    if not training.minutes or least >= 1.0:
        return ""
    return (
        f"at this rate {training.minutes:g} minutes are {step / progress:,.0f} updates and {passes / progress:.2g} "
        f"passes over the pairs, too few to learn to translate: {training.minutes / least:,.0f} minutes are the least; "
        f"give more time, {_INSTEAD}"
    )
