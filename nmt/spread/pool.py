"""Workers on a cluster: each gets the work once, then items; the results come in the order of the items.

A worker that is lost, with its process or its node, is replaced, and another one gets its items. So every item is done,
whatever dies, as long as a worker can be started somewhere. Knows nothing of the work.
"""

import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, Self, TypeVar, cast

from nmt.errors import BusyError, SettingsError
from nmt.text.progress import Progress

T = TypeVar("T")
R = TypeVar("R")
Given = TypeVar("Given", contravariant=True)
Made = TypeVar("Made", covariant=True)

AHEAD = 2  # items that a worker has: the one it works on, and the next
BUFFERED = 2  # results that wait for an earlier one, as a multiple of what the workers have
TRIES = 3  # workers that an item may end, or whose memory it may exceed
PATIENCE = 60.0  # seconds without any worker, after which a person is told

About = Mapping[str, str | int | float]
NOTHING: About = {}


class Work(Protocol[Given, Made]):
    """What a worker does. It is pickled once, and must not need anything of the process it comes from."""

    def begin(self) -> About:
        """Get ready, once in each worker; returns all that results depend on besides the items, by name."""

    def __call__(self, item: Given) -> Made:
        """The result for an item."""


class _Worker:
    """What runs in a worker's process."""

    def __init__(self, work: Work[Any, Any]) -> None:
        self._work = work

    def begin(self) -> tuple[bool, Any]:
        """Get ready; whether that went well, and what the work says, or the error."""
        return _tried(self._work.begin)

    def do(self, item: Any) -> tuple[bool, Any]:
        """Whether it went well, and the result or the error."""
        return _tried(lambda: self._work(item))


def _tried(function: Callable[[], Any]) -> tuple[bool, Any]:
    try:
        return True, function()
    except Exception as error:
        error.add_note(traceback.format_exc())  # the traceback itself cannot be sent
        return False, error


@dataclass(eq=False)
class _Task:
    """An item on its way."""

    item: Any
    tries: int = 0  # that were in vain
    outcome: tuple[bool, Any] | None = None  # once it is there: whether it went well, and the result or the error


@dataclass(eq=False)
class _Seat:
    """A worker as the driver sees it."""

    actor: Any
    beginning: Any  # the reference to what ``begin`` returns; None once that is there
    tasks: dict[Any, _Task] = field(default_factory=dict)  # by reference, in the order in which it does them

    @property
    def has_room(self) -> bool:
        """Whether it is ready for an item. One that was tried in vain has a worker for itself."""
        are_fresh = not any(task.tries for task in self.tasks.values())
        return self.beginning is None and len(self.tasks) < AHEAD and are_fresh

    def give(self, task: _Task) -> None:
        """Send an item."""
        self.tasks[self.actor.do.remote(task.item)] = task


class Pool(Generic[T, R]):
    """``count`` workers of ``cores`` cores, or of a GPU each, that do the ``work`` until the block ends."""

    def __init__(
        self, work: Work[T, R], count: int, progress: Progress, cores: int = 1, gpus: int = 0, driver: About = NOTHING
    ) -> None:
        """``driver`` is what workers must have in common with this process, of all that they say of themselves."""
        import ray  # only here, so that `joined` can say what to install

        self._ray = ray
        self._work = ray.put(work)
        self._options = {"num_cpus": cores, "num_gpus": gpus, "max_restarts": 0, "max_task_retries": 0}
        self._progress, self._driver = progress, driver
        self._about: About | None = None
        self._again = deque[_Task]()  # items whose worker was lost
        self._failed = 0  # workers that were lost before any was ready
        self.lost = 0  # workers
        self._seats = [self._seat() for _ in range(count)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of the workers."""
        for seat in self._seats:
            self._ray.kill(seat.actor)

    def warn(self) -> None:
        """Tell how many workers were lost since the last time."""
        lost, self.lost = self.lost, 0
        if lost:
            self._progress.note(f"{lost} worker{' was' if lost == 1 else 's were'} lost, and others did what they had")

    def about(self) -> About:
        """What the results depend on besides the items, which is the same in all workers; waits for the first one.

        Raises what ``begin`` raises.
        """
        while self._about is None:
            self._wait()
        return self._about

    def map(self, items: Iterator[T], name: Callable[[T], str]) -> Iterator[R]:
        """The results of the items, in their order; items are read as far ahead as there is room.

        Raises what the work and the items raise, in their order; BusyError, with the item's ``name``, when an item's
        workers were lost three times; SettingsError when the results of one worker would differ from another's.
        """
        order = deque[_Task]()
        most, ends = AHEAD * BUFFERED * len(self._seats), False
        broken: Exception | None = None
        while True:
            while (self._again or (not ends and len(order) < most)) and (seat := self._with_room()):
                if not self._again:
                    try:
                        item = next(items, _END)
                    except Exception as error:  # comes after the results of the items before it
                        broken, item = error, _END
                    if item is _END:
                        ends = True
                        continue
                    order.append(_Task(item))
                    self._again.append(order[-1])
                seat.give(self._again.popleft())
            if order and order[0].outcome:
                task = order.popleft()
                yield self._result(task, name)
            elif order or not ends:  # also until the first worker is ready
                self._wait()
            elif broken:
                raise broken
            else:
                return

    def _result(self, task: _Task, name: Callable[[T], str]) -> R:
        went_well, value = task.outcome or (False, None)
        if went_well:
            return cast(R, value)
        if value is None:
            what = f"{name(task.item)} ended {TRIES} workers, perhaps for lack of memory"
            raise BusyError(what, "give the workers more memory, or work without `cluster`")
        raise value

    def _seat(self) -> _Seat:
        actor = self._ray.remote(_Worker).options(**self._options).remote(self._work)
        return _Seat(actor, actor.begin.remote())

    def _with_room(self) -> _Seat | None:
        """The worker that is ready for the next item and has the fewest.

        A worker that dies may take the result of the item before with it, and then a wrong one is blamed. So an item
        that was tried in vain goes to a worker that has none, which gets no other until it is done.
        """
        was_tried = bool(self._again and self._again[0].tries)
        ready = (seat for seat in self._seats if seat.has_room and not (was_tried and seat.tasks))
        return min(ready, key=lambda seat: len(seat.tasks), default=None)

    def _wait(self) -> None:
        """Wait until a worker has done something, or is lost; take notice of it."""
        by_reference = {seat.beginning: seat for seat in self._seats if seat.beginning is not None}
        by_reference |= {reference: seat for seat in self._seats for reference in seat.tasks}
        done, _ = self._ray.wait([*by_reference], num_returns=1, timeout=PATIENCE)
        if not done and all(seat.beginning is not None for seat in self._seats):
            self._progress.note("waiting for a worker: no node of the cluster has room for one")
        for reference in done:
            seat = by_reference[reference]
            try:
                went_well, value = self._ray.get(reference)
            except self._ray.exceptions.RayError:
                self._replace(seat)
            else:
                self._take(seat, reference, went_well, value)

    def _take(self, seat: _Seat, reference: Any, went_well: bool, value: Any) -> None:
        """Take what a worker has sent."""
        if reference != seat.beginning:
            task = seat.tasks.pop(reference)
            if not went_well and isinstance(value, BusyError) and task.tries + 1 < TRIES:  # elsewhere there may be room
                task.tries += 1
                self._again.append(task)
            else:
                task.outcome = went_well, value
            return
        if not went_well:
            raise value
        seat.beginning = None
        self._about = self._about or value
        expected = {**self._about, **self._driver}
        different = [name for name in {**expected, **value} if expected.get(name) != value.get(name)]
        if different:
            what = f"some machines of the cluster have other versions of {', '.join(different)}"
            raise SettingsError(what, "install the same on all, and on this one")

    def _replace(self, seat: _Seat) -> None:
        """Start another worker in the place of one that is lost, and give its items to others."""
        self.lost += 1
        self._failed += self._about is None
        if self._failed >= TRIES:
            raise BusyError(f"{TRIES} workers ended before they were ready", "look into the log of Ray on the nodes")
        self._ray.kill(seat.actor)  # it may live, if only a result was lost
        tasks = [*seat.tasks.values()]
        for task in tasks[:1]:  # the one that it worked on
            task.tries += 1
            if task.tries == TRIES:
                task.outcome = False, None
        self._again.extendleft(reversed([task for task in tasks if not task.outcome]))
        self._seats[self._seats.index(seat)] = self._seat()


_END: Any = object()
