"""What every family of models offers: the training pass, and the step function that search sees.

B sentences, N rows, S source positions, T target positions, D width, V vocabulary, P pieces that are produced.
"""

import copy
from abc import ABC, abstractmethod
from typing import Any, Self

from torch import Tensor, nn

from nmt.model.embeddings import Embeddings

AttentionMaps = dict[str, Tensor]  # each (layer, head, T, S), rows that sum to one


class TranslationModel(nn.Module, ABC):
    """A model of some family; it fits the Stepper of ``nmt.decoding``, whose docstrings say what a step means."""

    embeddings: Embeddings

    def narrowed(self) -> tuple[Self, Tensor]:
        """For search: this model, on the same weights, without the pieces that are never produced, but for a few.

        Piece p of its logits, and of what it is fed, is the p-th of the ids (P,) that come with it. The first pieces,
        which are special, keep their ids.
        """
        twin = copy.deepcopy(self, {id(tensor): tensor for tensor in [*self.parameters(), *self.buffers()]})
        return twin, twin.embeddings.narrow()

    @abstractmethod
    def forward(self, source_BS: Tensor, source_length_B: Tensor, target_NT: Tensor) -> Tensor:
        """Teacher forcing: hidden states (N, T, D), where row t has seen the source and targets 0…t."""

    @property
    @abstractmethod
    def output_weight(self) -> Tensor:
        """(V, D): logits are hidden states times its transpose, which training does together with the softmax."""

    @abstractmethod
    def attention_maps(self, source_S: Tensor, target_T: Tensor) -> AttentionMaps:
        """Who looks at whom in one sentence pair, for people to see: weights by kind of attention.

        ``cross`` is the target's rows over the source; ``encoder`` and ``decoder`` are each side over itself. A family
        has those kinds that it has.
        """

    def position_vectors(self, positions: int) -> Tensor | None:
        """(positions, D): what is added to the source's embeddings at 0, 1, …; None where order is told otherwise."""
        return None

    @abstractmethod
    def start(self, source_BS: Tensor, source_length_B: Tensor) -> Any:
        """The state before the first piece: sources encoded, one row a sentence."""

    @abstractmethod
    def step(self, token_N: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Logits (N, V) of the piece after ``token_N``, and the state that includes ``token_N``."""

    @abstractmethod
    def select(self, state: Any, row_M: Tensor, sentence_M: Tensor) -> Any:
        """Row m becomes the old row ``row_M[m]``; sentences that ``sentence_M`` does not name are dropped."""
