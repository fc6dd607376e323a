"""The plain numbers of a run: where it stands in the data and in its budget, and how good it has been.

Together with the tensors they are everything that a resumed run needs. Knows no tensor, no file and no model.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple, Self

LARGEST = 2**53  # of every number: what JSON's readers agree on, and more than any run comes to


class Position(NamedTuple):
    """A place in the endless stream of batches: the next batch, and the pairs of its epoch before it."""

    epoch: int = 0
    block: int = 0  # of the epoch
    batch: int = 0  # of the block
    rows: int = 0


@dataclass
class Window:
    """Sums since the last train event of the metrics."""

    loss: float = 0.0
    tokens: int = 0
    seconds: float = 0.0


@dataclass
class Validated:
    """What validation has found so far."""

    step: int = 0  # of the last one
    seconds: float = 0.0
    progress: float = 0.0  # share of the budget
    due: bool = False  # one was to be made at this very update, and a signal came first
    best_step: int = 0  # 0: none yet
    best_score: float = -1.0  # BLEU, or chrF where that decides
    best_loss: float = 0.0
    stale: int = 0  # validations since the best one


class Skipped(NamedTuple):
    """An update that is not made, because its loss or gradient was not finite."""

    step: int  # updates made before it
    epoch: int = 0  # position of its first batch
    block: int = 0
    batch: int = 0


@dataclass
class Counters:
    """The numbers of a run. Data order, dropout and schedule follow from them alone."""

    step: int = 0  # updates made
    position: Position = field(default_factory=Position)
    seconds: float = 0.0  # wall time of all processes of the run
    target_tokens: int = 0
    learning_rate: float = 0.0  # of the last update, and its gradient norm before clipping
    gradient_norm: float = 0.0
    metrics: int = 0  # lines of metrics.jsonl
    window: Window = field(default_factory=Window)
    validated: Validated = field(default_factory=Validated)
    skipped: list[Skipped] = field(default_factory=list)

    @classmethod
    def from_dict(cls, values: Any) -> Self:
        """What ``to_dict`` gave, come back by way of JSON. Raises ValueError naming what is not as it should be."""
        validated = values.get("validated") if isinstance(values, Mapping) else None
        if isinstance(validated, Mapping) and "best_bleu" in validated:  # what versions before 0.2 called it
            renamed = {"best_score" if key == "best_bleu" else key: value for key, value in validated.items()}
            values = {**values, "validated": renamed}
        check(values, cls().to_dict(), "counters")
        made = {
            "position": Position(*values["position"]),
            "window": Window(**values["window"]),
            "validated": Validated(**values["validated"]),
            "skipped": [Skipped(*place) for place in values["skipped"]],
        }
        return cls(**{**values, **made})

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def check(value: Any, like: Any, name: str) -> None:
    """Raise ValueError unless ``value`` is built as ``like`` is: the same keys, counts for counts, finite numbers."""
    if isinstance(like, Mapping):
        if not isinstance(value, Mapping) or set(value) != set(like):
            raise ValueError(f"{name} does not hold exactly {', '.join(like)}")
        for key in like:
            check(value[key], like[key], f"{name}.{key}")
    elif isinstance(like, tuple):
        if not isinstance(value, Sequence) or len(value) != len(like):
            raise ValueError(f"{name} is not {len(like)} counts")
        for one in value:
            check(one, 0, name)
    elif isinstance(like, list):
        if not isinstance(value, list):
            raise ValueError(f"{name} is not a list")
        for one in value:
            check(one, tuple(Skipped(0)), name)
    elif isinstance(like, float):
        if type(value) not in (int, float) or not abs(value) <= LARGEST:  # which NaN is not either
            raise ValueError(f"{name} is no finite number")
        if value < 0 and name.endswith((".seconds", ".progress")):
            raise ValueError(f"{name} is less than 0")
    elif type(value) is not type(like) or not 0 <= value <= LARGEST:
        raise ValueError(f"{name} is no {'count' if type(like) is int else type(like).__name__}")
