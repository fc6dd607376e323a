"""Batches of a token budget, worked on by several threads, and halved where memory is short. Knows no engine.

The longest items come first, so that a lack of memory shows early.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from typing import Protocol, TypeVar

from nmt.errors import BusyError
from nmt.text.progress import Progress


class Item(Protocol):
    """What batches are made of."""

    @property
    def width(self) -> int:
        """Tokens of the item; a batch is padded to its widest one."""


AnyItem = TypeVar("AnyItem", bound=Item)
Result = TypeVar("Result")


class Batches:
    """Works on items in batches of at most ``batch_tokens`` padded tokens, ``workers`` batches at once."""

    def __init__(self, batch_tokens: int, workers: int) -> None:
        self.batch_tokens = batch_tokens
        self.workers = workers
        self._warned = False

    def run(
        self,
        items: Sequence[AnyItem],
        work: Callable[[list[AnyItem]], list[Result]],
        alone: Callable[[AnyItem], BusyError],
        progress: Progress,
    ) -> Iterator[tuple[list[AnyItem], list[Result]]]:
        """Each batch with its results, as they are done.

        If ``work`` raises BusyError, its batch and all that follow are halved. Raises the error that ``alone`` makes of
        an item that does not fit into memory even alone.
        """

        def attempt(batch: list[AnyItem]) -> list[Result] | None:
            with suppress(BusyError):
                return work(batch)
            return None

        left = sorted(items, key=lambda item: -item.width)
        budget = self.batch_tokens
        with ExitStack() as stack:
            mapped: Callable[..., Iterable[list[Result] | None]] = map
            if self.workers > 1:
                pool = ThreadPoolExecutor(self.workers)
                stack.callback(pool.shutdown, cancel_futures=True)
                mapped = pool.map
            while left:
                batches = list(cut_batches(left, budget))
                for batch, results in zip(batches, mapped(attempt, batches), strict=True):
                    if results is None:
                        if len(batch) == 1:
                            raise alone(batch[0])
                        budget = self._halved(batch, progress)
                        break
                    left = left[len(batch) :]
                    yield batch, results

    def _halved(self, batch: Sequence[Item], progress: Progress) -> int:
        """The budget of half the batch."""
        budget = len(batch) // 2 * batch[0].width
        if not self._warned:
            self._warned = True
            progress.warn(f"out of memory: batches are halved; `batch_tokens` {budget} would have fitted better")
        return budget


def cut_batches(items: list[AnyItem], batch_tokens: int) -> Iterator[list[AnyItem]]:
    """Batches of the items, widest first: of at most ``batch_tokens`` padded tokens, or of one item."""
    while items:
        count = max(1, batch_tokens // items[0].width)
        yield items[:count]
        items = items[count:]
