"""The parts of a service, as its routes use them. Knows no route."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nmt.serve.aligning import Aligning
from nmt.serve.batcher import Batcher
from nmt.serve.detecting import Detector
from nmt.serve.directions import Directions
from nmt.serve.keys import Keys
from nmt.serve.limits import Limits
from nmt.serve.log import Log
from nmt.serve.metrics import Metrics
from nmt.serve.watched import Thinking

if TYPE_CHECKING:
    from nmt.store.model_folder import ModelFolder


@dataclass(frozen=True)
class Service:
    """What answers requests."""

    directions: Directions
    batcher: Batcher
    detector: Detector | None
    keys: Keys
    limits: Limits
    metrics: Metrics
    log: Log
    aligning: Aligning
    thinking: Thinking

    @classmethod
    def of(
        cls, directions: Directions, keys: Keys, limits: Limits, log: Log, compared: Sequence["ModelFolder"] = ()
    ) -> "Service":
        """A service of loaded directions; models ``compared`` are watched beside theirs. It must be stopped at the end.

        Raises SettingsError for one whose direction is not there, DataError for a model that tells languages by
        frequencies that nothing counted.
        """
        metrics, thinking = Metrics(), Thinking(directions.served, compared)
        batcher = Batcher(directions.workers, limits, metrics.worked, metrics.dropped.inc)
        metrics.watch(lambda: batcher.waiting_lines)
        return cls(
            directions, batcher, Detector.load(directions.served), keys, limits, metrics, log, Aligning(), thinking
        )

    def stop(self) -> None:
        """End the threads, once what waits to be translated is done."""
        self.thinking.stop()
        self.aligning.stop()
        self.batcher.stop()
