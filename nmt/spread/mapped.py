"""Functions mapped over items by the workers of a cluster, as ``nmt.text.processes`` does it by processes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from nmt.corpus.means import versions
from nmt.spread.cluster import Cluster, joined
from nmt.spread.pool import About, Pool
from nmt.text.processes import Spread
from nmt.text.progress import Progress

T = TypeVar("T")
R = TypeVar("R")


@dataclass
class Maps(Generic[T, R]):
    """The work of a worker: to call a function."""

    function: Callable[[T], R]

    def begin(self) -> About:
        """See ``Work``."""
        return {**versions()}

    def __call__(self, item: T) -> R:
        """See ``Work``."""
        return self.function(item)


@contextmanager
def spread_over(address: str, progress: Progress) -> Iterator[Spread]:
    """Within the block, a way to map functions over items by all cores of a cluster. Raises what ``joined`` raises."""
    with joined(address) as cluster:
        yield partial(by_workers, cluster, progress)


@contextmanager
def by_workers(
    cluster: Cluster, progress: Progress, function: Callable[[T], R], count: int
) -> Iterator[Callable[[Iterator[T]], Iterator[R]]]:
    """Within the block, what maps a function by a worker a core of the cluster; by this process for ``count`` 1."""
    if count <= 1:
        yield lambda items: map(function, items)
        return
    with Pool(Maps(function), max(1, sum(cluster.cores)), progress) as pool:
        yield lambda items: pool.map(items, lambda _: "a chunk of the corpora")
        pool.warn()
