"""Masks, made here and nowhere else. True: may be attended to.

B sentences, S source positions, T target positions.
"""

import torch
from torch import Tensor


def padding_mask(length_B: Tensor, positions: int) -> Tensor:
    """(B, 1, 1, S): the first ``length_B[b]`` of S positions of sentence b are real, the rest are padding."""
    position_S = torch.arange(positions, device=length_B.device)
    return (position_S < length_B[:, None])[:, None, None, :]


def causal_mask(positions: int, device: torch.device) -> Tensor:
    """(T, T): position t sees 0…t. The fused kernel has one of its own; this is for weights that are looked at."""
    return torch.ones(positions, positions, dtype=torch.bool, device=device).tril()
