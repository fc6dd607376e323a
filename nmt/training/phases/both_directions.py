"""Training in both directions (Ding et al. 2021): half of the pairs have source and target exchanged.

Both languages must have one vocabulary. Knows no model and no search.
"""

from collections.abc import Sequence

import numpy as np

from nmt.corpus.batches import Batch
from nmt.training.phases.phase import Phase


class BothDirections(Phase):
    """Exchanges source and target of each pair with probability 1/2, anew in each update."""

    any_piece = True

    def __init__(self, real: int | None = None) -> None:
        """Rows from number ``real`` on are read as they are given."""
        self.real = real

    def batches(self, batches: Sequence[Batch], random: np.random.Generator) -> Sequence[Batch]:
        return [exchanged(batch, self.marks(batch, random)) for batch in batches]

    def marks(self, batch: Batch, random: np.random.Generator) -> Sequence[bool]:
        """Which rows (B,) are exchanged."""
        marks = random.random(len(batch.rows)) < 0.5
        if self.real is not None:
            marks &= batch.rows < self.real
        chosen: list[bool] = marks.tolist()
        return chosen


def exchanged(batch: Batch, which: Sequence[bool]) -> Batch:
    """The batch with source and target exchanged in the rows that ``which`` (B,) marks."""
    rows = zip(batch.sources, batch.targets, which, strict=True)
    sources, targets = zip(*[(t, s) if is_marked else (s, t) for s, t, is_marked in rows], strict=True)
    return Batch(batch.rows, sources, targets)
