"""Runs the program in forked children: thousands of times, with PyTorch imported once.

A child is like a fresh process whose imports are done: it has its own streams, default signal handlers and no exit
handlers of the tests. Knows nothing about trials. Linux only.
"""

import ctypes
import gc
import io
import json
import os
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import NoReturn

_DIE_WITH_PARENT = 1
LONGEST = 300  # seconds that a child may live: what hangs is ended by SIGALRM

Work = Callable[[], object]


def nothing() -> None:
    """A preparation that does nothing."""


@dataclass(frozen=True)
class Ended:
    """The exit of a child, and its output."""

    code: int  # exit code; minus the number of the signal that ended it
    output: str
    errors: str
    seconds: float
    memory: int  # bytes at its largest

    def __str__(self) -> str:
        lines = self.errors.splitlines()
        return f"it ended with {self.code} and said {lines[-3:]}" if lines else f"it ended with {self.code}"


@dataclass(frozen=True)
class Setting:
    """The environment of a child; ``limits`` are resource limits (soft and hard) by their number."""

    folder: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[int, int] = field(default_factory=dict)
    longest: int = LONGEST  # seconds; 0: it may take its time


AS_IT_IS = Setting()


class Child:
    """A running child. Each must be waited for, or it becomes a zombie."""

    def __init__(self, pid: int, streams: tuple[int, int]) -> None:
        self.pid = pid
        self.started = time.monotonic()
        self.handle = os.pidfd_open(pid)
        self._streams = streams
        self._ended: Ended | None = None

    def ended_within(self, seconds: float) -> bool:
        """Wait for at most this many seconds; return whether the child has ended."""
        poll = select.poll()
        poll.register(self.handle, select.POLLIN)
        return bool(poll.poll(1000 * seconds))

    def last_line(self) -> str:
        """The last line that the child has written to standard output so far."""
        size = os.fstat(self._streams[0]).st_size
        lines = os.pread(self._streams[0], 200, max(0, size - 200)).decode("utf-8", "replace").splitlines()
        return lines[-1] if lines else ""

    def stopped(self) -> bool:
        """Wait until the child stops itself (True) or ends (False)."""
        state = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WSTOPPED | os.WNOWAIT)
        return state is not None and state.si_code == os.CLD_STOPPED

    def send(self, number: int) -> None:
        if not self._ended:  # or its number may be another process's
            os.kill(self.pid, number)

    def wait(self) -> Ended:
        if not self._ended:
            _, status, usage = os.wait4(self.pid, 0)
            seconds = time.monotonic() - self.started
            os.close(self.handle)
            output, errors = map(_drained, self._streams)
            code = os.waitstatus_to_exitcode(status)
            self._ended = Ended(code, output, errors, seconds, 1024 * usage.ru_maxrss)
        return self._ended

    def end(self) -> None:
        """Kill the child."""
        self.send(signal.SIGKILL)
        self.wait()


def start(work: Work, setting: Setting = AS_IT_IS) -> Child:
    """Fork a child that does the work and exits as a program does: with SystemExit's code, 0, or 1 and a traceback."""
    # Of memory, so that no full disk is in the way of what it says.
    streams = os.memfd_create("stdout"), os.memfd_create("stderr")
    for stream in (sys.stdout, sys.stderr):
        stream.flush()  # or the child has our words too
    pid = os.fork()
    if pid == 0:
        _live(work, setting, streams)
    return Child(pid, streams)


def run(work: Work, setting: Setting = AS_IT_IS) -> Ended:
    """Start a child and wait for its end."""
    return start(work, setting).wait()


def program(*arguments: str | Path, prepare: Callable[[], None] = nothing) -> Work:
    """The work of running a command line; the child calls ``prepare`` first."""

    def work() -> None:
        from nmt.cli import main

        prepare()
        sys.argv = ["nmt", *map(str, arguments)]
        main()

    return work


def import_what_it_imports(*works: Work) -> list[Ended]:
    """Import in this process the modules that each of the works imports, so that later children need not.

    The works run in children here, because after a process has computed gradients, its children cannot.
    """
    done = []
    for work in works:

        def told(work: Work = work) -> None:
            try:
                work()
            finally:
                sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), encoding="utf-8")
                print("\n" + json.dumps(list(sys.modules)), end="")

        done.append(run(told))
        for name in json.loads(done[-1].output.rpartition("\n")[2]):
            if name not in sys.modules and not name.startswith("__"):
                with suppress(Exception):  # modules that only their maker can make
                    import_module(name)
    assert len(os.listdir("/proc/self/task")) == 1, "a process that forks must have one thread"
    gc.collect()
    gc.freeze()  # the pages of what is there already stay shared with the children
    return done


def _live(work: Work, setting: Setting, streams: tuple[int, int]) -> NoReturn:
    code = 1
    try:
        _become_fresh(setting, streams)
        code = _exit_code(work)
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):
                stream.flush()
        os._exit(code)


def _become_fresh(setting: Setting, streams: tuple[int, int]) -> None:
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    signal.alarm(setting.longest)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # as Python has it
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    null = os.open(os.devnull, os.O_RDONLY)
    for standard, descriptor in enumerate((null, *streams)):
        os.dup2(descriptor, standard)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  # open as long as we live
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
    if setting.folder:
        os.chdir(setting.folder)
    os.environ.update(setting.environment)
    for limit, value in setting.limits.items():
        resource.setrlimit(limit, (value, value))


def _exit_code(work: Work) -> int:
    try:
        work()
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    return 0


def _drained(stream: int) -> str:
    size = os.fstat(stream).st_size
    data = os.pread(stream, size, 0)
    os.close(stream)
    return data.decode("utf-8", "backslashreplace")
