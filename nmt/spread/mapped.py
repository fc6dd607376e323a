"""Functions mapped over items by the workers of a cluster, as ``nmt.text.processes`` does it by processes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from nmt.corpus.means import versions
from nmt.spread.cluster import Cluster
from nmt.spread.pool import About, Pool
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
def by_workers(
    join: Callable[[], Cluster], progress: Progress, function: Callable[[T], R], /
) -> Iterator[Callable[[Iterator[T]], Iterator[R]]]:
    """Within the block, what maps a function by a worker on each core of a cluster; see ``Spread``."""
    work = Maps(function)
    with Pool(work, max(1, sum(join().cores)), progress, driver=work.begin()) as pool:
        yield lambda items: pool.map(items, lambda _: "a chunk of the corpora")
        pool.warn()
