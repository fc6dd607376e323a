"""Batches hold every pair once in an epoch, keep the token budget, pad little, and depend on integers only."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from real_text import real_text

from nmt.config import PrepareOptions
from nmt.corpus.batches import Integers, Rows, Sentences, blocks, pad_rows, plan_block, read_batch
from nmt.corpus.dataset import Dataset
from nmt.corpus.prepare import PrepareRequest, prepare
from nmt.text.tokenizer import BOS, EOS, PAD


class MemoryRows:
    """Rows in memory whose ids identify the row."""

    def __init__(self, source_length: npt.ArrayLike, target_length: npt.ArrayLike) -> None:
        self.source_length = np.asarray(source_length, np.int32)
        self.target_length = np.asarray(target_length, np.int32)

    def __len__(self) -> int:
        return len(self.source_length)

    def weight(self, rows: Integers) -> npt.NDArray[np.float64]:
        return np.ones(len(rows))

    @property
    def rows_per_epoch(self) -> float:
        return float(len(self))

    def source(self, row: int) -> npt.NDArray[Any]:
        return np.full(self.source_length[row], 1000 + row, np.uint16)

    def target(self, row: int) -> npt.NDArray[Any]:
        return np.full(self.target_length[row], 2000 + row, np.uint16)

    def lengths(self, rows: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        return self.source_length[rows].astype(np.int64), self.target_length[rows].astype(np.int64)

    def ids(self, rows: Integers) -> tuple[Sentences, Sentences]:
        return [self.source(row) for row in rows], [self.target(row) for row in rows]


def sentences(rows: int, seed: int = 0) -> MemoryRows:
    """Lengths as in real corpora: a log-normal source, and a target that is about 10% longer."""
    generator = np.random.default_rng(seed)
    source = np.exp(generator.normal(2.8, 0.6, rows)).astype(int) + 1
    target = np.maximum(1, source * generator.normal(1.1, 0.25, rows)).astype(int)
    return MemoryRows(source, target)


def epoch(rows: Rows, batch_tokens: int, seed: int = 1, number: int = 0, block_rows: int = 1 << 18) -> list[Integers]:
    count = blocks(len(rows), block_rows)
    return [
        batch for block in range(count) for batch in plan_block(rows, batch_tokens, seed, number, block, block_rows)
    ]


def padding(rows: Rows, batches: list[Integers]) -> float:
    real = padded = 0
    for batch in batches:
        for length in (lengths + 1 for lengths in rows.lengths(batch)):
            real += int(length.sum())
            padded += len(batch) * int(length.max())
    return 1 - real / padded


LENGTHS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=60)


@settings(max_examples=150, deadline=None)
@given(LENGTHS, st.integers(1, 300), st.integers(1, 20), st.integers(0, 3))
def test_batches_cover_each_pair_once_within_the_budget(
    lengths: list[tuple[int, int]], batch_tokens: int, block_rows: int, number: int
) -> None:
    rows = MemoryRows(*np.array(lengths, int).reshape(-1, 2).T)
    batches = epoch(rows, batch_tokens, number=number, block_rows=block_rows)
    assert sorted(row for batch in batches for row in batch.tolist()) == list(range(len(rows)))
    for batch in batches:
        width = max(int(rows.source_length[batch].max()), int(rows.target_length[batch].max())) + 1
        assert len(batch) == 1 or len(batch) * width <= batch_tokens


def test_a_split_of_no_rows_has_no_batches() -> None:
    assert plan_block(MemoryRows([], []), 100, 1, 0, 0) == []


def test_no_batch_could_take_the_first_row_of_the_next() -> None:
    """Each batch takes as many of the sorted rows as the budget allows."""
    rows = sentences(3000)
    width = np.maximum(rows.source_length, rows.target_length) + 1
    batches = sorted(plan_block(rows, 1000, 1, 0, 0), key=lambda batch: (int(width[batch].max()), -len(batch)))
    for batch, following in pairwise(batches):
        assert (len(batch) + 1) * max(width[batch].max(), width[following].min()) > 1000


def test_the_plan_is_a_pure_function_of_seed_epoch_and_block() -> None:
    rows = sentences(500)

    def plan(seed: int, epoch: int, block: int) -> list[list[int]]:
        return [batch.tolist() for batch in plan_block(rows, 400, seed, epoch, block, block_rows=200)]

    later = plan(7, 3, 2)
    plan(7, 0, 0)
    assert plan(7, 3, 2) == later
    assert len({str(plan(*numbers)) for numbers in ((7, 3, 2), (8, 3, 2), (7, 4, 2), (7, 3, 1))}) == 4


def test_the_order_of_batches_is_not_that_of_lengths() -> None:
    rows = sentences(5000)
    longer = np.maximum(rows.source_length, rows.target_length)
    widths = [int(longer[batch].max()) for batch in plan_block(rows, 1000, 1, 0, 0)]
    assert abs(np.corrcoef(np.arange(len(widths)), widths)[0, 1]) < 0.4


def test_a_block_mixes_corpora_that_were_written_one_after_another() -> None:
    rows = sentences(10_000)
    for block in range(blocks(len(rows), 1000)):
        members = np.concatenate(plan_block(rows, 1000, 1, 0, block, 1000))
        assert len(members) == 1000
        assert 450 <= (members < 5000).sum() <= 550


def test_the_last_blocks_are_no_smaller_than_the_first() -> None:
    rows = sentences(1001)
    sizes = [sum(map(len, plan_block(rows, 1000, 1, 0, block, 500))) for block in range(blocks(1001, 500))]
    assert sorted(sizes) == [333, 334, 334]


@pytest.mark.parametrize(("rows", "expected"), [(0, 0), (1, 1), (10, 1), (11, 2), (20, 2), (21, 3)])
def test_blocks_are_counted_up(rows: int, expected: int) -> None:
    assert blocks(rows, 10) == expected


@pytest.mark.parametrize("batch_tokens", [2560, 4096])
def test_padding_is_under_a_tenth_on_lengths_like_real_ones(batch_tokens: int) -> None:
    rows = sentences(29_000)
    assert padding(rows, epoch(rows, batch_tokens)) < 0.10


def test_padding_is_under_a_tenth_on_multi30k(tmp_path: Path) -> None:
    corpus = real_text("multi30k")
    request = PrepareRequest("en", "de", (corpus / "train",), corpus / "valid", (), tmp_path / "data")
    prepare(request, PrepareOptions(tokenizer="bpe", clean="off"), workers=2)  # the fastest that there is
    rows = Dataset.open(tmp_path / "data").train
    for batch_tokens in (2560, 4096):
        assert padding(rows, epoch(rows, batch_tokens)) < 0.05


def test_padded_rows_are_what_a_plain_loop_makes() -> None:
    rows = MemoryRows([3, 0, 1, 5], [1, 2, 0, 4])
    for side, start in ((rows.source, []), (rows.target, [BOS])):
        padded, lengths = pad_rows([side(row) for row in (3, 1, 2)], start)
        lines = [[*start, *side(row), EOS] for row in (3, 1, 2)]
        assert padded.tolist() == [line + [PAD] * (len(lines[0]) - len(line)) for line in lines]
        assert lengths.tolist() == [len(line) - len(start) for line in lines]
        assert padded.dtype == lengths.dtype == np.int64


def test_padded_rows_of_empty_lines_have_only_their_ends() -> None:
    empty = np.zeros(0, np.uint16)
    assert pad_rows([empty, empty], [])[0].tolist() == [[EOS], [EOS]]
    assert pad_rows([empty, empty], [BOS])[0].tolist() == [[BOS, EOS], [BOS, EOS]]


def test_the_shape_and_the_target_tokens_of_a_batch_are_those_of_its_padded_rows() -> None:
    batch = read_batch(MemoryRows([3, 0, 1, 5], [1, 2, 0, 4]), np.array([3, 1, 2]))
    (source, _), (target, length) = pad_rows(batch.sources, []), pad_rows(batch.targets, [])
    assert batch.rows.tolist() == [3, 1, 2]
    assert batch.shape == (*source.shape, target.shape[1])
    assert batch.target_tokens == length.sum()
