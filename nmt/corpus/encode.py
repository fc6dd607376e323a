"""Second pass over the text: kept pairs are encoded and written to the dataset, dropped pairs are listed.

Knows verdicts, tokenizers and the files of a dataset; not how pairs were judged.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from nmt.corpus.dataset import DROPPED, VALID_TEXT
from nmt.corpus.parallel import Pair, read_chunks
from nmt.corpus.scan import Scanned
from nmt.corpus.shards import SplitWriter
from nmt.corpus.verdicts import HELD_OUT, KEPT, TOO_LONG, Verdicts
from nmt.disk.files import create_binary
from nmt.text.ahead import ahead
from nmt.text.lines import one_line
from nmt.text.normal import normal
from nmt.text.profile import ProfileCounter
from nmt.text.progress import Progress
from nmt.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class Encoder:
    """Encodes pairs: one tokenizer for each side, the length limit in pieces, and the number of threads."""

    source: Tokenizer
    target: Tokenizer
    max_length: int
    workers: int

    def encode(self, pairs: Sequence[Pair]) -> tuple[list[list[int]], list[list[int]], npt.NDArray[np.bool_]]:
        """Encode pairs: source ids, target ids, and whether each pair is within the length limit, bool (pairs,).

        A pair over the limit may come back with empty lists.
        """
        may_fit = [self._may_fit(pair) for pair in pairs]
        pairs = [pair if may else ("", "") for pair, may in zip(pairs, may_fit, strict=True)]
        source = self.source.encode([pair[0] for pair in pairs], self.workers)
        target = self.target.encode([pair[1] for pair in pairs], self.workers)
        longest = [max(len(left), len(right)) for left, right in zip(source, target, strict=True)]
        return source, target, np.array(may_fit, bool) & (np.array(longest, np.int64) <= self.max_length)

    def _may_fit(self, pair: Pair) -> bool:
        """Whether each side has so few characters that ``max_length`` pieces could spell it; if not, skip encoding."""
        most = self.source.longest * self.max_length, self.target.longest * self.max_length
        return all(len(text) <= limit or len(normal(text)) <= limit for text, limit in zip(pair, most, strict=True))


@dataclass(frozen=True)
class _Outputs:
    profile: ProfileCounter  # of the training pairs
    splits: dict[str, SplitWriter]
    valid_text: list[BinaryIO]
    dropped: BinaryIO


def encode(
    folder: Path, scanned: Sequence[Scanned], encoder: Encoder, profile: ProfileCounter, progress: Progress
) -> dict[str, int]:
    """Write both splits, the validation text and the list of dropped pairs; return the number of rows by split.

    Marks pairs over the length limit in ``scanned``, and counts the training pairs in ``profile``. Raises what
    ``read_pairs`` raises; a corpus that changed since the first pass no longer matches its hashes.
    """
    corpora = [entry for entry in scanned if entry.role != "test"]
    progress.start("encoding", total=sum(len(entry.verdicts) for entry in corpora), unit="pairs")
    with _open_outputs(folder, encoder, profile) as outputs:
        for number, entry in enumerate(corpora):
            start = 0
            for pairs in ahead(read_chunks(entry.corpus)):
                stop = start + len(pairs)
                # The slice is a view, so marks made in it reach ``entry``.
                _encode_chunk(entry.role, number, pairs, entry.verdicts[start:stop], encoder, outputs)
                start = stop
                progress.advance(len(pairs))
            _list_dropped(entry, outputs.dropped)
    progress.finish()
    return {name: split.rows for name, split in outputs.splits.items()}


@contextmanager
def _open_outputs(folder: Path, encoder: Encoder, profile: ProfileCounter) -> Iterator[_Outputs]:
    sizes = (encoder.source.size, encoder.target.size)
    with ExitStack() as stack:
        yield _Outputs(
            profile,
            {name: stack.enter_context(SplitWriter(folder, name, *sizes)) for name in ("train", "valid")},
            [stack.enter_context((folder / name).open("wb")) for name in VALID_TEXT.values()],
            stack.enter_context(create_binary(folder / DROPPED)),
        )


def _encode_chunk(
    role: str, number: int, pairs: list[Pair], verdicts: Verdicts, encoder: Encoder, outputs: _Outputs
) -> None:
    wanted = np.flatnonzero((verdicts == KEPT) | (verdicts == HELD_OUT))
    source, target, fits = encoder.encode([pairs[row] for row in wanted])
    verdicts[wanted[~fits]] = TOO_LONG
    for split, verdict in ((role, KEPT), ("valid", HELD_OUT)):
        chosen = verdicts[wanted] == verdict
        sources = list(compress(source, chosen))
        outputs.splits[split].append(sources, list(compress(target, chosen)), number)
        texts = [pairs[row] for row in wanted[chosen]]
        if split == "train":
            outputs.profile.add(texts, map(len, sources))
        else:
            for pair in texts:
                for text, file in zip(pair, outputs.valid_text, strict=True):
                    file.write(one_line(text).encode() + b"\n")


def _list_dropped(entry: Scanned, file: BinaryIO) -> None:
    for row in np.flatnonzero(entry.verdicts).tolist():
        rule, score = entry.names[entry.verdicts[row]], entry.scores[row] or 1.0
        file.write(f"{entry.corpus.name}\t{row + 1}\t{rule}\t{score:.4g}\n".encode())
