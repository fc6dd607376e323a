"""The training objective: teacher forcing and label-smoothed cross-entropy, model and output projection together.

B sentences, S source positions, T target positions, N real target tokens, D width, V vocabulary, P pieces that are
produced.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from nmt.corpus.batches import Batch
from nmt.model.family import TranslationModel
from nmt.training.loss import linear_cross_entropy


@dataclass(frozen=True)
class TensorBatch:
    """A padded batch as tensors on a device; with hypotheses, B targets are several times as many as sources."""

    source_BS: Tensor  # pieces and </s>
    source_length_B: Tensor
    target_BT: Tensor  # <s>, pieces and </s>: one position longer than what is predicted
    target_length_B: Tensor  # predicted tokens: pieces and </s>
    target_N: Tensor  # the predicted tokens of all sentences
    place_N: Tensor  # theirs among the B × T places of predictions
    turned: bool = False  # some rows: their targets have pieces of the source's language
    share_N: Tensor | None = None  # how often each predicted token counts; None: all once

    @classmethod
    def of(cls, batch: Batch, device: torch.device) -> Self:
        def tensor(array: npt.NDArray[Any]) -> Tensor:
            there = torch.from_numpy(array)
            if device.type == "cuda":  # only from pinned memory does a copy not wait
                there = there.pin_memory()
            return there.to(device, non_blocking=True)

        # Found here: what a device has to be asked for makes everything wait.
        predicted = batch.target[:, 1:]
        place = np.flatnonzero(np.arange(predicted.shape[1]) < batch.target_length[:, None])
        source, target = tensor(batch.source), tensor(batch.target)
        lengths = tensor(batch.source_length), tensor(batch.target_length)
        target_N, place_N = tensor(predicted.reshape(-1)[place]), tensor(place)
        share_N = None if batch.shares is None else tensor(np.repeat(batch.shares, batch.target_length))
        return cls(source, lengths[0], target, lengths[1], target_N, place_N, batch.turned, share_N)


class Products(NamedTuple):
    """The types that matrix products are made in, where they are not the weights' own."""

    layers: torch.dtype | None = None  # of the model, by PyTorch's autocast
    softmax: torch.dtype | None = None  # with the vocabulary, the largest of all


THE_WEIGHTS_OWN = Products()


class Objective(nn.Module):
    """What training wraps: a batch in, its loss out. Owns the projection too, so that a fused loss has a place."""

    def __init__(self, model: TranslationModel, label_smoothing: float, products: Products = THE_WEIGHTS_OWN) -> None:
        super().__init__()
        self.model = model
        self.label_smoothing = label_smoothing
        self.products = products
        produced_V = model.embeddings.produced
        # Nothing is left out where all may be produced; a choice of all rows would only be a copy.
        self.narrow = not bool(produced_V.all())
        self.piece_P = produced_V.nonzero()[:, 0]
        self.place_V = produced_V.cumsum(0) - 1

    def forward(self, batch: TensorBatch, normaliser: float) -> tuple[Tensor, Tensor]:
        """The summed loss in nats / ``normaliser``, and the number of target tokens that it sums over.

        The normaliser is the target tokens of the whole update, so that accumulated gradients add up to its mean.
        """
        kind = batch.source_BS.device.type
        layers = self.products.layers
        with torch.autocast(kind, layers, enabled=layers is not None):
            hidden_BTD = self.model(batch.source_BS, batch.source_length_B, batch.target_BT[:, :-1])
        # Padding never reaches the softmax over the vocabulary, the widest product of the model.
        hidden_ND = hidden_BTD.flatten(0, 1).index_select(0, batch.place_N)
        weight, target_N = self.model.output_weight, batch.target_N
        if self.narrow and not batch.turned:
            weight, target_N = weight[self.piece_P], self.place_V[target_N]
        loss = linear_cross_entropy(
            hidden_ND.to(self.products.softmax or hidden_ND.dtype),
            weight,
            target_N,
            self.label_smoothing if self.training else 0.0,
            batch.share_N,
        )
        return loss / normaliser, batch.target_length_B.sum()
