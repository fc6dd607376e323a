"""``--verify-resume``: does a run that was stopped and gone on with equal one that never stopped, here and now?

The promise of exact resumption depends on machine, versions and threads; this puts it to the test on a person's data.
"""

import json
import os
import signal
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from nmt.disk.debris import remove, sweep, unfinished
from nmt.disk.folders import make_partial
from nmt.errors import NmtError
from nmt.store.run_folder import RunFolder
from nmt.training.opening import open_run
from nmt.training.reporter import Reporter
from nmt.training.request import TrainRequest, read_request

UPDATES = 20  # of the uninterrupted run; the other one stops after half of them
TIMES = ("seconds", "target_tokens_per_second")  # of metrics: no two runs have the same


def verify_resume(request: TrainRequest, device: torch.device, threads: int, reporter: Reporter) -> int:
    """Train so many updates at once and in two halves, each in a process of its own, and compare every bit.

    Returns how many updates were compared; ``request.run`` is not touched. Raises NmtError naming the first thing that
    differs, and whatever stops a run from beginning.
    """
    run = request.run.absolute()
    sweep(run.parent, run.name)
    run.parent.mkdir(parents=True, exist_ok=True)
    place, held = make_partial(run, 0o777)
    try:
        budget = {"training": {"steps": UPDATES, "validate_every": UPDATES // 2, "save_every": 0}}
        request = replace(request, layers=(*request.layers, budget), resume=True, overwrite=False)
        whole, halves = (replace(request, run=place / name) for name in ("whole", "halves"))
        reporter.note(f"training {UPDATES} updates at once, then {UPDATES // 2} and {UPDATES // 2}, in {place}")
        os.environ["PYTHONSAFEPATH"] = "1"  # of the new processes: nothing is imported from the current folder
        for part, step in ((whole, UPDATES), (halves, UPDATES // 2), (halves, UPDATES)):
            with ProcessPoolExecutor(1, get_context("spawn")) as pool:
                pool.submit(train_until, part, str(device), threads, step).result()
        difference = first_difference(whole.run, halves.run)
    finally:
        remove(place)
        unfinished.discard(place)
        os.close(held)
    if difference:
        raise NmtError(
            f"the run that was stopped and gone on with differs from the uninterrupted one: {difference}",
            "the machine or its libraries do not repeat their sums: trust no exact resumption on it",
        )
    return UPDATES


def train_until(request: TrainRequest, device: str, threads: int, step: int) -> None:
    """Train up to ``step`` updates, in this process, which is to do nothing else."""
    parent = os.getppid()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a word; the command itself speaks
    if threads:
        torch.set_num_threads(threads)
    with open_run(read_request(request), torch.device(device), Reporter()) as run:
        # Nor does it work on when the command was killed.
        run.train(lambda: run.state.counters.step >= step or os.getppid() != parent)


def first_difference(one: Path, other: Path) -> str:
    """What two finished runs differ in first, clocks aside; "" when in nothing."""
    folders = RunFolder(one), RunFolder(other)
    newest = [folder.checkpoints.paths()[-1] for folder in folders]
    for name in ("model.safetensors", "training.safetensors"):
        left, right = ((path / name).read_bytes() for path in newest)
        if left != right:
            return f"checkpoints' {name}"
    if (one / "model" / "model.safetensors").read_bytes() != (other / "model" / "model.safetensors").read_bytes():
        return "the exported model"
    states = [json.loads((path / "state.json").read_text(encoding="utf-8")) for path in newest]
    for state in states:
        for clock in (state["counters"], state["counters"]["window"], state["counters"]["validated"]):
            clock.pop("seconds")
    if states[0] != states[1]:
        return "checkpoints' state.json"
    left_events, right_events = (events(folder.metrics_path) for folder in folders)
    return "" if left_events == right_events else "metrics.jsonl"


def events(path: Path) -> list[dict[str, Any]]:
    """The metrics without their clocks."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [{key: value for key, value in line.items() if key not in TIMES} for line in lines]
