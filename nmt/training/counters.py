"""The plain numbers of a run: its position in the data, the used budget and the best scores.

Together with the tensors they are all that a resumed run needs. Knows no tensor, no file and no model.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple, Self

LARGEST = 2**53  # largest number: exact in every reader of JSON, and more than any run reaches


class Position(NamedTuple):
    """The next batch in the endless stream of batches."""

    epoch: int = 0
    block: int = 0  # within the epoch
    batch: int = 0  # within the block
    rows: int = 0  # pairs of the epoch before the batch


@dataclass
class Window:
    """Sums since the last train event of the metrics."""

    loss: float = 0.0
    tokens: int = 0
    seconds: float = 0.0

    def add(self, loss: float, tokens: int, seconds: float) -> None:
        """Add an update with a mean ``loss`` of so many tokens."""
        self.loss += loss * tokens
        self.tokens += tokens
        self.seconds += seconds


@dataclass
class Validated:
    """The results of the validations so far."""

    step: int = 0  # of the last validation
    seconds: float = 0.0  # of the run, after it
    progress: float = 0.0  # share of the budget used at the last validation, made or postponed
    due: bool = False  # a validation is due after this update; saved when a signal comes first
    best_step: int = 0  # 0: no validation yet
    best_score: float = -1.0  # BLEU, or chrF where that decides
    best_loss: float = 0.0
    stale: int = 0  # validations since the best one, and since the last round of synthetic pairs began


class Skipped(NamedTuple):
    """An update that is skipped, because its loss or gradient was not finite."""

    step: int  # number of updates made before it
    epoch: int = 0  # position of its first batch, with block and batch
    block: int = 0
    batch: int = 0


@dataclass
class Mixture:
    """Which pairs are being read: what a run resumes with."""

    stage: int = 0  # of ``nmt.training.stages``
    passes: float = 0.0  # over the pairs of earlier stages, less the epochs that were begun in them


@dataclass
class Counters:
    """The numbers of a run. The order of the data, dropout and the schedule follow from them and the settings."""

    step: int = 0  # updates made
    position: Position = field(default_factory=Position)
    seconds: float = 0.0  # wall time of the run, with that of earlier processes
    target_tokens: int = 0
    learning_rate: float = 0.0  # of the last update
    gradient_norm: float = 0.0  # of the last update, before clipping
    metrics: int = 0  # number of lines in metrics.jsonl
    window: Window = field(default_factory=Window)
    validated: Validated = field(default_factory=Validated)
    skipped: list[Skipped] = field(default_factory=list)
    mixture: Mixture = field(default_factory=Mixture)
    untrained_seconds: float = 0.0  # of the run, before its first update, as a teacher translates

    @classmethod
    def from_dict(cls, values: Any) -> Self:
        """The counters that ``to_dict`` turned into a dictionary, read back. Raises ValueError naming a fault."""
        validated = values.get("validated") if isinstance(values, Mapping) else None
        if isinstance(validated, Mapping) and "best_bleu" in validated:  # its name before version 0.2
            renamed = {"best_score" if key == "best_bleu" else key: value for key, value in validated.items()}
            values = {**values, "validated": renamed}
        if isinstance(values, Mapping):  # older checkpoints lack these
            values = {"mixture": asdict(Mixture()), "untrained_seconds": 0.0, **values}
        check(values, cls().to_dict(), "counters")
        made = {
            "position": Position(*values["position"]),
            "window": Window(**values["window"]),
            "validated": Validated(**values["validated"]),
            "mixture": Mixture(**values["mixture"]),
            "skipped": [Skipped(*place) for place in values["skipped"]],
        }
        return cls(**{**values, **made})

    def epochs(self, rows: float) -> float:
        """Passes over the pairs so far; ``rows`` is the mean number of pairs in an epoch."""
        return self.position.epoch + min(1.0, self.position.rows / rows) + self.mixture.passes

    def begin_stage(self, stage: int, rows: float) -> None:
        """Begin an epoch of the stage's pairs, where one of the pairs so far has ``rows`` pairs.

        Its number is one that no other stage has had.
        """
        passes, place = self.epochs(rows), self.position
        epoch = place.epoch + bool(place.rows or place.block or place.batch)
        self.position, self.mixture = Position(epoch), Mixture(stage, passes - epoch)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def check(value: Any, like: Any, name: str) -> None:
    """Raise ValueError unless ``value`` has the structure of ``like``: the same keys, counts and finite numbers."""
    if isinstance(like, Mapping):
        if not isinstance(value, Mapping) or set(value) != set(like):
            raise ValueError(f"{name} does not hold exactly {', '.join(like)}")
        for key in like:
            check(value[key], like[key], f"{name}.{key}")
    elif isinstance(like, tuple):
        if not isinstance(value, Sequence) or len(value) != len(like):
            raise ValueError(f"{name} is not {len(like)} counts")
        for count in value:
            check(count, 0, name)
    elif isinstance(like, list):
        if not isinstance(value, list):
            raise ValueError(f"{name} is not a list")
        for place in value:
            check(place, tuple(Skipped(0)), name)
    elif isinstance(like, float):
        if type(value) not in (int, float) or not abs(value) <= LARGEST:  # NaN fails this, too
            raise ValueError(f"{name} is no finite number")
        if value < 0 and name.endswith(("seconds", ".progress")):
            raise ValueError(f"{name} is less than 0")
    elif type(value) is not type(like) or not 0 <= value <= LARGEST:
        raise ValueError(f"{name} is no {'count' if type(like) is int else type(like).__name__}")
