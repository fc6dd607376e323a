"""strace on a part of a child's work: records its system calls, and injects faults.

Knows calls and paths; nothing of their purpose.
"""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from .area import Failed, Skipped
from .forked import Child, Ended, Work, start
from .hooks import after, before, stop_here

# Everything that changes what is on a disk. A question mark: where the machine has that call.
OPEN = ("?open", "openat", "?creat")
WRITE = ("write", "pwrite64", "writev", "?pwritev", "?copy_file_range", "?sendfile", "ftruncate", "?fallocate")
SYNC = ("fsync", "fdatasync")
NAME = ("?rename", "renameat", "?renameat2", "?link", "linkat", "?mkdir", "mkdirat")
REMOVE = ("?unlink", "unlinkat", "?rmdir")
CALLS = (*OPEN, *WRITE, *SYNC, *NAME, *REMOVE)
BEGIN, END = "/torture-begins", "/torture-ends"  # files that nobody has, opened to mark the trace

_LINE = re.compile(r"(\d+) +(\w+)\((.*?)(?:\) += (-?\d+|\?)(.*)| <unfinished \.\.\.>)$")
_OPENED = re.compile("<(/.*)>")
_BY_DESCRIPTOR = re.compile("/proc/self/fd/([0-9]+)")


@dataclass(frozen=True)
class Call:
    """A system call of the process's main thread."""

    name: str
    occurrence: int  # among its calls of that name, since strace was there; from 1
    arguments: str  # as strace prints them, descriptors with their paths
    result: str

    @property
    def failed(self) -> bool:
        return self.result.startswith("-")

    def __str__(self) -> str:
        return f"{self.name}({self.arguments})"


@dataclass(frozen=True)
class Window:
    """The traced part of a child's work: from the call of one function of nmt to the return of another."""

    begin: tuple[str, int]
    end: tuple[str, int]

    def hook(self) -> None:
        """Set hooks in the child: stop at the start of the window, and mark its end."""
        before(*self.begin, _begins)
        after(*self.end, lambda: _mark(END))


@contextmanager
def attached(child: Child, trace: Path, inject: str = "") -> Iterator[None]:
    """Attach strace to a child that has stopped itself, and continue it in the block. Raises Skipped."""
    command = ["strace", "-f", "-y", "-s", "0", "-p", str(child.pid), "-o", str(trace)]
    command += ["-e", f"trace={','.join(CALLS)}"]
    if inject:
        command += ["-e", f"inject={inject}"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, encoding="utf-8") as tracer:
        assert tracer.stderr
        said = tracer.stderr.readline()
        if "attached" not in said:
            child.end()
            raise Skipped(f"strace cannot trace: {said.strip()}")
        child.send(signal.SIGCONT)
        yield
        tracer.stderr.read()


def require_strace() -> None:
    """Raise Skipped if strace is not installed."""
    if not shutil.which("strace"):
        raise Skipped("strace is not installed")


def watched(work: Work, window: Window, workplace: Path) -> list[Call]:
    """The system calls of the work in the window. Raises Failed if it does not reach it or does not succeed."""
    require_strace()
    trace = workplace / "trace"
    child = start(_hooked(work, window))
    if not child.stopped():
        raise Failed(f"{window.begin[0]} was not called: {child.wait()}")
    with attached(child, trace):
        ended = child.wait()
    if ended.code:
        raise Failed(f"watched by strace, {ended}")
    calls = list(parsed(trace.read_text(encoding="utf-8", errors="backslashreplace"), child.pid))
    marks = [index for index, call in enumerate(calls) if END in call.arguments]
    if not marks:
        raise Failed(f"{window.end[0]} did not return")
    return [call for call in calls[: marks[0]] if BEGIN not in call.arguments]


def injected(work: Work, window: Window, call: Call, fault: str, workplace: Path) -> Ended:
    """Do the work with a fault injected at one of its system calls in the window.

    ``fault`` is in strace's words: "signal=KILL" before the call, say, or "error=ENOSPC" instead of it.
    """
    child = start(_hooked(work, window))
    if not child.stopped():
        raise Failed(f"{window.begin[0]} was not called: {child.wait()}")
    with attached(child, workplace / "trace", f"{call.name}:{fault}:when={call.occurrence}"):
        return child.wait()


def _hooked(work: Work, window: Window) -> Work:
    def hooked() -> None:
        window.hook()
        work()

    return hooked


def _begins() -> None:
    stop_here()
    _mark(BEGIN)


def _mark(path: str) -> None:
    with suppress(FileNotFoundError):
        os.close(os.open(path, os.O_RDONLY))


def parsed(trace: str, process: int) -> Iterator[Call]:
    """Parse strace's output: the calls of the main thread, with descriptors resolved to paths."""
    counts: dict[str, int] = {}
    opened: dict[str, str] = {}
    for line in trace.splitlines():
        parts = _LINE.match(line)
        if parts and int(parts[1]) == process:
            name = parts[2]
            counts[name] = counts.get(name, 0) + 1
            arguments = _BY_DESCRIPTOR.sub(lambda path: opened.get(path[1], path[0]), parts[3])
            yield Call(name, counts[name], arguments, parts[4] or "?")
            if is_open := _OPENED.match(parts[5] or ""):
                opened[parts[4]] = is_open[1]
