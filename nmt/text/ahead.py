"""Work in another thread: computing items ahead, and staying responsive to signals. Knows nothing of the work."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Thread
from typing import TypeVar, cast

T = TypeVar("T")


def ahead(items: Iterator[T], count: int = 2) -> Iterator[T]:
    """Yield the same items, computing up to ``count`` of them ahead in a thread. Errors are raised in item order."""
    end = object()
    with ThreadPoolExecutor(1) as thread:
        waiting = deque(thread.submit(next, items, end) for _ in range(count))
        while (item := waiting.popleft().result()) is not end:
            waiting.append(thread.submit(next, items, end))
            yield cast("T", item)


def heard(work: Callable[[], T], tick: Callable[[], object]) -> T:
    """Run ``work`` in a thread, return or raise its result, and call ``tick`` once a second meanwhile.

    For a long call into C++, during which Python handles no signal in the calling thread.
    """
    result: Future[T] = Future()

    def run() -> None:
        try:
            result.set_result(work())
        except BaseException as error:
            result.set_exception(error)

    # A daemon thread, so that a process that exits does not wait for it.
    Thread(target=run, daemon=True).start()
    while not wait([result], timeout=1.0).done:
        tick()
    return result.result()
