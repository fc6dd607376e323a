"""A process that has imported PyTorch once, and forks for each command, which spares 1.5 s of processor time each.

What it forks is the program with its own arguments, folder, environment and streams. Three things differ from a fresh
start: all modules are there, with what they have read of their own files; sets have one order in all commands of a
process, so ``conftest.nmt`` takes two in turn; and modules are not taken apart at the end. Tests of how the program
starts start it (``conftest.started``).
"""

import atexit
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import IO, Any, NoReturn, Self

Stream = IO[Any] | int | None

PROGRAM = Path(sys.executable).with_name("nmt")
LONGEST = 1 << 17  # bytes of a request: arguments and environment

# What commands import when they need it. A library that is not installed is not there for them either.
LATER = (
    *("ctranslate2.specs", "filelock", "ftfy", "lxml.etree", "nmt.cli.monitor", "nmt.corpus.prepare"),
    *("nmt.decoding.engines.ctranslate2", "nmt.decoding.engines.pytorch", "nmt.decoding.plan", "nmt.disk.outputs"),
    *("nmt.scoring.evaluate", "nmt.show.about", "nmt.store.remote", "nmt.training.opening", "nmt.training.run"),
    *("rich.progress", "sacrebleu.tokenizers.tokenizer_13a", "safetensors.torch", "sentencepiece", "tomli_w"),
    *("torch._dynamo", "typer.rich_utils", "wcwidth"),
)


class Forked:
    """A command that a ``Warm`` has forked: what tests need of ``subprocess.Popen``."""

    def __init__(self, arguments: list[str], channel: socket.socket, own: list[IO[Any] | None]) -> None:
        self.args, self.channel = arguments, channel
        self.stdin, self.stdout, self.stderr = own
        self.returncode: int | None = None
        self.pid = self._answer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for stream in (self.stdout, self.stderr, self.stdin):
            if stream:
                with suppress(BrokenPipeError):
                    stream.close()
        self.wait()

    def _answer(self) -> int:
        """The next number that the process that forks says."""
        if not (answer := self.channel.recv(64)):
            raise RuntimeError("the process that forks has ended")
        return int(answer)

    def poll(self) -> int | None:
        """The exit code, or None while the command runs."""
        if self.returncode is None and select.select([self.channel], [], [], 0)[0]:
            self.returncode = self._answer()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code."""
        if self.returncode is None:
            if not select.select([self.channel], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            self.returncode = self._answer()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal to the command while it runs."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, typed: Any = None, timeout: float | None = None) -> tuple[Any, Any]:
        """Type in what is given; what the command has written to its pipes when it has ended."""
        found: list[Any] = [None, None]

        def collect(place: int, stream: IO[Any]) -> None:
            with stream:
                found[place] = stream.read()

        def type_in(stream: IO[Any]) -> None:
            with suppress(BrokenPipeError), stream:
                if typed is not None:
                    stream.write(typed)

        works = [(collect, (place, pipe)) for place, pipe in enumerate((self.stdout, self.stderr)) if pipe]
        works += [(type_in, (self.stdin,))] if self.stdin else []  # type: ignore[list-item]
        threads = [threading.Thread(target=work, args=given, daemon=True) for work, given in works]
        for thread in threads:
            thread.start()
        end = None if timeout is None else time.monotonic() + timeout
        self.wait(timeout)
        for thread in threads:
            thread.join(None if end is None else max(0.0, end - time.monotonic()))
            if thread.is_alive():  # what the command has started holds its streams open
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return found[0], found[1]


class Warm:
    """Commands of one process of tests, one after another."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            # Streams that are pipes, as they will be; nothing is read or written before a fork.
            self.server = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=[theirs.fileno()],
                env=environment,
                cwd="/",
            )
        self.last: Forked | None = None

    @property
    def is_free(self) -> bool:
        """Whether its last command has ended."""
        return self.last is None or self.last.poll() is not None

    def begin(
        self,
        arguments: list[str],
        environment: dict[str, str],
        cwd: Path | None = None,
        streams: Sequence[Stream] = (None, None, None),
        encoding: str | None = None,
        code: str = "",
    ) -> Forked:
        """As ``Popen([PROGRAM, *arguments], …)``; with ``code`` as ``Popen([sys.executable, "-c", code, *arguments])``.

        What the code changes of nmt, it changes in modules that are all imported.
        """
        assert self.is_free
        theirs, own = list[int](), list[IO[Any] | None]()
        for place, stream in enumerate(streams):
            own.append(None)
            if stream == subprocess.PIPE:
                ends = os.pipe()
                theirs.append(ends[bool(place)])
                mode = ("r" if place else "w") + ("" if encoding else "b")
                own[place] = open(ends[not place], mode, encoding=encoding)  # noqa: SIM115  # the caller closes it
            elif stream == subprocess.DEVNULL:
                theirs.append(os.open(os.devnull, os.O_RDWR))
            else:
                stream = place if stream is None else stream
                theirs.append(os.dup(stream if isinstance(stream, int) else stream.fileno()))
        socket.send_fds(
            self.channel, [json.dumps([code, arguments, str(cwd or Path.cwd()), environment]).encode()], theirs
        )
        for descriptor in theirs:
            os.close(descriptor)
        self.last = Forked(arguments, self.channel, own)
        return self.last

    def run(
        self,
        arguments: list[str],
        environment: dict[str, str],
        timeout: float | None,
        cwd: Path | None = None,
        input: str | None = None,
        stdin: Stream = None,
        code: str = "",
    ) -> subprocess.CompletedProcess[str]:
        """As ``subprocess.run([PROGRAM, *arguments], capture_output=True)``."""
        given = subprocess.PIPE if input is not None else subprocess.DEVNULL if stdin is None else stdin
        streams = (given, subprocess.PIPE, subprocess.PIPE)
        with self.begin(arguments, environment, cwd, streams, "utf-8", code) as process:
            try:
                found = process.communicate(input, timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return subprocess.CompletedProcess(arguments, process.wait(), *found)

    def close(self) -> None:
        """End the process that forks."""
        self.channel.close()
        self.server.communicate()


def serve(channel: socket.socket) -> tuple[str, list[str], str, dict[str, str], list[int]]:
    """Answer requests until the channel is closed; in a process that is forked for one, return it."""
    while True:
        message, descriptors, _, _ = socket.recv_fds(channel, LONGEST, 3)
        if not message:
            os._exit(0)
        child = os.fork()
        if not child:
            channel.close()
            return (*json.loads(message), descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        channel.sendall(str(child).encode())
        channel.sendall(str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])).encode())


def quit_with(code: int) -> NoReturn:
    """End as Python does, except that modules are not taken apart: that copies what is shared, for 0.2 s."""
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


if __name__ == "__main__":
    from nmt.cli import main

    for name in LATER:
        with suppress(ImportError):
            import_module(name)
    from nmt.corpus.rules.languages import known_as
    from nmt.text.languages import language_name

    known_as("en"), language_name("en")  # read tables that take half a second
    assert threading.active_count() == 1, "a process that forks must have one thread"
    gc.freeze()  # what is shared is not looked through, and so copied, at the end of each command
    code, arguments, folder, environment, streams = serve(socket.socket(fileno=int(sys.argv[1])))
    for place, descriptor in enumerate(streams):
        os.dup2(descriptor, place)
        os.close(descriptor)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["-c" if code else str(PROGRAM), *arguments]
    sys.modules["__main__"].__file__ = str(PROGRAM)  # processes that the command starts import this, as a script does
    try:
        exec(code, {"__name__": "__main__"}) if code else main()
    except SystemExit as end:
        quit_with(end.code if isinstance(end.code, int) else 1)
