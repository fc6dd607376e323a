"""Work done in a thread: beforehand, while others compute, or so that signals are heard. Knows nothing of the work."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Thread
from typing import TypeVar, cast

T = TypeVar("T")


def ahead(items: Iterator[T], count: int = 2) -> Iterator[T]:
    """The same items, ``count`` of them made in a thread beforehand; raises what making one raises, in its place."""
    end = object()
    with ThreadPoolExecutor(1) as thread:
        waiting = deque(thread.submit(next, items, end) for _ in range(count))
        while (item := waiting.popleft().result()) is not end:
            waiting.append(thread.submit(next, items, end))
            yield cast("T", item)


def heard(work: Callable[[], T], tick: Callable[[], object]) -> T:
    """What ``work`` returns or raises, done in a thread, while this one calls ``tick`` once a second.

    For a long call into C++, during which Python handles no signal in the thread that made it.
    """
    result: Future[T] = Future()

    def run() -> None:
        try:
            result.set_result(work())
        except BaseException as error:
            result.set_exception(error)

    # A daemon: a process that is to end does not wait for it.
    Thread(target=run, daemon=True).start()
    while not wait([result], timeout=1.0).done:
        tick()
    return result.result()
