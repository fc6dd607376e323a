"""Work done beforehand in a thread: reading while others compute. Knows nothing of what is made."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
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
