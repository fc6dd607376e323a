"""The budget of a run, and what depends on it: the learning rate, and when to validate. Plain arithmetic."""

from math import inf

from nmt.config import TrainingConfig
from nmt.training.counters import Counters

VALIDATIONS = 20  # in a budget, unless settings say otherwise
# At least, between validations that nobody asked for; updates for a run whose budget is not minutes.
MINUTES_BETWEEN, UPDATES_BETWEEN = 1.0, 100
TIMES_TO_TRAIN = 4  # as long as a validation takes, between two of them: so they have a fifth of the time
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


def out_of_patience(config: TrainingConfig, counters: Counters) -> bool:
    """Whether so many validations since the best one end the run before its budget does."""
    return 0 < config.patience <= counters.validated.stale


def seconds_to_validate(config: TrainingConfig, counters: Counters) -> float:
    """How long a validation may take now, so that all of them have at most a fifth of a budget of minutes.

    The one that ends the run has what was trained before it; when others came before, it has room by their rule.
    """
    if not config.minutes or config.validate_every:
        return inf
    rested = counters.seconds - counters.validated.seconds
    left = 60 * config.minutes - counters.seconds
    if left <= 0:
        return inf if counters.validated.step else rested / TIMES_TO_TRAIN
    # What is left has to hold it, and the training that the last one asks for.
    return min(rested / TIMES_TO_TRAIN, left / (TIMES_TO_TRAIN + 1))


def validation_is_due(config: TrainingConfig, counters: Counters, progress: float) -> bool:
    """Whether to validate after the update that has just been made, with ``progress`` of the budget used up."""
    if config.validate_every:
        return counters.step % config.validate_every == 0
    # Translating the validation set takes seconds: a short run has better uses for them.
    if config.minutes:
        rested = counters.seconds - counters.validated.seconds >= 60 * MINUTES_BETWEEN
    else:
        rested = counters.step - counters.validated.step >= UPDATES_BETWEEN
    return rested and int(progress * VALIDATIONS) > int(counters.validated.progress * VALIDATIONS)
