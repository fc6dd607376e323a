"""The interface of every model family: the training pass, and the step function that search uses.

B sentences, N rows, S source positions, T target positions, D width, V vocabulary, P pieces that are produced. Knows
no particular family.
"""

import copy
from abc import ABC, abstractmethod
from typing import Any, Self

from torch import Tensor, nn
from torch.nn.functional import linear

from nmt.model.embeddings import Embeddings

AttentionMaps = dict[str, Tensor]  # by kind of attention: (layer, head, T, S), where each row sums to one


class TranslationModel(nn.Module, ABC):
    """Base class of all models; implements the Stepper of ``nmt.decoding``, which defines the meaning of a step."""

    embeddings: Embeddings

    def narrowed(self) -> tuple[Self, Tensor]:
        """A copy for search, sharing these weights, without target pieces that are never produced; and their ids (P,).

        Piece p of the copy's logits and target inputs is the p-th of the ids. Special pieces, the first, keep their
        ids. A few more pieces are kept for speed.
        """
        twin = copy.deepcopy(self, {id(tensor): tensor for tensor in [*self.parameters(), *self.buffers()]})
        return twin, twin.embeddings.narrow()

    @abstractmethod
    def forward(self, source_BS: Tensor, source_length_B: Tensor, target_NT: Tensor) -> Tensor:
        """Hidden states (N, T, D) by teacher forcing; position t depends on the source and on targets 0…t.

        ``target_NT`` has the same number of rows for each sentence, in the order of the sources.
        """

    @property
    def output_weight(self) -> Tensor:
        """Weight of the output projection (V, D). Training multiplies by it itself, together with the softmax."""
        return self.embeddings.output_weight

    @property
    def output_bias(self) -> Tensor | None:
        """Bias of the output projection (V,); None for a model without it."""
        return self.embeddings.output_bias

    def logits(self, hidden: Tensor) -> Tensor:
        """Logits (…, V) of hidden states (…, D)."""
        return linear(hidden, self.output_weight, self.output_bias)

    @abstractmethod
    def attention_maps(self, source_S: Tensor, target_T: Tensor) -> AttentionMaps:
        """Attention weights of one sentence pair, by kind of attention, for display.

        ``cross`` is from target to source, ``encoder`` and ``decoder`` are self-attention. A family returns the kinds
        that it has.
        """

    def source_weights(self, source_BS: Tensor, source_length_B: Tensor, target_BT: Tensor) -> Tensor | None:
        """What each source position contributes to each step of each decoder layer (B, L, T, S), by teacher forcing.

        That is its attention weight times the length of the vector that it passes on, over all heads (Kobayashi et al.
        2020): attention to a position with nothing to say does not count. 0 at padding; None for a model without
        attention.
        """
        return None

    def position_vectors(self, positions: int) -> Tensor | None:
        """Vectors (positions, D) that are added to the source embeddings; None for a family that adds none."""
        return None

    @abstractmethod
    def start(self, source_BS: Tensor, source_length_B: Tensor) -> Any:
        """Encode the sources and return the decoding state before the first piece, with one row for each sentence."""

    @abstractmethod
    def step(self, token_N: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Decode one piece further: logits (N, V) of the piece after ``token_N``, and the state after ``token_N``."""

    @abstractmethod
    def select(self, state: Any, row_M: Tensor, sentence_M: Tensor) -> Any:
        """Reorder the state: row m of the result is row ``row_M[m]``, of sentence ``sentence_M[m]``.

        Sentences that ``sentence_M`` does not contain are dropped.
        """
