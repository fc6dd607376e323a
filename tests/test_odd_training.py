"""Odd input in training: what changes in a batch, that nothing else does, and that it follows from the seed."""

from collections import Counter
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_tokenizer import TEXT

from nmt.corpus.batches import Batch
from nmt.text.reserved import SIGNS
from nmt.text.sentences import final_mark
from nmt.text.tokenizer import Tokenizer, train_tokenizer
from nmt.training.odd_input import CHANGES, OddInput, no_final_mark, small_letters, typos, with_slots

LINES = st.sampled_from(TEXT)
SEEDS = st.integers(0, 10**6)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer(train_tokenizer(TEXT, "unigram", 300), "test model")


def batch_of(tokenizer: Tokenizer, lines: list[str]) -> Batch:
    ids = [np.array(row, np.uint16) for row in tokenizer.encode(lines)]
    return Batch(np.arange(len(lines)), ids, list(reversed(ids)))


def texts(tokenizer: Tokenizer, batch: Batch) -> list[tuple[str, str]]:
    sides = ([row.tolist() for row in side] for side in (batch.sources, batch.targets))
    return list(zip(*map(tokenizer.decode_slotted, sides), strict=True))


@given(LINES, SEEDS)
def test_typos_change_some_words_of_the_source_by_a_letter(line: str, seed: int) -> None:
    source, target = typos(line, "target", Random(seed))
    assert target == "target"
    old, new = line.split(), source.split()
    assert len(old) == len(new)
    for before, after in zip(old, new, strict=True):
        assert abs(len(before) - len(after)) <= 1
        assert sum((Counter(before) - Counter(after)).values()) <= 1


@given(LINES, LINES, SEEDS)
def test_slots_stand_once_on_both_sides_numbered_as_in_the_source(source: str, target: str, seed: int) -> None:
    left, right = with_slots(source, target, Random(seed))
    signs = [sign for sign in left if sign in SIGNS]
    assert signs
    assert sorted(signs) == sorted(sign for sign in right if sign in SIGNS)
    assert len(set(signs)) == len(signs)
    if source != target:  # words that both have are replaced in the order of the source
        again = with_slots(left, right, Random(seed))
        assert again == (left, right)


@pytest.mark.parametrize("seed", range(40))
def test_a_word_gets_a_slot_where_it_is_a_word_on_both_sides(seed: int) -> None:
    left, right = with_slots("Tee von Anna", "Teekanne bei Anna", Random(seed))
    assert "Tee" in left
    assert "Teekanne" in right
    assert ("Anna" in left) == ("Anna" in right)


@given(LINES, LINES, SEEDS)
def test_final_marks_go_from_both_sides_or_from_none(source: str, target: str, seed: int) -> None:
    assert not any(map(final_mark, no_final_mark(source, target, Random(seed))))
    assert no_final_mark(source[:-1], target, Random(seed)) == (source[:-1], target)
    assert small_letters(source, target, Random(seed)) == (source.lower(), target)


def test_the_same_seed_update_and_batch_give_the_same_and_others_give_others(tokenizer: Tokenizer) -> None:
    batch = batch_of(tokenizer, TEXT[:8])
    made = OddInput(0.5, 7, (tokenizer, tokenizer))
    first = [texts(tokenizer, made.batch(batch, step, 0)) for step in range(60)]
    assert first == [texts(tokenizer, made.batches([batch], step)[0]) for step in range(60)]
    plain = texts(tokenizer, batch)
    changed = sum(each != plain for each in first)
    assert 15 <= changed <= 45
    assert first != [
        texts(tokenizer, OddInput(0.5, 8, (tokenizer, tokenizer)).batch(batch, step, 0)) for step in range(60)
    ]


def test_every_change_comes_and_a_share_of_none_changes_nothing(tokenizer: Tokenizer) -> None:
    batch = batch_of(tokenizer, TEXT[:8])
    always, never = OddInput(1.0, 1, (tokenizer, tokenizer)), OddInput(0.0, 1, (tokenizer, tokenizer))
    seen = {"".join(source for source, _ in texts(tokenizer, always.batch(batch, step, 0))) for step in range(80)}
    assert any(sign in text for text in seen for sign in SIGNS)
    assert any(not final_mark(text) for text in seen)
    assert any(text.islower() for text in seen)
    assert never.batch(batch, 3, 0) is batch
    assert sum(share for share, _ in CHANGES) == pytest.approx(1)


@settings(deadline=None)
@given(st.lists(LINES, min_size=1, max_size=5), st.integers(0, 99))
def test_rows_keep_their_order_and_their_number(tokenizer: Tokenizer, lines: list[str], step: int) -> None:
    batch = batch_of(tokenizer, lines)
    changed = OddInput(1.0, 1, (tokenizer, tokenizer)).batch(batch, step, 0)
    assert changed.rows.tolist() == batch.rows.tolist()
    assert len(changed.sources) == len(changed.targets) == len(lines)
    assert all(len(row) for row in (*changed.sources, *changed.targets))
