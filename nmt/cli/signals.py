"""Signals that end a program: catching them, and dying by them. Knows no work that has to be saved."""

import os
import signal
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE)


def catch_signals(handler: Callable[[int, FrameType | None], None]) -> None:
    """Call ``handler`` for the signals that end a program, except those that nohup or a shell set to be ignored.

    SIGPIPE is always caught: Python ignores it, but `| head` should end nmt as it ends cat.
    """
    for number in ENDING:
        if number == signal.SIGPIPE or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)


def second_ends_at_once() -> None:
    """Let the next signal end the process, for whoever does not want to wait until the work is saved."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def die_by(number: int) -> NoReturn:
    """End this process by the signal itself, so that shells and Make see it."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    raise SystemExit(128 + number)
