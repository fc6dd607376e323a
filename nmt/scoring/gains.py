"""Validation scores of a run stage by stage: how good it was before and after it read each round of synthetic pairs.

They tell what training gained meanwhile, not what it would have gained without the pairs. Knows events; no run.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nmt.scoring.events import real, whole, words
from nmt.scoring.metrics import NAMES
from nmt.scoring.tables import Table

SCORES = ("bleu", "chrf")
REAL = "real pairs"


@dataclass(frozen=True)
class Gain:
    """A stage of a run, with the scores of its last validation and of the last one before it."""

    round: str  # of the synthetic pairs that it read beside the real ones; "" for real pairs alone
    pairs: int  # of that round
    begins: int  # updates before it
    ends: int  # updates at its last validation
    after: Mapping[str, float]
    before: Mapping[str, float] | None = None  # None in the first stage

    def to_json(self) -> dict[str, Any]:
        """The stage as ``nmt report --format json`` has it."""
        return {"round": self.round, "pairs": self.pairs, "steps": [self.begins, self.ends]} | {
            name: {"before": self.before and self.before[name], "after": self.after[name]} for name in SCORES
        }


def gains_of(events: Iterable[Mapping[str, Any]]) -> list[Gain]:
    """The stages of a run with rounds of synthetic pairs, by its metrics; none of another run. Raises DataError."""
    gains, made = list[Gain](), dict[str, int]()
    for event in events:
        if event.get("event") == "synthetic":
            made[words(event, "round")] = whole(event, "pairs")
        if event.get("event") != "validation" or "round" not in event:
            continue
        name, step = words(event, "round"), whole(event, "step")
        scores = {score: real(event, score) for score in SCORES}
        if gains and gains[-1].round == name:
            gains[-1] = replace(gains[-1], ends=step, after=scores)
        else:
            last = gains[-1] if gains else None
            begins, before = (last.ends, last.after) if last else (0, None)
            gains.append(Gain(name, made.get(name, 0), begins, step, scores, before))
    return gains


def table(name: str, gains: Sequence[Gain]) -> Table:
    """A row for each stage of the run ``name``: what it read, and the scores at its end."""
    rows = []
    for gain in gains:
        read = f"{REAL}, {gain.pairs:,} of {title(gain.round)}" if gain.round else REAL
        cells = [f"{gain.after[score]:.2f}{change(gain, score)}" for score in SCORES]
        rows.append([read, f"{gain.begins:,} to {gain.ends:,}", *cells])
    note = (
        f"{name} on the validation set at the end of each stage, with the change since the stage before; what a run "
        "gains without the pairs is told by one with training.synthetic=0"
    )
    return Table(["read", "updates", *(NAMES[score] for score in SCORES)], rows, [note])


def title(name: str) -> str:
    """The name of a round in words."""
    return f"round {name}" if name.isdigit() else f"the {name}"


def change(gain: Gain, score: str) -> str:
    """The change of a score, as `` (+1.25)``; "" in the first stage."""
    return f" ({gain.after[score] - gain.before[score]:+.2f})" if gain.before else ""
