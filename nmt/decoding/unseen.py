"""Pieces that the model never produces, but that a translation is told to have: columns of their own.

The model reads <unk> in their place, as in forced decoding. Knows no model.

N rows, V columns of the model's logits, U columns of pieces never seen, M rows after a selection.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Generic

import torch
from torch import Tensor
from torch.nn.functional import pad

from nmt.decoding.roles import Columns, State, Stepper
from nmt.text.tokenizer import PAD, UNK

NONE_UNSEEN = 1 << 40
"""A column after all columns."""


@dataclass(frozen=True)
class WithUnseen(Generic[State]):
    """A stepper whose logits have U columns more, which no hypothesis gets unless it is forced."""

    stepper: Stepper[State]
    first: int  # the first of them
    count: int

    def start(self, source_BS: Tensor, source_length_B: Tensor) -> State:
        """See ``Stepper``."""
        return self.stepper.start(source_BS, source_length_B)

    def step(self, token_N: Tensor, state: State) -> tuple[Tensor, State]:
        """See ``Stepper``."""
        logits_NV, after = self.stepper.step(token_N.masked_fill(token_N >= self.first, UNK), state)
        return pad(logits_NV, (0, self.count), value=-torch.inf), after

    def select(self, state: State, row_M: Tensor, sentence_M: Tensor) -> State:
        """See ``Stepper``."""
        return self.stepper.select(state, row_M, sentence_M)


def with_unseen(
    stepper: Stepper[State], columns: Columns, wanted: Iterable[int], forbidden: Collection[int]
) -> tuple[Stepper[State], Columns, int]:
    """A stepper and columns that offer the ``wanted`` pieces too, and the first column of those never produced.

    The model never produces ``forbidden`` pieces.
    """
    if columns.piece_V is None:
        return stepper, columns, NONE_UNSEEN
    unseen = sorted(set(wanted) - (set(columns.piece_V.tolist()) - set(forbidden)))
    if not unseen:
        return stepper, columns, NONE_UNSEEN
    unseen_U = torch.tensor(unseen, device=columns.device)
    others_V = columns.piece_V.masked_fill(torch.isin(columns.piece_V, unseen_U), PAD)
    first = len(others_V)
    return WithUnseen(stepper, first, len(unseen)), Columns(columns.device, torch.cat((others_V, unseen_U))), first
