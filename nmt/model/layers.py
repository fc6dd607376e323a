"""The parts that a Transformer layer is stacked from: dropout, the residual sublayer, the feed-forward network.

B sentences, T positions, D width.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, relu

INT64_MIN = torch.iinfo(torch.int64).min


class Dropout(nn.Module):
    """Dropout whose masks are cheap on a CPU, where PyTorch's own draws cost more than the products beside them.

    One random 64-bit integer decides eight features by its bytes, so the rate is rounded to a multiple of 1/256, and
    the kept features are scaled by exactly what that leaves. The bits come from ``generator``, or PyTorch's global one.
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
    """x + dropout(sublayer(norm(x))) for pre-norm; norm(x + dropout(sublayer(x))), the order of 2017, for post-norm."""

    def __init__(self, width: int, norm: str, rate: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.dropout = Dropout(rate)
        self.pre = norm == "pre"

    def forward(self, x_BTD: Tensor, sublayer: Callable[[Tensor], Tensor]) -> Tensor:
        if self.pre:
            return x_BTD + self.dropout(sublayer(self.norm(x_BTD)))
        return self.norm(x_BTD + self.dropout(sublayer(x_BTD)))


class FeedForward(nn.Module):
    """relu(x·W₁ + b₁)·W₂ + b₂ at each position alone (Vaswani et al. 2017, section 3.3)."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.inner = nn.Linear(width, inner)
        self.outer = nn.Linear(inner, width)

    def forward(self, x_BTD: Tensor) -> Tensor:
        return self.outer(relu(self.inner(x_BTD)))


def initialise(module: nn.Module) -> None:
    """Glorot's uniform weights, zero biases; normal embeddings, whose features have variance 1 after scaling.

    Recurrent networks keep PyTorch's own start, uniform in ±1/√width; learned positions start small, as in fairseq.
    """
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Embedding):
        nn.init.normal_(module.weight, std=module.embedding_dim**-0.5)
