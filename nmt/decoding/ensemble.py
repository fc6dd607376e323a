"""Ensembles: several models step together, as one whose probabilities are the mean of theirs. Knows no family.

N rows, M rows after a selection, V columns of the ensemble's logits, W columns of a member's logits.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

from nmt.decoding.roles import Columns, Stepper
from nmt.text.tokenizer import EOS, UNK


@dataclass(frozen=True)
class Member:
    """A model of an ensemble.

    ``place_W`` is the ensemble's column of each column of its logits, and ``column_V`` its own column of each of the
    ensemble's, <unk> for a piece that it does not have; None: its columns are the ensemble's.
    """

    stepper: Stepper[Any]
    forbidden_F: Tensor  # columns of what it never produces
    place_W: Tensor | None = None
    column_V: Tensor | None = None

    @classmethod
    def of(cls, stepper: Stepper[Any], forbidden: Iterable[int], piece_W: Tensor, piece_V: Tensor) -> Self:
        """A model whose columns are the pieces ``piece_W``, in an ensemble whose columns are ``piece_V``; ascending."""
        forbidden_F = Columns(piece_W.device, piece_W).of(set(forbidden) - {EOS})
        if piece_W.equal(piece_V):
            return cls(stepper, forbidden_F)
        place_W = torch.searchsorted(piece_V, piece_W)
        column_V = torch.full_like(piece_V, UNK)
        column_V[place_W] = torch.arange(len(piece_W), device=piece_V.device)
        return cls(stepper, forbidden_F, place_W, column_V)

    def step(self, token_N: Tensor, state: Any, columns: int) -> tuple[Tensor, Any]:
        """Log-probabilities (N, V) of the next piece, and the state after ``token_N``."""
        own_N = token_N if self.column_V is None else self.column_V[token_N]
        logits_NW, state = self.stepper.step(own_N, state)
        if logits_NW.dtype in (torch.float16, torch.bfloat16):
            logits_NW = logits_NW.float()
        log_NW = logits_NW.index_fill_(1, self.forbidden_F, -torch.inf).log_softmax(1)
        if self.place_W is None:
            return log_NW, state
        log_NV = log_NW.new_full((len(log_NW), columns), -torch.inf)
        return log_NV.index_copy_(1, self.place_W, log_NW), state


class Ensemble:
    """A ``Stepper`` over several, each given as (stepper, pieces that it never produces, the piece of each column).

    A piece that one of them lacks has a probability of 0 there, and counts as <unk> in what that model reads. So its
    columns are all pieces that any model may produce. Logits are logarithms of the mean probability.
    """

    def __init__(self, models: Sequence[tuple[Stepper[Any], Iterable[int], Tensor]]) -> None:
        self.piece_V = torch.unique(torch.cat([piece_W for _, _, piece_W in models]))
        produced = set().union(*(set(piece_W.tolist()) - set(never) for _, never, piece_W in models))
        self.never = set(self.piece_V.tolist()) - produced  # what none of them produces
        self.members = [Member.of(stepper, forbidden, piece_W, self.piece_V) for stepper, forbidden, piece_W in models]

    def start(self, source_BS: Tensor, source_length_B: Tensor) -> list[Any]:
        """See ``Stepper``."""
        return [member.stepper.start(source_BS, source_length_B) for member in self.members]

    def step(self, token_N: Tensor, state: list[Any]) -> tuple[Tensor, list[Any]]:
        """See ``Stepper``."""
        steps = [member.step(token_N, its, len(self.piece_V)) for member, its in zip(self.members, state, strict=True)]
        log_MNV = torch.stack([log_NV for log_NV, _ in steps])
        # With the largest taken out the mean of equal members is theirs, bit for bit.
        most_NV = log_MNV.amax(0)
        mean_NV = (log_MNV - most_NV.clamp(min=torch.finfo(most_NV.dtype).min)).exp_().mean(0)
        return mean_NV.log_().add_(most_NV), [its for _, its in steps]

    def select(self, state: list[Any], row_M: Tensor, sentence_M: Tensor) -> list[Any]:
        """See ``Stepper``."""
        return [member.stepper.select(its, row_M, sentence_M) for member, its in zip(self.members, state, strict=True)]
