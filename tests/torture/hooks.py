"""Hooks into the program, set in a forked child: an action at the nth call of a function, or another function.

The program has no code for this: trials name functions of nmt. A name that no longer exists is an error, so that a
renamed function cannot make a test empty.
"""

import functools
import inspect
import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

Action = Callable[[], object]


def before(target: str, call: int, action: Action) -> None:
    """Call ``action`` when the function ``target`` is entered for the ``call``-th time."""
    _count(target, call, action, lambda: None)


def after(target: str, call: int, action: Action) -> None:
    """Call ``action`` when the ``call``-th call of the function ``target`` has returned."""
    _count(target, call, lambda: None, action)


def replace(target: str, make: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Put ``make(function)`` where the function ``target`` was: "module:name", or "module:Class.name".

    A module's function is replaced under every name that nmt's modules imported it by.
    """
    module_name, _, path = target.partition(":")
    owner: Any = import_module(module_name)
    *outer, name = path.split(".")
    for part in outer:
        owner = getattr(owner, part)
    original = inspect.getattr_static(owner, name)
    if isinstance(original, classmethod):
        setattr(owner, name, classmethod(make(original.__func__)))
        return
    made = make(original)
    setattr(owner, name, made)
    if inspect.ismodule(owner):
        for module in [module for key, module in sys.modules.items() if key.partition(".")[0] == "nmt"]:
            for alias in [alias for alias, value in vars(module).items() if value is original]:
                setattr(module, alias, made)


def _count(target: str, call: int, entering: Action, leaving: Action) -> None:
    calls = 0

    def make(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def counted(*arguments: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            due = calls == call
            if due:
                entering()
            result = function(*arguments, **options)
            if due:
                leaving()
            return result

        return counted

    replace(target, make)


def stop_here() -> None:
    """Stop this process until another process continues it."""
    os.kill(os.getpid(), signal.SIGSTOP)


def die_here() -> None:
    """End this process at once, as a power cut does."""
    os.kill(os.getpid(), signal.SIGKILL)
