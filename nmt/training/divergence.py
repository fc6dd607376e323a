"""What is written about an update whose loss or gradient is not finite, and when such updates are too many.

The loop makes no such update and the run skips it. Knows the data; no tensors and no checkpoints.
"""

from pathlib import Path

import numpy as np

from nmt.corpus.batches import Rows
from nmt.corpus.dataset import Dataset
from nmt.disk.files import create_binary
from nmt.errors import DataError, NmtError
from nmt.text.lines import one_line
from nmt.text.tokenizer import Tokenizer
from nmt.training.counters import Skipped
from nmt.training.loop import Divergence

MOST, WITHIN = 5, 100  # MOST skipped updates within WITHIN made ones mean that training has diverged


def batch_path(folder: Path, divergence: Divergence) -> Path:
    """Path of the file with the pairs of the update."""
    position = divergence.position
    return folder / f"skipped-{position.epoch + 1}-{position.block + 1}-{position.batch + 1}.tsv"


def write_batch(
    path: Path, divergence: Divergence, data: Dataset, rows: Rows, tokenizers: tuple[Tokenizer, Tokenizer]
) -> None:
    """Write the pairs of the update, each with its corpus and line, to a TSV file; a synthetic pair has its number."""
    real = len(data.train)
    try:
        known = iter(data.origins([row for row in divergence.rows if row < real]))
        origins = [next(known) if row < real else ("synthetic", row - real + 1) for row in divergence.rows]
    except (NmtError, OSError):  # the dataset may be prepared again while a run trains
        origins = [(str(data.folder), row + 1) for row in divergence.rows]
    ids = rows.ids(np.asarray(divergence.rows, np.int64))
    sides = [tokenizer.decode([row.tolist() for row in side]) for tokenizer, side in zip(tokenizers, ids, strict=True)]
    with create_binary(path, follow=False) as file:
        file.write(b"corpus\tline\tsource\ttarget\n")
        for (corpus, line), source, target in zip(origins, *sides, strict=True):
            cells = (one_line(text).replace("\t", " ") for text in (corpus, str(line), source, target))
            file.write("\t".join(cells).encode() + b"\n")


def refuse_too_many(skipped: list[Skipped], divergence: Divergence, path: Path) -> None:
    """Raise DataError when MOST updates were skipped within WITHIN."""
    if len(skipped) >= MOST and skipped[-1].step - skipped[-MOST].step < WITHIN:
        raise DataError(
            f"training diverged: {MOST} updates within {WITHIN} had no finite loss and gradient, the last one loss "
            f"{divergence.loss} and gradient norm {divergence.gradient_norm} on the pairs in {path}",
            "start again with a lower training.learning_rate, or check those pairs",
        )
