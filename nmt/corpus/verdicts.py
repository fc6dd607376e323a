"""The outcome of cleaning for each pair: kept, or what dropped it, as one byte. Knows names; no texts."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Verdicts = npt.NDArray[np.uint8]
Scores = npt.NDArray[np.float32]

KEPT, EMPTY, DUPLICATE, HELD_OUT, TOO_LONG = range(5)
FIRST_RULE = 8  # the verdict of the first rule; the others follow it in their order
_NAMES = {EMPTY: "empty", DUPLICATE: "duplicate", HELD_OUT: "held-out", TOO_LONG: "too-long"}


class VerdictNames:
    """The names of verdicts in reports and in dropped.tsv.gz: those of the rules, and four that no rule gives."""

    def __init__(self, rules: Sequence[str]) -> None:
        self._names = _NAMES | dict(enumerate(rules, FIRST_RULE))

    def __getitem__(self, verdict: int) -> str:
        return self._names[verdict]

    def count(self, verdicts: Verdicts) -> dict[str, int]:
        """Number of pairs that each verdict dropped, by its name; verdicts that dropped none are left out."""
        counts = np.bincount(verdicts, minlength=FIRST_RULE)
        return {self[number]: int(count) for number, count in enumerate(counts) if number != KEPT and count}
