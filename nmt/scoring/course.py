"""The course of a run: what its metrics tell of updates, validations, samples and stages, bounded and checked.

Knows events and settings; no page, and no step of training.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Self

from nmt.config import TrainingConfig
from nmt.errors import DataError, shown
from nmt.scoring.gains import Gain, gains_of, title

MOST = 2000  # points of a curve; of longer ones every second is left out, as often as needed
MOST_SAMPLES = 20  # lines that a validation may show
BOTH, PLAIN, RISK = "both directions", "each pair as it is", "minimum risk"


@dataclass(frozen=True)
class Point:
    """A train event."""

    step: int
    epoch: int
    loss: float
    rate: float  # the learning rate
    seconds: float


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


@dataclass
class Course:
    """What a run's metrics tell, in the order of its updates."""

    train: list[Point] = field(default_factory=list)
    validations: list[Validated] = field(default_factory=list)
    samples: list[Told] = field(default_factory=list)
    gains: Sequence[Gain] = ()

    @classmethod
    def of(cls, events: Iterable[Mapping[str, Any]]) -> Self:
        """The course that the events tell. Raises DataError for one that is not as the program writes it."""
        course, number, every, kept = cls(), -1, 1, list[Mapping[str, Any]]()
        for event in events:
            kind = event.get("event")
            if kind == "train":
                number += 1
                if number % every == 0:
                    course.train.append(_point(event))
                if len(course.train) > MOST:
                    course.train, every = course.train[::2], every * 2
            elif kind == "validation":
                course.validations.append(
                    Validated(_whole(event, "step"), *(_real(event, key) for key in ("loss", "bleu", "chrf")))
                )
                kept.append(event)
            elif kind == "synthetic":
                kept.append(event)
            elif kind == "samples":
                course.samples += _told(event)
            if max(len(kept), len(course.samples)) > 10 * MOST:
                raise DataError("metrics.jsonl has more validations than a report can show", "restore the file")
        course.gains = gains_of(kept)
        return course

    @property
    def steps(self) -> int:
        """The last update that is known."""
        return max([0, *(point.step for point in self.train), *(one.step for one in self.validations)])

    def step_at(self, config: TrainingConfig, share: float) -> float | None:
        """The update at which that share of the budget was used; None where the run has not got so far.

        Between two events, time and epochs are taken to pass evenly.
        """
        if config.steps:
            step = share * config.steps
            return step if step <= self.steps else None
        known = [(0.0, 0.0)]
        for before, point in pairwise([None, *self.train]):
            if point and config.minutes:
                known.append((point.seconds / (60 * config.minutes), float(point.step)))
            elif point and (before is None or point.epoch > before.epoch):
                known.append((point.epoch / config.epochs, float(point.step)))
        for (low, first), (high, last) in pairwise(known):
            if low <= share <= high and high > low:
                return first + (last - first) * (share - low) / (high - low)
        return None

    def parts(self, config: TrainingConfig) -> list[Part]:
        """The phases that the run has gone through; one for a run that has only one."""
        ends, begins = sorted({config.bidirectional, 1.0 - config.minimum_risk} - {0.0, 1.0}), 0.0
        turns = [(0.0, 0.0)]
        for share in ends:
            if (step := self.step_at(config, share)) is not None:
                turns.append((share, step))
        parts = []
        for (share, begins), (_, end) in pairwise([*turns, (1.0, float(self.steps))]):
            parts.append(Part(phase_name(config, share), begins, end))
        return parts

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
    figures = (_real(event, key) for key in ("loss", "learning_rate", "seconds"))
    return Point(_whole(event, "step"), _whole(event, "epoch"), *figures)


def _told(event: Mapping[str, Any]) -> Iterable[Told]:
    lines = event.get("lines")
    names = ("source", "reference", "hypothesis")
    if not isinstance(lines, list) or len(lines) > MOST_SAMPLES:
        raise _invalid("lines", lines)
    for line in lines:
        if not isinstance(line, dict) or not all(isinstance(line.get(name), str) for name in names):
            raise _invalid("lines", line)
        yield Told(_whole(event, "step"), *(line[name] for name in names))


def _whole(event: Mapping[str, Any], key: str) -> int:
    value = event.get(key)
    if type(value) is not int or not 0 <= value < 1 << 53:
        raise _invalid(key, value)
    return value


def _real(event: Mapping[str, Any], key: str) -> float:
    value: Any = event.get(key)
    if type(value) not in (int, float) or not abs(value) < 1e30:
        raise _invalid(key, value)
    return float(value)


def _invalid(key: str, value: object) -> DataError:
    return DataError(f"metrics.jsonl has an event whose {key} is {shown(value)}", "restore the file")
