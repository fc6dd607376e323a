"""What a run does next: a table of cases, and all small combinations against the order that a run has to keep."""

from collections.abc import Iterator
from itertools import product

import pytest

from nmt.config import TrainingConfig
from nmt.training.counters import Counters, Validated
from nmt.training.decision import Action, decide

ENDS = (Action.DONE, Action.PATIENCE, Action.STOPPED)
EVERY_2, EVERY_VALIDATION = TrainingConfig(steps=9, save_every=2), TrainingConfig(steps=9)
PATIENT = TrainingConfig(steps=9, patience=2)


def counters(step: int, validated: int = 0, due: bool = False, stale: int = 0) -> Counters:
    return Counters(step=step, validated=Validated(step=validated, due=due, stale=stale))


@pytest.mark.parametrize(
    ("config", "now", "saved_step", "stop", "spent", "action"),
    [
        (EVERY_2, counters(3), -1, False, False, Action.GO_ON),
        (EVERY_2, counters(4), 2, False, False, Action.SAVE),
        (EVERY_2, counters(4), 4, False, False, Action.GO_ON),
        (EVERY_2, counters(4, due=True), 2, False, False, Action.VALIDATE),  # first, so that the checkpoint knows of it
        (EVERY_2, counters(4, validated=4), -1, False, False, Action.SAVE),
        (EVERY_2, counters(3, due=True), 2, True, False, Action.SAVE),  # validated when the run is resumed
        (EVERY_2, counters(3, due=True), 3, True, False, Action.STOPPED),
        (EVERY_VALIDATION, counters(4), -1, False, False, Action.GO_ON),
        (EVERY_VALIDATION, counters(4, validated=4), -1, False, False, Action.SAVE),
        (EVERY_VALIDATION, counters(9, validated=9), 9, False, True, Action.DONE),
        (EVERY_2, counters(9, validated=9), 8, False, True, Action.SAVE),
        (PATIENT, counters(5, validated=5, stale=1), 5, False, False, Action.GO_ON),
        (PATIENT, counters(5, validated=5, stale=2), 5, False, False, Action.PATIENCE),
        (PATIENT, counters(5, validated=4, stale=2), 4, False, False, Action.SAVE),
        (PATIENT, counters(5, validated=5, stale=2), 5, True, True, Action.PATIENCE),  # resuming would end it as well
    ],
)
def test_the_next_action_is_that_of_the_table(
    config: TrainingConfig, now: Counters, saved_step: int, stop: bool, spent: bool, action: Action
) -> None:
    assert decide(config, now, saved_step, stop, spent) is action


def moments() -> Iterator[tuple[TrainingConfig, Counters, int, bool, bool]]:
    """All combinations of small numbers, also such as no run comes to."""
    booleans = (False, True)
    for every, patience, step, validated in product((0, 1, 2), (0, 2), range(5), range(5)):
        config = TrainingConfig(steps=9, save_every=every, patience=patience)
        for due, stale, saved_step, stop, spent in product(booleans, range(4), (-1, *range(5)), booleans, booleans):
            yield config, counters(step, validated, due, stale), saved_step, stop, spent


def carried_out(config: TrainingConfig, now: Counters, saved_step: int, stop: bool, spent: bool) -> list[Action]:
    """The actions from a moment to the next update or the end, each carried out on the counters alone."""
    actions: list[Action] = []
    while not actions or actions[-1] in (Action.VALIDATE, Action.SAVE):
        assert len(actions) < 4, f"it never ends: {actions}"
        actions.append(decide(config, now, saved_step, stop, spent))
        if actions[-1] is Action.VALIDATE:
            now.validated.due, now.validated.step, saved_step = False, now.step, -1
        elif actions[-1] is Action.SAVE:
            saved_step = now.step
    if actions[-1] in ENDS:
        assert saved_step == now.step, "a run never ends without a checkpoint of where it is"
    return actions


def in_order(config: TrainingConfig, now: Counters, saved_step: int, stop: bool, spent: bool) -> list[Action]:
    """The oracle: the same from top to bottom, each at most once."""
    actions: list[Action] = []
    step, is_validated = now.step, now.validated.step == now.step
    if now.validated.due and not stop:
        actions.append(Action.VALIDATE)
        is_validated, saved_step = True, -1
    is_impatient = config.patience != 0 and now.validated.stale >= config.patience
    is_periodic = (config.save_every != 0 and step % config.save_every == 0) or (not config.save_every and is_validated)
    if (is_periodic or stop or is_impatient or spent) and saved_step != step:
        actions.append(Action.SAVE)
    for ends, action in ((is_impatient, Action.PATIENCE), (stop, Action.STOPPED), (spent, Action.DONE)):
        if ends:
            return [*actions, action]
    return [*actions, Action.GO_ON]


def test_a_run_validates_then_saves_then_ends_at_every_moment() -> None:
    for wanted, made in zip(moments(), moments(), strict=True):
        assert carried_out(*made) == in_order(*wanted), wanted


def test_a_run_that_is_asked_to_stop_does_not_validate() -> None:
    assert all(decide(*moment) is not Action.VALIDATE for moment in moments() if moment[3])
