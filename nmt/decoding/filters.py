"""What a hypothesis may continue with: functions that mask logits before they become probabilities. Knows no model.

N rows (hypotheses), T pieces of each so far (<s> first), V vocabulary.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from nmt.text.tokenizer import EOS

Filter = Callable[[Tensor, Tensor], Tensor]
"""``(prefix_NT, logits_NV) -> logits_NV``, where -inf forbids a piece. It may write into the logits it is given."""


def forbid(pieces: Iterable[int], device: torch.device | str = "cpu") -> Filter:
    """Never produce these pieces: unknown, padding, <s> and other control pieces. </s> is never forbidden."""
    piece_F = torch.tensor(sorted(set(pieces) - {EOS}), dtype=torch.long, device=device)

    def mask(prefix_NT: Tensor, logits_NV: Tensor) -> Tensor:
        return logits_NV.index_fill_(1, piece_F, -torch.inf)

    return mask
