"""Races: several processes start the same run, or write the same translation, at the same moment.

One of them works; the others exit with 75 and change nothing.
"""

import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

from .area import dice, failures_of, require
from .forked import Child, Setting, Work, nothing, program, run, start
from .hooks import before, stop_here
from .small import Facts, Sabotage, Small, clear, contents, facts, finished, require_equal, require_no_debris

BUSY = 75
MOST = 8  # starters
Hook = Callable[[], None]  # done in a child before its work
LONGEST = 120  # seconds: a race in which nobody gives up is not waited for any longer


@dataclass(frozen=True)
class Races:
    """Races of 2 to 8 processes, with and without an existing run, with and without --overwrite.

    The process that trains is stopped at its first update. When all others have ended, one more starts; since no other
    process writes then, any change is its own.
    """

    sabotage: Sabotage = nothing
    name: str = "races of 2 to 8 starters"
    full: int = 50
    quick: int = 3

    def run(self, workplace: Path, trials: int, seed: int) -> list[str]:
        small = Small(workplace, self.sabotage)
        small.make()
        whole, _ = small.uninterrupted()
        small.interrupted()
        return failures_of(
            (f"seed {seed}, trial {number}", partial(self.trial, small, whole, dice(seed, number)))
            for number in range(trials)
        )

    def trial(self, small: Small, whole: Facts, draw: Random) -> None:
        folder = small.workplace / "run"
        exists, overwrite, starters = draw.random() < 0.5, draw.random() < 0.5, draw.randint(2, MOST)
        kind = f"{starters} starters, {'a run' if exists else 'nothing'} there{', --overwrite' if overwrite else ''}"
        if exists:
            shutil.copytree(small.workplace / "interrupted", folder)
        before_it = contents(folder)
        flags = ["--overwrite"] if overwrite else []
        work = partial(small.train, folder, *flags)
        children = started_together(lambda hook: work(hook=hook), starters, "torch.optim:AdamW.step")
        try:
            winner = the_one_that_works(children, kind)
            come_too_late(small, folder, draw.random() < 0.5)
            winner.send(signal.SIGCONT)
            finished(winner.wait())
            require_equal(facts(folder), whole)
            require_no_debris(folder)
            aside = sorted(folder.parent.glob("run.old-*"))
            require(len(aside) == (exists and overwrite), f"{kind}: moved aside are {[path.name for path in aside]}")
            for path in aside:
                lost = [name for name, what in before_it.items() if contents(path).get(name) != what]
                require(not lost, f"{kind}: what was moved aside lost {lost}")
        finally:
            for child in children:
                child.end()
            clear(folder)
            for path in folder.parent.glob("run.old-*"):
                shutil.rmtree(path)


@dataclass(frozen=True)
class TranslateRaces:
    """Races of 2 to 8 processes that write one file. The first that searches waits until all others have ended."""

    name: str = "races of translate -o"
    full: int = 20
    quick: int = 2

    def run(self, workplace: Path, trials: int, seed: int) -> list[str]:
        small = Small(workplace)
        small.make()
        small.uninterrupted()
        lines = (workplace / "train.ko").read_text(encoding="utf-8").splitlines(keepends=True)
        (workplace / "text").write_text("".join(lines[:8]), encoding="utf-8")
        finished(run(self.translate(workplace, workplace / "whole")))
        return failures_of(
            (f"seed {seed}, trial {number}", partial(self.trial, workplace, dice(seed, number).randint(2, MOST)))
            for number in range(trials)
        )

    def trial(self, workplace: Path, starters: int) -> None:
        output = workplace / "output" / "file"
        output.parent.mkdir()

        work = partial(self.translate, workplace, output)
        children = started_together(work, starters, "nmt.decoding.engines.pytorch:PyTorchEngine.search")
        try:
            winner = the_one_that_works(children, f"{starters} starters")
            winner.send(signal.SIGCONT)
            finished(winner.wait())
            require(output.read_bytes() == (workplace / "whole").read_bytes(), "differs from a translation alone")
            left = [path.name for path in output.parent.iterdir()]
            require(left == ["file"], f"there was {left}")
        finally:
            for child in children:
                child.end()
            shutil.rmtree(output.parent)

    def translate(self, workplace: Path, output: Path, hook: Hook = nothing) -> Work:
        search = ("--engine", "torch", "--threads", "1", "--beam-size", "1", "--max-length-factor", "0.5", "--quiet")
        model = workplace / "uninterrupted-8"
        return program("translate", model, workplace / "text", "-o", output, *search, prepare=hook)


def come_too_late(small: Small, folder: Path, overwrite: bool) -> None:
    was = contents(folder.parent)
    late = run(small.train(folder, *(["--overwrite"] if overwrite else [])))
    is_now = contents(folder.parent)
    changed = [name for name in {**was, **is_now} if was.get(name) != is_now.get(name)]
    require(late.code == BUSY, f"one that came too late was to end with 75, but {late}")
    require(not changed, f"one that came too late changed {changed}")


def started_together(work: Callable[[Hook], Work], starters: int, busy: str) -> list[Child]:
    """Start several processes together; a process that calls the function ``busy`` stops itself there."""
    gate, opened = os.pipe()

    def wait_for_the_others() -> None:
        os.close(opened)
        os.read(gate, 1)  # ends for all at once, when nobody can write any more
        before(busy, 1, stop_here)

    children = [start(work(wait_for_the_others), Setting(longest=LONGEST)) for _ in range(starters)]
    os.close(gate)
    os.close(opened)
    return children


def the_one_that_works(children: list[Child], kind: str) -> Child:
    """The one stopped process; requires that all others ended with 75 and one line."""
    working = [child for child in children if child.stopped()]
    ended = [child.wait() for child in children if child not in working]
    require(len(working) == 1, f"{kind}: {len(working)} of them work; the others: {'; '.join(map(str, ended))}")
    for end in ended:
        lines = end.errors.splitlines()
        refused = end.code == BUSY and len(lines) == 1 and lines[0].startswith("nmt: error: ")
        require(refused, f"{kind}: one that does not work was to end with 75 and one line, but {end}")
    return working[0]


AREAS = (Races(), TranslateRaces())
