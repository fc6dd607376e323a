"""The matrices that belong to pieces: source, target and output, one matrix wherever they are tied.

V vocabulary, P pieces that are produced, D width; a leading ``…`` stands for any dimensions.
"""

import math

import torch
from torch import Tensor, nn

from nmt.config import ModelConfig


class Embeddings(nn.Module):
    """Piece embeddings of both sides, scaled to unit variance, and the output projection's weight.

    Tied (Press and Wolf 2017), the target's embeddings are the output's weight; with a joint vocabulary the source's
    too.

    A joint vocabulary has pieces that no target of the training data has, a third of them for two languages of one
    script, half of them for two scripts. They are never produced: search leaves their logits out, and so does training
    but for rows that are turned round.
    """

    produced: Tensor  # (V,) uint8: 1 where a piece may stand in a translation; the special ones before it always may

    def __init__(self, config: ModelConfig, source_vocabulary: int, target_vocabulary: int, joint: bool) -> None:
        super().__init__()
        self.scale = math.sqrt(config.width)
        self.target = nn.Embedding(target_vocabulary, config.width)
        shared = config.tied_embeddings and joint
        self.source = None if shared else nn.Embedding(source_vocabulary, config.width)
        self.output = None if config.tied_embeddings else nn.Linear(config.width, target_vocabulary, bias=False)
        self.register_buffer("produced", torch.ones(target_vocabulary, dtype=torch.uint8))

    def embed_source(self, piece: Tensor) -> Tensor:
        """(…, D) of source pieces (…)."""
        return (self.source or self.target)(piece) * self.scale

    def embed_target(self, piece: Tensor) -> Tensor:
        """(…, D) of target pieces (…)."""
        return self.target(piece) * self.scale

    @property
    def output_weight(self) -> Tensor:
        """(V, D): logits are hidden states times its transpose."""
        return (self.output or self.target).weight

    def narrow(self) -> Tensor:
        """Leave only the produced pieces to the target's side, numbered anew in their order: their old ids (P,).

        So many others stay that P is a multiple of 32, where there are as many: search works on blocks of them.
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
        self.produced = self.produced[piece_P]
        return piece_P
