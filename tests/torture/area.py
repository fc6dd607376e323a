"""What a part of the proof looks like to the program that runs it all, and how its trials say what went wrong."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable


class Named(Protocol):
    """What areas and controls are both."""

    @property
    def name(self) -> str: ...


class Area(Named, Protocol):
    """One row of the proof. It runs in a process of its own, and starts the program in forked children."""

    @property
    def full(self) -> int:
        """Trials of ``make torture``."""

    @property
    def quick(self) -> int:
        """Trials of ``make test``."""

    def run(self, workplace: Path, trials: int, seed: int) -> list[str]:
        """What did not hold, in words, each with what repeats it; nothing if all held. ``workplace`` is empty.

        Raises Skipped where this machine cannot do it.
        """


@runtime_checkable
class CountsItself(Protocol):
    """An area that finds out on the way how many trials there are; ``tried`` holds after its run."""

    @property
    def tried(self) -> int: ...


class Control(Named, Protocol):
    """A negative control: the proof with one safety of the program taken out, which it must notice."""

    def run(self, workplace: Path, seed: int) -> list[str]:
        """What the proof noticed; nothing means that the proof proves nothing."""


class Skipped(Exception):  # noqa: N818  # nothing went wrong
    """This machine cannot do the area; the reason in words."""


class Failed(Exception):  # noqa: N818  # the trial did, not the harness
    """A promise that a trial saw broken, in words."""


Trial = tuple[str, Callable[[], None]]  # what it does, and doing it; raises Failed


def failures_of(trials: Iterable[Trial]) -> list[str]:
    """Do the trials one after another, printing how far it is; what failed, each with what the trial did."""
    failures: list[str] = []
    for number, (what, do) in enumerate(trials):
        print(f"{number} trials, {len(failures)} failures so far", flush=True)
        try:
            do()
        except Failed as failure:
            failures.append(f"{what}: {failure}")
    return failures


def require(held: object, otherwise: str) -> None:
    """Raise Failed with the words unless it held."""
    if not held:
        raise Failed(otherwise)


def dice(seed: int, trial: int) -> random.Random:
    """The random numbers of one trial, the same however many others there are."""
    return random.Random(f"{seed} {trial}")


def spread(count: int, trials: int) -> list[int]:
    """``trials`` of the numbers below ``count``, evenly; all of them if there are no more."""
    return list(range(count)) if trials >= count else sorted({index * count // trials for index in range(trials)})


@dataclass(frozen=True)
class Sabotaged:
    """A control made of an area whose every process has a safety taken out; ``words`` stand in what it must notice."""

    name: str
    area: Area
    trials: int
    words: str

    def run(self, workplace: Path, seed: int) -> list[str]:
        return [failure for failure in self.area.run(workplace, self.trials, seed) if self.words in failure]
