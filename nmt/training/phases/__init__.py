"""The phases of training: which of them a run goes through, and when. Only this file knows them all by name."""

from itertools import pairwise

from nmt.config import TrainingConfig
from nmt.training.phases.both_directions import BothDirections
from nmt.training.phases.minimum_risk import MinimumRisk
from nmt.training.phases.phase import Phase
from nmt.training.phases.plain import Plain


def phase_at(config: TrainingConfig, used: float, real: int | None = None) -> Phase:
    """The phase of the next update, once the share ``used`` of the budget is used.

    Rows from number ``real`` on are pairs that a model made, each for one direction; None: there are none.
    """
    phase = BothDirections(real) if used < config.bidirectional else Plain()
    return MinimumRisk(phase) if used >= 1.0 - config.minimum_risk else phase


def phases_of(config: TrainingConfig) -> list[tuple[float, Phase]]:
    """The phases of a run in their order, each with its share of the budget."""
    ends = sorted({0.0, config.bidirectional, 1.0 - config.minimum_risk, 1.0})
    return [(end - begin, phase_at(config, begin)) for begin, end in pairwise(ends)]
