"""Score functions of attention: how well a decoder state matches each source position. Knows no cells and no masks.

Each formula is one class, to be read beside its paper. ``keys`` computes what is the same at every step; ``forward``
returns scores (B, K, S). B sentences, K queries of a sentence, S source positions, D width.
"""

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from nmt.model.positions import LONGEST


class DotScore(nn.Module):
    """Dot product: score(h, m) = h·m (Luong et al. 2015), divided by √D if ``scaled`` (Vaswani et al. 2017)."""

    def __init__(self, width: int, scaled: bool = False) -> None:
        super().__init__()
        self.scale = 1 / math.sqrt(width) if scaled else 1.0

    def keys(self, memory_BSD: Tensor) -> Tensor:
        return memory_BSD * self.scale

    def forward(self, query_BKD: Tensor, key_BSD: Tensor) -> Tensor:
        return query_BKD @ key_BSD.transpose(1, 2)


class GeneralScore(nn.Module):
    """Bilinear form: score(h, m) = h·W·m (Luong et al. 2015), where √D·W is the learned parameter.

    An update moves all D² entries of W by the same amount, and the score by their sum; without √D, the softmax
    saturates before it has learned where to attend.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Linear(width, width, bias=False)
        self.scale = 1 / math.sqrt(width)

    def keys(self, memory_BSD: Tensor) -> Tensor:
        return self.weight(memory_BSD) * self.scale

    def forward(self, query_BKD: Tensor, key_BSD: Tensor) -> Tensor:
        return query_BKD @ key_BSD.transpose(1, 2)


class ConcatScore(nn.Module):
    """Additive score: score(h, m) = v·tanh(W·[h; m]) (Bahdanau et al. 2015), with W stored as two halves."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query = nn.Linear(width, width)
        self.memory = nn.Linear(width, width, bias=False)
        self.vector = nn.Linear(width, 1, bias=False)

    def keys(self, memory_BSD: Tensor) -> Tensor:
        return self.memory(memory_BSD)

    def forward(self, query_BKD: Tensor, key_BSD: Tensor) -> Tensor:
        return self.vector((self.query(query_BKD)[:, :, None] + key_BSD[:, None]).tanh())[..., 0]


class LocationScore(nn.Module):
    """Location score: score(h, m at s) = (W·h)[s] (Luong et al. 2015), from the decoder state alone.

    Positions past the last row of W share its score.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.position = nn.Linear(width, LONGEST, bias=False)

    def keys(self, memory_BSD: Tensor) -> Tensor:
        return (
            torch.arange(memory_BSD.size(1), device=memory_BSD.device)
            .clamp(max=LONGEST - 1)
            .expand(memory_BSD.size(0), -1)
        )

    def forward(self, query_BKD: Tensor, position_BS: Tensor) -> Tensor:
        return self.position(query_BKD)[..., position_BS[0]]


Score = DotScore | GeneralScore | ConcatScore | LocationScore


def build_score(name: str, width: int) -> Score:
    """Build the score function that the setting ``model.attention_score`` names; ``none`` has no function."""
    scores: dict[str, Callable[[int], Score]] = {
        "dot": DotScore,
        "scaled-dot": partial(DotScore, scaled=True),
        "general": GeneralScore,
        "concat": ConcatScore,
        "location": LocationScore,
    }
    return scores[name](width)
