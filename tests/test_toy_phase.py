"""The seam for a new phase: one written here trains, without an edit in nmt/, and learns what brute force says.

B sources, N targets, T target positions.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import pytest
import torch
from test_training import MODEL, TRAINING, a_split, fresh, run, same_bits, tensors
from torch import Tensor
from torch.nn.functional import cross_entropy

from nmt.config import TrainingConfig
from nmt.corpus.batches import Batch, Sentences
from nmt.model.family import TranslationModel
from nmt.text.tokenizer import BOS, EOS
from nmt.training.counters import Position
from nmt.training.loop import Update, batches_from, train_steps
from nmt.training.objective import Scales
from nmt.training.phases.phase import Phase
from nmt.training.phases.plain import Plain
from nmt.training.state import TrainState

CONFIG = replace(TRAINING, steps=4, label_smoothing=0.0, accumulate=2)


class Backwards(Phase):
    """Reads odd sources backwards, and predicts the target and, with factor 1/4, the source itself."""

    note = "it copies too"
    targets_per_source = 2

    def batches(self, batches: Sequence[Batch], random: np.random.Generator) -> Sequence[Batch]:
        def turned(batch: Batch) -> list[Any]:
            return [ids[::-1] if row % 2 else ids for row, ids in zip(batch.rows, batch.sources, strict=True)]

        return [replace(batch, sources=turned(batch)) for batch in batches]

    def targets(self, model: TranslationModel) -> Callable[[Batch], tuple[Sentences, Scales]]:
        def both(batch: Batch) -> tuple[Sentences, Scales]:
            pairs = zip(batch.targets, batch.sources, strict=True)
            return [ids for pair in pairs for ids in pair], np.tile(np.array([1.0, 0.25], np.float32), len(batch.rows))

        return both


class Doubled(Phase):
    """Has each pair twice."""

    def batches(self, batches: Sequence[Batch], random: np.random.Generator) -> Sequence[Batch]:
        return [
            Batch(np.repeat(batch.rows, 2), [*batch.sources, *batch.sources], [*batch.targets, *batch.targets])
            for batch in batches
        ]


def train(state: TrainState, phase: Phase) -> list[Update]:
    events = train_steps(state, a_split(), CONFIG, choose_phase=lambda config, used: phase)
    return [event for event in events if isinstance(event, Update)]


def loss_of(model: TranslationModel, source: list[int], target: list[int]) -> Tensor:
    hidden_1TD = model(torch.tensor([[*source, EOS]]), torch.tensor([len(source) + 1]), torch.tensor([[BOS, *target]]))
    return cross_entropy(hidden_1TD[0] @ model.output_weight.t(), torch.tensor([*target, EOS]), reduction="sum")


def test_a_new_phase_trains_on_what_it_makes_of_the_pairs() -> None:
    """The loss of each update against the sentences one by one, without padding; the weights are those before it."""
    state = fresh(CONFIG, replace(MODEL, dropout=0.0))
    model = state.objective.model
    stream = batches_from(a_split(), CONFIG, Position())
    updates = train_steps(state, a_split(), CONFIG, choose_phase=lambda config, used: Backwards())
    for _ in range(CONFIG.steps):
        loss, tokens = 0.0, 0
        for _, batch, _ in islice(stream, CONFIG.accumulate):
            for row in batch.rows.tolist():
                source, target = (ids[0].tolist() for ids in a_split().ids([row]))
                source = source[::-1] if row % 2 else source
                loss += loss_of(model, source, target).item() + loss_of(model, source, source).item() / 4
                tokens += len(target) + 1
        update = next(updates)
        assert isinstance(update, Update)
        assert update.loss == pytest.approx(loss / tokens, rel=1e-5)
        assert (update.target_tokens, update.note) == (tokens, "it copies too")


def test_pairs_that_count_twice_make_the_same_updates() -> None:
    """The loss is a mean; without dropout, in float64."""
    states = []
    for phase in (Plain(), Doubled()):
        state = fresh(CONFIG, replace(MODEL, dropout=0.0))
        state.objective.double()
        state.average.double()
        states.append((train(state, phase), state))
    (plain, once), (doubled, twice) = states
    assert [2 * update.target_tokens for update in plain] == [update.target_tokens for update in doubled]
    assert [update.loss for update in plain] == pytest.approx([update.loss for update in doubled], rel=1e-9)
    for name, tensor in tensors(once).items():
        assert torch.allclose(tensor, tensors(twice)[name], rtol=0, atol=1e-9), name


def test_phases_are_chosen_by_progress() -> None:
    """Plain to the middle, then doubled: the first half is, bit for bit, that of a run without the second."""

    def choose(config: TrainingConfig, used: float) -> Phase:
        return Plain() if used < 0.5 else Doubled()

    mixed, plain = fresh(CONFIG), fresh(CONFIG)
    updates = train_steps(mixed, a_split(), CONFIG, choose_phase=choose)
    tokens = [update.target_tokens for update in islice(updates, 2) if isinstance(update, Update)]
    wanted = [update.target_tokens for update in run(plain, CONFIG, 2)]
    assert tokens == wanted
    assert same_bits(tensors(mixed), tensors(plain))
    assert all(update.target_tokens % 2 == 0 for update in updates if isinstance(update, Update))
