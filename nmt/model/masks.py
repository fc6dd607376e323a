"""Attention masks, made here and nowhere else. True means: may be attended to.

B sentences, S positions.
"""

import torch
from torch import Tensor


def padding_mask(length_B: Tensor, positions: int) -> Tensor:
    """(B, 1, 1, S): the first ``length_B[b]`` of S positions of sentence b are real, the rest are padding."""
    position_S = torch.arange(positions, device=length_B.device)
    return (position_S < length_B[:, None])[:, None, None, :]


def causal_mask(positions: int, device: torch.device | None = None) -> Tensor:
    """(T, T): position t may look at 0…t. The formula of what the fused kernel's ``is_causal`` does."""
    return torch.ones(positions, positions, dtype=torch.bool, device=device).tril()
