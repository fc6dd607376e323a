"""python one_length.py update|attention LENGTH [plain]: does it on sentences of that length; its rate, as JSON.

An update of the tiny model on about 4,096 tokens, or the forward pass of one attention, fused or by the formula.
A process for each, so that its most memory is its own.
"""

import json
import sys
import time

import numpy as np
import torch

from nmt.config import Config
from nmt.corpus.batches import Batch
from nmt.model.attention import MultiHeadAttention
from nmt.model.transformer import Transformer
from nmt.presets import PRESETS
from nmt.training.gradients import Workers
from nmt.training.phases.plain import Plain
from nmt.training.state import TrainState

TOKENS, VOCABULARY = 4096, 8000
CPU = torch.device("cpu")


def update(length: int, seconds: float = 8.0) -> float:
    """Target tokens a second, both sides of every pair being so long."""
    config = Config.from_layers(PRESETS["tiny"])
    model = Transformer(config.model, VOCABULARY, VOCABULARY, joint=True)
    state = TrainState.fresh(model, config.training)
    rows = np.arange(max(1, TOKENS // length))
    generator = np.random.default_rng(0)
    sources, targets = generator.integers(4, VOCABULARY, (2, len(rows), length - 1))  # and </s>
    batch = Batch(rows, list(sources), list(targets))
    took: list[float] = []
    with Workers(state.objective, config.training) as workers:
        while sum(took) < seconds or len(took) < 3:
            start = time.monotonic()
            workers.gradient([batch], Plain(), 0)
            state.optimizer.step()
            state.optimizer.zero_grad(set_to_none=True)
            took.append(time.monotonic() - start)
    return len(rows) * length / sorted(took[1:])[len(took[1:]) // 2]


@torch.inference_mode()
def attention(length: int, plain: bool) -> float:
    """Positions a second of one attention of four heads and 128 features."""
    module = MultiHeadAttention(128, 4)
    x = torch.randn(1, length, 128)
    start = time.monotonic()
    module(x, module.keys_values(x), causal=True, seen=[] if plain else None)
    return length / (time.monotonic() - start)


if __name__ == "__main__":
    what, length, *plain = sys.argv[1:]
    print(json.dumps(update(int(length)) if what == "update" else attention(int(length), bool(plain))))
