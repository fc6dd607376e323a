"""The training objective: teacher forcing and label-smoothed cross-entropy, model and output projection together.

B sentences, S source positions, T target positions, N real target tokens, D width, V vocabulary.
"""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn

from nmt.corpus.batches import Batch
from nmt.model.family import TranslationModel
from nmt.model.masks import padding_mask
from nmt.training.loss import linear_cross_entropy


@dataclass(frozen=True)
class TensorBatch:
    """A padded batch as tensors on a device."""

    source_BS: Tensor  # pieces and </s>
    source_length_B: Tensor
    target_BT: Tensor  # <s>, pieces and </s>: one position longer than what is predicted
    target_length_B: Tensor  # predicted tokens: pieces and </s>

    @classmethod
    def of(cls, batch: Batch, device: torch.device) -> Self:
        arrays = (batch.source, batch.source_length, batch.target, batch.target_length)
        tensors = [torch.from_numpy(array) for array in arrays]
        if device.type == "cuda":  # only from pinned memory does a copy not wait
            tensors = [tensor.pin_memory() for tensor in tensors]
        return cls(*(tensor.to(device, non_blocking=True) for tensor in tensors))


class Objective(nn.Module):
    """What training wraps: a batch in, its loss out. Owns the projection too, so that a fused loss has a place.

    ``products`` is the type that matrix products are made in, by PyTorch's autocast, where it is not the weights' own.
    """

    def __init__(self, model: TranslationModel, label_smoothing: float, products: torch.dtype | None = None) -> None:
        super().__init__()
        self.model = model
        self.label_smoothing = label_smoothing
        self.products = products

    def forward(self, batch: TensorBatch, normaliser: float) -> tuple[Tensor, Tensor]:
        """The summed loss in nats / ``normaliser``, and the number of target tokens that it sums over.

        The normaliser is the target tokens of the whole update, so that accumulated gradients add up to its mean.
        """
        kind = batch.source_BS.device.type
        with torch.autocast(kind, self.products, enabled=self.products is not None):
            hidden_BTD = self.model(batch.source_BS, batch.source_length_B, batch.target_BT[:, :-1])
        real_BT = padding_mask(batch.target_length_B, hidden_BTD.size(1))[:, 0, 0]
        # Padding never reaches the softmax over the vocabulary, the widest product of the model.
        loss = linear_cross_entropy(
            hidden_BTD[real_BT].to(self.products or hidden_BTD.dtype),
            self.model.output_weight,
            batch.target_BT[:, 1:][real_BT],
            self.label_smoothing if self.training else 0.0,
        )
        return loss / normaliser, batch.target_length_B.sum()
