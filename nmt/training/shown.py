"""What training shows in another way than the data has it: a share of the batches, drawn by the seed. Knows no text."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nmt.corpus.batches import Batch

Change = Callable[[Sequence[Batch], int], Sequence[Batch]]
"""Makes of the batches of an update, by its number, those that it reads."""


def unchanged(batches: Sequence[Batch], step: int) -> Sequence[Batch]:
    """The batches as they are."""
    return batches


@dataclass(frozen=True)
class Shown:
    """Changes a ``share`` of the batches, each as a whole: a pure function of seed, update and batch.

    A subclass says how, and has a ``stream`` of random numbers of its own: 0 to 2 are those of the order and phases.
    """

    stream: ClassVar[int]

    share: float
    seed: int

    def batches(self, batches: Sequence[Batch], step: int) -> list[Batch]:
        """The batches of an update, some of them changed. Rows keep their order."""
        return [self.batch(batch, step, number) for number, batch in enumerate(batches)]

    def batch(self, batch: Batch, step: int, number: int) -> Batch:
        """One batch of an update, which is number ``number`` of its batches."""
        random = np.random.default_rng((self.stream, self.seed, step, number))
        if random.random() >= self.share:
            return batch
        return self.changed(batch, random)

    def changed(self, batch: Batch, random: np.random.Generator) -> Batch:
        """The batch as this shows it."""
        raise NotImplementedError
