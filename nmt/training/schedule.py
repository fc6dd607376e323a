"""The budget of a run, and the learning rate that is annealed to it. Plain arithmetic: knows no tensor."""

from nmt.config import TrainingConfig

WARMUP_SHARE = 0.25  # of the budget at most, so that a short run reaches its peak too


def progress(config: TrainingConfig, step: int, epochs: float, seconds: float) -> float:
    """The share of the budget that is used up: 0 at the start, 1 or more when it is spent.

    ``epochs`` is fractional, ``seconds`` counts everything that the run's processes did.
    """
    if config.steps:
        return step / config.steps
    if config.epochs:
        return epochs / config.epochs
    return seconds / (60 * config.minutes)


def learning_rate(config: TrainingConfig, step: int, progress: float) -> float:
    """Linear warm-up, then linear to zero at the end of the budget, for the update after ``step`` updates."""
    warm = max((step + 1) / max(1, config.warmup_steps), progress / WARMUP_SHARE)
    return config.learning_rate * min(1.0, warm) * max(0.0, 1.0 - progress)
