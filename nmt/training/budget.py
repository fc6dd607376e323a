"""Warnings that a budget of minutes is too small to learn to translate: estimated before training, then measured.

Plain arithmetic. Knows no clock and no data.
"""

from nmt.config import TrainingConfig

LEAST_UPDATES, LEAST_PASSES = 200, 1.0  # with fewer of either, no model learns to translate
# The speed is known after this share of the budget and this number of updates; with fewer updates, after four times
# the share.
SHARE_TO_MEASURE, UPDATES_TO_MEASURE = 0.05, 20
_INSTEAD = "or take a smaller preset or fewer pairs"


def foreseen(training: TrainingConfig, passes: float, pairs: int) -> str:
    """A warning if the estimated ``passes`` over the ``pairs`` are too few, otherwise ""."""
    if not training.minutes or passes >= LEAST_PASSES:
        return ""
    return (
        f"{training.minutes:g} minutes are enough for an estimated {passes:.2g} passes over the {pairs:,} pairs: ten "
        f"take about {10 * training.minutes / passes:,.0f} minutes; give more time, {_INSTEAD}"
    )


def measured(training: TrainingConfig, progress: float, step: int, passes: float) -> str:
    """A warning if the updates and passes of the whole budget will be too few, otherwise "".

    ``step`` updates and ``passes`` over the pairs were made in the share ``progress`` of the budget.
    """
    least = min(step / progress / LEAST_UPDATES, passes / progress / LEAST_PASSES)
    if not training.minutes or least >= 1.0:
        return ""
    return (
        f"at this rate {training.minutes:g} minutes are {step / progress:,.0f} updates and {passes / progress:.2g} "
        f"passes over the pairs, too few to learn to translate: {training.minutes / least:,.0f} minutes are the least; "
        f"give more time, {_INSTEAD}"
    )
