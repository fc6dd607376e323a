"""Teacher forcing in PyTorch: the log-probability of every piece of given targets, all positions at once.

The probabilities are those of search: over the pieces that may be produced, without dropout. Knows no text.

B sentences, S source positions, T target positions, N predicted tokens of all targets, D width, V columns of the
logits, C rows of a chunk, F forbidden columns.
"""

import copy
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from nmt.decoding.roles import Columns
from nmt.model.family import TranslationModel
from nmt.text.tokenizer import EOS

CHUNK = 256  # rows whose logits are in memory at once: in float64, 16 MB for 8,000 pieces


@dataclass(frozen=True)
class Teacher:
    """A model in float64, so that its digits do not depend on the batch; in float32 on a device without it (MPS).

    ``column_of`` has the column of each piece that may be produced.
    """

    model: TranslationModel
    forbidden_F: Tensor
    column_of: Mapping[int, int]

    @classmethod
    def of(cls, model: TranslationModel, columns: Columns, forbidden: Collection[int]) -> Self:
        """A copy of the model, which is in evaluation mode, for scoring targets without ``forbidden`` pieces."""
        unwanted = set(forbidden) - {EOS}
        pieces = range(len(model.output_weight)) if columns.piece_V is None else columns.piece_V.tolist()
        column_of = {piece: column for column, piece in enumerate(pieces) if piece not in unwanted}
        wide = model if columns.device.type == "mps" else copy.deepcopy(model).double()
        return cls(wide, columns.of(unwanted), column_of)

    @torch.inference_mode()
    def log_probabilities(
        self, source_BS: Tensor, source_length_B: Tensor, target_BT: Tensor, target_length_B: Tensor
    ) -> list[list[float]]:
        """The log-probability of each piece of each target, </s> last; -inf for a forbidden piece.

        ``target_BT`` holds columns, <s> first and </s> last, and ``target_length_B`` their lengths without <s>.
        """
        hidden_BTD = self.model(source_BS, source_length_B, target_BT[:, :-1])
        wanted_BT = target_BT[:, 1:]
        is_token_BT = torch.arange(wanted_BT.size(1), device=wanted_BT.device) < target_length_B[:, None]
        hidden_ND, wanted_N = hidden_BTD[is_token_BT], wanted_BT[is_token_BT]
        chunks = zip(torch.split(hidden_ND, CHUNK), torch.split(wanted_N, CHUNK), strict=True)
        score_N = torch.cat([self.chunk(hidden_CD, wanted_C) for hidden_CD, wanted_C in chunks])
        return [scores.tolist() for scores in torch.split(score_N, target_length_B.tolist())]

    @torch.inference_mode()
    def most_probable(self, source_1S: Tensor, target_1T: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """The log-probabilities and columns (T, count) of the likeliest continuations after each column of a target.

        ``target_1T`` begins with <s>.
        """
        length_1 = torch.tensor([source_1S.size(1)], device=source_1S.device)
        logits_TV = self.model.logits(self.model(source_1S, length_1, target_1T)[0])
        logits_TV.index_fill_(1, self.forbidden_F, -torch.inf)
        best = logits_TV.log_softmax(1).topk(count)
        return best.values, best.indices

    @torch.inference_mode()
    def source_weights(self, source_BS: Tensor, source_length_B: Tensor, target_BT: Tensor) -> Tensor | None:
        """What each source position contributes to each step of each decoder layer, (B, L, T, S); see the family.

        ``target_BT`` holds columns, <s> first.
        """
        return self.model.source_weights(source_BS, source_length_B, target_BT)

    def chunk(self, hidden_CD: Tensor, wanted_C: Tensor) -> Tensor:
        """The log-probabilities (C,) of the wanted columns."""
        logits_CV = self.model.logits(hidden_CD)
        logits_CV.index_fill_(1, self.forbidden_F, -torch.inf)
        return logits_CV.log_softmax(1).gather(1, wanted_C[:, None])[:, 0]
