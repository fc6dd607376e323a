"""Work in other processes: each gets the function once, then its share of the items; results come in their order.

The processes are fresh ones of this same Python, not forks: threads and locks of the parent stay in the parent. They
import nothing from the current folder and hear no Ctrl-C. A socket ties each to the parent, and when it reads the end
of that, it ends at once: so none outlives the parent, however that ends. Knows nothing of the work.
"""

import os
import signal
import socket
import subprocess
import sys
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from itertools import cycle
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any, Protocol, TypeVar, cast

from nmt.errors import BusyError
from nmt.text.ahead import heard

T = TypeVar("T")
R = TypeVar("R")

AHEAD = 2  # items that a process has: the one it works on, and the next
PROGRAM = "import sys; sys.path.append(sys.argv.pop(1)); from nmt.text.processes import serve; serve(int(sys.argv[1]))"
# A process a core: the threads of libraries on top of that would only wait for each other.
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class Spread(Protocol):
    """A way to map a function over items by several workers, within a block.

    Results come in the order of the items, and so do the exceptions of the function. Function, items and results must
    be picklable. ``in_processes``, given a count, is such a way.
    """

    def __call__(
        self, function: Callable[[T], R], /
    ) -> AbstractContextManager[Callable[[Iterator[T]], Iterator[R]]]: ...


@contextmanager
def in_processes(function: Callable[[T], R], count: int) -> Iterator[Callable[[Iterator[T]], Iterator[R]]]:
    """Within the block, what it yields maps ``function`` over items, by ``count`` processes; by this one if 1.

    At most ``AHEAD`` items a process are on their way. Function, items and results must be picklable. Exceptions of the
    function are raised in the order of the items; BusyError when a process was killed.
    """
    if count <= 1:
        yield lambda items: map(function, items)
        return
    with _started(count) as workers:
        _hand_out(workers, function)
        yield lambda items: _spread(workers, items)


def apart(function: Callable[[], R], tick: Callable[[], object]) -> R:
    """Call the function in another process, with whose end its memory is free; ``tick`` is called once a second.

    Raises what the function raises, and BusyError when the process was killed.
    """
    with _started(1) as workers:
        _hand_out(workers, _call)
        return heard(lambda: cast(R, next(_spread(workers, iter([function])))), tick)


def _call(function: Callable[[], R]) -> R:
    return function()


@contextmanager
def _started(count: int) -> Iterator["list[_Worker]"]:
    # Writing to a process that was killed sends SIGPIPE, which ends commands; in this thread it is an error instead.
    sender = ThreadPoolExecutor(1, initializer=signal.pthread_sigmask, initargs=(signal.SIG_BLOCK, {signal.SIGPIPE}))
    workers: list[_Worker] = []
    try:
        workers += [_Worker(sender) for _ in range(count)]
        yield workers
    finally:
        for worker in workers:
            worker.process.kill()
        sender.shutdown(cancel_futures=True)
        for worker in workers:
            worker.close()


def _hand_out(workers: "list[_Worker]", function: Callable[[Any], Any]) -> None:
    pickled = ForkingPickler.dumps(function)
    for worker in workers:
        worker.send(lambda: pickled)
    for worker in workers:
        worker.wait_for_sending()


def _spread(workers: "list[_Worker]", items: Iterator[Any]) -> Iterator[Any]:
    waiting: deque[_Worker] = deque()
    for worker, item in zip(cycle(workers), items, strict=False):
        if len(waiting) == AHEAD * len(workers):
            yield waiting.popleft().receive()
        worker.send(partial(ForkingPickler.dumps, item))
        waiting.append(worker)
    while waiting:
        yield waiting.popleft().receive()


class _Worker:
    """A process as its parent sees it."""

    def __init__(self, sender: ThreadPoolExecutor) -> None:
        ours, theirs = socket.socketpair()
        place = str(Path(__file__).absolute().parents[2])
        with ours, theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-c", PROGRAM, place, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={**os.environ, **ONE_THREAD},
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
            self._connection = Connection(ours.detach())
        self._sender = sender
        self._sent: deque[Future[None]] = deque()

    def send(self, pickled: Callable[[], Any]) -> None:
        """Pickle something, and send it, in the sender's thread."""
        self._sent.append(self._sender.submit(lambda: self._connection.send_bytes(pickled())))

    def receive(self) -> Any:
        """Wait for the result of the oldest item that was sent."""
        self.wait_for_sending()
        try:
            done, value = self._connection.recv()
        except (EOFError, OSError):
            raise self._ended() from None
        if not done:
            raise value
        return value

    def wait_for_sending(self) -> None:
        """Wait until the oldest thing that was to be sent is sent; raise what went wrong."""
        try:
            self._sent.popleft().result()
        except OSError:
            raise self._ended() from None

    def _ended(self) -> BusyError:
        code = self.process.wait()
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return BusyError(
            f"a worker process ended by {how}, perhaps for lack of memory",
            "give the same command again, or with fewer `workers`",
        )

    def close(self) -> None:
        self._connection.close()
        self.process.wait()


def serve(descriptor: int) -> None:
    """The whole life of a process: the function comes by the socket, then items, for which it sends results."""
    connection = Connection(descriptor)
    arrived: SimpleQueue[bytes] = SimpleQueue()
    Thread(target=_receive, args=(connection, arrived), daemon=True).start()
    function: Callable[[Any], Any] | None = None
    while True:
        try:
            value = ForkingPickler.loads(arrived.get())
            if function is None:
                function = value
                continue
            answer = True, function(value)
        except Exception as error:
            error.add_note(traceback.format_exc())  # the traceback itself cannot be sent
            answer = False, error
        try:
            connection.send(answer)
        except OSError:
            os._exit(0)


def _receive(connection: "Connection[Any, Any]", arrived: "SimpleQueue[bytes]") -> None:
    """Take what arrives while the process works; end the process when the parent has ended."""
    try:
        while True:
            arrived.put(connection.recv_bytes())
    except (EOFError, OSError):
        os._exit(0)
