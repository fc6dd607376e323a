"""What a forked child makes anew: it has none of its parent's threads, and whoever waits for one waits for ever."""

import ctypes
import os
from typing import Protocol
from weakref import WeakSet


class Forkable(Protocol):
    def after_fork(self) -> None:
        """Called in each child, before anything else: forget all that has threads. No other thread runs yet."""


_alive: "WeakSet[Forkable]" = WeakSet()


def tell_of_forks(engine: Forkable) -> None:
    """Call the ``after_fork`` of an engine in every child that is forked while it lives."""
    _alive.add(engine)


def never_delete(thing: object) -> None:
    """Keep ``thing`` even when the process ends: its destructor would wait for threads that are not there."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


def _in_the_child() -> None:
    for engine in list(_alive):
        engine.after_fork()


if hasattr(os, "register_at_fork"):  # where there is no fork, there is no child of it
    os.register_at_fork(after_in_child=_in_the_child)
