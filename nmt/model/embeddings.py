"""Embedding matrices: source, target and output, one matrix where they are tied. Knows pieces by id; no layers.

V vocabulary, P pieces that are produced, D width; a leading ``…`` stands for any dimensions.
"""

import math

import torch
from torch import Tensor, nn

from nmt.config import ModelConfig


class Embeddings(nn.Module):
    """Piece embeddings of both sides, scaled to unit variance, and the weight and bias of the output projection.

    If tied (Press and Wolf 2017), the target embeddings are the output weight; with a joint vocabulary, the source
    embeddings too.

    In a joint vocabulary many pieces occur in no training target: a third of them for two languages of the same script,
    half of them for two scripts. The model never produces these: search computes no logits for them, nor does training,
    except in rows whose sides are exchanged.
    """

    produced: Tensor  # (V,) uint8: 1 for each piece that may be part of a translation; special pieces always may

    def __init__(self, config: ModelConfig, source_vocabulary: int, target_vocabulary: int, joint: bool) -> None:
        super().__init__()
        self.scale = math.sqrt(config.width) if config.scaled_embeddings else 1.0
        self.target = nn.Embedding(target_vocabulary, config.width)
        shared = config.tied_embeddings and joint
        self.source = None if shared else nn.Embedding(source_vocabulary, config.width)
        self.output = None if config.tied_embeddings else nn.Linear(config.width, target_vocabulary, bias=False)
        self.output_bias = nn.Parameter(torch.zeros(target_vocabulary)) if config.output_bias else None
        self.register_buffer("produced", torch.ones(target_vocabulary, dtype=torch.uint8))

    def embed_source(self, piece: Tensor) -> Tensor:
        """Embed source pieces (…): (…, D)."""
        return (self.source or self.target)(piece) * self.scale

    def embed_target(self, piece: Tensor) -> Tensor:
        """Embed target pieces (…): (…, D)."""
        return self.target(piece) * self.scale

    @property
    def output_weight(self) -> Tensor:
        """Weight of the output projection (V, D): logits are hidden states times its transpose."""
        return (self.output or self.target).weight

    def narrow(self) -> Tensor:
        """Keep only the produced pieces on the target side, renumbered in order; return their old ids (P,).

        Some other pieces are kept so that P is a multiple of 32, if there are enough, because search works on blocks.
        """
        spare = self.produced.eq(0).nonzero()[:, 0]
        piece_P = torch.cat((self.produced.nonzero()[:, 0], spare[: -int(self.produced.count_nonzero()) % 32]))
        piece_P = piece_P.sort().values
        if self.source is None:
            self.source = self.target
        weight_PD = self.target.weight.detach()[piece_P]
        self.target = nn.Embedding(len(piece_P), weight_PD.size(1), _weight=weight_PD)
        if self.output is not None:
            self.output.weight = nn.Parameter(self.output.weight.detach()[piece_P], requires_grad=False)
        if self.output_bias is not None:
            self.output_bias = nn.Parameter(self.output_bias.detach()[piece_P], requires_grad=False)
        self.produced = self.produced[piece_P]
        return piece_P
