"""SIGKILL: at every system call that changes the disk in two saves, and at random moments of train and prepare.

After each kill the same command runs again, and its result is that of an uninterrupted run.
"""

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random

from nmt.disk.manifest import read_manifest
from nmt.errors import NmtError

from .area import Failed, Trial, dice, failures_of, require, spread
from .forked import Work, nothing, program, run, start
from .small import (
    ROOT,
    TWO_SAVES,
    Facts,
    Sabotage,
    Small,
    clear,
    contents,
    facts,
    finished,
    require_equal,
    require_no_debris,
    require_whole,
)
from .strace import Call, injected, watched

TIMES = 10  # that a run is killed, in the area of runs killed often
LONGER = 24  # updates of such a run


@dataclass
class KilledAtEachCall:
    """Kills at each call of two saves, which include export, replacing a model and deleting an old checkpoint."""

    sabotage: Sabotage = nothing
    name: str = "killed at each call of two saves"
    full: int = 10_000  # all of them
    quick: int = 3
    tried: int = field(default=0, init=False)

    def run(self, workplace: Path, trials: int, seed: int) -> list[str]:
        small = Small(workplace, self.sabotage)
        small.make()
        whole, _ = small.uninterrupted()
        calls = watched(small.train(workplace / "watched"), TWO_SAVES, workplace)
        chosen = [calls[index] for index in spread(len(calls), trials)]
        self.tried = len(chosen)
        return failures_of((f"killed at {call}", partial(self.killed_at, call, small, whole)) for call in chosen)

    def killed_at(self, call: Call, small: Small, whole: Facts) -> None:
        folder = small.workplace / "run"
        try:
            ended = injected(small.train(folder), TWO_SAVES, call, "signal=KILL", small.workplace)
            require(ended.code == -signal.SIGKILL, f"it was to be killed, but {ended}")
            require_whole(folder)
            small.goes_on_as(whole, folder)
        finally:
            clear(folder)


@dataclass(frozen=True)
class TrainKilled:
    """One kill, at a random moment of the time that the uninterrupted run takes."""

    sabotage: Sabotage = nothing
    name: str = "train killed at a random moment"
    full: int = 200
    quick: int = 2

    def run(self, workplace: Path, trials: int, seed: int) -> list[str]:
        small = Small(workplace, self.sabotage)
        small.make()
        whole, seconds = small.uninterrupted()
        folder = workplace / "run"

        def do(share: float) -> None:
            try:
                killed(small.train(folder), share * seconds)
                require_whole(folder)
                small.goes_on_as(whole, folder)
            finally:
                clear(folder)

        return failures_of(at_moments(do, trials, seed))


@dataclass(frozen=True)
class TrainKilledOften:
    """At least ten kills during a run, at any point."""

    name: str = "train killed ten times and more"
    full: int = 20
    quick: int = 0  # one kill, as TrainKilled makes, takes a tenth of the time

    def run(self, workplace: Path, trials: int, seed: int) -> list[str]:
        small = Small(workplace)
        small.make()
        whole, seconds = small.uninterrupted(LONGER)

        folder = workplace / "run"

        def do(number: int) -> None:
            draw = dice(seed, number)
            try:
                # A run that is done too early is begun again, and killed sooner each time.
                for share in (0.3, 0.2, 0.1, 0.05):
                    clear(folder)
                    kills = kill_on_its_way(small.train(folder, steps=LONGER), folder, share * seconds, draw)
                    if kills >= TIMES:
                        break
                finished(run(small.train(folder, steps=LONGER)))
                require_equal(facts(folder), whole)
                require_no_debris(folder)
                require(kills >= TIMES, f"it was done after {kills} kills")
            finally:
                clear(folder)

        return failures_of((f"seed {seed}, trial {number}", partial(do, number)) for number in range(trials))


def kill_on_its_way(work: Work, folder: Path, longest: float, draw: Random) -> int:
    """Start the work and kill it after at most this many seconds, until it is done; return the number of kills."""
    kills = 0
    while killed(work, draw.random() * longest):
        kills += 1
        require_whole(folder)
        if kills >= TIMES and draw.random() < 0.5:
            break
    return kills


@dataclass(frozen=True)
class PrepareKilled:
    """A dataset is complete or absent after a kill, and prepared again it has the same bytes."""

    name: str = "prepare killed at a random moment"
    full: int = 50
    quick: int = 0  # tests/test_prepare_killed.py kills quickly

    def run(self, workplace: Path, trials: int, seed: int) -> list[str]:
        small = Small(workplace)
        small.write_corpus()
        ended = finished(run(small.prepare(workplace / "whole")))
        whole = contents(workplace / "whole")
        data = workplace / "data"

        def do(share: float) -> None:
            try:
                killed(small.prepare(data), share * ended.seconds)
                require_dataset_or_nothing(data)
                finished(run(small.prepare(data)))
                require_equal(contents(data), whole)
                require_no_debris(data)
            finally:
                clear(data)

        return failures_of(at_moments(do, trials, seed))


@dataclass(frozen=True)
class PrepareKilledOften:
    """At least ten kills of a prepare of a large corpus, which judges in several processes."""

    name: str = "a large prepare killed ten times and more"
    full: int = 3
    quick: int = 0  # tests/test_prepare_killed.py kills quickly

    def run(self, workplace: Path, trials: int, seed: int) -> list[str]:
        corpus = write_large_corpus(workplace, 60_000)
        # Rules that take long to learn would be all that happens between two kills.
        rules = [f"--rule={name}=off" for name in ("agreement", "order", "language", "half-translated", "coverage")]
        data, whole = workplace / "data", workplace / "whole"
        command: tuple[str | Path, ...] = (
            "prepare",
            "-s",
            "ko",
            "-t",
            "en",
            "--train",
            corpus,
            *rules,
            "--workers",
            "2",
            "-o",
        )
        ended = finished(run(program(*command, whole)))

        def do(number: int) -> None:
            draw = dice(seed, number)
            try:
                kills = 0
                while kills < TIMES or draw.random() < 0.5:
                    if not killed(program(*command, data), (0.2 + draw.random()) * ended.seconds / 3):
                        break
                    kills += 1
                    require_dataset_or_nothing(data)
                finished(run(program(*command, data)))
                require_equal(contents(data), contents(whole))
                require_no_debris(data)
            finally:
                clear(data)
                clear(data.with_name("data.partial"))

        return failures_of((f"seed {seed}, trial {number}", partial(do, number)) for number in range(trials))


def write_large_corpus(workplace: Path, pairs: int) -> Path:
    """The bundled corpus again and again, each line with names that no other has; returns its prefix."""
    rows = dice(0, 0).sample(range(10**9), pairs)
    spelt = [f"{row:09}".translate(_LETTERS) for row in rows]
    names = [" ".join(letters[place : place + 3].title() for place in (0, 3, 6)) for letters in spelt]
    for language in ("ko", "en"):
        lines = (ROOT / "data" / f"train.{language}").read_text(encoding="utf-8").splitlines()
        text = "".join(f"{lines[row % len(lines)]} {name}\n" for row, name in enumerate(names))
        (workplace / f"large.{language}").write_text(text, encoding="utf-8")
    return workplace / "large"


_LETTERS = str.maketrans("0123456789", "bakomiruse")


def at_moments(do: Callable[[float], None], trials: int, seed: int) -> Iterator[Trial]:
    """Trials with one kill each, at a share of the uninterrupted time."""
    for number in range(trials):
        share = dice(seed, number).random()
        yield f"seed {seed}, trial {number}, killed after {share:.4f} of its time", partial(do, share)


def killed(work: Work, seconds: float) -> bool:
    """Start the work and kill it after this many seconds; return False if it had ended before."""
    child = start(work)
    if not child.ended_within(seconds):
        child.send(signal.SIGKILL)
    ended = child.wait()
    require(ended.code in (0, -signal.SIGKILL), f"it was to be killed or to end well, but {ended}")
    return ended.code != 0


def require_dataset_or_nothing(data: Path) -> None:
    if data.exists():
        try:
            read_manifest(data)
        except NmtError as error:
            raise Failed(f"a half-made dataset looks whole: {error}") from None


AREAS = (KilledAtEachCall(), TrainKilled(), TrainKilledOften(), PrepareKilled(), PrepareKilledOften())
