"""Test scores that ``nmt evaluate --json`` wrote, read for a report. Knows that format; no test set.

The file may come from a stranger, so everything that is shown is checked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from nmt.disk.untrusted import is_real, read_small, strict_json
from nmt.errors import DataError
from nmt.scoring.metrics import NAMES
from nmt.scoring.tables import Table

LARGEST, MOST = 1 << 24, 100  # bytes of a file; sets, and systems of a set
_MEND = "make it with nmt evaluate and its `json`"


@dataclass(frozen=True)
class SetScores:
    """The scores of some systems on one test set."""

    name: str
    lines: int
    systems: Sequence[tuple[str, Mapping[str, Mapping[str, Any]]]]  # scores of each by metric

    @classmethod
    def read(cls, path: Path) -> list[Self]:
        """The sets of a file. Raises MissingInputError or DataError, naming the file."""
        try:
            facts = strict_json(read_small(path, LARGEST))
        except ValueError as error:
            raise DataError(f"{path} is not JSON: {error}", _MEND) from None
        sets = facts.get("sets") if isinstance(facts, dict) else None
        if not isinstance(sets, list) or len(sets) > MOST or not all(map(_is_set, sets)):
            raise DataError(f"{path} has no scores of nmt evaluate", _MEND)
        return [
            cls(
                entry["name"],
                entry["lines"],
                [
                    (each.get("name", "") if place else path.stem, {key: each[key] for key in NAMES if key in each})
                    for place, each in enumerate([entry, *entry.get("baselines", [])])
                ],
            )
            for entry in sets
        ]

    def table(self) -> Table:
        """A row for each system, with the interval of each score."""
        metrics = [metric for metric in NAMES if any(metric in scores for _, scores in self.systems)]
        heads = ["system", *(head for metric in metrics for head in (NAMES[metric], "95% interval"))]
        rows = []
        for name, scores in self.systems:
            cells = [cell for metric in metrics for cell in _cells(scores.get(metric, {}))]
            rows.append([name, *cells])
        signatures = dict.fromkeys(
            f"{NAMES[metric]}: {scores[metric]['signature']}"
            for metric in metrics
            for _, scores in self.systems
            if scores.get(metric, {}).get("signature")
        )
        return Table(heads, rows, [f"{self.lines:,} lines", *signatures])


def _cells(score: Mapping[str, Any]) -> list[str]:
    if not score:
        return ["", ""]
    spread = f" ± {score['deviation']:.2f}" if score.get("deviation") is not None else ""
    low, high = score.get("low"), score.get("high")
    between = "" if low is None or high is None else f"{low:.1f} – {high:.1f}"
    return [f"{score['score']:.2f}{spread}", between]


def _is_set(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("name"), str)
        and type(entry.get("lines")) is int
        and _is_system(entry)
        and isinstance(others := entry.get("baselines", []), list)
        and len(others) < MOST
        and all(_is_system(other) and isinstance(other.get("name"), str) for other in others)
    )


def _is_system(entry: Any) -> bool:
    return isinstance(entry, dict) and all(_is_score(entry[metric]) for metric in NAMES if metric in entry)


def _is_score(score: Any) -> bool:
    return (
        isinstance(score, dict)
        and is_real(score.get("score"))
        and all(score.get(key) is None or is_real(score[key]) for key in ("low", "high", "deviation"))
        and isinstance(score.get("signature", ""), str)
    )
