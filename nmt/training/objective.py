"""The training objective: teacher forcing and label-smoothed cross-entropy, model and output projection together.

Knows no optimizer, no schedule and no files. B sources, and B targets or a multiple of that; S source positions, T
target positions, N target tokens without padding, D width, V vocabulary, P pieces that the model may produce.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from nmt.corpus.batches import Sentences, pad_rows
from nmt.model.family import TranslationModel
from nmt.text.tokenizer import BOS
from nmt.training.loss import linear_cross_entropy

Scales = npt.NDArray[np.float32] | None


@dataclass(frozen=True)
class TensorBatch:
    """Sources and targets, padded, on a device. Each source has equally many targets, which lie one after another."""

    source_BS: Tensor  # pieces and </s>
    source_length_B: Tensor
    target_BT: Tensor  # <s>, pieces and </s>: one position longer than the predictions
    target_N: Tensor  # the tokens to predict: pieces and </s> of all targets
    place_N: Tensor  # their indices among the B × T predictions
    scale_N: Tensor | None = None  # factor of each token's loss; None: all 1
    any_piece: bool = False  # whether targets may contain pieces that the model never produces

    @classmethod
    def of(
        cls,
        sources: Sentences,
        targets: Sentences,
        device: torch.device,
        scales: Scales = None,
        any_piece: bool = False,
    ) -> Self:
        """Pad ids without BOS and EOS. ``scales`` (targets,) are factors of each target's loss."""

        def tensor(array: npt.NDArray[Any]) -> Tensor:
            host = torch.from_numpy(array)
            # Only a copy from pinned memory is asynchronous.
            return (host.pin_memory() if device.type == "cuda" else host).to(device, non_blocking=True)

        source, source_length = pad_rows(sources, start=[])
        target, target_length = pad_rows(targets, start=[BOS])
        # Computed on the host: asking a device for the places would wait for all its work.
        predicted = target[:, 1:]
        place = np.flatnonzero(np.arange(predicted.shape[1]) < target_length[:, None])
        target_N, place_N = tensor(predicted.reshape(-1)[place]), tensor(place)
        scale_N = None if scales is None else tensor(np.repeat(scales, target_length))
        tensors = tensor(source), tensor(source_length), tensor(target), target_N, place_N, scale_N
        return cls(*tensors, any_piece=any_piece)


class Products(NamedTuple):
    """The types in which matrix products are computed; None is the type of the weights."""

    layers: torch.dtype | None = None  # in the model, by PyTorch's autocast
    softmax: torch.dtype | None = None  # of the output projection, the largest product


THE_WEIGHTS_OWN = Products()


class Objective(nn.Module):
    """The loss of a batch. Includes the output projection, which the loss computes together with the softmax."""

    def __init__(self, model: TranslationModel, label_smoothing: float, products: Products = THE_WEIGHTS_OWN) -> None:
        super().__init__()
        self.model = model
        self.label_smoothing = label_smoothing
        self.products = products
        produced_V = model.embeddings.produced
        # Where every piece may be produced, selecting all rows would only be a copy.
        self.narrow = not bool(produced_V.all())
        self.piece_P = produced_V.nonzero()[:, 0]
        self.place_V = produced_V.cumsum(0) - 1

    def forward(self, batch: TensorBatch, normaliser: float) -> Tensor:
        """The summed loss in nats, divided by ``normaliser``.

        The normaliser is the number of target tokens in the whole update, so that accumulated gradients are those of
        its mean loss.
        """
        kind = batch.source_BS.device.type
        layers = self.products.layers
        with torch.autocast(kind, layers, enabled=layers is not None):
            hidden_BTD = self.model(batch.source_BS, batch.source_length_B, batch.target_BT[:, :-1])
        # Padding never reaches the softmax over the vocabulary, the widest product of the model.
        hidden_ND = hidden_BTD.flatten(0, 1).index_select(0, batch.place_N)
        weight, target_N = self.model.output_weight, batch.target_N
        if (bias := self.model.output_bias) is not None:  # one more feature, which is always 1
            weight = torch.cat((weight, bias[:, None]), 1)
            hidden_ND = torch.cat((hidden_ND, hidden_ND.new_ones(len(hidden_ND), 1)), 1)
        if self.narrow and not batch.any_piece:
            weight, target_N = weight[self.piece_P], self.place_V[target_N]
        loss = linear_cross_entropy(
            hidden_ND.to(self.products.softmax or hidden_ND.dtype),
            weight,
            target_N,
            self.label_smoothing if self.training else 0.0,
            batch.scale_N,
        )
        return loss / normaliser
