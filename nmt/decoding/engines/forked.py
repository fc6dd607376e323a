"""Renewal after a fork: a child has none of its parent's threads, so waiting for one would never end.

Knows no engine; engines register themselves.
"""

import ctypes
import os
from typing import Protocol
from weakref import WeakSet


class Forkable(Protocol):
    """What has threads, or locks that threads may hold."""

    def after_fork(self) -> None:
        """Forget everything that has threads. Called first in each child, while no other thread runs."""


_alive: "WeakSet[Forkable]" = WeakSet()


def tell_of_forks(engine: Forkable) -> None:
    """Call the engine's ``after_fork`` in every child that is forked while the engine lives."""
    _alive.add(engine)


def never_delete(thing: object) -> None:
    """Keep ``thing`` even when the process ends: its destructor would wait for threads that do not exist here."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


def _in_the_child() -> None:
    for engine in list(_alive):
        engine.after_fork()


if hasattr(os, "register_at_fork"):  # where there is no fork, there is no child of it
    os.register_at_fork(after_in_child=_in_the_child)
