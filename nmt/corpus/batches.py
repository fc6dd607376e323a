"""Which rows train together, and in what order: a pure function of (seed, epoch, block), with little padding.

An epoch is cut into blocks, and a block is planned when its turn comes, so that 100 million rows cost no memory. To
resume is to know epoch, block and batch. Knows the lengths and ids of rows; no files, no tensors, no model.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from nmt.text.tokenizer import EOS, PAD

BLOCK_ROWS = 1 << 18
Integers = npt.NDArray[np.int64]
Sentences = Sequence[npt.NDArray[Any]]  # ids of their pieces, in the integer type of the dataset


class Rows(Protocol):
    """What batches need of a split (see ``nmt.corpus.shards.Split``)."""

    def __len__(self) -> int: ...
    def weight(self, rows: Integers) -> npt.NDArray[np.float64]: ...
    @property
    def rows_per_epoch(self) -> float: ...
    def lengths(self, rows: Integers) -> tuple[Integers, Integers]: ...
    def ids(self, rows: Integers) -> tuple[Sentences, Sentences]: ...


@dataclass(frozen=True)
class Batch:
    """B pairs that train together, not padded yet; sources and targets are ids without BOS and EOS."""

    rows: Integers  # (B,): their numbers in the split
    sources: Sentences
    targets: Sentences

    @property
    def shape(self) -> tuple[int, int, int]:
        """B and the lengths of the longest source and the longest target, both with their EOS."""
        source, target = (max(map(len, side), default=0) + 1 for side in (self.sources, self.targets))
        return len(self.rows), source, target

    @property
    def target_tokens(self) -> int:
        """Number of tokens to predict: the pieces of all targets and an EOS each."""
        return sum(map(len, self.targets)) + len(self.targets)


def blocks(rows: int, block_rows: int = BLOCK_ROWS) -> int:
    """Number of blocks in an epoch of ``rows`` rows."""
    return -(-rows // block_rows)


def plan_block(
    split: Rows, batch_tokens: int, seed: int, epoch: int, block_in_epoch: int, block_rows: int = BLOCK_ROWS
) -> list[Integers]:
    """The batches of one block, each an array of row numbers. The blocks of an epoch hold each row exactly once.

    A row whose weight is not 1 occurs as often as the weight says, its fraction being the chance of one more time.

    ``batch_tokens`` limits rows × the longer of the longest source and the longest target, both with their EOS; a
    single row above the limit is a batch of its own.
    """
    if not len(split):
        return []
    parts = blocks(len(split), block_rows)
    # The rows of a block lie far apart, so that corpora that were written one after another mix.
    first = np.random.default_rng([0, seed, epoch]).permutation(parts)[block_in_epoch]
    generator = np.random.default_rng([1, seed, epoch, block_in_epoch])
    rows = generator.permutation(repeated(split, np.arange(first, len(split), parts, dtype=np.int64), generator))
    source, target = (lengths + 1 for lengths in split.lengths(rows))
    order = _snake(source, target)
    batches = _cut(rows[order], np.maximum(source, target)[order], batch_tokens)
    return [batches[index] for index in generator.permutation(len(batches))]


def repeated(split: Rows, rows: Integers, generator: np.random.Generator) -> Integers:
    """The rows, each repeated as often as its weight says; at least one row."""
    weight = split.weight(rows)
    if (weight == 1).all():
        return rows
    times = np.floor(weight + generator.random(len(rows))).astype(np.int64)
    return np.repeat(rows, times) if times.any() else rows[:1]


def _snake(source: Integers, target: Integers) -> Integers:
    """An order in which neighbours have similar lengths on both sides: the longer side first, then the difference.

    The difference, source minus target, rises for one length of the longer side and falls for the next. Rows of equal
    lengths keep their random order. On Multi30k, batches of 4,096 tokens are 3.6% padding; sorted by target and then
    by source, up and down in turn, they are 5.0%.
    """
    longer, difference = np.maximum(source, target), source - target
    _, level = np.unique(longer, return_inverse=True)
    order: Integers = np.lexsort((np.where(level % 2, -difference, difference), longer))
    return order


def _cut(rows: Integers, width: Integers, batch_tokens: int) -> list[Integers]:
    """Cut rows, which are sorted by width, into runs of at most ``batch_tokens`` cells."""
    cuts = []
    start = 0
    for place, widest in enumerate(width.tolist()):
        if place > start and widest * (place - start + 1) > batch_tokens:
            cuts.append(place)
            start = place
    return np.split(rows, cuts)


def read_batch(split: Rows, rows: Integers) -> Batch:
    """The batch of these row numbers, its pieces read from the split."""
    return Batch(rows, *split.ids(rows))


def halves(batch: Batch) -> tuple[Batch, Batch]:
    """The two halves of a batch of at least two rows."""
    middle = len(batch.rows) // 2
    return _part(batch, slice(0, middle)), _part(batch, slice(middle, None))


def share(batch: Batch, number: int, of: int) -> Batch | None:
    """The part of the batch that belongs to worker ``number`` of ``of``; None if the batch has too few rows."""
    return _part(batch, slice(number, None, of)) if number < len(batch.rows) else None


def _part(batch: Batch, rows: slice) -> Batch:
    return Batch(batch.rows[rows], batch.sources[rows], batch.targets[rows])


def pad_rows(pieces: Sentences, start: Sequence[int]) -> tuple[Integers, Integers]:
    """Rows of start, pieces, EOS and padding, int64 (B, longest); and how many pieces with EOS each has, (B,)."""
    length = np.fromiter(map(len, pieces), np.int64, len(pieces))
    margin = len(start)
    padded = np.full((len(pieces), margin + int(length.max(initial=0)) + 1), PAD, np.int64)
    padded[:, :margin] = start
    place = np.arange(padded.shape[1] - margin)
    if pieces:
        padded[:, margin:][place < length[:, None]] = np.concatenate(pieces)
    padded[np.arange(len(pieces)), margin + length] = EOS
    return padded, length + 1
