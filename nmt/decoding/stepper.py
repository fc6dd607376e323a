"""What the PyTorch search sees of a model: a step function over an explicit state. An ensemble is one more of these.

B sentences, N rows (hypotheses; the rows of a sentence stand together), S source positions, V vocabulary.
"""

from typing import Protocol, TypeVar

from torch import Tensor

State = TypeVar("State")


class Stepper(Protocol[State]):
    """A model that continues hypotheses one piece at a time."""

    def start(self, source_BS: Tensor, source_length_B: Tensor) -> State:
        """Encode the sources (right-padded ids that end in </s>); one row a sentence, nothing decoded yet."""

    def step(self, token_N: Tensor, state: State) -> tuple[Tensor, State]:
        """Feed each row its newest piece (<s> first): logits (N, V) of the next piece, and the state after it."""

    def select(self, state: State, row_M: Tensor, sentence_M: Tensor) -> State:
        """Make row m a copy of the old row ``row_M[m]`` of the old sentence ``sentence_M[m]``.

        Sentences that no row names are dropped; the rest keep their order. Every kept sentence has equally many rows.
        """
