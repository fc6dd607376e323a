"""Parts of Transformer layers: dropout, the residual connection, the feed-forward network, initialisation.

B sentences, T positions, D width. Knows no attention and no order of layers.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, gelu, relu, silu

INT64_MIN = torch.iinfo(torch.int64).min


class Dropout(nn.Module):
    """Dropout with masks that are cheap on a CPU, where PyTorch's own masks cost more than the matrix products.

    Each byte of a random 64-bit integer decides one feature, so the rate is rounded to a multiple of 1/256, and kept
    features are scaled by the rounded rate. The bits come from ``generator``, or from PyTorch's global generator.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.kept = max(1, round(256 * (1 - rate)))  # of the 256 values of a byte
        self.generator: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.kept == 256:
            return x
        if x.device.type != "cpu":
            return dropout(x, self.rate)
        bits = torch.empty(-(-x.numel() // 8), dtype=torch.int64).random_(INT64_MIN, None, generator=self.generator)
        byte = bits.view(torch.uint8)[: x.numel()].view(x.shape)
        return x * (byte < self.kept).to(x.dtype).mul_(256 / self.kept)


class Residual(nn.Module):
    """Residual connection around a sublayer, with layer normalisation before or after it.

    Pre-norm is x + dropout(sublayer(norm(x))); post-norm, the order of Vaswani et al. 2017, is
    norm(x + dropout(sublayer(x))).
    """

    def __init__(self, width: int, norm: str, rate: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.dropout = Dropout(rate)
        self.pre = norm == "pre"

    def forward(self, x_BTD: Tensor, sublayer: Callable[[Tensor], Tensor]) -> Tensor:
        if self.pre:
            return x_BTD + self.dropout(sublayer(self.norm(x_BTD)))
        return self.norm(x_BTD + self.dropout(sublayer(x_BTD)))


def gelu_sigmoid(x: Tensor) -> Tensor:
    """Approximation x·σ(1.702·x) of GELU (Hendrycks and Gimpel 2016), which is Marian's ``gelu``."""
    return x * torch.sigmoid(1.702 * x)


# The functions that models of other toolkits were trained with; models of ours have ReLU, which is the fastest.
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": relu,
    "gelu": gelu,
    "gelu-sigmoid": gelu_sigmoid,
    "swish": silu,
}


class FeedForward(nn.Module):
    """Feed-forward network f(x·W₁ + b₁)·W₂ + b₂, at each position (Vaswani et al. 2017, section 3.3)."""

    def __init__(self, width: int, inner: int, activation: str = "relu") -> None:
        super().__init__()
        self.inner = nn.Linear(width, inner)
        self.outer = nn.Linear(inner, width)
        self.activation = ACTIVATIONS[activation]

    def forward(self, x_BTD: Tensor) -> Tensor:
        return self.outer(self.activation(self.inner(x_BTD)))


def initialise(module: nn.Module) -> None:
    """Initialise a module: Glorot-uniform weights, zero biases, normal embeddings with variance 1 after scaling.

    Recurrent cells keep PyTorch's initialisation, uniform in ±1/√width. Learned positions start small, as in fairseq.
    """
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Embedding):
        nn.init.normal_(module.weight, std=module.embedding_dim**-0.5)
