"""What becomes of an update whose loss or gradient is not finite: it is told, written down and passed over.

Knows the data and the run folder; the loop makes no such update, and the run decides when there were too many.
"""

from pathlib import Path

from nmt.corpus.dataset import Dataset
from nmt.disk.files import create_binary
from nmt.errors import DataError, NmtError
from nmt.text.lines import one_line
from nmt.text.tokenizer import Tokenizer
from nmt.training.counters import Skipped
from nmt.training.loop import Divergence

MOST, WITHIN = 5, 100  # so many updates passed over in the course of so many made are no accident


def batch_path(folder: Path, divergence: Divergence) -> Path:
    """Where the pairs of the update are written to."""
    position = divergence.position
    return folder / f"skipped-{position.epoch + 1}-{position.block + 1}-{position.batch + 1}.tsv"


def write_batch(path: Path, divergence: Divergence, data: Dataset, tokenizers: tuple[Tokenizer, Tokenizer]) -> None:
    """Write the pairs of the update, each with its corpus and line, to a TSV file."""
    try:
        origins = data.origins(divergence.rows)
    except (NmtError, OSError):  # the dataset may be prepared anew while a run trains
        origins = [(str(data.folder), row + 1) for row in divergence.rows]
    ids = data.train.ids(divergence.rows)
    sides = [tokenizer.decode([row.tolist() for row in rows]) for tokenizer, rows in zip(tokenizers, ids, strict=True)]
    with create_binary(path, follow=False) as file:
        file.write(b"corpus\tline\tsource\ttarget\n")
        for (corpus, line), source, target in zip(origins, *sides, strict=True):
            cells = (one_line(text).replace("\t", " ") for text in (corpus, str(line), source, target))
            file.write("\t".join(cells).encode() + b"\n")


def refuse_too_many(skipped: list[Skipped], divergence: Divergence, path: Path) -> None:
    """Raise DataError when the last updates that were passed over lie so close that training has diverged."""
    if len(skipped) >= MOST and skipped[-1].step - skipped[-MOST].step < WITHIN:
        raise DataError(
            f"training diverged: {MOST} updates within {WITHIN} came to no finite loss and gradient, the last one, of "
            f"the pairs in {path}, to loss {divergence.loss} and gradient norm {divergence.gradient_norm}",
            "start again with a lower training.learning_rate, or look at those pairs",
        )
