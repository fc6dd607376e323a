"""--plan: what it says about a run is what the run then does, and it writes nothing."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import TinyRun, nmt
from fakes import Recorder
from safetensors.torch import load_file

from nmt.training.opening import open_run
from nmt.training.phases.minimum_risk import MinimumRisk
from nmt.training.plan import Plan, plan
from nmt.training.reporter import Reporter
from nmt.training.request import TrainRequest, read_request

CPU = torch.device("cpu")
SHAPE: Any = {"model": dict(width=32, feed_forward=32, encoder_layers=1, decoder_layers=1, heads=2)}


def both(data: Path, run: Path, **budget: Any) -> tuple[Plan, int]:
    """The plan of a run, and the updates that the run then makes."""
    request = TrainRequest(data, run, "auto", (SHAPE, {"training": {"batch_tokens": 200, **budget}}))
    planned = plan(read_request(request), CPU)
    assert not run.exists()
    with open_run(read_request(request), CPU, Reporter()) as opened:
        return planned, opened.train(lambda: False).counters.step


@pytest.mark.parametrize("budget", [{"epochs": 1}, {"steps": 7}, {"steps": 30}, {"epochs": 2, "accumulate": 2}])
def test_the_updates_of_the_budget_are_those_that_the_run_makes(
    tiny_run: TinyRun, tmp_path: Path, budget: dict[str, int]
) -> None:
    planned, made = both(tiny_run.data, tmp_path / "run", **budget)
    # Updates of several batches may reach over the end of an epoch.
    assert abs(planned.updates - made) <= budget.get("epochs", 0) * (budget.get("accumulate", 1) - 1)


def test_parameters_and_bytes_are_those_of_the_files(tiny_run: TinyRun, tmp_path: Path) -> None:
    planned, _ = both(tiny_run.data, tmp_path / "run", steps=12, validate_every=3)
    run = tmp_path / "run"
    written = load_file(run / "model" / "model.safetensors").values()
    assert planned.parameters == sum(tensor.numel() for tensor in written if tensor.is_floating_point())
    (newest, *_) = sorted((run / "checkpoints").iterdir(), reverse=True)
    sizes = {name: (newest / f"{name}.safetensors").stat().st_size for name in ("model", "training")}
    assert planned.model == pytest.approx(sizes["model"], rel=0.1)
    assert planned.checkpoint == pytest.approx(sum(sizes.values()), rel=0.1)
    tensors = sum(path.stat().st_size for path in run.rglob("*.safetensors"))
    assert tensors <= planned.disk * 1.1


def test_the_longest_batch_is_the_largest_of_the_epoch(tiny_run: TinyRun, tmp_path: Path) -> None:
    from nmt.corpus.batches import plan_block, read_batch
    from nmt.corpus.dataset import Dataset

    planned, _ = both(tiny_run.data, tmp_path / "run", steps=1)
    split = Dataset.open(tiny_run.data).train
    cells = []
    for chosen in plan_block(split, 200, 1, 0, 0):
        batch = read_batch(split, chosen)
        longest = [max(map(len, side)) + 1 for side in (batch.sources, batch.targets)]
        cells.append(len(chosen) * sum(longest))
    count, source, target = planned.longest_batch
    assert count * (source + target) == max(cells)


def test_a_plan_of_slow_updates_ends_after_one_and_tells_that_it_goes_on(
    tiny_run: TinyRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This also holds if the measurement takes the whole budget."""
    monkeypatch.setattr("nmt.training.plan.LONGEST", 0.0)
    monkeypatch.setattr("nmt.training.plan.SILENCE", 0.0)
    recorder = Recorder()
    settings = {"training": {"batch_tokens": 200, "minutes": 1e-5}}
    request = TrainRequest(tiny_run.data, tmp_path / "run", "auto", (SHAPE, settings), device="cpu", cores=1)
    planned = plan(read_request(request), CPU, recorder)
    assert planned.seconds_per_update > 0
    assert recorder.advanced == 2, "the longest batch and one update"
    assert re.match("measuring: one update of the longest batch takes about [0-9]+ s", recorder.notes[0])


@pytest.mark.parametrize("budget", [{"minutes": 3.0}, {"steps": 70}, {"epochs": 4}])
def test_updates_at_risk_have_their_share_of_the_budget_and_take_longer(
    tiny_run: TinyRun, tmp_path: Path, budget: dict[str, float]
) -> None:
    settings = {"training": {"batch_tokens": 200, "minimum_risk": 0.5, **budget}}
    planned = plan(read_request(TrainRequest(tiny_run.data, tmp_path / "run", "auto", (SHAPE, settings))), CPU)
    # Half of the time in a budget of time, half of the updates in others.
    at_risk = 0.5 * (
        planned.seconds / MinimumRisk.cost / planned.seconds_per_update if "minutes" in budget else planned.updates
    )
    plain = planned.updates - at_risk
    seconds = (plain + MinimumRisk.cost * at_risk) * planned.seconds_per_update
    assert seconds == pytest.approx(planned.seconds, abs=planned.seconds_per_update)


def test_the_command_prints_a_line_a_fact_and_leaves_nothing(tiny_run: TinyRun, tmp_path: Path) -> None:
    flags = "--epochs 2 --plan --threads 1 --quiet --set model.width=32"
    result = nmt("train", tiny_run.data, "-o", tmp_path / "run", *flags.split())
    assert (result.returncode, result.stderr) == (0, "")
    names = [line.split()[0] for line in result.stdout.splitlines()]
    assert names == ["preset", "model", "parameters", "rate", "batches", "memory", "speed", "epoch", "budget", "disk"]
    assert re.search(r"preset +tiny, by auto for 300 pairs: measured on 29,000 pairs: ", result.stdout)
    assert os.listdir(tmp_path) == []


def test_what_would_stop_the_run_stops_the_plan(tiny_run: TinyRun, tmp_path: Path) -> None:
    result = nmt("train", tiny_run.data, "-o", tmp_path / "run", "--plan", "--set", "model.widht=64")
    assert (result.returncode, result.stderr.count("\n")) == (78, 1)
