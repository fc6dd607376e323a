"""The padding mask, made here and nowhere else; the causal one is the fused kernel's own. True: may be attended to.

B sentences, S positions.
"""

import torch
from torch import Tensor


def padding_mask(length_B: Tensor, positions: int) -> Tensor:
    """(B, 1, 1, S): the first ``length_B[b]`` of S positions of sentence b are real, the rest are padding."""
    position_S = torch.arange(positions, device=length_B.device)
    return (position_S < length_B[:, None])[:, None, None, :]
