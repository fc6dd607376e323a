"""Which phases a run goes through, and what the phase of both directions does to its pairs."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_training import CPU, MODEL, a_split, fresh

from nmt.config import TrainingConfig
from nmt.corpus.batches import Batch, read_batch
from nmt.text.tokenizer import EOS
from nmt.training.gradients import Worker
from nmt.training.objective import Objective, TensorBatch
from nmt.training.phases import phase_at, phases_of
from nmt.training.phases.both_directions import BothDirections, exchanged
from nmt.training.phases.minimum_risk import MinimumRisk

SHARES = st.floats(0.0, 1.0)


def pairs(batch: Batch) -> list[tuple[list[int], list[int]]]:
    return [(source.tolist(), target.tolist()) for source, target in zip(batch.sources, batch.targets, strict=True)]


@given(SHARES, SHARES, SHARES)
def test_each_moment_has_the_phase_that_the_two_shares_ask_for(both: float, risk: float, used: float) -> None:
    phase = phase_at(TrainingConfig(steps=1, bidirectional=both, minimum_risk=risk), used)
    assert isinstance(phase, MinimumRisk) == (used >= 1.0 - risk)
    inner = phase.phase if isinstance(phase, MinimumRisk) else phase
    assert isinstance(inner, BothDirections) == (used < both)
    assert phase.any_piece == (used < both)


@given(SHARES, SHARES)
def test_the_shares_of_the_phases_are_those_of_the_settings(both: float, risk: float) -> None:
    phases = phases_of(TrainingConfig(steps=1, bidirectional=both, minimum_risk=risk))
    assert sum(share for share, _ in phases) == pytest.approx(1.0)
    assert sum(share for share, phase in phases if phase.any_piece) == pytest.approx(both)
    assert sum(share for share, phase in phases if isinstance(phase, MinimumRisk)) == pytest.approx(risk)


@given(st.lists(st.booleans(), min_size=8, max_size=8))
def test_marked_rows_have_source_and_target_exchanged_and_the_others_stay(marks: list[bool]) -> None:
    batch = read_batch(a_split(), np.arange(8))
    wanted = [pair[::-1] if mark else pair for pair, mark in zip(pairs(batch), marks, strict=True)]
    assert pairs(exchanged(batch, marks)) == wanted
    assert exchanged(batch, marks).rows.tolist() == list(range(8))


def test_a_worker_predicts_exchanged_pairs_from_the_whole_vocabulary() -> None:
    """The pieces of the source's language, which the model never produces, are among them."""
    model = fresh(model=replace(MODEL, dropout=0.0)).objective.model
    batch = read_batch(a_split(), np.arange(8))
    wanted = Objective(model, 0.1)(TensorBatch.of(batch.sources, batch.targets, CPU), batch.target_tokens).item()
    model.embeddings.produced[EOS + 1 :] = 0
    gradient = Worker(0, Objective(model, 0.1), 1).accumulate([batch], BothDirections(), batch.target_tokens, 0)
    assert gradient.loss == wanted


def test_half_of_the_pairs_are_exchanged_and_which_of_them_is_random() -> None:
    batches = [read_batch(a_split(), np.arange(start, start + 10)) for start in (0, 10, 20, 30)]

    def made(seed: int) -> list[tuple[list[int], list[int]]]:
        exchanged = BothDirections().batches(batches, np.random.default_rng(seed))
        return [pair for batch in exchanged for pair in pairs(batch)]

    before = [pair for batch in batches for pair in pairs(batch)]
    assert 10 < sum(was != now for was, now in zip(before, made(1), strict=True)) < 30
    assert made(1) == made(1)
    assert made(1) != made(2)
