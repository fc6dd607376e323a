"""JoeyNMT from raw text to batches: python joeynmt_batches.py SETTINGS; one pass over the training pairs."""

import sys
from pathlib import Path

import torch
from joeynmt.config import load_config, parse_global_args  # type: ignore[import-not-found]
from joeynmt.data import load_data  # type: ignore[import-not-found]

settings = parse_global_args(load_config(Path(sys.argv[1])), rank=0, mode="train")
_, target, train, _, _ = load_data(settings.data, datasets=["train"])
batches = train.make_iter(
    batch_size=settings.train.batch_size,
    batch_type=settings.train.batch_type,
    seed=1,
    shuffle=True,
    num_workers=0,
    device=torch.device("cpu"),
    pad_index=target.pad_index,
)
print(sum(batch.ntokens for batch in batches), "target tokens")
