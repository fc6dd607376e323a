"""What a run does next: a pure function of the settings and the counters. Knows no clock, no file and no tensor."""

from enum import Enum

from nmt.config import TrainingConfig
from nmt.training.counters import Counters
from nmt.training.schedule import out_of_patience


class Action(Enum):
    """What a run does next; the last three end it, and their values are the outcomes of a TrainReport."""

    VALIDATE = "validate"
    SAVE = "save"
    GO_ON = "make the next update"
    DONE = "done"
    PATIENCE = "patience"
    STOPPED = "stopped"


def decide(config: TrainingConfig, counters: Counters, saved_step: int, stop: bool, spent: bool = False) -> Action:
    """What to do after an update, and again after each action that follows.

    ``saved_step`` is the update whose checkpoint holds the present state, -1 for none; ``stop`` says that the run was
    asked to stop, ``spent`` that its budget is used up.
    """
    if counters.validated.due and not stop:
        return Action.VALIDATE
    is_impatient, every = out_of_patience(config, counters), config.save_every
    is_due = counters.step % every == 0 if every else counters.validated.step == counters.step
    if saved_step != counters.step and (is_due or stop or spent or is_impatient):
        return Action.SAVE
    if is_impatient:
        return Action.PATIENCE
    if stop:
        return Action.STOPPED
    return Action.DONE if spent else Action.GO_ON
