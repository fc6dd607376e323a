"""Sinusoidal positions (Vaswani et al. 2017, section 3.5), computed for any position, so that no table runs out."""

import math

import torch
from torch import Tensor


def sinusoids(position_T: Tensor, width: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """(T, width): sin(p / 10000^(2i/width)) at feature 2i, and its cosine at 2i + 1.

    In float64 until the end, for far positions need the digits; so on the CPU, since not every device has it.
    """
    feature = torch.arange(0, width, 2, dtype=torch.float64)
    frequency = torch.exp(feature * (-math.log(10000.0) / width))
    angle = position_T.to(torch.float64)[:, None] * frequency
    return torch.stack((angle.sin(), angle.cos()), dim=-1).flatten(1).to(dtype)
