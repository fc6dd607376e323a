"""The encoder–decoder Transformer (Vaswani et al. 2017). Knows nothing of text, files, losses or search.

B sentences, N rows (hypotheses, the same number for each sentence), S source positions, T target positions, D width,
H heads, E features of a head, V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from nmt.config import ModelConfig
from nmt.model.attention import KeysValues, MultiHeadAttention
from nmt.model.embeddings import Embeddings
from nmt.model.family import AttentionMaps, TranslationModel
from nmt.model.layers import Dropout, FeedForward, Residual, initialise
from nmt.model.masks import padding_mask
from nmt.model.positions import build_positions

Seen = dict[str, list[Tensor]]  # the weights (B, H, T, S) of each layer, by the kinds of attention that are wanted


@dataclass
class DecoderState:
    """Decoding state, an argument and a result of ``step``; the modules themselves keep no state."""

    position: int  # number of target positions decoded
    memory: list[KeysValues]  # for each layer: keys and values of cross-attention, (B, H, S, E) each
    memory_mask_B11S: Tensor
    cache: list[Tensor]  # for each layer: keys and values of self-attention, (position, M, 2 × D)
    row_N: Tensor | None = None  # the cache row that each row continues; None: its own. The next step reorders.


def build_attention(config: ModelConfig) -> MultiHeadAttention:
    """Build attention with the width, heads and scaling of the settings."""
    return MultiHeadAttention(config.width, config.heads, scaled=config.attention_score == "scaled-dot")


class EncoderLayer(nn.Module):
    """Encoder layer: self-attention, then the feed-forward network."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.attention = build_attention(config)
        self.attention_residual = Residual(config.width, config.norm, config.dropout)
        self.feed_forward = FeedForward(config.width, config.feed_forward, config.activation)
        self.feed_forward_residual = Residual(config.width, config.norm, config.dropout)

    def forward(self, x_BSD: Tensor, mask_B11S: Tensor, seen: Seen | None = None) -> Tensor:
        def attend(y_BSD: Tensor) -> Tensor:
            weights = None if seen is None else seen.get("encoder")
            return self.attention(y_BSD, self.attention.keys_values(y_BSD), mask_B11S, seen=weights)

        x_BSD = self.attention_residual(x_BSD, attend)
        return self.feed_forward_residual(x_BSD, self.feed_forward)


class DecoderLayer(nn.Module):
    """Decoder layer: causal self-attention, cross-attention, then the feed-forward network."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.attention = build_attention(config)
        self.attention_residual = Residual(config.width, config.norm, config.dropout)
        self.cross_attention = build_attention(config)
        self.cross_attention_residual = Residual(config.width, config.norm, config.dropout)
        self.feed_forward = FeedForward(config.width, config.feed_forward, config.activation)
        self.feed_forward_residual = Residual(config.width, config.norm, config.dropout)

    def forward(self, x_NTD: Tensor, memory: KeysValues, memory_mask_B11S: Tensor, seen: Seen | None = None) -> Tensor:
        """All target positions at once, for training: (N, T, D), where position t depends on 0…t."""

        def attend(y_NTD: Tensor) -> Tensor:
            weights = None if seen is None else seen.get("decoder")
            return self.attention(y_NTD, self.attention.keys_values(y_NTD), causal=True, seen=weights)

        x_NTD = self.attention_residual(x_NTD, attend)
        x_NTD = self.attended_source(x_NTD, memory, memory_mask_B11S, None if seen is None else seen.get("cross"))
        return self.feed_forward_residual(x_NTD, self.feed_forward)

    def attended_source(
        self, x_NTD: Tensor, memory: KeysValues, memory_mask_B11S: Tensor, seen: list[Tensor] | None = None
    ) -> Tensor:
        """Cross-attention of all rows to their sentence's memory, without copying it: (N, T, D)."""

        def attend(y_NTD: Tensor) -> Tensor:
            y_BQD = y_NTD.reshape(memory[0].size(0), -1, y_NTD.size(-1))
            context_BQD: Tensor = self.cross_attention(y_BQD, memory, memory_mask_B11S, seen=seen)
            return context_BQD.view_as(y_NTD)

        return self.cross_attention_residual(x_NTD, attend)

    def step(
        self, x_N1D: Tensor, memory: KeysValues, memory_mask_B11S: Tensor, cache: Tensor, row_N: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Decode one more position of each row: its output (N, 1, D), and the cache with its keys and values added."""

        def attend(y_N1D: Tensor) -> Tensor:
            nonlocal cache
            cache = extended(cache, row_N, self.attention.key_value(y_N1D)[:, 0])
            return self.attention(y_N1D, self.attention.heads_of(cache.transpose(0, 1)))

        x_N1D = self.attention_residual(x_N1D, attend)
        x_N1D = self.attended_source(x_N1D, memory, memory_mask_B11S)
        return self.feed_forward_residual(x_N1D, self.feed_forward), cache


def extended(cache_TMF: Tensor, row_N: Tensor | None, newest_NF: Tensor) -> Tensor:
    """Extend the cache by one position, after reordering its rows by ``row_N``: (T + 1, N, F). Without gradients.

    The position is the first dimension, so that each step copies one contiguous block.
    """
    positions = cache_TMF.size(0)
    cache_TNF = newest_NF.new_empty(positions + 1, *newest_NF.shape)
    if row_N is None:
        cache_TNF[:-1] = cache_TMF
    else:
        torch.index_select(cache_TMF, 1, row_N, out=cache_TNF[:-1])
    cache_TNF[-1] = newest_NF
    return cache_TNF


class Transformer(TranslationModel):
    """Transformer model: embeddings, encoder, decoder and output projection."""

    def __init__(self, config: ModelConfig, source_vocabulary: int, target_vocabulary: int, joint: bool) -> None:
        super().__init__()
        self.config = config
        self.embeddings = Embeddings(config, source_vocabulary, target_vocabulary, joint)
        self.source_positions = build_positions(config.positions, config.width)
        self.target_positions = build_positions(config.positions, config.width)
        self.dropout = Dropout(config.dropout)
        encoder = nn.ModuleList(EncoderLayer(config) for _ in range(config.encoder_layers))
        decoder = nn.ModuleList(DecoderLayer(config) for _ in range(config.decoder_layers))
        self.encoder, self.decoder = cast("Sequence[EncoderLayer]", encoder), cast("Sequence[DecoderLayer]", decoder)
        # Pre-norm leaves the last sum of residuals unnormalised; post-norm has normalised it already.
        self.encoder_norm = nn.LayerNorm(config.width) if config.norm == "pre" else nn.Identity()
        self.decoder_norm = nn.LayerNorm(config.width) if config.norm == "pre" else nn.Identity()
        self.apply(initialise)

    def forward(
        self, source_BS: Tensor, source_length_B: Tensor, target_NT: Tensor, seen: Seen | None = None
    ) -> Tensor:
        memory_BSD, mask_B11S = self.encode(source_BS, source_length_B, seen)
        x_NTD = self.embed_target(target_NT, first=0)
        for layer in self.decoder:
            x_NTD = layer(x_NTD, layer.cross_attention.keys_values(memory_BSD), mask_B11S, seen)
        return self.decoder_norm(x_NTD)

    def attention_maps(self, source_S: Tensor, target_T: Tensor) -> AttentionMaps:
        seen: Seen = {"cross": [], "encoder": [], "decoder": []}
        self(source_S[None], torch.tensor([len(source_S)], device=source_S.device), target_T[None], seen)
        return {kind: torch.cat(weights) for kind, weights in seen.items()}

    def source_weights(self, source_BS: Tensor, source_length_B: Tensor, target_BT: Tensor) -> Tensor:
        memory_BSD, mask_B11S = self.encode(source_BS, source_length_B)
        x_BTD = self.embed_target(target_BT, first=0)
        weights = []
        for layer in self.decoder:
            attention, seen = layer.cross_attention, Seen(cross=[])
            memory = attention.keys_values(memory_BSD)
            x_BTD = layer(x_BTD, memory, mask_B11S, seen)
            weights.append(torch.einsum("bhts,bhs->bts", seen["cross"][0], attention.lengths(memory[1])))
        return torch.stack(weights, dim=1)

    def position_vectors(self, positions: int) -> Tensor:
        return self.source_positions(torch.arange(positions), like=self.output_weight)

    def encode(self, source_BS: Tensor, source_length_B: Tensor, seen: Seen | None = None) -> tuple[Tensor, Tensor]:
        """Encode the sources: the encoder's output (B, S, D), and its padding mask (B, 1, 1, S)."""
        mask_B11S = padding_mask(source_length_B, source_BS.size(1))
        x_BSD = self.embeddings.embed_source(source_BS)
        x_BSD = self.dropout(x_BSD + self.source_positions(torch.arange(source_BS.size(1)), like=x_BSD))
        for layer in self.encoder:
            x_BSD = layer(x_BSD, mask_B11S, seen)
        return self.encoder_norm(x_BSD), mask_B11S

    def embed_target(self, piece_BT: Tensor, first: int) -> Tensor:
        """Embed target pieces and add the vectors of positions first, first + 1, …: (B, T, D)."""
        x_BTD = self.embeddings.embed_target(piece_BT)
        position_T = torch.arange(first, first + piece_BT.size(1))
        return self.dropout(x_BTD + self.target_positions(position_T, like=x_BTD))

    def start(self, source_BS: Tensor, source_length_B: Tensor) -> DecoderState:
        memory_BSD, mask_B11S = self.encode(source_BS, source_length_B)
        memory = [layer.cross_attention.keys_values(memory_BSD) for layer in self.decoder]
        empty = memory_BSD.new_empty(0, len(source_BS), 2 * self.config.width)
        return DecoderState(0, memory, mask_B11S, [empty] * len(self.decoder))

    @torch.no_grad()
    def step(self, token_N: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        x_N1D = self.embed_target(token_N[:, None], first=state.position)
        cache = []
        for layer, memory, before in zip(self.decoder, state.memory, state.cache, strict=True):
            x_N1D, after = layer.step(x_N1D, memory, state.memory_mask_B11S, before, state.row_N)
            cache.append(after)
        logits_NV = self.logits(self.decoder_norm(x_N1D[:, 0]))
        return logits_NV, DecoderState(state.position + 1, state.memory, state.memory_mask_B11S, cache)

    def select(self, state: DecoderState, row_M: Tensor, sentence_M: Tensor) -> DecoderState:
        kept_B = torch.unique_consecutive(sentence_M)
        memory, mask_B11S = state.memory, state.memory_mask_B11S
        if len(kept_B) < mask_B11S.size(0):
            memory = [(key[kept_B], value[kept_B]) for key, value in memory]
            mask_B11S = mask_B11S[kept_B]
        row_M = row_M if state.row_N is None else state.row_N[row_M]
        return DecoderState(state.position, memory, mask_B11S, state.cache, row_M)
