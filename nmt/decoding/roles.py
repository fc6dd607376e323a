"""The replaceable parts of the PyTorch search, and what the loop in ``nmt.decoding.search`` hands to them.

A stepper runs the model (an ensemble would be one more stepper), a filter masks the logits of a step, a role chooses
how hypotheses continue, and a ranking orders the finished ones. Pieces are ids of the vocabulary; only logits are
addressed by column. Knows no model, no text and no loop.

B sentences still searched, K rows (hypotheses) of a sentence, N = B × K rows, C candidates of a sentence, F pieces of a
filter, S source positions, T pieces of a row (<s> first), V columns of the logits.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor

from nmt.decoding.engine import Hypothesis

State = TypeVar("State")


@dataclass(frozen=True)
class Columns:
    """Which piece of the vocabulary each column of the logits stands for: a model may offer some pieces only.

    The special pieces come first and keep their ids.
    """

    device: torch.device
    piece_V: Tensor | None = None  # (V,) the piece of each column; None: columns are pieces

    def of(self, pieces: Iterable[int]) -> Tensor:
        """(F,) columns of these pieces, ascending; a piece that the model does not offer has none."""
        piece_F = torch.tensor(sorted(pieces), dtype=torch.long, device=self.device)
        return piece_F if self.piece_V is None else torch.isin(self.piece_V, piece_F).nonzero()[:, 0]

    @cached_property
    def column_of(self) -> Tensor | None:
        """The column of each piece of the vocabulary up to the last one offered, -1: none; None: pieces are columns."""
        if self.piece_V is None:
            return None
        column_V = torch.full((int(self.piece_V.max()) + 1,), -1, device=self.device)
        column_V[self.piece_V] = torch.arange(len(self.piece_V), device=self.device)
        return column_V

    def places(self, piece: Tensor) -> Tensor:
        """The column of each piece, in the shape of ``piece``; -1 for a piece that the model does not offer."""
        if self.column_of is None:
            return piece
        column = self.column_of.take(piece.clamp(max=len(self.column_of) - 1))
        return column.masked_fill(piece >= len(self.column_of), -1)

    def list_of(self, pieces: Sequence[int]) -> list[int]:
        """The column of each piece, in their order; -1 for a piece that the model does not offer."""
        places: list[int] = self.places(torch.tensor(pieces, dtype=torch.long, device=self.device)).tolist()
        return places

    def pieces(self, column: Tensor) -> Tensor:
        """The piece of each column, in the shape of ``column``."""
        return column if self.piece_V is None else self.piece_V.take(column)


@dataclass
class Rows:
    """Unfinished hypotheses between two steps; the rows of a sentence stand side by side."""

    sentence_B: Tensor  # (B,) place of each sentence in the batch
    finished_B: Tensor  # (B,) how many of its hypotheses are finished
    score_BK: Tensor  # (B, K) sum of log-probabilities; -inf: the row is dead
    prefix_NT: Tensor  # (N, T) pieces of each row, <s> first
    column_N: Tensor  # (N,) column of its newest piece, which the model is fed

    @property
    def sentence_of_row(self) -> Tensor:
        """(N,) place of each row's sentence in the batch."""
        return self.sentence_B.repeat_interleave(self.score_BK.size(1))


@dataclass
class Candidates:
    """Continuations of the rows, C of each sentence. A score of -inf means that there is none."""

    score_BC: Tensor  # (B, C) sum of log-probabilities with the new piece
    row_BC: Tensor  # (B, C) row that is continued
    column_BC: Tensor  # (B, C) column of the piece that continues it


class Finished(NamedTuple):
    """A hypothesis that will not be continued."""

    pieces: list[int]  # without <s> and </s>
    length: int  # in pieces; counts </s> when it was produced
    log_probability: float


Filter = Callable[[Rows, Tensor], Tensor]
"""``(rows, logits_NV) -> logits_NV``, where -inf forbids a piece. It may write into the logits it is given."""

Ranking = Callable[[Sequence[Finished]], list[Hypothesis]]
"""Scores the finished hypotheses of a sentence: the ones to return, best first."""


class Stepper(Protocol[State]):
    """A model that continues hypotheses one piece at a time."""

    def start(self, source_BS: Tensor, source_length_B: Tensor) -> State:
        """The state before the first piece: sources (right-padded ids that end in </s>) encoded, one row a sentence."""

    def step(self, token_N: Tensor, state: State) -> tuple[Tensor, State]:
        """Logits (N, V) of the next piece, and the state after each row was fed its newest piece (<s> first)."""

    def select(self, state: State, row_M: Tensor, sentence_M: Tensor) -> State:
        """The state whose row m is a copy of the old row ``row_M[m]`` of the old sentence ``sentence_M[m]``.

        Sentences that no row names are dropped; the rest keep their order. Every kept sentence has equally many rows.
        """


class Role(Protocol):
    """Chooses how hypotheses continue: beam search, sampling and the like."""

    @property
    def enough(self) -> int:
        """Number of finished hypotheses that ends the search of a sentence."""

    def choose(self, rows: Rows, logits_NV: Tensor, last_B: Tensor) -> tuple[Candidates, Candidates]:
        """The hypotheses that finish with this step, and the next rows: equally many a sentence, best first.

        ``last_B`` marks the sentences at their length limit, where this step is the last. Filters have been applied to
        the logits; scores that are not numbers count as dead rows.
        """
