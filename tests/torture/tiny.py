"""An untrained model: a real tokenizer, and layers with random weights, in a real model folder.

It translates at the speed of a small model, and may output any piece.
"""

from pathlib import Path

import torch

from nmt.config import ModelConfig
from nmt.model import build_model
from nmt.store.model_folder import ModelAbout, export_model
from nmt.text.tokenizer import SOURCE_TOKENIZER, Tokenizer, train_tokenizer

ROOT = Path(__file__).parents[2]
PIECES = 500
SHAPE = ModelConfig(width=16, feed_forward=16, encoder_layers=1, decoder_layers=1, heads=2, dropout=0.0)


def bundled_lines(language: str, count: int) -> list[str]:
    """The first training lines of the bundled corpus."""
    return (ROOT / f"data/train.{language}").read_text(encoding="utf-8").splitlines()[:count]


def tiny_model(folder: Path, seed: int) -> Tokenizer:
    """Write the model folder, and return its tokenizer, which both languages share."""
    vocabulary = train_tokenizer(bundled_lines("ko", 200) + bundled_lines("en", 200), "unigram", PIECES)
    tokenizer = Tokenizer(vocabulary, "tiny model")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = build_model(SHAPE, tokenizer.size, tokenizer.size, True)
    about = ModelAbout(SHAPE, {"source": "ko", "target": "en"}, {SOURCE_TOKENIZER: vocabulary})
    export_model(folder, model.state_dict(), about, {"step": 0})
    return tokenizer
