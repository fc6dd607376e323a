"""Models that are watched, loaded when somebody first asks: they need PyTorch. Knows no request.

One thread does it, a sentence at a time, so that translating keeps the other cores.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.util import find_spec
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from nmt.errors import SettingsError
from nmt.serve.directions import Served
from nmt.serve.limits import QueueFullError
from nmt.text.directions import same_direction, spoken

if TYPE_CHECKING:
    from nmt.show.thinking import Thinker
    from nmt.store.model_folder import ModelFolder

MOST_WAITING = 32  # a class that presses the button together
KEPT = 4  # loaded models: each is in memory twice, the second time in float64

T = TypeVar("T")


class Thinking:
    """Models that are watched, loaded when somebody first asks. ``compared`` are shown beside those of their direction.

    Raises SettingsError for one whose direction is not served.
    """

    def __init__(self, directions: Sequence[Served], compared: Sequence["ModelFolder"] = ()) -> None:
        for model in compared:
            if not any(_translates(model, served) for served in directions):
                what = f"{model.folder} is to `compare`, and no model that is served translates {spoken(model.pairs)}"
                raise SettingsError(what, "serve one of that direction")
        self.compared = compared
        self._thinkers: OrderedDict[tuple[str, str], Thinker] = OrderedDict()
        self._thread = ThreadPoolExecutor(1, "thinking")
        self._waiting = 0
        self._lock = Lock()

    @property
    def is_there(self) -> bool:
        """Whether there is PyTorch to watch with."""
        return find_spec("torch") is not None

    def submit(self, work: Callable[[], T]) -> "Future[T]":
        """Queue some work. Raises QueueFullError when too much waits."""
        with self._lock:
            if self._waiting >= MOST_WAITING:
                raise QueueFullError("too many sentences are waiting", "try again later")
            self._waiting += 1
        future = self._thread.submit(work)
        future.add_done_callback(self._done)
        return future

    def _done(self, future: "Future[Any]") -> None:
        with self._lock:
            self._waiting -= 1

    def thinkers(self, served: Served) -> list["Thinker"]:
        """What watches a direction: its model, then those beside it. Not to be asked outside of the thread.

        Raises MissingInputError or DataError for a model whose files are others now than when it was opened.
        """
        assert served.plain.loaded, "a translator that was loaded"
        beside = [model for model in self.compared if _translates(model, served)]
        return [self._thinker(model, served.target) for model in (served.plain.loaded.models[0], *beside)]

    def _thinker(self, model: "ModelFolder", target: str) -> "Thinker":
        key = str(model.folder), target
        if key not in self._thinkers:
            from nmt.decoding.engines.pytorch import Searchers
            from nmt.show.attention import Inspector
            from nmt.show.thinking import Thinker

            Searchers.begin()  # this thread computes alone
            self._thinkers[key] = Thinker(Inspector.of(model.toward(target)))
            while len(self._thinkers) > KEPT:
                self._thinkers.popitem(last=False)
        self._thinkers.move_to_end(key)
        return self._thinkers[key]

    def stop(self) -> None:
        """Drop what waits, and end the thread."""
        self._thread.shutdown(cancel_futures=True)


def _translates(model: "ModelFolder", served: Served) -> bool:
    return any(same_direction(pair, (served.source, served.target)) for pair in model.pairs)
