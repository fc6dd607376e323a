"""The second pass over the text: what was kept becomes pieces on the disk, and what was not is listed.

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

from nmt.corpus.cleaning import Verdict, Verdicts
from nmt.corpus.dataset import DROPPED, VALID_TEXT
from nmt.corpus.parallel import Pair, read_chunks
from nmt.corpus.scan import Scanned
from nmt.corpus.shards import SplitWriter
from nmt.disk.files import create_binary
from nmt.text.ahead import ahead
from nmt.text.lines import one_line
from nmt.text.normal import normal
from nmt.text.profile import ProfileCounter
from nmt.text.progress import Progress
from nmt.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class Encoder:
    """A tokenizer a side, the longest side in pieces, and the threads that share the work."""

    source: Tokenizer
    target: Tokenizer
    max_length: int
    workers: int

    def encode(self, pairs: Sequence[Pair]) -> tuple[list[list[int]], list[list[int]], npt.NDArray[np.bool_]]:
        """The pieces of both sides, and for each pair whether neither is too long: else it may have none."""
        may_fit = [self._may_fit(pair) for pair in pairs]
        pairs = [pair if may else ("", "") for pair, may in zip(pairs, may_fit, strict=True)]
        source = self.source.encode([pair[0] for pair in pairs], self.workers)
        target = self.target.encode([pair[1] for pair in pairs], self.workers)
        longest = [max(len(left), len(right)) for left, right in zip(source, target, strict=True)]
        return source, target, np.array(may_fit, bool) & (np.array(longest, np.int64) <= self.max_length)

    def _may_fit(self, pair: Pair) -> bool:
        """Whether neither side has more characters than its longest pieces could spell, which are not worth cutting."""
        most = self.source.longest * self.max_length, self.target.longest * self.max_length
        return all(len(text) <= few or len(normal(text)) <= few for text, few in zip(pair, most, strict=True))


@dataclass(frozen=True)
class _Outputs:
    profile: ProfileCounter  # of the pairs to train on
    splits: dict[str, SplitWriter]
    valid_text: list[BinaryIO]
    dropped: BinaryIO


def encode(
    folder: Path, scanned: Sequence[Scanned], encoder: Encoder, profile: ProfileCounter, progress: Progress
) -> dict[str, int]:
    """Write the splits, the text of the validation set and the list of dropped pairs; the rows of each split.

    What the pairs to train on look like is counted in ``profile``.

    Pairs that prove too long are marked so in ``scanned``. Raises what ``read_pairs`` raises: a corpus that is not what
    the first pass saw is not that of its hashes.
    """
    corpora = [one for one in scanned if one.role != "test"]
    progress.start("encoding", total=sum(len(one.verdicts) for one in corpora), unit="pairs")
    with _open_outputs(folder, encoder, profile) as outputs:
        for number, one in enumerate(corpora):
            start = 0
            for pairs in ahead(read_chunks(one.corpus)):
                stop = start + len(pairs)
                # A view: what is marked in it is marked in the corpus.
                _encode_chunk(one.role, number, pairs, one.verdicts[start:stop], encoder, outputs)
                start = stop
                progress.advance(len(pairs))
            _list_dropped(one, outputs.dropped)
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
    wanted = np.flatnonzero((verdicts == Verdict.KEPT) | (verdicts == Verdict.HELD_OUT))
    source, target, fits = encoder.encode([pairs[row] for row in wanted])
    verdicts[wanted[~fits]] = Verdict.TOO_LONG
    for split, verdict in ((role, Verdict.KEPT), ("valid", Verdict.HELD_OUT)):
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


def _list_dropped(one: Scanned, file: BinaryIO) -> None:
    for row in np.flatnonzero(one.verdicts):
        file.write(f"{one.corpus.name}\t{row + 1}\t{Verdict(one.verdicts[row]).rule}\n".encode())
