"""Training in several processes: the updates are those of one process, also after kills, stops and resumes."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import PROGRAM, TinyRun, begun, equal, nmt, started

from nmt.cli import launch
from nmt.cli.launch import rendezvous
from nmt.corpus.batches import plan_block, read_batch, share
from nmt.corpus.dataset import Dataset
from nmt.training import distribution
from nmt.training.distribution import PeerLostError, join

pytestmark = pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="PyTorch has no gloo here")
SHAPE = "--set model.width=32 --set model.feed_forward=64 --set model.encoder_layers=1 --set model.decoder_layers=1"
COMMAND = f"--preset tiny {SHAPE} --threads 1 --device cpu --batch-tokens 300"
NO_DROPOUT = "--set model.dropout=0"


def command(data: Path, run: Path, devices: int, more: str) -> list[str | Path]:
    return ["train", data, "-o", run, "--devices", str(devices), *COMMAND.split(), *more.split()]


def events(run: Path, kind: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line["event"] == kind]


def newest(run: Path) -> Path:
    return max((run / "checkpoints").glob("step-*"))


@pytest.fixture(scope="module")
def two(tiny_run: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An uninterrupted run in two processes, with dropout."""
    run = tmp_path_factory.mktemp("two") / "run"
    result = nmt(*command(tiny_run.data, run, 2, "--steps 24 --validate-every 8 --save-every 4"))
    assert result.returncode == 0, result.stderr
    (run.parent / "said").write_text(result.stderr, encoding="utf-8")
    return run


def test_every_row_of_a_batch_is_the_share_of_one_process(tiny_run: TinyRun) -> None:
    split = Dataset.open(tiny_run.data).train
    for rows in plan_block(split, 300, 1, 0, 0):
        batch = read_batch(split, rows)
        for of in (1, 2, 3, 50):
            parts = [part for number in range(of) if (part := share(batch, number, of))]
            assert sorted(int(row) for part in parts for row in part.rows) == sorted(map(int, batch.rows))
            assert sum(part.target_tokens for part in parts) == batch.target_tokens


@pytest.mark.parametrize("devices", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_without_dropout_any_number_of_processes_makes_the_updates_of_one(
    tiny_run: TinyRun, tmp_path: Path, devices: int
) -> None:
    for number in (1, devices):
        run = tmp_path / str(number)
        # Update 50 is saved, then validated, then saved again, which all processes have to know.
        more = f"--steps 50 --validate-every 26 --save-every 25 {NO_DROPOUT} --set training.accumulate=2"
        result = nmt(*command(tiny_run.data, run, number, more))
        assert result.returncode == 0, result.stderr
    alone, several = (events(tmp_path / str(number), "train") for number in (1, devices))
    assert len(alone) == len(several) == 2
    for left, right in zip(alone, several, strict=True):
        assert left["target_tokens"] == right["target_tokens"]
        assert left["loss"] == pytest.approx(right["loss"], abs=1e-4)
        assert left["gradient_norm"] == pytest.approx(right["gradient_norm"], rel=1e-3)


def test_one_process_writes_and_speaks(two: Path) -> None:
    assert [event["step"] for event in events(two, "validation")] == [8, 16, 24]
    assert sorted(os.listdir(two / "checkpoints")) == ["step-00000020", "step-00000024"]
    said = (two.parent / "said").read_text(encoding="utf-8")
    assert said.count(": validation at step 8:") == said.count(": done: the budget is spent after step 24;") == 1, said


@pytest.mark.slow
def test_a_killed_process_costs_nothing_but_time(tiny_run: TinyRun, two: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    line = [PROGRAM, *command(tiny_run.data, run, 2, "--steps 24 --validate-every 8 --save-every 4")]
    with subprocess.Popen(line, stderr=subprocess.PIPE, encoding="utf-8") as process:
        assert process.stderr
        wait_for(process, lambda: (run / "checkpoints" / "step-00000004").exists())
        os.kill(child(process.pid, rank=1), signal.SIGKILL)
        said = process.stderr.read()
    assert process.returncode == 0, said
    assert "warning: process 1 of 2 was ended by SIGKILL; all restart from the last checkpoint" in said
    assert equal(newest(run), newest(two))
    assert equal(run / "model", two / "model")


@pytest.mark.slow
def test_processes_killed_at_25_random_steps_lose_nothing(tiny_run: TinyRun, tmp_path: Path) -> None:
    more = "--steps 100 --validate-every 50 --save-every"
    result = nmt(*command(tiny_run.data, tmp_path / "whole", 2, f"{more} 50"))
    assert result.returncode == 0, result.stderr
    run, draw, killed = tmp_path / "run", random.Random(1), [0]
    with subprocess.Popen([PROGRAM, *command(tiny_run.data, run, 2, f"{more} 1")], stderr=subprocess.PIPE) as process:
        for step in sorted(draw.sample(range(1, 96), 25)):
            wait_for(process, partial(has_saved, run, max(step, killed[-1] + 1)))
            killed.append(saved(run))
            os.kill(child(process.pid, rank=draw.randrange(2)), signal.SIGKILL)
        _, said = process.communicate()
    assert process.returncode == 0, said
    assert said.count(b"all restart from the last checkpoint") == 25
    assert equal(newest(run), newest(tmp_path / "whole"))
    assert equal(run / "model", tmp_path / "whole" / "model")


@pytest.mark.slow
def test_a_signal_saves_and_ends_all_and_the_run_goes_on_exactly(tiny_run: TinyRun, two: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    line = command(tiny_run.data, run, 2, "--steps 24 --validate-every 8 --save-every 4")
    with subprocess.Popen([PROGRAM, *line], stderr=subprocess.PIPE) as process:
        wait_for(process, lambda: (run / "checkpoints" / "step-00000004").exists())
        children = [child(process.pid, rank) for rank in range(2)]
        process.terminate()
        process.wait(timeout=60)
    assert process.returncode == -signal.SIGTERM
    assert not any(Path(f"/proc/{pid}").exists() for pid in children)
    result = nmt(*line)
    assert result.returncode == 0, result.stderr
    assert equal(newest(run), newest(two))


@pytest.mark.slow
def test_a_checkpoint_of_two_processes_is_gone_on_with_by_one(tiny_run: TinyRun, tmp_path: Path) -> None:
    whole, changing = tmp_path / "whole", tmp_path / "changing"
    for run, devices, steps in ((whole, 1, 16), (changing, 2, 8), (changing, 1, 16)):
        # Of an extended budget the rates are others, and so would be the updates that train both directions.
        more = f"--steps {steps} --set training.bidirectional=0 {NO_DROPOUT} --validate-every 8"
        result = nmt(*command(tiny_run.data, run, devices, more))
        assert result.returncode == 0, result.stderr
    assert events(changing, "train")[-1]["target_tokens"] == events(whole, "train")[-1]["target_tokens"]


@pytest.mark.parametrize(
    ("more", "code"),
    [("--steps 4 --set model.heads=5", 78), pytest.param("--steps 4 --no-resume", 73, marks=pytest.mark.slow)],
)
def test_a_mistake_is_one_line_with_its_exit_code(tiny_run: TinyRun, two: Path, more: str, code: int) -> None:
    result = nmt(*command(tiny_run.data, two, 2, more))
    assert (result.returncode, result.stderr.count("\n")) == (code, 1), result.stderr


@pytest.mark.skipif(not os.path.exists("/proc/net/tcp"), reason="the system does not list its sockets")
def test_processes_meet_where_no_other_machine_can_reach_them() -> None:
    store = rendezvous()
    peer = torch.distributed.TCPStore("127.0.0.1", store.port)  # type: ignore[attr-defined]
    peer.set("who", "a peer")
    assert store.get("who") == b"a peer"
    sockets = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()]
    listening = [place for _, place, _, state, *_ in sockets if state == "0A" and place.endswith(f":{store.port:04X}")]
    assert listening == [f"0100007F:{store.port:04X}"]


def write_traps(folder: Path) -> Path:
    """Modules that a careless process would import from the current folder; returns the file that they would make."""
    folder.mkdir()
    run_by = folder / "run-by"
    for name in ("multiprocessing", "typer", "torch", "nmt", "json", "runpy"):
        (folder / f"{name}.py").write_text(f"open({str(run_by)!r}, 'a').write(__name__)\n")
    return run_by


def test_nothing_in_the_current_folder_is_run(tiny_run: TinyRun, tmp_path: Path) -> None:
    run_by = write_traps(tmp_path / "here")
    result = started(*command(tiny_run.data, tmp_path / "run", 2, "--steps 2"), cwd=tmp_path / "here")
    assert result.returncode == 0, result.stderr
    assert not run_by.exists()


def group_of_two() -> list[dict[str, str]]:
    """The environments of two processes that form a group without a launcher."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    group = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "GLOO_SOCKET_IFNAME": "lo"}
    return [{**os.environ, **group, "RANK": str(rank)} for rank in range(2)]


def test_the_settings_are_the_leaders(tiny_run: TinyRun, two: Path, tmp_path: Path) -> None:
    """The choices of auto depend on the machine, and machines may differ."""
    children = []
    for rank, (environment, rate) in enumerate(zip(group_of_two(), ("5e-3", "1e-4"), strict=True)):
        more = f"--steps 24 --validate-every 8 --save-every 4 --set training.learning_rate={rate}"
        children.append(begun(*command(tiny_run.data, tmp_path / str(rank), 1, more), env=environment))
    assert [process.wait(120) for process in children] == [0, 0]
    assert equal(tmp_path / "0" / "model", two / "model")
    assert not (tmp_path / "1").exists()


def test_a_process_that_cannot_read_what_the_leader_makes_ends_at_once(tiny_run: TinyRun, tmp_path: Path) -> None:
    """As on two machines that share no disk: the second one has another folder."""
    children = []
    for rank, environment in enumerate(group_of_two()):
        line = command(tiny_run.data, tmp_path / str(rank), 1, f"--steps 24 --teacher {tiny_run.run}")
        children.append(begun(*line, env=environment, stderr=subprocess.PIPE, encoding="utf-8"))
    said = [process.communicate(timeout=120)[1] for process in children]
    assert [process.returncode for process in children] == [75, 78]
    assert "has no such folder; name an --output on a disk that all machines share" in said[1]
    assert not (tmp_path / "1").exists()


UPDATE = """
import os, torch
from nmt.training.distribution import join

def threads():
    return [open(f"/proc/self/task/{task}/comm").read().strip() for task in os.listdir("/proc/self/task")]

weight = torch.nn.Parameter(torch.ones(3))
with join(torch.device("cpu")) as group:
    weight.grad = group.all_reduce(torch.ones(3))
    torch.optim.AdamW([weight]).step()
    inside = threads()
print(any("gloo" in name for name in inside), [name for name in threads() if "gloo" in name or "store" in name])
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="the system does not list a process's threads")
def test_no_thread_of_the_group_outlives_it() -> None:
    """A thread that still runs when the interpreter ends would abort the process."""
    line = [sys.executable, "-c", UPDATE]
    children = [subprocess.Popen(line, env=each, stdout=subprocess.PIPE, text=True) for each in group_of_two()]
    assert [process.communicate(timeout=120)[0] for process in children] == ["True []\n"] * 2


@pytest.mark.slow
def test_a_process_whose_starter_was_killed_before_they_met_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for name, value in {**group_of_two()[1], "MASTER_PORT": str(port), "TORCHELASTIC_USE_AGENT_STORE": "True"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(distribution, "LONGEST_CONNECT", timedelta(seconds=1))
    with pytest.raises(PeerLostError), join(torch.device("cpu")):
        raise AssertionError("they have met")


def test_torchrun_starts_the_same(tiny_run: TinyRun, two: Path, tmp_path: Path) -> None:
    line = command(tiny_run.data, tmp_path / "run", 2, "--steps 24 --validate-every 8 --save-every 4")
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "nmt"]
    environment = {**os.environ, "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}
    result = subprocess.run([*torchrun, *line], env=environment, capture_output=True, encoding="utf-8", timeout=120)
    assert result.returncode == 0, result.stderr
    assert equal(newest(tmp_path / "run"), newest(two))


def saved(run: Path) -> int:
    """The step of the newest checkpoint."""
    return max((int(path.name[5:]) for path in (run / "checkpoints").glob("step-*")), default=0)


def has_saved(run: Path, step: int) -> bool:
    return saved(run) >= step


def wait_for(process: subprocess.Popen[Any], happened: Callable[[], bool]) -> None:
    """Wait until the condition is true, or fail when the process ends before."""
    while not happened():
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.02)
            raise AssertionError("it ended too soon")


def child(parent: int, rank: int) -> int:
    """The process of that rank."""
    for number in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
        environment = Path(f"/proc/{number}/environ").read_bytes().split(b"\0")
        if f"RANK={rank}".encode() in environment:
            return int(number)
    raise AssertionError(f"there is no process of rank {rank}")


def test_synthetic_pairs_that_are_being_made_count_as_work_that_a_restart_goes_on_from(tmp_path: Path) -> None:
    (tmp_path / "checkpoints" / "step-00000004").mkdir(parents=True)
    (rows := tmp_path / "synthetic" / "1.partial").mkdir(parents=True)
    found = []
    for size in (0, 0, 28):
        (rows / "pairs-rows.bin").write_bytes(bytes(size))
        found.append(launch.saved(tmp_path))
    assert found[0] == found[1] != found[2]
    assert found[2][0] == "step-00000004"
