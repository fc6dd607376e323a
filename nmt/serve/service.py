"""The parts of a service, as its routes use them. Knows no route."""

from dataclasses import dataclass

from nmt.serve.batcher import Batcher
from nmt.serve.detecting import Detector
from nmt.serve.directions import Directions
from nmt.serve.keys import Keys
from nmt.serve.limits import Limits
from nmt.serve.log import Log
from nmt.serve.metrics import Metrics


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

    @classmethod
    def of(cls, directions: Directions, keys: Keys, limits: Limits, log: Log) -> "Service":
        """A service of loaded directions. Its ``batcher`` must be stopped at the end."""
        metrics = Metrics()
        batcher = Batcher(directions.workers, limits, metrics.worked, metrics.dropped.inc)
        metrics.watch(lambda: batcher.waiting_lines)
        return cls(directions, batcher, Detector.load(directions.codes), keys, limits, metrics, log)
