"""``--verify-resume``: whether an interrupted and resumed run equals an uninterrupted one, bit for bit.

Exact resumption depends on the machine, the versions of libraries and the number of threads; this tests it on the
user's own data. Knows no tensor: it compares files.
"""

import json
import os
import signal
from collections.abc import Iterator
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

UPDATES = 20  # of the uninterrupted run; the interrupted one stops after half of them
# Keys of state.json and metrics.jsonl that differ between equal runs.
CLOCKS = ("seconds", "untrained_seconds", "target_tokens_per_second")


def verify_resume(request: TrainRequest, device: torch.device, threads: int, reporter: Reporter) -> int:
    """Train UPDATES updates without a break and in two halves, each in its own process, and compare every bit.

    Returns the number of updates. Does not touch ``request.run``. Raises NmtError naming the first result that differs,
    or what keeps a run from starting.
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
        os.environ["PYTHONSAFEPATH"] = "1"  # the new processes import nothing from the current folder
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
            f"the resumed run differs from the uninterrupted one: {difference}",
            "this machine or its libraries do not repeat their sums: do not rely on exact resumption here",
        )
    return UPDATES


def train_until(request: TrainRequest, device: str, threads: int, step: int) -> None:
    """Train up to ``step`` updates in this process, which does nothing else."""
    parent = os.getppid()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it silently; the command prints the message
    if threads:
        torch.set_num_threads(threads)
    with open_run(read_request(request), torch.device(device), Reporter()) as run:
        # It also stops when the command was killed.
        run.train(lambda: run.state.counters.step >= step or os.getppid() != parent)


def first_difference(run: Path, second_run: Path) -> str:
    """The name of the first result in which two finished runs differ, clocks aside; "" when all are equal."""
    pairs = zip(results(run), results(second_run), strict=True)
    return next((name for (name, left), (_, right) in pairs if left != right), "")


def results(run: Path) -> Iterator[tuple[str, Any]]:
    """Names and contents of what equal runs have in common."""
    folder = RunFolder(run)
    newest = folder.checkpoints.paths()[-1]
    for name in ("model.safetensors", "training.safetensors"):
        yield f"checkpoints' {name}", (newest / name).read_bytes()
    yield "the exported model", (run / "model" / "model.safetensors").read_bytes()
    yield "checkpoints' state.json", without_clocks(json.loads((newest / "state.json").read_text(encoding="utf-8")))
    lines = folder.metrics_path.read_text(encoding="utf-8").splitlines()
    yield "metrics.jsonl", [without_clocks(json.loads(line)) for line in lines]


def without_clocks(value: Any) -> Any:
    """A value read from JSON without the keys in ``CLOCKS``."""
    if isinstance(value, dict):
        return {key: without_clocks(part) for key, part in value.items() if key not in CLOCKS}
    return value
