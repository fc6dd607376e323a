"""--preset auto: the choice for a corpus, a budget and a machine, which a resumed run keeps."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import TinyRun, nmt
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from nmt.config import Config, ModelConfig
from nmt.corpus.dataset import Dataset
from nmt.errors import SettingsError
from nmt.model import build_model
from nmt.presets import PRESETS, RULES, Rule, Task, auto, expected_epochs, layers_of, operations
from nmt.training.opening import open_run
from nmt.training.reporter import Reporter
from nmt.training.request import TrainRequest, read_request, task_of

CPU = torch.device("cpu")
SMALL: Any = {
    "model": dict(width=32, feed_forward=32, encoder_layers=1, decoder_layers=1, heads=2),
    "training": dict(steps=1, batch_tokens=200),
}


def task(pairs: int, minutes: float = 0.0, cores: int = 2, epochs: int = 0, steps: int = 0) -> Task:
    return Task(pairs, 15 * pairs, 15 * pairs, 8000, cores, steps, epochs, minutes)


@pytest.mark.parametrize(
    ("asked", "preset", "dropout"),
    [
        (task(5_000, 15), "tiny", 0.3),
        (task(10_000, 14), "tiny", 0.2),
        (task(29_000, 60), "tiny", 0.3),
        (task(29_000, 15), "tiny", 0.2),
        (task(29_000, 12 * 60), "tiny", 0.4),
        (task(29_000, 5, cores=0), "tiny", 0.4),
        (task(29_000, epochs=20), "tiny", 0.2),
        (task(29_000, epochs=40), "tiny", 0.3),
        (task(29_000, epochs=100), "tiny", 0.4),
        (task(29_000, steps=5000), "tiny", 0.2),
        (task(29_000, steps=20_000), "tiny", 0.3),
        (task(29_000, steps=28_000), "tiny", 0.4),
        (task(200_000, epochs=40), "small", 0.2),
        (task(200_000, 60), "tiny", 0.1),
        (task(200_000, 15), "tiny", 0.1),
        (task(200_000, steps=5000), "tiny", 0.1),
        (task(200_000, 60, cores=64), "small", 0.2),
        (task(200_000, 60, cores=0), "small", 0.2),
        (task(200_000, 24 * 60), "small", 0.2),
        (task(4_000_000, steps=100_000), "base", 0.1),
        (task(4_000_000, 24 * 60), "tiny", 0.1),
        (task(100_000_000, epochs=40), "big", 0.3),
    ],
)
def test_auto_takes_what_the_pairs_want_and_the_budget_allows(asked: Task, preset: str, dropout: float) -> None:
    rule = auto(asked)
    model = Config.from_layers(PRESETS[rule.preset], rule.layer).model
    assert (rule.preset, model.dropout) == (preset, dropout)


@pytest.mark.parametrize(
    ("asked", "share"), [(task(29_000, 60), 0.15), (task(29_000, 15), 0), (task(29_000, epochs=40), 0)]
)
def test_minutes_that_are_enough_for_many_passes_end_at_risk(asked: Task, share: float) -> None:
    """An epoch of minimum risk takes as long as several others, so a budget in epochs has none."""
    (chosen, *_) = layers_of("auto", asked)
    assert Config.from_layers(*chosen).training.minimum_risk == share


@given(
    st.integers(1, 10**8), st.floats(0.01, 10**5), st.floats(1.0, 100.0), st.integers(1, 64), st.sampled_from([0, 1])
)
def test_more_minutes_or_cores_never_mean_a_smaller_preset(
    pairs: int, minutes: float, times: float, cores: int, which: int
) -> None:
    more = task(pairs, minutes * times, cores) if which else task(pairs, minutes, int(cores * times))
    assert RULES.index(auto(more)) >= RULES.index(auto(task(pairs, minutes, cores)))


@pytest.mark.parametrize(("flags", "dropout"), [("1", 0.2), ("2", 0.3), ("1 --devices 2", 0.3)])
def test_auto_counts_the_threads_that_train_and_not_the_cores_that_are_there(
    tiny_run: TinyRun, tmp_path: Path, flags: str, dropout: float
) -> None:
    request = TrainRequest(tiny_run.data, tmp_path / "run", device="cpu", cores=1)
    known = task_of(request, Dataset.open(tiny_run.data))
    minutes = 20 / expected_epochs(RULES[1], replace(known, minutes=1.0, epochs=0))  # of one core, enough for 20 epochs
    budget = f"--plan --quiet --device cpu --minutes {minutes} --threads {flags}"
    shape = "--set model.width=32 --batch-tokens 200"
    answer = nmt("train", tiny_run.data, "-o", tmp_path / "run", *budget.split(), *shape.split())
    assert (answer.returncode, answer.stderr) == (0, "")
    assert f", dropout {dropout:g}\n" in answer.stdout


def test_a_larger_preset_makes_fewer_epochs() -> None:
    actual = [expected_epochs(Rule(0, 0, name, ""), task(10**6, 60)) for name in ("tiny", "small", "base", "big")]
    assert actual == sorted(actual, reverse=True)


def test_operations_are_those_that_pytorch_counts() -> None:
    """Except attention's own products, which grow with the length and are almost nothing at one position."""
    config = ModelConfig(width=64, feed_forward=96, encoder_layers=3, decoder_layers=2, dropout=0.0)
    model = build_model(config, 500, 500, joint=True)
    pieces, lengths = torch.full((8, 1), 5), torch.ones(8, dtype=torch.int64)
    with FlopCounterMode(display=False) as counter:
        hidden_BTD = model(pieces, lengths, pieces)
        (hidden_BTD @ model.output_weight.T).sum().backward()
    # Nothing is made of the gradient of what comes first.
    assert counter.get_total_flops() / 8 == pytest.approx(operations(config, 500, 1.0), rel=0.05)


def test_a_run_goes_on_with_what_auto_took_for_it_then(tiny_run: TinyRun, tmp_path: Path) -> None:
    begun = TrainRequest(tiny_run.data, tmp_path / "run", "tiny", (SMALL,))
    with open_run(read_request(begun), CPU, Reporter()) as run:
        run.train(lambda: False)
    again = TrainRequest(tiny_run.data, tmp_path / "run", "auto", (SMALL, {"training": dict(steps=2000)}))
    fresh = TrainRequest(tiny_run.data, tmp_path / "other", "auto", again.layers)
    assert [read_request(asked_for).config.model.dropout for asked_for in (again, fresh)] == [0.2, 0.4]
    with open_run(read_request(again), CPU, Reporter()) as run:
        answers = iter([False, True])
        assert run.train(lambda: next(answers, True)).counters.step > 1


def test_a_run_of_an_older_preset_keeps_what_it_shows(tiny_run: TinyRun, tmp_path: Path) -> None:
    older = (SMALL, {"training": dict(odd_input=0.05)})
    with open_run(read_request(TrainRequest(tiny_run.data, tmp_path / "run", "tiny", older)), CPU, Reporter()) as run:
        run.train(lambda: False)
    again = TrainRequest(tiny_run.data, tmp_path / "run", "tiny", (SMALL,))
    with open_run(read_request(again), CPU, Reporter()) as run:
        assert run.context.training.odd_input == 0.05
    asked = replace(again, layers=(SMALL, {"training": dict(odd_input=0.2)}))
    with (
        pytest.raises(SettingsError, match=r"training.odd_input was 0.05, is 0.2"),
        open_run(read_request(asked), CPU, Reporter()),
    ):
        pass


def test_a_setting_that_auto_never_takes_is_still_refused(tiny_run: TinyRun, tmp_path: Path) -> None:
    strange = (SMALL, {"model": dict(dropout=0.15)})
    with open_run(read_request(TrainRequest(tiny_run.data, tmp_path / "run", "auto", strange)), CPU, Reporter()) as run:
        run.train(lambda: False)
    with (
        pytest.raises(SettingsError, match=r"model.dropout was 0.15, is 0.2"),
        open_run(read_request(TrainRequest(tiny_run.data, tmp_path / "run", "auto", (SMALL,))), CPU, Reporter()),
    ):
        pass
