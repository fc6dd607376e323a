"""Score functions of attention: how well a decoder's state matches each position of the source.

One class a formula, so that each can be read beside its paper. B sentences, K queries of a sentence, S source
positions, D width. ``keys`` is what a formula can compute once a sentence.
"""

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from nmt.model.positions import LONGEST


class DotScore(nn.Module):
    """score(h, m) = h·m (Luong et al. 2015), divided by √D when ``scaled`` (Vaswani et al. 2017)."""

    def __init__(self, width: int, scaled: bool = False) -> None:
        super().__init__()
        self.scale = 1 / math.sqrt(width) if scaled else 1.0

    def keys(self, memory_BSD: Tensor) -> Tensor:
        return memory_BSD * self.scale

    def forward(self, query_BKD: Tensor, key_BSD: Tensor) -> Tensor:
        return query_BKD @ key_BSD.transpose(1, 2)


class GeneralScore(nn.Module):
    """score(h, m) = h·W·m (Luong et al. 2015); what is learnt is √D·W.

    A step of the optimizer moves all D² entries of W by as much, and the score by their sum: without the √D softmax is
    saturated before it knows where to look.
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
    """score(h, m) = v·tanh(W·[h; m]), the additive one (Bahdanau et al. 2015); W is cut into its two halves."""

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
    """score(h, m at s) = (W·h)[s] (Luong et al. 2015): from the state alone, whatever stands at position s.

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
    """The score function of ``model.attention_score``, other than ``none``."""
    scores: dict[str, Callable[[int], Score]] = {
        "dot": DotScore,
        "scaled-dot": partial(DotScore, scaled=True),
        "general": GeneralScore,
        "concat": ConcatScore,
        "location": LocationScore,
    }
    return scores[name](width)
