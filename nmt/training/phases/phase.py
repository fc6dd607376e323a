"""What a phase of training decides: which sources its updates read and which targets they predict.

Knows no schedule, no optimizer and no padding. The loop and the workers call a phase and know nothing else about it.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from nmt.config import TrainingConfig
from nmt.corpus.batches import Batch, Sentences
from nmt.model.family import TranslationModel
from nmt.training.objective import Scales


class Phase(Protocol):
    """A part of the training budget. A subclass overrides what differs from plain training."""

    note: str = ""  # what a person is told at the first update of the phase
    cost: float = 1.0  # duration of an update, in plain updates
    targets_per_source: int = 1  # an update counts as so many in the running average of the weights
    any_piece: bool = False  # whether targets may contain pieces that the model never produces

    def batches(self, batches: Sequence[Batch], random: np.random.Generator) -> Sequence[Batch]:
        """The pairs that an update trains on, made from those that the data order gives.

        Each process calls this with the same batches and an equal ``random``, and must get the same pairs.
        """
        return batches

    def targets(self, model: TranslationModel) -> Callable[[Batch], tuple[Sentences, Scales]]:
        """A function from a worker's part of a batch to the targets it predicts and the factors of their losses.

        Each worker asks for it once an update. Targets lie in the order of their sources, ``targets_per_source`` each;
        factors are float32 (targets,), or None if all are 1.
        """
        return lambda batch: (batch.targets, None)


PhaseAt = Callable[[TrainingConfig, float], Phase]
"""Chooses a phase by the settings and the share of the budget used so far."""
