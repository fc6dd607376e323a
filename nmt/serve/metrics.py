"""What a service counts of its work, as Prometheus reads it. Knows numbers and codes; no text."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
LINES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """The counters of a service."""

    content_type = CONTENT_TYPE_PLAIN_0_0_4

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.requests = Counter("nmt_requests", "Requests answered.", ["path", "status"], registry=registry)
        self.seconds = Histogram(
            "nmt_request_seconds", "From request to answer.", ["path"], buckets=SECONDS, registry=registry
        )
        self.lines = Counter("nmt_lines", "Lines translated.", ["source", "target"], registry=registry)
        self.characters = Counter("nmt_characters", "Their characters.", ["source", "target"], registry=registry)
        self.window = Histogram("nmt_window_lines", "Lines translated together.", buckets=LINES, registry=registry)
        self.busy = Counter("nmt_window_seconds", "Time of threads that translate.", registry=registry)
        self.dropped = Counter("nmt_dropped_lines", "Lines whose clients went away.", registry=registry)
        self.waiting = Gauge("nmt_waiting_lines", "Lines that wait.", registry=registry)
        ProcessCollector(registry=registry)

    def watch(self, waiting: Callable[[], float]) -> None:
        """Ask ``waiting`` for the number of lines that wait, whenever it is read."""
        self.waiting.set_function(waiting)

    def answered(self, path: str, status: int, seconds: float) -> None:
        """Count an answered request."""
        self.requests.labels(path, str(status)).inc()
        self.seconds.labels(path).observe(seconds)

    def translated(self, source: str, target: str, lines: int, characters: int) -> None:
        """Count translated lines."""
        self.lines.labels(source, target).inc(lines)
        self.characters.labels(source, target).inc(characters)

    def worked(self, lines: int, seconds: float) -> None:
        """Count lines that were translated together."""
        self.window.observe(lines)
        self.busy.inc(seconds)

    def text(self) -> bytes:
        """All counters in Prometheus' text format."""
        return generate_latest(self.registry)
