"""Signals that end a program: catching them, and dying by them as a process does that never caught one."""

import os
import signal
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE)


def catch_signals(handler: Callable[[int, FrameType | None], None]) -> None:
    """Have ``handler`` called for the signals that end a program, except those that nohup or a shell made us ignore.

    SIGPIPE is caught whatever it was: Python itself ignores it, but `| head` should end us as it ends cat.
    """
    for number in ENDING:
        if number == signal.SIGPIPE or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)


def die_by(number: int) -> NoReturn:
    """End by the signal, so that shells and Make see it."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    raise SystemExit(128 + number)
