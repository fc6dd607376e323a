"""``dropped.tsv.gz``: the lines of all corpora and texts that were dropped, each with its rule and the rule's score.

Knows verdicts and scores; no text.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nmt.corpus.dataset import DROPPED
from nmt.corpus.ledger import BLOCK
from nmt.corpus.verdicts import Scores, VerdictNames, Verdicts
from nmt.disk.files import create_binary


@dataclass(frozen=True)
class Listed:
    """What became of the lines of a corpus, or of the texts of a file, of which several may be on a line."""

    name: str
    names: VerdictNames
    verdicts: Verdicts
    scores: Scores  # by the rule that dropped it, otherwise 0
    begins: npt.NDArray[np.uint8] | None = None  # 1 for a text that begins a line, 0 for others; None: each is a line


def write_dropped(folder: Path, every: Sequence[Listed]) -> None:
    """Write the file of a dataset: corpora in the order of the manifest, then texts. Raises StorageError."""
    with create_binary(folder / DROPPED) as file:
        for listed in every:
            file.writelines(_lines(listed))


def _lines(listed: Listed) -> Iterator[bytes]:
    """A line for each dropped one; numbers are made block by block."""
    line = 0  # the last one before the block
    for start in range(0, len(listed.verdicts), BLOCK):
        block = slice(start, start + BLOCK)
        verdicts, scores = listed.verdicts[block], listed.scores[block]
        begins = np.ones(len(verdicts), np.uint8) if listed.begins is None else listed.begins[block]
        numbers = line + np.cumsum(begins, dtype=np.int64)
        line = int(numbers[-1])
        for row in np.flatnonzero(verdicts).tolist():
            rule, score = listed.names[verdicts[row]], scores[row] or 1.0
            yield f"{listed.name}\t{numbers[row]}\t{rule}\t{score:.4g}\n".encode()
