"""The matrices that belong to pieces: source, target and output, one matrix wherever they are tied.

V vocabulary, D width; a leading ``…`` stands for any dimensions.
"""

import math

from torch import Tensor, nn

from nmt.config import ModelConfig


class Embeddings(nn.Module):
    """Piece embeddings of both sides, scaled to unit variance, and the output projection's weight.

    Tied (Press and Wolf 2017), the target's embeddings are the output's weight; with a joint vocabulary the source's
    too.
    """

    def __init__(self, config: ModelConfig, source_vocabulary: int, target_vocabulary: int, joint: bool) -> None:
        super().__init__()
        self.scale = math.sqrt(config.width)
        self.target = nn.Embedding(target_vocabulary, config.width)
        shared = config.tied_embeddings and joint
        self.source = None if shared else nn.Embedding(source_vocabulary, config.width)
        self.output = None if config.tied_embeddings else nn.Linear(config.width, target_vocabulary, bias=False)

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
