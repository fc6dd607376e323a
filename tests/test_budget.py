"""A budget in minutes: a warning when it is too small, and at most a fifth of it for validations."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import TinyRun
from hypothesis import example, given
from hypothesis import strategies as st
from test_run import CPU, SHAPE, Recorder, events

from nmt.config import TrainingConfig
from nmt.corpus.dataset import Dataset
from nmt.decoding.engine import length_limit
from nmt.errors import SettingsError
from nmt.training import schedule
from nmt.training.counters import Counters, Validated
from nmt.training.loop import Update
from nmt.training.opening import open_run
from nmt.training.request import TrainRequest, read_request
from nmt.training.schedule import seconds_to_validate, validation_is_due
from nmt.training.validation import length_factor


def request(tiny_run: TinyRun, run: Path, minutes: float, **settings: Any) -> TrainRequest:
    training = {"training": {"minutes": minutes, "batch_tokens": 400, **settings}}
    return TrainRequest(tiny_run.data, run, "tiny", (SHAPE, training), device="cpu", cores=1)


def test_a_budget_too_small_for_a_pass_is_warned_of_at_the_start(tiny_run: TinyRun, tmp_path: Path) -> None:
    recorder = Recorder()
    with open_run(read_request(request(tiny_run, tmp_path / "run", 1e-6)), CPU, recorder) as run:
        run.log.begin()
    (warning,) = recorder.warnings
    assert warning.startswith("1e-06 minutes are enough for an estimated 0.0")
    assert "passes over the 300 pairs: ten take about" in warning


def test_a_budget_that_proves_too_small_is_warned_of_once(tiny_run: TinyRun, tmp_path: Path) -> None:
    recorder = Recorder()
    with open_run(read_request(request(tiny_run, tmp_path / "run", 12.0)), CPU, recorder) as run:
        run.state.counters.step, run.state.counters.position = 16, run.state.counters.position._replace(rows=30)
        for progress in (0.06, 0.2, 0.3):
            run.log.updated(Update(16, 1.0, 0.1, 1.0, 10, 1.0, progress))
    assert recorder.warnings == [
        "at this rate 12 minutes are 80 updates and 0.5 passes over the pairs, too few to learn to translate: 30 "
        "minutes are the least; give more time, or take a smaller preset or fewer pairs"
    ]


def test_minutes_that_are_spent_before_the_first_update_are_an_error_that_says_how_to_go_on(
    tiny_run: TinyRun, tmp_path: Path
) -> None:
    """As where a teacher takes all of them; a larger budget is the cure."""
    for _ in range(2):
        with open_run(read_request(request(tiny_run, tmp_path / "run", 0.5)), CPU, Recorder()) as run:
            run.state.spend(31.0)
            with pytest.raises(SettingsError) as error:
                run.train(lambda: False)
        assert str(error.value) == (
            f"the budget of 0.5 minutes was spent before the first update (after 31 s), and {tmp_path / 'run'} has no "
            "model; give the same command with more `minutes`"
        )
        assert error.value.exit_code == 78
        assert not (tmp_path / "run" / "model").exists()
    with open_run(read_request(request(tiny_run, tmp_path / "run", 1000.0)), CPU, Recorder()) as run:
        assert run.train(lambda: run.state.counters.step == 1).outcome == "stopped"
    assert (tmp_path / "run" / "model").exists()


def test_what_passes_before_the_first_update_is_no_training(tiny_run: TinyRun, tmp_path: Path) -> None:
    """The rate rises from 0, the speed is that of updates, no validation is due; also in a process that resumes."""
    recorder, minutes = Recorder(), 1000.0
    job = read_request(request(tiny_run, tmp_path / "run", minutes, warmup_steps=1000))
    with open_run(job, CPU, recorder) as run:
        run.state.spend(0.26 * 60 * minutes)  # as a teacher translates
        run.train(lambda: run.state.counters.step == 21)
    with open_run(job, CPU, recorder) as run:
        counters, used = run.state.counters, run.context.used()
    peak = job.config.training.learning_rate
    assert counters.learning_rate == pytest.approx(peak * 21 / 1000, rel=0.1)
    assert recorder.warnings == []
    assert recorder.validations == []
    assert counters.seconds > counters.untrained_seconds > 0.26 * 60 * minutes
    assert used < 0.02


@given(st.floats(0.1, 600), st.floats(0.0, 0.9), st.floats(0.0, 1.2))
def test_updates_have_the_budget_that_is_left_when_they_begin(minutes: float, before: float, share: float) -> None:
    """Progress and validations are those of a run that has so many minutes and loses none."""
    lost = 60 * minutes * before
    left = TrainingConfig(minutes=(60 * minutes - lost) / 60)
    late = Counters(1, seconds=lost + 60 * left.minutes * share, untrained_seconds=lost)
    alone = Counters(1, seconds=60 * left.minutes * share)
    found, wanted = schedule.progress(TrainingConfig(minutes=minutes), late, 0.0), schedule.progress(left, alone, 0.0)
    assert found == pytest.approx(wanted, abs=1e-9)
    if abs(alone.seconds - 60) > 1e-3 and abs(20 * wanted - round(20 * wanted)) > 1e-6:
        due = validation_is_due(TrainingConfig(minutes=minutes), late, found)
        assert due == validation_is_due(left, alone, wanted)


@given(st.integers(1, 99), st.floats(0.0, 9.0), st.floats(0.0, 1e5))
def test_budgets_of_updates_and_of_passes_know_no_time(step: int, epochs: float, seconds: float) -> None:
    counters = Counters(step, seconds=seconds, untrained_seconds=seconds / 2)
    assert schedule.progress(TrainingConfig(steps=100), counters, epochs) == step / 100
    assert schedule.progress(TrainingConfig(epochs=9), counters, epochs) == epochs / 9


@example(35.0, 151.0, 1.0)
@given(st.floats(0.1, 600), st.floats(0.01, 400), st.floats(0.2, 2.0))
def test_validations_have_a_fifth_of_the_minutes_at_most(minutes: float, cost: float, share: float) -> None:
    """For any duration of a validation and of an update."""
    config = TrainingConfig(minutes=minutes)
    counters, spent, budget = Counters(), 0.0, 60 * minutes
    update = share * budget / 100
    while counters.seconds < budget:
        counters.seconds += update
        progress = counters.seconds / budget
        if progress < 1.0 and validation_is_due(config, counters, progress):
            if cost <= seconds_to_validate(config, counters):
                spent += cost
                counters.seconds += cost
                counters.validated = Validated(step=1, seconds=counters.seconds)
            counters.validated.progress = counters.seconds / budget
    last = min(cost, seconds_to_validate(config, counters))
    assert (spent + last) <= (counters.seconds + last) / 5 + 1e-6


def test_a_last_validation_that_is_too_long_scores_a_part_of_the_pairs_and_says_so(
    tiny_run: TinyRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nmt.training.scores.SEARCH_TOKENS", 60)
    monkeypatch.setattr("nmt.training.selection.seconds_to_validate", lambda *arguments: 1e-9)
    recorder = Recorder()
    with open_run(read_request(request(tiny_run, tmp_path / "run", 10.0)), CPU, recorder) as run:

        def use_up() -> bool:
            run.state.spend(601.0)
            return False

        assert run.train(use_up).outcome == "done"
    assert "translating all 20 validation pairs would take about" in recorder.warnings[-1]
    assert recorder.warnings[-1].endswith("BLEU and chrF are those of 1 of them")
    assert [event["event"] for event in events(tmp_path / "run")] == ["train", "samples", "validation"]
    assert len(recorder.validations[0][0].samples) == 1


def test_no_reference_is_longer_than_a_validation_lets_a_translation_be(tiny_run: TinyRun) -> None:
    data = Dataset.open(tiny_run.data)
    factor = length_factor(data)
    assert 1.0 <= factor < 3.0, "and it is shorter than a translation may be"
    for source, target in zip(*data.valid.lengths(np.arange(len(data.valid))), strict=True):
        assert target <= length_limit(int(source) - 1, factor)
