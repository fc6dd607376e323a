"""Which pairs a run reads when: those of the dataset, and beside them rounds of pairs that a model made.

A better model makes better pairs, so they are made anew as it grows. Minimum risk reads real pairs. Plain arithmetic on
settings. Knows no file and no model.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, inf

from nmt.config import TrainingConfig

# Where rounds begin: as shares of the part that trains both directions, whose end is the last moment at which the model
# translates backwards; or of the budget, if no part does.
ROUNDS, ROUNDS_FORWARDS = (0.6, 1.0), (0.3, 0.5)
TEACHER = "teacher"
SPARE = 1.25  # texts that are translated, for each that training will read: some are dropped
# Shares of a budget of minutes, after which a round translates no further texts.
MINUTES_SHARE, TEACHERS_MINUTES = 0.1, 0.25
FIRST = 16  # texts by which the pace of such a round is first known


@dataclass(frozen=True)
class Stage:
    """A part of the budget with the same pairs: those of the dataset, and of a ``round`` unless that is ""."""

    begins: float  # share of the budget used before
    round: str = ""


def stages_of(config: TrainingConfig, with_teacher: bool = False) -> Sequence[Stage]:
    """The stages of a run in their order; the first has no round."""
    if not config.synthetic:
        return [Stage(0.0)]
    if with_teacher:
        return [Stage(0.0), Stage(0.0, TEACHER)]
    end = 1.0 - config.minimum_risk
    both = config.bidirectional
    begins = [share * both for share in ROUNDS] if both else ROUNDS_FORWARDS
    rounds = [Stage(begin, str(number)) for number, begin in enumerate(begins, 1) if begin < end]
    return [Stage(0.0), *rounds, *([Stage(end)] if config.minimum_risk else [])]


def most_texts(config: TrainingConfig, read: float) -> float:
    """How many texts are worth translating where training reads so many pairs."""
    return max(1, ceil(SPARE * config.synthetic * read)) if read < inf else inf


def planned(config: TrainingConfig, pairs: float, pieces: float) -> float:
    """How many pairs a budget reads, the synthetic ones among them; infinite if it is minutes.

    There are so many real ``pairs``, with so many ``pieces`` each.
    """
    if config.minutes:
        return inf
    if config.epochs:
        return config.epochs * pairs / (1.0 - config.synthetic if config.synthetic < 1.0 else 1.0)
    return config.steps * config.accumulate * config.batch_tokens / pieces


def longest_round(config: TrainingConfig, stage: Stage) -> float:
    """Seconds that the round of a stage may translate: infinite unless the budget is time."""
    share = TEACHERS_MINUTES if stage.round == TEACHER else MINUTES_SHARE
    return 60 * config.minutes * share or inf


def fitting(texts: int, seconds: float, longest: float) -> float:
    """How many texts a round translates next, after so many in so many seconds, of which it has ``longest``.

    Half of those that would fit at the pace so far, for others may be slower; infinite if the time is.
    """
    if longest == inf:
        return inf
    return texts / max(seconds, 1e-9) * max(0.0, longest - seconds) / 2 if texts else FIRST


def stage_at(stages: Sequence[Stage], used: float) -> int:
    """The number of the stage that begins last before the share ``used`` of the budget is used."""
    return max(number for number, stage in enumerate(stages) if stage.begins <= used)


def share_of(stages: Sequence[Stage], number: int) -> float:
    """The share of the budget that a stage has."""
    return (stages[number + 1].begins if number + 1 < len(stages) else 1.0) - stages[number].begins
