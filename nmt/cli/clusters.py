"""``--cluster``: what does the work of a command, in this process or on a Ray cluster. Knows no work."""

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nmt.scoring.evaluate import Load
    from nmt.text.processes import Spread
    from nmt.text.progress import Progress


def spreading(cluster: str | None, stack: ExitStack, progress: "Progress") -> "Spread":
    """How chunks are spread: over processes here, or over a cluster that is joined until the ``stack`` is closed."""
    from nmt.text.processes import in_processes

    if cluster is None:
        return in_processes
    from nmt.spread.mapped import spread_over

    return stack.enter_context(spread_over(cluster, progress))


def loader(cluster: str | None, stack: ExitStack) -> "Load":
    """What loads models: in this process, or on a cluster that is joined until the ``stack`` is closed."""
    from nmt.scoring.evaluate import load_here

    if cluster is None:
        return load_here
    from nmt.spread.cluster import joined
    from nmt.spread.translators import translators

    return partial(translators, stack.enter_context(joined(cluster)))
