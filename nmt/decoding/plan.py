"""``nmt translate --plan``: how long files would take, measured with some of their lines. Writes nothing.

Knows lines and translators; no flag.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from nmt.decoding.job import Job, WindowTranslator
from nmt.decoding.request import Line
from nmt.decoding.windows import Window
from nmt.errors import DataError
from nmt.text.lines import Pause
from nmt.text.progress import Progress

SAMPLED = 200  # lines
WARM_UP = 20  # of these, translated before the clock runs


class Spaced:
    """Every n-th line of a stream, where n is the smallest power of two that keeps fewer than twice ``least`` lines."""

    def __init__(self, least: int) -> None:
        self.lines: list[Line] = []
        self.seen = 0
        self._least, self._stride = least, 1

    def add_all(self, lines: Iterable[Line | Pause]) -> None:
        """Take from the lines that come next."""
        for line in lines:
            if isinstance(line, Pause):
                continue
            if self.seen % self._stride == 0:
                self.lines.append(line)
            self.seen += 1
            if len(self.lines) == 2 * self._least:
                self.lines, self._stride = self.lines[::2], 2 * self._stride


@dataclass(frozen=True)
class Plan:
    """What was measured: one machine translates ``sampled`` lines of the ``lines`` in so many seconds."""

    lines: int
    sampled: int
    seconds: float
    load_seconds: float  # until a machine begins

    def rate(self, machines: int = 1) -> float:
        """Lines a second of so many machines like this one."""
        return machines * self.sampled / self.seconds

    def duration(self, machines: int = 1) -> float:
        """Seconds that all lines take on so many machines like this one."""
        return self.load_seconds + self.lines / self.rate(machines)


def measured(job: Job, load: Callable[[], WindowTranslator], progress: Progress) -> Plan:
    """Read all lines of a job, translate some and throw the translations away.

    Raises DataError where there is no line, and what the lines and the translator raise.
    """
    progress.start("reading", job.total(), "lines")
    sample = Spaced(SAMPLED)
    for part in job.parts:
        sample.add_all(job.beside.join(part.lines))
    progress.finish()
    if not sample.lines:
        raise DataError("there is no line to translate", "name a file that has some")
    began = time.monotonic()
    translator = load()
    load_seconds = time.monotonic() - began
    for what, some in (("warming up", sample.lines[:WARM_UP]), ("measuring", sample.lines)):
        progress.start(what, len(some), "lines")
        began = time.monotonic()
        list(translator.translated([Window(0, some)], progress))
        seconds = time.monotonic() - began
        progress.finish()
    return Plan(sample.seen, len(sample.lines), seconds, load_seconds)
