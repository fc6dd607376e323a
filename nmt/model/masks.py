"""Attention masks, True where a position may be attended to; all masks are made here. Knows lengths only.

B sentences, S source positions, T target positions.
"""

import torch
from torch import Tensor


def padding_mask(length_B: Tensor, positions: int) -> Tensor:
    """Mask (B, 1, 1, S) that is True at the first ``length_B[b]`` positions of sentence b and False at padding."""
    position_S = torch.arange(positions, device=length_B.device)
    return (position_S < length_B[:, None])[:, None, None, :]


def causal_mask(positions: int, device: torch.device) -> Tensor:
    """Mask (T, T) that lets position t attend to 0…t; for explicit weights, as the fused kernel has its own mask."""
    return torch.ones(positions, positions, dtype=torch.bool, device=device).tril()
