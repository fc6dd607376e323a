"""Positions: sinusoids, computed for any position, so that no table runs out, and learned ones, which are a table."""

import math

import torch
from torch import Tensor, nn

from nmt.config import LEARNED_POSITIONS

LONGEST = LEARNED_POSITIONS


class SinusoidalPositions(nn.Module):
    """``sinusoids`` as a module without parameters."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, position_T: Tensor, like: Tensor) -> Tensor:
        """(T, width), with the type and on the device of ``like``."""
        return sinusoids(position_T, self.width, like.dtype).to(like.device, non_blocking=like.is_cuda)


class LearnedPositions(nn.Module):
    """A vector for each position, learned like a piece's (Gehring et al. 2017)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.table = nn.Embedding(LONGEST, width)

    def forward(self, position_T: Tensor, like: Tensor) -> Tensor:
        """(T, width), with the type and on the device of ``like``."""
        return self.table(position_T.clamp(max=LONGEST - 1).to(like.device))


def sinusoids(position_T: Tensor, width: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """(T, width): sin(p / 10000^(2i/width)) at feature 2i, and its cosine at 2i + 1 (Vaswani et al. 2017, 3.5).

    In float64 until the end, for far positions need the digits; so on the CPU, since not every device has it.
    """
    feature = torch.arange(0, width, 2, dtype=torch.float64)
    frequency = torch.exp(feature * (-math.log(10000.0) / width))
    angle = position_T.to(torch.float64)[:, None] * frequency
    return torch.stack((angle.sin(), angle.cos()), dim=-1).flatten(1).to(dtype)
