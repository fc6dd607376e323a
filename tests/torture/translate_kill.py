"""SIGKILL during `translate -o`, several times, then the same command to its end: the file is that of an unkilled run.

The program runs in forked children of a process that has imported everything and has one thread. An event is a change
of the disk or a search. A child kills itself at the nth event, before it or in the middle of a write, or it reports its
events, and is killed from outside some time after the nth.

By hand: python -m tests.torture.translate_kill TRIALS SEED
"""

import gc
import io
import os
import random
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, NoReturn

from nmt.cli import app
from nmt.cli import main as nmt_main
from nmt.decoding.engines.ctranslate2 import CTranslate2Engine
from nmt.decoding.engines.pytorch import PyTorchEngine
from nmt.decoding.translator import Translator

from .lines import ODD
from .tiny import bundled_lines, tiny_model

CHANGES = ("open", "write", "fsync", "ftruncate", "replace", "unlink")  # functions of os
LONGEST = 300  # seconds of a child's life
Command = Sequence[str]


@dataclass(frozen=True)
class Death:
    """How to kill a child, and at which event; 0: never."""

    event: int = 0
    outside: bool = False  # by us, some time after the event
    share: float = 0.0  # of a write that is done before it


@dataclass(frozen=True)
class Ended:
    """The end of a child: its exit code or minus the signal, the number of events, and its messages."""

    code: int
    events: int
    said: str


@dataclass(frozen=True)
class TranslateKillArea:
    """Trials of one file and one command with at least three kills; ``sabotage`` is called in every child."""

    name: str = "SIGKILL during translate -o"
    full: int = 50
    quick: int = 3
    sabotage: Callable[[], None] = field(default=lambda: None)

    def run(self, workplace: Path, trials: int, seed: int) -> list[str]:
        """Run the trials; return the failures, each with its seed."""
        tiny_model(workplace / "model", seed)
        warm_up(workplace)
        failures = []
        for trial in range(trials):
            folder = workplace / f"trial-{trial}"
            folder.mkdir()
            try:
                problems = Trial(
                    folder, workplace / "model", random.Random(f"{seed} {trial}"), self.sabotage
                ).failures()
            except AssertionError as error:
                problems = [str(error)]
            failures += [f"seed {seed}, trial {trial}: {failure}" for failure in problems]
        return failures


class Trial:
    """An input and a command that is killed and run again until it succeeds."""

    def __init__(self, folder: Path, model: Path, dice: random.Random, sabotage: Callable[[], None]) -> None:
        self.folder, self.dice, self.sabotage = folder, dice, sabotage
        self.window = dice.randrange(3, 7)
        lines = [line.encode() for line in dice.sample(bundled_lines("ko", 2000), dice.randrange(40, 80))]
        for _ in range(dice.randrange(6)):
            lines.insert(dice.randrange(len(lines)), dice.choice([odd for odd in ODD.values() if len(odd) < 500]))
        self.input = folder / "in"
        self.input.write_bytes(b"\n".join(lines))
        self.stdin = dice.random() < 0.3
        self.name = f"out{dice.choice(['', '', '.gz', '.zst', '.xz'])}"
        flags = dice.choice(["", "--format jsonl", "--format tsv", "--beam-size 2 --n-best 2"])
        source = [] if self.stdin else [str(self.input)]
        search = f"--engine {dice.choice(['torch', 'ctranslate2'])} --max-length-factor 0.2 --threads 1 --device cpu"
        beam = [] if "--beam-size" in flags else ["--beam-size", "1"]
        self.command = ["translate", str(model), *source, *flags.split(), *beam, *search.split(), "-o"]

    def failures(self) -> list[str]:
        """Kill and run again until the command succeeds; return the failures."""
        whole, out = self.folder / "whole" / self.name, self.folder / "killed" / self.name
        whole.parent.mkdir()
        out.parent.mkdir()
        uninterrupted = self.child(whole, Death())
        assert uninterrupted.code == 0, f"the uninterrupted command ended with {uninterrupted}"
        problems, deaths = [], []
        for death in self.deaths(uninterrupted.events):
            windows = windows_done(out)
            ended = self.child(out, death)
            deaths.append(f"{death.event} of {ended.events}")
            if ended.code not in (0, -signal.SIGKILL):
                problems.append(f"after kills at {deaths} it ended with {ended}")
                break
            if out.exists() and out.read_bytes() != whole.read_bytes():
                problems.append(f"after kills at {deaths} there was a file that looked whole")
            if ended.code == 0:
                if windows and "resuming after line" not in ended.said:
                    problems.append(f"after kills at {deaths} it began anew, with {windows} windows there")
                break
        left = sorted(path.name for path in out.parent.iterdir())
        if not problems and left != [self.name]:
            problems.append(f"after kills at {deaths} there was {left}")
        if not problems and out.read_bytes() != whole.read_bytes():
            problems.append(f"after kills at {deaths} the file was another one")
        if len(deaths) < 4:
            problems.append(f"it was killed too seldom: {deaths}")
        return [f"{' '.join(self.command)} of {self.input}: {failure}" for failure in problems]

    def deaths(self, events: int) -> list[Death]:
        """Three early kills, then random kills, then none, so that the command ends."""
        early = [Death(self.dice.randrange(4, 13), share=self.dice.random()) for _ in range(3)]
        late = [
            Death(self.dice.randrange(1, max(2, events // 2)), self.dice.random() < 0.4, self.dice.random())
            for _ in range(self.dice.randrange(9))
        ]
        return [*early, *late, Death()]

    def child(self, out: Path, death: Death) -> Ended:
        """Run the command in a forked child until its end or its death."""
        reading, writing = os.pipe()
        said = os.memfd_create("said")
        pid = os.fork()
        if pid == 0:
            self.live([*self.command, str(out)], death, writing, said)
        os.close(writing)
        events = 0
        while told := os.read(reading, 1):
            events += len(told)
            if death.outside and events == death.event:
                os.kill(pid, signal.SIGKILL)  # it is ours, and not waited for yet
        os.close(reading)
        _, status = os.waitpid(pid, 0)
        words = os.pread(said, 1 << 16, 0).decode("utf-8", "replace")
        os.close(said)
        return Ended(os.waitstatus_to_exitcode(status), events, words)

    def live(self, command: Command, death: Death, told: int, said: int) -> NoReturn:
        """The child's work; it never returns."""
        code = 70
        try:
            signal.alarm(LONGEST)
            os.dup2(os.open(self.input if self.stdin else os.devnull, os.O_RDONLY), 0)
            os.dup2(said, 1)
            os.dup2(said, 2)
            sys.stdin = open(0, closefd=False)  # noqa: SIM115
            sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False))
            sys.stderr = io.TextIOWrapper(io.FileIO(2, "w", closefd=False), write_through=True)
            self.sabotage()
            make_windows_of(self.window)
            count_events(death, told)
            sys.argv = ["nmt", *command]
            nmt_main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0
        finally:
            os._exit(code)


def windows_done(out: Path) -> int:
    """Number of windows that are done, by the journal."""
    journal, partial = (out.with_name(f"{out.name}.{kind}") for kind in ("journal", "partial"))
    # A kill between the naming of the file and the removal of its journal leaves a journal of nothing.
    exists = journal.exists() and partial.exists() and partial.stat().st_size
    return max(0, journal.read_bytes().count(b"\n") - 1) if exists else 0


def warm_up(workplace: Path) -> None:
    """Do a child's work once in this process, so that its imports are done before the fork."""
    (workplace / "in").write_text("나는\n", encoding="utf-8")
    model, flags = str(workplace / "model"), ["--beam-size", "1", "--threads", "1", "--device", "cpu", "--quiet"]
    for engine in ("torch", "ctranslate2"):
        command = ["translate", model, str(workplace / "in"), "-o", str(workplace / "out"), *flags, "--engine", engine]
        app(command, standalone_mode=False)
    gc.collect()
    gc.freeze()  # the pages of what is there already stay shared with the children


def make_windows_of(lines: int) -> None:
    """Make windows so small that a short file has many."""
    load = Translator.load

    def load_small(*arguments: Any) -> Translator:
        translator = load(*arguments)
        translator.window = lines
        return translator

    Translator.load = load_small  # type: ignore[method-assign,assignment]


def count_events(death: Death, told: int) -> None:
    """Report each event by a byte, and die at the chosen event."""
    events = count(1)
    write = os.write

    def counted(function: Callable[..., Any], name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            number = next(events)
            if number == death.event and not death.outside:
                if name == "write":
                    write(arguments[0], arguments[1][: int(death.share * len(arguments[1]))])
                os.kill(os.getpid(), signal.SIGKILL)
            with suppress(BrokenPipeError):
                write(told, b".")
            return function(*arguments, **options)

        return call

    for name in CHANGES:
        setattr(os, name, counted(getattr(os, name), name))
    for engine in (PyTorchEngine, CTranslate2Engine):
        engine.search = counted(engine.search, "search")  # type: ignore[method-assign]


def main() -> int:
    trials, seed = map(int, sys.argv[1:])
    with tempfile.TemporaryDirectory(prefix="killed-") as folder:
        failures = TranslateKillArea().run(Path(folder), trials, seed)
    print("\n".join([*failures, f"{trials} trials, {len(failures)} failures"]))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
