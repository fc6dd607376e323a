"""Multi-head scaled dot-product attention (Vaswani et al. 2017, section 3.2), by PyTorch's fused kernel.

B sentences or rows, T query positions, S key positions, H heads, E features of a head, D = H × E width.
Keys and values are arguments, so that a decoder can cache them. Knows no state, no padding and no language.
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
    """Attention softmax(Q·Kᵀ/√E)·V for H heads in parallel, each with its own projections; no √E unless ``scaled``."""

    def __init__(self, width: int, heads: int, scaled: bool = True) -> None:
        super().__init__()
        self.heads = heads
        self.scale = (width // heads) ** -0.5 if scaled else 1.0
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.output = nn.Linear(width, width)

    def keys_values(self, memory_BSD: Tensor) -> KeysValues:
        """Project ``memory_BSD`` to keys and values, each (B, H, S, E)."""
        return self.heads_of(self.key_value(memory_BSD))

    def heads_of(self, key_value_BSF: Tensor) -> KeysValues:
        """Split F = 2 × D features, keys before values, into heads: keys and values, each a (B, H, S, E) view."""
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
        """Attend from each query position to ``memory``; returns (B, T, D).

        ``mask`` is boolean and broadcasts to (B, H, T, S), True where a query may attend. If a list ``seen`` is given,
        the result is computed from explicit weights (B, H, T, S), which are appended to it.
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
        """Attention weights (B, H, T, S), which the fused kernel computes but does not return."""
        score_BHTS = query_BHTE @ key_BHSE.transpose(2, 3) * self.scale
        if mask is not None:
            score_BHTS = score_BHTS.masked_fill(~mask, -torch.inf)
        return score_BHTS.softmax(dim=-1)

    def lengths(self, value_BHSE: Tensor) -> Tensor:
        """Euclidean lengths (B, H, S) of what each head adds to the output for a position with all of the weight."""
        weight_DHE = self.output.weight.view(len(self.output.weight), self.heads, -1)
        gram_HEF = torch.einsum("dhe,dhf->hef", weight_DHE, weight_DHE)  # no vector of the width for each position
        return torch.einsum("bhse,hef,bhsf->bhs", value_BHSE, gram_HEF, value_BHSE).clamp(min=0).sqrt()

    def split(self, x_BTD: Tensor) -> Tensor:
        """Split features into heads: (B, H, T, E)."""
        return x_BTD.view(*x_BTD.shape[:2], self.heads, -1).transpose(1, 2)


class _CudnnSwitch:
    """State of PyTorch's process-wide switch: how many blocks keep it off, and its value before the first of them."""

    lock = Lock()
    keepers = 0
    before = True


@contextmanager
def without_cudnn(device: torch.device) -> Iterator[None]:
    """Turn off cuDNN's attention kernel on a GPU until the last such block has ended.

    That kernel compiles a plan for every shape, which takes longer than an update, and each batch has its own shape.
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
