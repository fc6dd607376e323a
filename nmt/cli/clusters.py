"""``--cluster``: what does the work of a command, in this process or on a Ray cluster. Knows no work.

A cluster is joined when it is first wanted: what can be refused is refused before.
"""

from collections.abc import Callable
from contextlib import ExitStack
from functools import cache, partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nmt.decoding.local import Load
    from nmt.spread.cluster import Cluster
    from nmt.text.processes import Spread
    from nmt.text.progress import Progress


def joining(cluster: str, stack: ExitStack) -> "Callable[[], Cluster]":
    """What joins the cluster at an address, once, until the ``stack`` is closed."""
    from nmt.spread.cluster import joined

    return cache(lambda: stack.enter_context(joined(cluster)))


def spreading(cluster: str | None, stack: ExitStack, progress: "Progress") -> "Spread | None":
    """How chunks are spread over a cluster; None without one."""
    if cluster is None:
        return None
    from nmt.spread.mapped import by_workers

    return partial(by_workers, joining(cluster, stack), progress)


def loader(cluster: str | None, stack: ExitStack) -> "Load":
    """What loads models to translate with: in this process, or on a cluster."""
    from nmt.decoding.local import load_here

    if cluster is None:
        return load_here
    from nmt.spread.translators import translators

    join = joining(cluster, stack)

    def load(*given: Any) -> Any:
        return translators(join(), *given)

    return load
