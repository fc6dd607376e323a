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
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import BinaryIO, NoReturn

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
        self.turn = threading.Lock()

    def run(
        self,
        arguments: list[str],
        environment: dict[str, str],
        timeout: float,
        cwd: Path | None = None,
        input: str | None = None,
        stdin: BinaryIO | int | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """As ``subprocess.run([PROGRAM, *arguments], capture_output=True)``."""
        where = str(cwd or Path.cwd())
        request = json.dumps([arguments, where, environment]).encode()
        read = [os.pipe() for _ in range(2)]
        typed = -1
        if input is not None:
            given, typed = os.pipe()
        elif stdin is None or isinstance(stdin, int):
            given = os.open(os.devnull, os.O_RDONLY)
        else:
            given = os.dup(stdin.fileno())
        theirs = [given, *(write for _, write in read)]
        found: list[bytes] = [b"", b""]

        def collect(place: int) -> None:
            with open(read[place][0], "rb") as file:
                found[place] = file.read()

        def type_in() -> None:
            if input is not None:
                with suppress(BrokenPipeError), open(typed, "wb") as file:
                    file.write(input.encode())

        with self.turn:
            socket.send_fds(self.channel, [request], theirs)
            for descriptor in theirs:
                os.close(descriptor)
            child = self._answer()
            threads = [threading.Thread(target=collect, args=(place,), daemon=True) for place in range(2)]
            threads.append(threading.Thread(target=type_in, daemon=True))
            for thread in threads:
                thread.start()
            end = time.monotonic() + timeout
            self.channel.settimeout(timeout)
            try:
                code = self._answer()
            except TimeoutError:
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
                self.channel.settimeout(None)
                self._answer()
                raise subprocess.TimeoutExpired(arguments, timeout) from None
            finally:
                self.channel.settimeout(None)
            for thread in threads:
                thread.join(max(0.0, end - time.monotonic()))
                if thread.is_alive():  # what the command has started holds its streams open
                    raise subprocess.TimeoutExpired(arguments, timeout)
        return subprocess.CompletedProcess(arguments, code, found[0].decode(), found[1].decode())

    def _answer(self) -> int:
        """The next number that the process says."""
        if not (answer := self.channel.recv(64)):
            raise RuntimeError(f"the process that forks has ended: {self.server.communicate()[1].decode()}")
        return int(answer)

    def close(self) -> None:
        """End the process that forks."""
        self.channel.close()
        self.server.communicate()


def serve(channel: socket.socket) -> tuple[list[str], str, dict[str, str], list[int]]:
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
    arguments, folder, environment, streams = serve(socket.socket(fileno=int(sys.argv[1])))
    for place, descriptor in enumerate(streams):
        os.dup2(descriptor, place)
        os.close(descriptor)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [str(PROGRAM), *arguments]
    sys.modules["__main__"].__file__ = str(PROGRAM)  # processes that the command starts import this, as a script does
    try:
        main()
    except SystemExit as end:
        quit_with(end.code if isinstance(end.code, int) else 1)
