"""The rows that updates read: those of the dataset, or of a round of synthetic pairs as well, in one numbering.

The order of the data stays a function of seed, epoch and block. Knows splits and weights; not when pairs are made.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nmt.corpus.batches import Integers, Rows, Sentences
from nmt.corpus.dataset import Dataset
from nmt.errors import DataError, SettingsError
from nmt.training.stages import TEACHER, Stage
from nmt.training.synthetic import Pairs


class Joined:
    """The rows of two splits, those of the second after those of the first, each weight times a factor."""

    def __init__(self, first: Rows, second: Rows, factors: tuple[float, float]) -> None:
        self._parts = (first, second)
        self._factors = factors
        self._middle = len(first)

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    @property
    def rows_per_epoch(self) -> float:
        """See ``nmt.corpus.shards.Split``."""
        each = zip(self._parts, self._factors, strict=True)
        return sum(part.rows_per_epoch * factor for part, factor in each)

    def weight(self, rows: Integers) -> npt.NDArray[np.float64]:
        """Average number of times that an epoch sees each of the rows: float64 (rows,)."""
        weights = np.empty(len(rows))
        for own, part, numbers, factor in self._split(rows):
            weights[own] = part.weight(numbers) * factor
        return weights

    def lengths(self, rows: Integers) -> tuple[Integers, Integers]:
        """Lengths of the rows' sources and targets: int64 (rows,) each."""
        lengths = np.empty((2, len(rows)), np.int64)
        for own, part, numbers, _ in self._split(rows):
            lengths[:, own] = part.lengths(numbers)
        return lengths[0], lengths[1]

    def ids(self, rows: Integers) -> tuple[Sentences, Sentences]:
        """The rows' source ids and target ids."""
        found: dict[int, Sequence[npt.NDArray[Any]]] = {}
        for own, part, numbers, _ in self._split(rows):
            found.update(zip(own.tolist(), zip(*part.ids(numbers), strict=True), strict=True))
        pairs = [found[place] for place in range(len(rows))]
        return [source for source, _ in pairs], [target for _, target in pairs]

    def _split(self, rows: Integers) -> list[tuple[Integers, Rows, Integers, float]]:
        """For each part with rows among these: their places, the part, their numbers in it, and its factor."""
        rows = np.asarray(rows, np.int64)
        is_first = rows < self._middle
        places = [np.flatnonzero(is_first), np.flatnonzero(~is_first)]
        numbers = [rows[places[0]], rows[places[1]] - self._middle]
        each = zip(places, self._parts, numbers, self._factors, strict=True)
        return [part for part in each if len(part[0])]


def factors_of(real: float, synthetic: float, share: float) -> tuple[float, float]:
    """Factors of the weights of ``real`` and ``synthetic`` pairs so that the latter have a ``share`` of an epoch.

    Both count each pair as often as its weight says, which is how often an epoch sees a synthetic pair at most.
    """
    if share >= 1.0:
        return 0.0, 1.0
    return 1.0, min(1.0, share / (1.0 - share) * real / synthetic)


class Feed:
    """The rows that updates read now; the same in every process of a run."""

    def __init__(self, data: Dataset, stages: Sequence[Stage], share: float, folder: Path) -> None:
        """``share`` is the synthetic pairs' of an epoch; the rounds are folders in ``folder``."""
        self.stages, self.folder = stages, folder
        self._data, self._share = data, share
        self.rows: Rows = data.train
        self.digest = ""  # of the pairs of the round in use

    def path(self, name: str) -> Path:
        """The folder of a round."""
        return self.folder / name

    def open(self, stage: int) -> None:
        """Read the rows of a stage from now on. Raises DataError when its round is missing or damaged."""
        name, train = self.stages[stage].round, self._data.train
        self.rows, self.digest = train, ""
        if name:
            pairs = Pairs.open(self.path(name), self._data, weighted=name == TEACHER)
            self.digest = pairs.digest
            if len(pairs.split):
                factors = factors_of(train.rows_per_epoch, pairs.split.rows_per_epoch, self._share)
                self.rows = Joined(train, pairs.split, factors)

    def reopen(self, stage: int, digest: str) -> None:
        """``open`` for a checkpoint that was saved when the pairs had this digest.

        Raises SettingsError when they are not there any more: that is no fault of the checkpoint.
        """
        try:
            self.open(stage)
            what = f"{self.folder} does not hold the pairs that the run has read"
        except DataError as error:
            what, self.digest = error.what, "missing"
        if self.digest != digest:
            raise SettingsError(what, "restore that folder, or add `overwrite` to move the run aside")

    @property
    def facts(self) -> dict[str, str]:
        """What a checkpoint says of the round in use; empty without one."""
        return {"synthetic": self.digest} if self.digest else {}
