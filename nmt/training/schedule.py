"""What follows from the progress of a run: the learning rate, and when to validate.

Plain arithmetic on settings and counters. Knows no clock, no data and no model.
"""

from math import inf

from nmt.config import TrainingConfig
from nmt.training.counters import Counters

VALIDATIONS = 20  # in a budget, by default
# Least distance between two validations by default, in minutes for a budget of minutes and in updates for others.
MINUTES_BETWEEN, UPDATES_BETWEEN = 1.0, 100
TIMES_TO_TRAIN = 4  # least ratio of training to validation, which so takes a fifth of the time at most
WARMUP_SHARE = 0.25  # longest warm-up as a share of the budget, so that a short run reaches the peak too


def progress(config: TrainingConfig, counters: Counters, epochs: float) -> float:
    """The share of the budget used so far: 0 until the first update, 1 or more when it is spent.

    ``epochs`` is fractional. Minutes include validation and saving, and the time of earlier processes of the run. What
    passes before the first update, as a teacher translates, leaves fewer of them, of which the share is.
    """
    if config.steps:
        return counters.step / config.steps
    if config.epochs:
        return epochs / config.epochs
    left = 60 * config.minutes - counters.untrained_seconds
    return (counters.seconds - counters.untrained_seconds) / left if left > 0 else 1.0


def learning_rate(config: TrainingConfig, step: int, progress: float) -> float:
    """The rate after ``step`` updates: linear warm-up, then linear decay to 0 at the end of the budget."""
    warm = max((step + 1) / max(1, config.warmup_steps), progress / WARMUP_SHARE)
    return config.learning_rate * min(1.0, warm) * max(0.0, 1.0 - progress)


def out_of_patience(config: TrainingConfig, counters: Counters) -> bool:
    """Whether ``patience`` validations without a better score end the run."""
    return 0 < config.patience <= counters.validated.stale


def seconds_since_validation(counters: Counters) -> float:
    """Seconds since the last validation; before the first one, since the first update."""
    return counters.seconds - max(counters.validated.seconds, counters.untrained_seconds)


def seconds_to_validate(config: TrainingConfig, counters: Counters) -> float:
    """The longest that a validation may take now, so that all take at most a fifth of a budget of minutes.

    Once the budget is spent, the first validation has a quarter of the time before it; a later one has no limit,
    because the earlier ones left time for it.
    """
    if not config.minutes or config.validate_every:
        return inf
    trained = seconds_since_validation(counters)
    left = 60 * config.minutes - counters.seconds
    if left <= 0:
        return inf if counters.validated.step else trained / TIMES_TO_TRAIN
    # The rest of the budget must hold this validation, and the training before the last one.
    return min(trained / TIMES_TO_TRAIN, left / (TIMES_TO_TRAIN + 1))


def validation_is_due(config: TrainingConfig, counters: Counters, progress: float) -> bool:
    """Whether to validate after the last update, at which the share ``progress`` of the budget is used."""
    if config.validate_every:
        return counters.step % config.validate_every == 0
    # Translating the validation set takes seconds, which a short run should spend on training.
    if config.minutes:
        is_time = seconds_since_validation(counters) >= 60 * MINUTES_BETWEEN
    else:
        is_time = counters.step - counters.validated.step >= UPDATES_BETWEEN
    return is_time and int(progress * VALIDATIONS) > int(counters.validated.progress * VALIDATIONS)
