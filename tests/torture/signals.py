"""Signals in every phase of a training run: it saves, ends by that signal, and resumes as if uninterrupted."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from .area import failures_of, require, spread
from .forked import Ended, nothing, run
from .hooks import before
from .small import ROOT, STEPS, TRAIN, Facts, Sabotage, Small, checkpoints, clear, require_no_debris, require_whole

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Phase:
    """A moment of a run, the nth call of a function, and the number of updates that must be saved by then."""

    name: str
    target: str
    call: int
    saved: int


FORWARD = "nmt.training.objective:Objective.forward"
SAVE = "nmt.store.run_folder:RunFolder.save_checkpoint"
TRANSLATE = "nmt.decoding.engines.pytorch:PyTorchEngine.search"
PHASES = (
    Phase("opening the data", "nmt.corpus.dataset:Dataset.open", 1, 0),
    Phase("building the model", "nmt.model:build_model", 1, 0),
    Phase("claiming the folder", "nmt.store.run_folder:RunFolder.claim", 1, 0),
    Phase("writing the settings", "nmt.store.run_folder:RunFolder.write_config", 1, 0),
    Phase("before the first update", "nmt.training.loop:train_steps", 1, 0),
    Phase("the first update", FORWARD, 1, 1),
    Phase("the third update", FORWARD, 3, 3),
    Phase("the optimizer's step", "torch.optim:AdamW.step", 5, 5),
    Phase("the first export", "nmt.store.model_folder:export_model", 1, 2),
    Phase("the first save", SAVE, 1, 2),
    Phase("writing metrics", "nmt.store.run_folder:RunFolder.append_metrics", 1, 4),
    Phase("the loss of validation", "nmt.training.validation:validation_loss", 1, 4),
    Phase("translating to validate", TRANSLATE, 1, 4),
    Phase("syncing a save", "os:fsync", 20, 2),
    Phase("the last save", SAVE, 4, 8),
    Phase("saying how it ended", "nmt.cli.monitor:Monitor.end", 1, 8),
)
IMPATIENT = (  # phases at which the second signal comes at once
    Phase("the third update", FORWARD, 3, 0),
    Phase("translating to validate", TRANSLATE, 1, 0),
    Phase("the first save", SAVE, 1, 0),
)
IMPORTING = Phase("importing PyTorch", "", 0, 0)

# A fresh process, since our children have imported all there is.
IMPORTS = """
import os, sys
class Signals:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            sys.meta_path.remove(self)
            os.kill(os.getpid(), number)
number = int(sys.argv.pop(1))
sys.meta_path.insert(0, Signals())
from nmt.cli import main
main()
"""


@dataclass(frozen=True)
class Case:
    """One signal, or the same signal twice, in one phase."""

    phase: Phase
    number: signal.Signals
    twice: bool = False

    def __str__(self) -> str:
        return f"{self.number.name}{' twice' if self.twice else ''} at {self.phase.name}"


CASES = (
    *(Case(phase, number) for phase in (*PHASES, IMPORTING) for number in NUMBERS),
    *(Case(phase, number, twice=True) for phase in IMPATIENT for number in NUMBERS),
)
TRAINING = (Case(IMPATIENT[0], signal.SIGTERM),)  # stopped after the third update


@dataclass(frozen=True)
class Signals:
    """Each signal in each phase."""

    cases: tuple[Case, ...] = CASES
    sabotage: Sabotage = nothing
    name: str = "signals at every phase of train"
    full: int = len(CASES)
    quick: int = 3

    def run(self, workplace: Path, trials: int, seed: int) -> list[str]:
        small = Small(workplace, self.sabotage)
        small.make()
        whole, _ = small.uninterrupted()
        chosen = [self.cases[index] for index in spread(len(self.cases), trials)]
        return failures_of((str(case), partial(trial, case, small, whole)) for case in chosen)


def trial(case: Case, small: Small, whole: Facts) -> None:
    folder, survived = small.workplace / "run", small.workplace / "survived"
    try:
        ended = signalled_at_import(case, small, folder) if case.phase == IMPORTING else signalled(case, small, folder)
        require(ended.code == -case.number, f"it was to end by {case.number.name}, but {ended}")
        require("Traceback" not in ended.errors, f"a traceback: {ended.errors}")
        require(not survived.exists(), "the second signal did not end it at once")
        require_whole(folder)
        if not case.twice:
            require_no_debris(folder)
        saved = [int(path.name.removeprefix("step-")) for path in checkpoints(folder)]
        require(max(saved, default=0) >= case.phase.saved, f"{case.phase.saved} updates were made, {saved} saved")
        small.goes_on_as(whole, folder)
    finally:
        clear(folder)
        survived.unlink(missing_ok=True)


def signalled(case: Case, small: Small, folder: Path) -> Ended:
    def send() -> None:
        os.kill(os.getpid(), case.number)
        if case.twice:
            os.kill(os.getpid(), case.number)
            (small.workplace / "survived").touch()

    return run(small.train(folder, hook=lambda: before(case.phase.target, case.phase.call, send)))


def signalled_at_import(case: Case, small: Small, folder: Path) -> Ended:
    train: list[str | Path] = ["train", small.data, "-o", folder, *TRAIN.split(), "--steps", str(STEPS)]
    result = subprocess.run(
        [sys.executable, "-c", IMPORTS, str(int(case.number)), *train],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )
    return Ended(result.returncode, result.stdout, result.stderr, 0.0, 0)


AREAS = (Signals(),)
