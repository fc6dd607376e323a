"""Lines of many requests, translated together by a few threads. Knows no HTTP and no model.

Requests take turns line by line, so a long one holds up no short one. A cancelled request leaves no line behind.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from math import ceil
from threading import Condition, Thread
from time import monotonic
from typing import Protocol

from nmt.decoding.request import Line
from nmt.decoding.translation import Translation
from nmt.serve.limits import Limits, QueueFullError
from nmt.text.progress import Progress, Silent

CHARACTERS_OF_A_TOKEN = 2  # as few as Korean has; a window then fills one batch, or two
LEAST = 8  # characters that a line counts besides its own: an empty one is not for nothing
NEWEST = 0.2  # weight of the last window in the speed


class Translates(Protocol):
    """What the batcher needs of a ``Translator``."""

    @property
    def batch_tokens(self) -> int:
        """Tokens that it translates at once."""

    def translate_window(self, lines: Sequence[Line], before: int, progress: Progress) -> list[Translation]:
        """The translations of lines, in order."""


@dataclass(eq=False)
class Job:
    """The lines of a request, and what became of them."""

    translator: Translates
    lines: Sequence[str]
    future: "Future[list[Translation]]"
    since: float = field(default_factory=monotonic)

    def __post_init__(self) -> None:
        # Neighbours of one length need little padding, and the longest first leave no thread alone at the end.
        self.left = deque(sorted(range(len(self.lines)), key=lambda place: -len(self.lines[place])))
        self.found: dict[int, Translation] = {}  # by the place of the line


Item = tuple[Job, int]
"""A job, and the place of one of its lines."""


def size_of(lines: Iterable[str]) -> int:
    """How much work lines are, in characters."""
    return sum(len(line) + LEAST for line in lines)


def full_window(translator: Translates) -> int:
    """The size of lines that fill a batch of a translator."""
    return CHARACTERS_OF_A_TOKEN * translator.batch_tokens


class Batcher:
    """A bounded queue of lines, and ``workers`` threads that translate them.

    ``worked`` is told of each window: its lines, and the seconds that it took; ``dropped`` of lines that nobody wants
    any more. ``stop`` ends the threads.
    """

    def __init__(
        self,
        workers: int,
        limits: Limits,
        worked: Callable[[int, float], None] = lambda lines, seconds: None,
        dropped: Callable[[int], None] = lambda lines: None,
    ) -> None:
        self.workers, self.limits, self.worked, self.dropped = workers, limits, worked, dropped
        self.waiting_lines = self._waiting_size = 0
        self._jobs = deque[Job]()
        self._changed = Condition()
        self._newest = 0.0  # when the last request came
        self._idle = 0
        self._stopped = False
        self._speed = 0.0  # size that all threads translate in a second, in full windows; 0: not known yet
        self._threads = [
            Thread(target=self._work, name=f"translating-{number}", daemon=True) for number in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, translator: Translates, lines: Sequence[str]) -> "Future[list[Translation]]":
        """Queue the lines of a request. Cancelling the future drops those that are not being translated yet.

        Raises QueueFullError when the queue is full, or would keep them waiting too long.
        """
        job = Job(translator, lines, Future())
        size = size_of(lines)
        with self._changed:
            is_full = (
                self.waiting_lines + len(lines) > self.limits.waiting_lines
                or self._waiting_size + size > self.limits.waiting_size
                or self._expected_wait(len(lines)) > self.limits.seconds
            )
            if is_full or self._stopped:
                raise QueueFullError("too many lines are waiting", "try again later")
            if not lines:
                job.future.set_result([])
                return job.future
            is_first = not self._jobs
            self._jobs.append(job)
            self._newest = job.since
            self.waiting_lines += len(lines)
            self._waiting_size += size
            if is_first or self._is_due():  # else who waits has a time at which to look again
                self._changed.notify_all()
        job.future.add_done_callback(lambda future: self._forget(job))
        return job.future

    def seconds_left(self) -> int:
        """Whole seconds until all lines that wait now are translated, at least 1."""
        with self._changed:
            return max(1, ceil(self._waiting_size / self._speed)) if self._speed else 1

    def _expected_wait(self, lines: int) -> float:
        """Seconds that a request of so many lines would wait: it takes turns with those before it."""
        if not (self._speed and self.waiting_lines):
            return 0.0
        turns = sum(min(len(job.left), lines) for job in self._jobs)
        return turns * self._waiting_size / self.waiting_lines / self._speed

    def stop(self) -> None:
        """Refuse new requests, finish those that wait, and end the threads."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while items := self._take():
            began = monotonic()
            self._translate(items)
            seconds = monotonic() - began
            self.worked(len(items), seconds)
            size = size_of(job.lines[place] for job, place in items)
            if size >= full_window(items[0][0].translator):  # a smaller one is slower than it might be
                speed = self.workers * size / max(seconds, 1e-6)
                self._speed = (1 - NEWEST) * self._speed + NEWEST * speed if self._speed else speed

    def _take(self) -> list[Item]:
        """The lines to translate next, of one translator; waits for some. Empty when all is done."""
        with self._changed:
            self._idle += 1
            while not self._is_due():
                if not self._jobs and self._stopped:
                    return []
                self._changed.wait(max(0.0, self._due() - monotonic()) if self._jobs else None)
            self._idle -= 1
            translator = self._jobs[0].translator
            share = ceil(self.waiting_lines / (1 + self._idle))  # threads that have nothing to do get theirs
            turns = deque(job for job in self._jobs if job.translator is translator)
            others = [job for job in self._jobs if job.translator is not translator]
            items: list[Item] = []
            room = full_window(translator)
            while turns and room > 0 and len(items) < share:
                job = turns.popleft()
                place = job.left.popleft()
                items.append((job, place))
                room -= size_of([job.lines[place]])
                if job.left:
                    turns.append(job)
            self._jobs = deque([*others, *turns])
            self._count_out(items)
            if self._jobs:
                self._changed.notify_all()
            return items

    def _is_due(self) -> bool:
        """Whether no more requests are coming, the first has waited long, or there is enough for all threads."""
        if not self._jobs:
            return False
        enough = self.workers * full_window(self._jobs[0].translator)
        return self._stopped or self._waiting_size >= enough or monotonic() >= self._due()

    def _due(self) -> float:
        """When the lines that wait are translated, though they are few. Some wait."""
        return min(self._newest + self.limits.quiet, self._jobs[0].since + self.limits.linger)

    def _count_out(self, items: Sequence[Item]) -> None:
        self.waiting_lines -= len(items)
        self._waiting_size -= size_of(job.lines[place] for job, place in items)

    def _forget(self, job: Job) -> None:
        """Drop the lines of a request that is over."""
        with self._changed:
            left = [(job, place) for place in job.left]
            if left:
                job.left.clear()
                self._jobs.remove(job)
                self._count_out(left)
                self.dropped(len(left))
                self._changed.notify_all()

    def _translate(self, items: Sequence[Item]) -> None:
        """Give lines their translations. What fails together is tried in halves, so that only a bad line fails."""
        translator = items[0][0].translator
        try:
            found = translator.translate_window([job.lines[place] for job, place in items], 0, Silent())
        except Exception as error:  # whatever it is, the thread must go on: it serves others too
            half = len(items) // 2
            if half:
                self._translate(items[:half])
                self._translate(items[half:])
            else:
                self._settle(items[0][0], error)
            return
        for (job, place), translation in zip(items, found, strict=True):
            with self._changed:
                job.found[place] = translation
                is_whole = len(job.found) == len(job.lines)
            if is_whole:
                self._settle(job, None)

    def _settle(self, job: Job, error: Exception | None) -> None:
        """End a request by its translations, or by an error; once."""
        with self._changed:
            if job.future.done() or job.future.running() or not job.future.set_running_or_notify_cancel():
                return
        if error:
            job.future.set_exception(error)
        else:
            job.future.set_result([job.found[place] for place in range(len(job.lines))])
