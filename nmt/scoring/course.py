"""The course of a run: what its metrics tell of updates, validations, samples and stages, bounded and checked.

Knows events and settings; no page, and no step of training.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Generic, Self, TypeVar

from nmt.config import TrainingConfig
from nmt.errors import DataError
from nmt.scoring.events import invalid, real, whole
from nmt.scoring.gains import Gain, gains_of, title

MOST = 2000  # points of a curve
MOST_VALIDATIONS, MOST_STAGES = 10 * MOST, 10 * MOST
MOST_SAMPLED = 1000  # validations whose samples are kept; a page shows a few
MOST_SAMPLES = 20  # lines that a validation may show
T = TypeVar("T")
BOTH, PLAIN, RISK = "both directions", "each pair as it is", "minimum risk"


@dataclass(frozen=True)
class Point:
    """A train event."""

    step: int
    epoch: int
    loss: float
    rate: float  # the learning rate
    seconds: float
    progress: float | None = None  # share of the budget used after it; None: an older version wrote the event


@dataclass(frozen=True)
class Validated:
    """A validation event."""

    step: int
    loss: float
    bleu: float
    chrf: float


@dataclass(frozen=True)
class Told:
    """A translation of a validation line at some update."""

    step: int
    source: str
    reference: str
    hypothesis: str


@dataclass(frozen=True)
class Part:
    """A phase of a run."""

    name: str
    begins: float  # updates before it
    ends: float


class Thinned(Generic[T]):
    """Keeps at most ``most`` of what is added: every one, or every 2nd, 4th, …, and the last."""

    def __init__(self, most: int) -> None:
        self._most, self._every, self._added = most, 1, 0
        self._kept: list[T] = []
        self._last: list[T] = []  # if it is not among the kept

    def add(self, one: T) -> None:
        """Add the next one."""
        self._last = [one]
        if self._added % self._every == 0:
            if len(self._kept) == self._most - 1:
                self._kept, self._every = self._kept[::2], self._every * 2
            if self._added % self._every == 0:
                self._kept.append(one)
                self._last = []
        self._added += 1

    def all(self) -> list[T]:
        """Return those that are kept, in their order."""
        return self._kept + self._last


@dataclass
class Course:
    """What a run's metrics tell, in the order of its updates."""

    train: list[Point] = field(default_factory=list)
    validations: list[Validated] = field(default_factory=list)
    samples: list[Told] = field(default_factory=list)
    gains: Sequence[Gain] = ()

    @classmethod
    def of(cls, events: Iterable[Mapping[str, Any]]) -> Self:
        """The course that the events tell, thinned where they are many.

        Raises DataError for one that is not as the program writes it.
        """
        train, validations = Thinned[Point](MOST), Thinned[Validated](MOST_VALIDATIONS)
        samples, stages = Thinned[list[Told]](MOST_SAMPLED), list[Mapping[str, Any]]()
        for event in events:
            kind = event.get("event")
            if kind == "train":
                train.add(_point(event))
            elif kind == "samples":
                samples.add(list(_told(event)))
            elif kind == "validation":
                figures = (real(event, key) for key in ("loss", "bleu", "chrf"))
                validations.add(Validated(whole(event, "step"), *figures))
            if kind in ("validation", "synthetic"):
                _add_stage(stages, event)
        told = [line for lines in samples.all() for line in lines]
        return cls(train.all(), validations.all(), told, gains_of(stages))

    @property
    def steps(self) -> int:
        """The last update that is known."""
        return max([0, *(point.step for point in self.train), *(one.step for one in self.validations)])

    def parts(self, config: TrainingConfig) -> list[Part]:
        """The phases that the run has gone through; one for a run that has only one.

        Between two events, the budget is taken to pass evenly. With a larger one a run may go back to a phase.
        """
        bounds = sorted({config.bidirectional, 1.0 - config.minimum_risk} - {0.0, 1.0})
        turns = [(phase_name(config, 0.0), 0.0)]
        for (low, first), (high, last) in pairwise(self._used(config)):
            if high < low and phase_name(config, high) != turns[-1][0]:
                turns.append((phase_name(config, high), first))
            for share in bounds:
                if low <= share < high:
                    turns.append((phase_name(config, share), first + (last - first) * (share - low) / (high - low)))
        return [Part(name, begins, ends) for (name, begins), (_, ends) in pairwise([*turns, ("", float(self.steps))])]

    def _used(self, config: TrainingConfig) -> list[tuple[float, float]]:
        """Shares of the budget that were used, each with the updates made by then."""
        known, epoch = [(0.0, 0.0)], 0
        for point in self.train:
            share, is_new, epoch = point.progress, point.epoch > epoch, point.epoch
            if share is None and config.steps:
                share = point.step / config.steps
            elif share is None and config.minutes:
                share = point.seconds / (60 * config.minutes)
            elif share is None and is_new:
                share = point.epoch / config.epochs
            if share is not None:
                known.append((share, float(point.step)))
        return known

    def rounds(self) -> list[tuple[int, str]]:
        """The updates at which the pairs that are read change, with what is read from there on."""
        return [
            (gain.begins, f"{title(gain.round)}: {gain.pairs:,} pairs" if gain.round else "real pairs again")
            for gain in self.gains[1:]
        ]


def phase_name(config: TrainingConfig, used: float) -> str:
    """The phase that begins once the share ``used`` of the budget is used, in words."""
    if used >= 1.0 - config.minimum_risk:
        return RISK
    return BOTH if used < config.bidirectional else PLAIN


def _point(event: Mapping[str, Any]) -> Point:
    loss, rate, seconds = (real(event, key) for key in ("loss", "learning_rate", "seconds"))
    progress = real(event, "progress") if "progress" in event else None
    return Point(whole(event, "step"), whole(event, "epoch"), loss, rate, seconds, progress)


def _add_stage(stages: list[Mapping[str, Any]], event: Mapping[str, Any]) -> None:
    """Keep an event that tells of a stage: of the validations in a row of one stage its last, which ends it."""
    if event["event"] == "validation" and "round" not in event:
        return
    last = stages[-1] if stages else {}
    if last.get("event") == event["event"] == "validation" and last["round"] == event["round"]:
        stages.pop()
    stages.append(event)
    if len(stages) > MOST_STAGES:
        raise DataError("metrics.jsonl has more rounds than a report can show", "restore the file")


def _told(event: Mapping[str, Any]) -> Iterable[Told]:
    lines = event.get("lines")
    names = ("source", "reference", "hypothesis")
    if not isinstance(lines, list) or len(lines) > MOST_SAMPLES:
        raise invalid("lines", lines)
    for line in lines:
        if not isinstance(line, dict) or not all(isinstance(line.get(name), str) for name in names):
            raise invalid("lines", line)
        yield Told(whole(event, "step"), *(line[name] for name in names))
