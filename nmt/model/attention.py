"""Multi-head scaled dot-product attention (Vaswani et al. 2017, section 3.2), through PyTorch's fused kernel.

B sentences or rows, T query positions, S key positions, H heads, E features of a head, D = H × E width.
Keys and values are handed in, so that a decoder can keep them; the module itself remembers nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from nmt.model.masks import causal_mask

KeysValues = tuple[Tensor, Tensor]  # each (B, H, S, E)


class MultiHeadAttention(nn.Module):
    """softmax(Q·Kᵀ/√E)·V for H heads side by side, each on its own projection; without the √E unless ``scaled``."""

    def __init__(self, width: int, heads: int, scaled: bool = True) -> None:
        super().__init__()
        self.heads = heads
        self.scale = (width // heads) ** -0.5 if scaled else 1.0
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.output = nn.Linear(width, width)

    def keys_values(self, memory_BSD: Tensor) -> KeysValues:
        """What the positions of ``memory_BSD`` offer to queries: keys and values, each (B, H, S, E)."""
        return self.heads_of(self.key_value(memory_BSD))

    def heads_of(self, key_value_BSF: Tensor) -> KeysValues:
        """Keys and values, each (B, H, S, E): views of the F = 2 × D features that have them side by side."""
        key_BHSE, value_BHSE = (self.split(part) for part in key_value_BSF.chunk(2, dim=-1))
        return key_BHSE, value_BHSE

    def forward(
        self,
        query_BTD: Tensor,
        memory: KeysValues,
        mask: Tensor | None = None,
        causal: bool = False,
        seen: list[Tensor] | None = None,
    ) -> Tensor:
        """(B, T, D). ``mask`` is boolean and broadcasts to (B, H, T, S), True where a query may look.

        Given a list ``seen``, the weights (B, H, T, S) are appended to it, and are what the result is computed from.
        """
        query_BHTE = self.split(self.query(query_BTD))
        if seen is None:
            context_BHTE = scaled_dot_product_attention(
                query_BHTE, *memory, attn_mask=mask, is_causal=causal, scale=self.scale
            )
        else:
            seen.append(
                self.weights(
                    query_BHTE, memory[0], causal_mask(query_BTD.size(1), query_BTD.device) if causal else mask
                )
            )
            context_BHTE = seen[-1] @ memory[1]
        return self.output(context_BHTE.transpose(1, 2).flatten(2))

    def weights(self, query_BHTE: Tensor, key_BHSE: Tensor, mask: Tensor | None) -> Tensor:
        """(B, H, T, S): what the fused kernel computes on its way and shows nobody."""
        score_BHTS = query_BHTE @ key_BHSE.transpose(2, 3) * self.scale
        if mask is not None:
            score_BHTS = score_BHTS.masked_fill(~mask, -torch.inf)
        return score_BHTS.softmax(dim=-1)

    def split(self, x_BTD: Tensor) -> Tensor:
        """(B, H, T, E): the features cut into heads."""
        return x_BTD.view(*x_BTD.shape[:2], self.heads, -1).transpose(1, 2)


class _CudnnSwitch:
    """PyTorch's switch, of which a process has one: how many keep it off, and what it was before the first of them."""

    lock = Lock()
    keepers = 0
    before = True


@contextmanager
def without_cudnn(device: torch.device) -> Iterator[None]:
    """On a GPU, attention without cuDNN's kernel, until the last block that wants it so has ended.

    That one makes a plan for every shape, which takes longer than an update, and each batch has a shape of its own.
    """
    if device.type != "cuda":
        yield
        return
    switch = _CudnnSwitch
    with switch.lock:
        if not switch.keepers:
            switch.before = torch.backends.cuda.cudnn_sdp_enabled()  # type: ignore[no-untyped-call]
            torch.backends.cuda.enable_cudnn_sdp(False)
        switch.keepers += 1
    try:
        yield
    finally:
        with switch.lock:
            switch.keepers -= 1
            if not switch.keepers:
                torch.backends.cuda.enable_cudnn_sdp(switch.before)
