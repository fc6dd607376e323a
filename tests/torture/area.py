"""The interface of areas and controls, and the exceptions by which trials report failures."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable


class Named(Protocol):
    """The base of areas and controls: something with a name."""

    @property
    def name(self) -> str: ...


class Area(Named, Protocol):
    """A part of the tests. It runs in its own process, and starts the program in forked children."""

    @property
    def full(self) -> int:
        """Number of trials in ``make torture``."""

    @property
    def quick(self) -> int:
        """Number of trials in ``make test``."""

    def run(self, workplace: Path, trials: int, seed: int) -> list[str]:
        """Run the trials in the empty folder ``workplace``; return the failures, each with how to repeat it.

        Raises Skipped if this machine cannot run the area.
        """


@runtime_checkable
class CountsItself(Protocol):
    """An area that learns its number of trials while it runs; afterwards ``tried`` is that number."""

    @property
    def tried(self) -> int: ...


class Control(Named, Protocol):
    """A negative control: the tests of a program with one safeguard removed, which they must notice."""

    def run(self, workplace: Path, seed: int) -> list[str]:
        """The failures that the tests reported; if there are none, the tests prove nothing."""


class Skipped(Exception):  # noqa: N818  # nothing went wrong
    """This machine cannot run the area; the message is the reason."""


class Failed(Exception):  # noqa: N818  # the trial did, not the harness
    """A trial found a broken promise; the message says which."""


Trial = tuple[str, Callable[[], None]]  # what it does, and doing it; raises Failed


def failures_of(trials: Iterable[Trial]) -> list[str]:
    """Run the trials in order and print the progress; return the failures, each with what its trial did."""
    failures: list[str] = []
    for number, (what, do) in enumerate(trials):
        print(f"{number} trials, {len(failures)} failures so far", flush=True)
        try:
            do()
        except Failed as failure:
            failures.append(f"{what}: {failure}")
    return failures


def require(held: object, otherwise: str) -> None:
    """Raise Failed with these words unless the condition is true."""
    if not held:
        raise Failed(otherwise)


def dice(seed: int, trial: int) -> random.Random:
    """The random numbers of one trial, which do not depend on the number of trials."""
    return random.Random(f"{seed} {trial}")


def spread(count: int, trials: int) -> list[int]:
    """Choose ``trials`` evenly spread numbers below ``count``; all of them if there are fewer."""
    return list(range(count)) if trials >= count else sorted({index * count // trials for index in range(trials)})


@dataclass(frozen=True)
class Sabotaged:
    """A control made of an area with a safeguard removed in every process; it must report a failure with ``words``."""

    name: str
    area: Area
    trials: int
    words: str

    def run(self, workplace: Path, seed: int) -> list[str]:
        return [failure for failure in self.area.run(workplace, self.trials, seed) if self.words in failure]
