"""Minimum risk training against its definition, computed directly."""

from collections import Counter
from dataclasses import replace
from math import exp, prod
from typing import Any

import numpy as np
import pytest
import torch
from test_training import CPU, MODEL, TRAINING, a_split, fresh, run
from torch import Tensor
from torch.nn.functional import cross_entropy

from nmt.config import ModelConfig, SearchOptions
from nmt.corpus.batches import Batch, read_batch
from nmt.decoding.engine import Hypothesis, Query
from nmt.decoding.engines.pytorch import PyTorchEngine
from nmt.model.family import TranslationModel
from nmt.scoring.metrics import sentence_bleu
from nmt.text.tokenizer import BOS, EOS
from nmt.training.gradients import Worker
from nmt.training.objective import Objective, TensorBatch
from nmt.training.phases.both_directions import BothDirections
from nmt.training.phases.minimum_risk import SEARCH, WEIGHT, MinimumRisk, risk_scales
from nmt.training.phases.plain import Plain

RISK = MinimumRisk(Plain())
TARGETS = 1 + SEARCH.n_best
RECURRENT = ModelConfig(family="recurrent", width=16, encoder_layers=1, decoder_layers=1, attention_score="general")


def a_batch() -> Batch:
    return read_batch(a_split(), np.arange(8))


def targets_and_scales(model: TranslationModel, batch: Batch) -> tuple[list[list[int]], list[list[float]]]:
    """The targets of the batch in minimum risk training, and the factors of their losses, a list a source."""
    targets, scales = RISK.targets(model)(batch)
    assert scales is not None
    assert len(targets) == len(scales) == RISK.targets_per_source * len(batch.rows)
    return [ids.tolist() for ids in targets], scales.reshape(-1, RISK.targets_per_source).tolist()


def a_model(config: ModelConfig = MODEL, dropout: float = 0.0) -> TranslationModel:
    """A model that has half learned its pairs, and to end its translations."""
    training = replace(TRAINING, steps=60, learning_rate=0.02)
    state = fresh(training, replace(config, dropout=dropout))
    run(state, training)
    return state.objective.model.double().train()


def log_probability(model: TranslationModel, source: list[int], target: list[int]) -> Tensor:
    hidden_1TD = model(torch.tensor([[*source, EOS]]), torch.tensor([len(source) + 1]), torch.tensor([[BOS, *target]]))
    return -cross_entropy(hidden_1TD[0] @ model.output_weight.t(), torch.tensor([*target, EOS]), reduction="sum")


def bleu(hypothesis: list[int], reference: list[int]) -> float:
    """Smoothed sentence BLEU by its definition (Lin and Och 2004)."""
    precisions = []
    for n in range(1, 5):
        actual, wanted = (
            Counter(tuple(pieces[i : i + n]) for i in range(len(pieces) - n + 1)) for pieces in (hypothesis, reference)
        )
        more = int(n > 1)
        precisions.append((sum((actual & wanted).values()) + more) / max(1, actual.total() + more))
    brevity = min(1.0, exp(1 - len(reference) / len(hypothesis))) if hypothesis else 0.0
    return brevity * prod(precisions) ** 0.25


@pytest.mark.parametrize("config", [MODEL, RECURRENT])
def test_the_gradient_is_that_of_cross_entropy_and_expected_risk(config: ModelConfig) -> None:
    model, batch = a_model(config), a_batch()
    targets, scales = RISK.targets(model)(batch)
    loss = Objective(model, 0.0)(TensorBatch.of(batch.sources, targets, CPU, scales), 1.0)
    actual = torch.autograd.grad(loss, list(model.parameters()))

    wanted_loss = torch.zeros((), dtype=torch.float64)
    different = 0
    for row in batch.rows.tolist():
        source, reference = (ids[0].tolist() for ids in a_split().ids([row]))
        (hypotheses,) = PyTorchEngine.of(model, ()).search([Query(source)], SEARCH)
        risk_H = torch.tensor([1 - bleu(list(one.pieces), reference) for one in hypotheses], dtype=torch.float64)
        likely_H = torch.stack([log_probability(model, source, list(one.pieces)) for one in hypotheses]).softmax(0)
        wanted_loss += WEIGHT * (len(reference) + 1) * (likely_H @ risk_H) - log_probability(model, source, reference)
        different += len(set(risk_H.tolist())) > 1
    assert different > 4  # sentences have something to choose from
    wanted = torch.autograd.grad(wanted_loss, list(model.parameters()))
    for one, other in zip(actual, wanted, strict=True):
        assert torch.allclose(one, other, rtol=0, atol=1e-5)  # factors are float32


def test_hypotheses_are_those_of_the_model_without_dropout_and_leave_it_training() -> None:
    model = a_model(dropout=0.5)
    targets, _ = targets_and_scales(model, a_batch())
    assert all(module.training for module in model.modules())
    queries = [Query(ids.tolist()) for ids in a_split().ids(range(8))[0]]
    wanted = PyTorchEngine.of(model.eval(), ()).search(queries, SEARCH)
    pieces = [target for place, target in enumerate(targets) if place % TARGETS]
    assert pieces == [list(one.pieces) for some in wanted for one in some]


def test_references_come_first_and_count_as_ever_and_a_sentences_hypotheses_cancel_out() -> None:
    batch = a_batch()
    targets, scales = targets_and_scales(a_model(), batch)
    assert targets[::TARGETS] == [ids.tolist() for ids in batch.targets]
    assert all(reference == 1.0 for reference, *_ in scales)
    assert all(sum(hypotheses) == pytest.approx(0.0, abs=1e-5) for _, *hypotheses in scales)
    assert any(any(hypotheses) for _, *hypotheses in scales)


def test_hypotheses_that_are_not_there_count_nothing() -> None:
    model = a_model()
    with torch.no_grad():
        model.output_weight[:] = float("nan")  # nothing is found at all
    _, scales = targets_and_scales(model, a_batch())
    assert scales == [[1.0] + [0.0] * SEARCH.n_best] * 8


def test_hypotheses_that_never_end_count_nothing() -> None:
    model, batch = a_model(), a_batch()
    with torch.no_grad():
        model.output_weight[EOS] = -model.output_weight[5:].sum(0)
    targets, scales = targets_and_scales(model, batch)
    assert scales == [[1.0] + [0.0] * SEARCH.n_best] * 8
    assert max(map(len, targets)) == max(map(len, batch.targets))


def test_factors_push_the_better_hypothesis_up_and_the_worse_down() -> None:
    hypotheses, reference = [[4, 5, 6, 7], [4, 9, 6, 8]], [4, 5, 6, 7]
    better, worse = risk_scales([Hypothesis(pieces, -1.0) for pieces in hypotheses], reference)
    assert better > 0 > worse


@pytest.mark.parametrize(
    ("hypothesis", "reference"),
    [
        ([4, 5, 6, 7, 8], [4, 5, 6, 7, 8]),
        ([4, 5, 6, 9, 8, 10], [4, 5, 6, 7, 8]),
        ([4, 5], [4, 5, 6, 7, 8]),
        ([4], [4]),
        ([4, 4, 4, 4], [4, 5]),
        ([9], [4, 5]),
        ([], [4, 5]),
        ([12, 1, 2], [1, 2]),
    ],
)
def test_sentence_bleu_is_lin_and_ochs(hypothesis: list[int], reference: list[int]) -> None:
    assert sentence_bleu(hypothesis, reference) == pytest.approx(bleu(hypothesis, reference), abs=1e-12)


def test_the_end_of_the_budget_is_at_risk_and_what_is_before_is_as_without() -> None:
    at_risk = replace(TRAINING, minimum_risk=0.5)
    actual, plain = (run(fresh(config), config) for config in (at_risk, TRAINING))
    assert actual[-1].loss != plain[-1].loss
    for update in range(7):
        same = [getattr(actual[update], name) == getattr(plain[update], name) for name in ("loss", "gradient_norm")]
        assert same == [update < 6] * 2
    assert [update.target_tokens for update in actual] == [update.target_tokens for update in plain]


def test_an_update_at_risk_counts_for_as_many_as_it_has_targets_in_the_average() -> None:
    config = replace(TRAINING, average_decay=0.5, minimum_risk=1.0)
    state = fresh(config)
    before = [weight.clone() for weight in state.average.parameters()]
    run(state, config, 1)
    for old, new, average in zip(before, state.objective.parameters(), state.average.parameters(), strict=True):
        assert torch.allclose(average, new + 0.5**TARGETS * (old - new), rtol=0, atol=1e-7)


def test_updates_at_risk_make_the_models_hypotheses_better() -> None:
    """Starts from a model that has half learned its pairs."""
    config = replace(TRAINING, steps=150, learning_rate=0.02)
    state = fresh(config)
    run(state, config)
    before = mean_bleu(state.objective.model)
    again = replace(config, steps=100, learning_rate=0.003, warmup_steps=1)
    scores = {}
    for name, share in (("risk", 1.0), ("none", 0.0)):
        other = fresh(replace(again, minimum_risk=share))
        other.objective.model.load_state_dict(state.objective.model.state_dict())
        run(other, replace(again, minimum_risk=share))
        scores[name] = mean_bleu(other.objective.model)
    assert scores["risk"] > max(before, scores["none"])


def mean_bleu(model: TranslationModel) -> float:
    sources, references = ([ids.tolist() for ids in side] for side in a_split().ids(range(40)))
    actual = PyTorchEngine.of(model.eval(), ()).search(
        [Query(source) for source in sources], replace(SEARCH, length_penalty=1.0)
    )
    model.train()
    return float(np.mean([bleu(list(some[0].pieces), one) for some, one in zip(actual, references, strict=True)]))


def test_a_batch_whose_search_has_no_room_is_halved_and_learns_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = a_batch()
    actual = {}
    search = PyTorchEngine.search_batch

    def crowded(engine: PyTorchEngine, queries: Any, options: SearchOptions) -> list[list[Hypothesis]]:
        if len(queries) > room:
            raise MemoryError
        return search(engine, queries, options)

    monkeypatch.setattr(PyTorchEngine, "search_batch", crowded)
    for room, parts in ((8, 1), (2, 4)):
        objective = Objective(a_model(), 0.1)
        gradient = Worker(0, objective, 1).accumulate([batch], RISK, batch.target_tokens, 0)
        assert gradient.parts == parts
        actual[room] = [weight.grad for weight in objective.parameters() if weight.grad is not None]
    for whole, halved in zip(actual[8], actual[2], strict=True):
        assert torch.allclose(whole, halved, rtol=0, atol=1e-7)


def test_exchanged_pairs_have_hypotheses_too() -> None:
    both = BothDirections()
    risk = MinimumRisk(both)
    (pairs,), (wanted,) = (phase.batches([a_batch()], np.random.default_rng(3)) for phase in (risk, both))
    assert [ids.tolist() for ids in pairs.sources] == [ids.tolist() for ids in wanted.sources]
    assert [ids.tolist() for ids in pairs.sources] != [ids.tolist() for ids in a_batch().sources]
    targets, _ = risk.targets(a_model())(pairs)
    assert [ids.tolist() for ids in targets[::TARGETS]] == [ids.tolist() for ids in wanted.targets]
    assert risk.any_piece


def test_the_engine_is_made_once_an_update_whatever_the_number_of_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    of = PyTorchEngine.of

    def watched(*asked: Any) -> PyTorchEngine:
        made.append(of(*asked))
        return made[-1]

    monkeypatch.setattr(PyTorchEngine, "of", watched)
    config = replace(TRAINING, accumulate=3, minimum_risk=1.0)
    assert len(run(fresh(config), config, 2)) == len(made) == 2
