"""What goes to the workers of a cluster, and what comes back, whatever they do with a model. Knows no search."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Self, TypeVar

from nmt.config import EngineOptions
from nmt.disk.locks import in_turn
from nmt.spread.cluster import Cluster
from nmt.spread.pool import About, Pool, Work
from nmt.store.cache import private_folder
from nmt.store.model_folder import ModelFolder
from nmt.store.shipped import Shipped
from nmt.text.progress import Progress, Silent
from nmt.version import __version__

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Sent:
    """A model on its way to the workers, as one that translates into one language."""

    shipped: Shipped
    to: str

    @classmethod
    def of(cls, model: ModelFolder) -> Self:
        """Read an opened model. Raises DataError unless its files have their hashes."""
        return cls(Shipped.pack(model), model.target_language if model.directions else "")

    def open(self) -> ModelFolder:
        """The model, in the cache of this machine."""
        return ModelFolder.open(self.shipped.unpack()).toward(self.to)


class Heard(Silent):
    """Progress that keeps what is said, to be said elsewhere."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.warnings: list[str] = []

    def note(self, line: str) -> None:
        self.notes.append(line)

    def warn(self, line: str) -> None:
        self.warnings.append(line)

    def say(self, progress: Progress) -> None:
        """Say it there."""
        for line in self.notes:
            progress.note(line)
        for line in self.warnings:
            progress.warn(line)


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Within the block no other worker of this machine gets ready: all begin at once, and need the same files."""
    with in_turn(private_folder("models") / "lock"):
        yield


def with_version(about: About) -> About:
    """What the results of a worker depend on, and the program: all workers must have the same."""
    return {**about, "nmt": __version__}


def without_version(about: About) -> dict[str, str | int | float]:
    """What results depend on, as a job on one machine names it."""
    return {name: value for name, value in about.items() if name != "nmt"}


def pool_of(work: Work[T, R], cluster: Cluster, wanted: EngineOptions, progress: Progress) -> Pool[T, R]:
    """Workers with a GPU each, or with as many cores as ``wanted`` has threads."""
    count, gpus = cluster.workers(wanted.threads), int(cluster.gpus > 0)
    return Pool(work, count, progress, wanted.threads, gpus, driver=with_version({}))


def of_workers(wanted: EngineOptions) -> EngineOptions:
    """The options of a worker: one thread, where nothing else was asked for."""
    return replace(wanted, threads=max(1, wanted.threads))
