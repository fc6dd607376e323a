"""Position vectors: sinusoids, which are computed for any position, or a learned table. Knows no pieces.

T positions.
"""

import math

import torch
from torch import Tensor, nn

from nmt.config import LEARNED_POSITIONS

LONGEST = LEARNED_POSITIONS


class SinusoidalPositions(nn.Module):
    """Sinusoidal position vectors as a module without parameters; see ``sinusoids``."""

    def __init__(self, width: int, sines_first: bool = False) -> None:
        super().__init__()
        self.width = width
        self.sines_first = sines_first

    def forward(self, position_T: Tensor, like: Tensor) -> Tensor:
        """Vectors (T, width) of the positions, with the dtype and on the device of ``like``."""
        vectors = sinusoids(position_T, self.width, like.dtype, self.sines_first)
        return vectors.to(like.device, non_blocking=like.is_cuda)


class LearnedPositions(nn.Module):
    """Learned position vectors, one for each of 1,024 positions (Gehring et al. 2017)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.table = nn.Embedding(LONGEST, width)

    def forward(self, position_T: Tensor, like: Tensor) -> Tensor:
        """Vectors (T, width) of the positions, with the dtype and on the device of ``like``."""
        return self.table(position_T.clamp(max=LONGEST - 1).to(like.device))


def build_positions(name: str, width: int) -> SinusoidalPositions | LearnedPositions:
    """Build the position vectors that the setting ``model.positions`` names."""
    return LearnedPositions(width) if name == "learned" else SinusoidalPositions(width, name == "sines-first")


def sinusoids(position_T: Tensor, width: int, dtype: torch.dtype = torch.float32, sines_first: bool = False) -> Tensor:
    """Sinusoids (T, width): sin(p / 10000^(2i/width)) at feature 2i, cos at 2i + 1 (Vaswani et al. 2017, section 3.5).

    With ``sines_first`` the sines are the first half of the features and the cosines the second, as in tensor2tensor
    and Marian.

    Computed in float64, because far positions need its precision, and on the CPU, because some devices lack float64.
    """
    feature = torch.arange(0, width, 2, dtype=torch.float64)
    frequency = torch.exp(feature * (-math.log(10000.0) / width))
    angle = position_T.to(torch.float64)[:, None] * frequency
    return torch.stack((angle.sin(), angle.cos()), dim=1 if sines_first else -1).flatten(1).to(dtype)
