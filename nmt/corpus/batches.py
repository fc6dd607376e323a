"""Which rows train together, and in what order: a pure function of (seed, epoch, block), with little padding.

An epoch is cut into blocks, and a block is planned when its turn comes, so that 100 million rows cost no memory. To
resume is to know epoch, block and batch. Knows row lengths and ids; no files, no tensors, no model.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from nmt.text.tokenizer import BOS, EOS, PAD

BLOCK_ROWS = 1 << 18
Integers = npt.NDArray[np.int64]


class Rows(Protocol):
    """What batches need of a split (see ``nmt.corpus.shards.Split``)."""

    def __len__(self) -> int: ...
    def weight(self, rows: Integers) -> npt.NDArray[np.float64]: ...
    @property
    def rows_a_pass(self) -> float: ...
    def lengths(self, rows: Integers) -> tuple[Integers, Integers]: ...
    def ids(self, rows: Integers) -> tuple[list[npt.NDArray[Any]], list[npt.NDArray[Any]]]: ...


@dataclass(frozen=True)
class Batch:
    """Pairs padded to one shape; B rows, S and T positions.

    source (B, S): pieces, EOS, then PAD; source_length (B,) counts pieces and EOS.
    target (B, T): BOS, pieces, EOS, then PAD; target_length (B,) counts pieces and EOS, the tokens to predict.
    rows (B,): the row numbers. All int64. turned: whether sources and targets are exchanged in some of them.

    With hypotheses there are more targets than sources, equally many for each, in the sources' order, and shares says
    how often each counts, (targets,) float32. at_risk: it is to get them before a gradient is made of it.
    """

    source: Integers
    source_length: Integers
    target: Integers
    target_length: Integers
    rows: Integers
    turned: bool = False
    at_risk: bool = False
    shares: npt.NDArray[np.float32] | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """B, S and T: what its passes need grows with each of them."""
        return len(self.rows), self.source.shape[1], self.target.shape[1]


def blocks(rows: int, block_rows: int = BLOCK_ROWS) -> int:
    """How many blocks an epoch over so many rows has."""
    return -(-rows // block_rows)


def plan_block(
    split: Rows, batch_tokens: int, seed: int, epoch: int, block_in_epoch: int, block_rows: int = BLOCK_ROWS
) -> list[Integers]:
    """The batches of one block, each an array of row numbers. The blocks of an epoch hold each row exactly once.

    A row of another weight than 1 stands in them so often, and one more time by the chance that its fraction is.

    ``batch_tokens`` bounds rows × the longer of the longest source and the longest target, both with their EOS; a row
    that alone is longer is a batch of its own.
    """
    if not len(split):
        return []
    parts = blocks(len(split), block_rows)
    # Rows of one block lie far apart, so that corpora that were written one after another mix.
    first = np.random.default_rng([0, seed, epoch]).permutation(parts)[block_in_epoch]
    generator = np.random.default_rng([1, seed, epoch, block_in_epoch])
    rows = generator.permutation(repeated(split, np.arange(first, len(split), parts, dtype=np.int64), generator))
    source, target = (lengths + 1 for lengths in split.lengths(rows))
    order = _snake(source, target)
    batches = _cut(rows[order], np.maximum(source, target)[order], batch_tokens)
    return [batches[index] for index in generator.permutation(len(batches))]


def repeated(split: Rows, rows: Integers, generator: np.random.Generator) -> Integers:
    """The rows, each as often as its weight says; never none."""
    weight = split.weight(rows)
    if (weight == 1).all():
        return rows
    times = np.floor(weight + generator.random(len(rows))).astype(np.int64)
    return np.repeat(rows, times) if times.any() else rows[:1]


def _snake(source: Integers, target: Integers) -> Integers:
    """An order by the longer side, then by source minus target up and down in turn: neighbours are alike on both sides.

    Rows of equal lengths stay in the order they came in, which is a random one. On Multi30k, batches of 4,096 tokens
    are 3.6% padding; ordered by target and then source, up and down in turn, they are 5.0%.
    """
    longer, difference = np.maximum(source, target), source - target
    _, level = np.unique(longer, return_inverse=True)
    order: Integers = np.lexsort((np.where(level % 2, -difference, difference), longer))
    return order


def _cut(rows: Integers, width: Integers, batch_tokens: int) -> list[Integers]:
    """Cut rows, given in order of their widths, into runs of at most ``batch_tokens`` cells."""
    cuts = []
    start = 0
    for place, widest in enumerate(width.tolist()):
        if place > start and widest * (place - start + 1) > batch_tokens:
            cuts.append(place)
            start = place
    return np.split(rows, cuts)


def pad_batch(split: Rows, rows: npt.NDArray[Any]) -> Batch:
    """Read rows and pad them to the right."""
    rows = np.asarray(rows, np.int64)
    sources, targets = split.ids(rows)
    source, source_length = pad_rows(sources, start=[])
    target, target_length = pad_rows(targets, start=[BOS])
    return Batch(source, source_length, target, target_length, rows)


def halves(batch: Batch) -> tuple[Batch, Batch]:
    """The two halves of a batch of at least two rows, each padded no further than its own longest row."""
    middle = len(batch.rows) // 2
    return _slice(batch, slice(0, middle)), _slice(batch, slice(middle, None))


def share(batch: Batch, number: int, of: int) -> Batch | None:
    """The part of a batch that the process of that number takes: each row is one's. None when there are too few."""
    return _slice(batch, slice(number, None, of)) if number < len(batch.rows) else None


def turned(batch: Batch, which: npt.NDArray[np.bool_]) -> Batch:
    """The batch with source and target exchanged in the rows that ``which`` (B,) marks. Both have one vocabulary."""
    source, target = batch.source, batch.target[:, 1:]
    width = max(source.shape[1], target.shape[1])
    source, target = (
        np.pad(side, ((0, 0), (0, width - side.shape[1])), constant_values=PAD) for side in (source, target)
    )
    lengths = batch.source_length, batch.target_length
    source_length, target_length = np.where(which, lengths[::-1], lengths)
    start = batch.target[:, :1]
    return _slice(
        Batch(
            np.where(which[:, None], target, source),
            source_length,
            np.concatenate((start, np.where(which[:, None], source, target)), 1),
            target_length,
            batch.rows,
            turned=True,
        ),
        slice(None),
    )


def _slice(batch: Batch, rows: slice) -> Batch:
    source_length, target_length = batch.source_length[rows], batch.target_length[rows]
    source = batch.source[rows, : source_length.max()]
    target = batch.target[rows, : target_length.max() + 1]  # BOS is not counted
    return Batch(source, source_length, target, target_length, batch.rows[rows], batch.turned, batch.at_risk)


def pad_rows(pieces: list[npt.NDArray[Any]], start: list[int]) -> tuple[Integers, Integers]:
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
