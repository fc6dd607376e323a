"""The parts of training against their formulas, and the loop's invariants."""

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from itertools import islice, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from nmt.config import Config, ModelConfig, TrainingConfig
from nmt.corpus.batches import halves, plan_block, read_batch
from nmt.corpus.shards import Split
from nmt.errors import BusyError
from nmt.model import build_model
from nmt.model.attention import without_cudnn
from nmt.text.tokenizer import EOS
from nmt.training import gradients
from nmt.training import loss as loss_module
from nmt.training.counters import Counters, Position
from nmt.training.distribution import Group
from nmt.training.gradients import Gradient, Worker, Workers, random_number
from nmt.training.loop import Update, batches_from, train_steps
from nmt.training.loss import linear_cross_entropy
from nmt.training.objective import THE_WEIGHTS_OWN, Objective, Products, TensorBatch
from nmt.training.phases.plain import Plain
from nmt.training.schedule import learning_rate, progress
from nmt.training.state import TrainState, products_of

VOCABULARY = 20
MODEL = ModelConfig(width=16, feed_forward=24, encoder_layers=1, decoder_layers=1, heads=2, dropout=0.1)
TRAINING = TrainingConfig(precision="float32", steps=12, batch_tokens=64, warmup_steps=4, learning_rate=0.01)
CPU = torch.device("cpu")


class ListSplit:
    """Random rows of various lengths in memory, with the interface of a Split."""

    def __init__(self, rows: int = 40, seed: int = 0) -> None:
        random = np.random.default_rng(seed)
        self.pairs = [
            [random.integers(4, VOCABULARY, random.integers(1, 9)).astype(np.uint16) for _ in "st"] for _ in range(rows)
        ]
        self.source_length = np.array([len(source) for source, _ in self.pairs])
        self.target_length = np.array([len(target) for _, target in self.pairs])

    def __len__(self) -> int:
        return len(self.pairs)

    def weight(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        return np.ones(len(rows))

    @property
    def rows_per_epoch(self) -> float:
        return float(len(self))

    def source(self, row: int) -> npt.NDArray[Any]:
        return self.pairs[row][0]

    def target(self, row: int) -> npt.NDArray[Any]:
        return self.pairs[row][1]

    def lengths(self, rows: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        return self.source_length[rows].astype(np.int64), self.target_length[rows].astype(np.int64)

    def ids(self, rows: npt.NDArray[np.int64]) -> tuple[list[npt.NDArray[Any]], list[npt.NDArray[Any]]]:
        return [self.source(row) for row in rows], [self.target(row) for row in rows]


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """Give PyTorch several threads, each with a share of even the smallest batch."""
    monkeypatch.setattr(gradients, "LEAST_SHARE", 1)
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def a_split(rows: int = 40) -> Split:
    split: Any = ListSplit(rows)
    return split  # type: ignore[no-any-return]  # the same protocol


def fresh(config: TrainingConfig = TRAINING, model: ModelConfig = MODEL) -> TrainState:
    torch.manual_seed(random_number(config.seed, 999))
    return TrainState.fresh(build_model(model, VOCABULARY, VOCABULARY, True), config)


def tensors(state: TrainState) -> dict[str, Tensor]:
    """Copies of all tensors that training changes, by name."""
    checkpoint = state.checkpoint({})
    return {name: tensor.clone() for part in (checkpoint.model, checkpoint.training) for name, tensor in part.items()}


def padded(rows: npt.NDArray[np.int64], any_piece: bool = False) -> TensorBatch:
    return TensorBatch.of(*a_split().ids(rows), CPU, any_piece=any_piece)


def run(state: TrainState, config: TrainingConfig, updates: int | None = None) -> list[Update]:
    events = islice(train_steps(state, a_split(), config), updates)
    return [event for event in events if isinstance(event, Update)]


def same_bits(one: dict[str, Tensor], two: dict[str, Tensor]) -> bool:
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def cudnn() -> bool:
    return bool(torch.backends.cuda.cudnn_sdp_enabled())  # type: ignore[no-untyped-call]


def test_attention_that_is_planned_anew_for_every_shape_is_off_while_a_gpu_works_and_put_back_after_the_last() -> None:
    gpu = torch.device("cuda")
    for before in (True, False, True):
        torch.backends.cuda.enable_cudnn_sdp(before)
        with without_cudnn(torch.device("cpu")):
            assert cudnn() is before
        one, other = without_cudnn(gpu), without_cudnn(gpu)
        one.__enter__()
        other.__enter__()
        one.__exit__(None, None, None)
        assert not cudnn()
        other.__exit__(None, None, None)
        assert cudnn() is before


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.6])
@pytest.mark.parametrize("chunk", [1, 7, 100])
@pytest.mark.parametrize("errors", [loss_module.errors_in_cache, loss_module.errors_in_memory])
def test_loss_and_gradients_equal_the_plain_formula_in_float64(
    shared: bool, smoothing: float, chunk: int, errors: loss_module.Errors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(loss_module.CHUNK, "cpu", (chunk, errors))
    torch.manual_seed(1)
    hidden_ND = torch.randn(30, 8, dtype=torch.float64, requires_grad=True)
    weight_VD = torch.randn(VOCABULARY, 8, dtype=torch.float64, requires_grad=True)
    target_N = torch.randint(0, VOCABULARY, (30,))
    share_N = torch.randn(30, dtype=torch.float64) if shared else None
    actual = linear_cross_entropy(hidden_ND, weight_VD, target_N, smoothing, share_N)
    log_probability_NV = (hidden_ND @ weight_VD.t()).log_softmax(1)
    wanted = hidden_ND.new_zeros(())
    for n, target in enumerate(target_N.tolist()):
        q_V = torch.full((VOCABULARY,), smoothing / VOCABULARY, dtype=torch.float64)
        q_V[target] += 1 - smoothing
        wanted = wanted - (1.0 if share_N is None else share_N[n]) * (q_V * log_probability_NV[n]).sum()
    assert actual.item() == pytest.approx(wanted.item(), rel=1e-12)
    for one, other in zip(
        torch.autograd.grad(3 * actual, (hidden_ND, weight_VD)),
        torch.autograd.grad(3 * wanted, (hidden_ND, weight_VD)),
        strict=True,
    ):
        assert torch.allclose(one, other, rtol=0, atol=1e-12)


def test_the_objective_leaves_out_what_is_never_produced_as_the_plain_formula_with_its_logits_masked() -> None:
    tensors = padded(np.arange(10))
    model = fresh(model=replace(MODEL, dropout=0.0)).objective.model.double().train()
    model.embeddings.produced[:] = 0
    model.embeddings.produced[[*range(EOS + 1), *tensors.target_BT.flatten().tolist()]] = 1
    kept_V = model.embeddings.produced.bool()
    assert 4 < int(kept_V.sum()) < VOCABULARY
    actual = Objective(model, 0.1).train()(tensors, 1.0)
    hidden_BTD = model(tensors.source_BS, tensors.source_length_B, tensors.target_BT[:, :-1])
    logits_BTV = (hidden_BTD @ model.output_weight.t())[..., kept_V]
    target_BT = (kept_V.cumsum(0) - 1)[tensors.target_BT[:, 1:]]
    wanted = hidden_BTD.new_zeros(())
    lengths = [len(target) + 1 for target in a_split().ids(np.arange(10))[1]]
    for logits_TV, target_T, length in zip(logits_BTV, target_BT, lengths, strict=True):
        wanted += cross_entropy(logits_TV[:length], target_T[:length], label_smoothing=0.1, reduction="sum")
    assert actual.item() == pytest.approx(wanted.item(), rel=1e-12)
    parameters = list(model.parameters())
    for one, other in zip(
        torch.autograd.grad(actual, parameters), torch.autograd.grad(wanted, parameters), strict=True
    ):
        assert torch.allclose(one, other, rtol=0, atol=1e-10)


def test_a_batch_of_any_piece_is_predicted_from_the_whole_vocabulary() -> None:
    model = fresh(model=replace(MODEL, dropout=0.0)).objective.model
    everything = Objective(model, 0.1)(padded(np.arange(10)), 1.0)
    model.embeddings.produced[EOS + 1 :] = 0
    loss = Objective(model, 0.1)(padded(np.arange(10), any_piece=True), 1.0)
    assert loss.item() == everything.item()


@pytest.mark.parametrize("errors", [loss_module.errors_in_cache, loss_module.errors_in_memory])
def test_errors_of_narrow_logits_are_those_of_the_same_in_float32_rounded_once(errors: loss_module.Errors) -> None:
    torch.manual_seed(1)
    logits_CV, target_C1 = (4 * torch.randn(20, 50)).bfloat16(), torch.randint(0, 50, (20, 1))
    logits_CV[0, target_C1[0]] = 40.0  # nearly sure
    wide_CV = logits_CV.float().requires_grad_()
    wanted = cross_entropy(wide_CV, target_C1[:, 0], label_smoothing=0.1, reduction="sum")
    (wanted_CV,) = torch.autograd.grad(wanted, wide_CV)
    loss_C1, error_CV = errors(logits_CV, target_C1, 0.1)
    assert loss_C1.dtype == torch.float32
    assert loss_C1.sum().item() == pytest.approx(wanted.item(), rel=1e-6)
    assert error_CV.dtype == torch.bfloat16
    assert torch.allclose(error_CV.float(), wanted_CV, rtol=2**-8, atol=1e-6)


def test_loss_stays_finite_for_logits_that_overflow_a_plain_exponential() -> None:
    hidden_ND, weight_VD = torch.full((2, 1), 1e4), torch.tensor([[1.0], [-1.0]])
    assert linear_cross_entropy(hidden_ND, weight_VD, torch.tensor([0, 1]), 0.0).item() == pytest.approx(2e4)


def test_objective_is_the_cross_entropy_of_real_target_tokens_alone() -> None:
    model, split = fresh().objective.model.double().eval(), a_split()
    actual = Objective(model, 0.1).eval()(padded(np.arange(10)), 2.0)
    wanted = 0.0
    for row in range(10):
        source, target = (ids[0].tolist() for ids in split.ids([row]))
        source_1S, target_1T = torch.tensor([[*source, 3]]), torch.tensor([[2, *target]])
        logits_TV = (model(source_1S, torch.tensor([len(source) + 1]), target_1T) @ model.output_weight.t())[0]
        wanted += cross_entropy(logits_TV, torch.tensor([*target, 3]), reduction="sum").item()
    assert actual.item() == pytest.approx(wanted / 2, rel=1e-12)


def test_accumulated_batches_make_the_same_update_as_one_large_batch() -> None:
    """Tested without dropout, in float64: two batches that together have all rows."""
    model = replace(MODEL, dropout=0.0)
    split = a_split()
    plan = plan_block(split, 250, TRAINING.seed, 0, 0)
    assert len(plan) == 2, "the law is about two batches"
    results = []
    for batch_tokens, accumulate in ((250, 2), (10_000, 1)):
        config = replace(TRAINING, steps=1, warmup_steps=1, batch_tokens=batch_tokens, accumulate=accumulate)
        state = fresh(config, model)
        state.objective.double()
        state.average.double()
        update = run(state, config)[0]
        results.append((update, tensors(state)))
    (one, tensors_one), (two, tensors_two) = results
    assert one.target_tokens == two.target_tokens
    assert one.loss == pytest.approx(two.loss, rel=1e-12)
    assert one.gradient_norm == pytest.approx(two.gradient_norm, rel=1e-9)
    for name, tensor in tensors_one.items():
        assert torch.allclose(tensor, tensors_two[name], rtol=0, atol=1e-9), name


@pytest.mark.parametrize("accumulate", [1, 2])
def test_an_update_that_memory_has_no_room_for_is_made_in_parts_and_is_the_same(
    accumulate: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without dropout, in float64. Memory runs out in the backward pass, after some gradients were accumulated."""
    config = replace(TRAINING, steps=3, batch_tokens=250, accumulate=accumulate)
    of = TensorBatch.of
    backward: Any = Tensor.backward
    shapes: list[int] = []
    room = 10**9

    def watched(*asked: Any) -> TensorBatch:
        made: TensorBatch = of(*asked)
        shapes.append(made.source_BS.numel())
        return made

    def gives_out(loss: Tensor) -> None:
        backward(loss)
        if shapes[-1] > room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 bytes")

    monkeypatch.setattr(TensorBatch, "of", watched)
    monkeypatch.setattr(Tensor, "backward", gives_out)
    results = []
    for room in (10**9, 90):  # noqa: B007  # the functions above see it
        state = fresh(config, replace(MODEL, dropout=0.0))
        state.objective.double()
        state.average.double()
        results.append((run(state, config), tensors(state)))
    (whole, tensors_whole), (split, tensors_split) = results
    assert all(update.parts == 0 for update in whole)
    assert all(update.parts > accumulate for update in split)
    for one, two in zip(whole, split, strict=True):
        assert one.loss == pytest.approx(two.loss, rel=1e-12)
        assert one.gradient_norm == pytest.approx(two.gradient_norm, rel=1e-9)
    for name, tensor in tensors_whole.items():
        assert torch.allclose(tensor, tensors_split[name], rtol=0, atol=1e-9), name


def test_what_did_not_fit_into_memory_is_not_tried_whole_again_and_nothing_else_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With dropout, against a worker that does not remember: the same parts in the same order, after fewer tries."""
    config = replace(TRAINING, steps=6, batch_tokens=250)
    of = TensorBatch.of
    tried: list[tuple[int, int, int]] = []

    def watched(*asked: Any) -> TensorBatch:
        made: TensorBatch = of(*asked)
        tried.append((*made.source_BS.shape, made.target_BT.size(1)))
        if made.source_BS.numel() > 90:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 bytes")
        return made

    def actual() -> tuple[list[tuple[int, int, int]], dict[str, Tensor]]:
        tried.clear()
        state = fresh(config, replace(MODEL, dropout=0.3))
        run(state, config)
        return list(tried), tensors(state)

    monkeypatch.setattr(TensorBatch, "of", watched)
    shapes, weights = actual()
    failed: list[tuple[int, int, int]] = []
    for shape in shapes:
        assert not any(all(np.greater_equal(shape, other)) for other in failed)
        if shape[0] * shape[1] > 90:
            failed.append(shape)
    accumulate = Worker.accumulate

    def forgetful(worker: Worker, *asked: Any) -> Gradient:
        worker.did_not_fit.clear()
        return accumulate(worker, *asked)

    monkeypatch.setattr(Worker, "accumulate", forgetful)
    without, weights_without = actual()
    assert len(failed) < sum(rows * length > 90 for rows, length, _ in without)
    assert all(torch.equal(tensor, weights_without[name]) for name, tensor in weights.items())


def test_a_pair_that_alone_has_no_room_is_an_error_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(loss: Tensor) -> None:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:1] DefaultCPUAllocator: can't allocate memory: 9 bytes")

    monkeypatch.setattr(Tensor, "backward", no_room)
    with pytest.raises(BusyError, match=r"out of memory in update 1, on a single pair of \d+ pieces"):
        run(fresh(), TRAINING)


def test_halves_of_a_batch_are_its_rows_and_as_long_as_their_own_longest() -> None:
    split = a_split()
    for half, rows in zip(halves(read_batch(split, np.arange(7))), (np.arange(3), np.arange(3, 7)), strict=True):
        wanted = read_batch(split, rows)
        assert half.rows.tolist() == rows.tolist()
        assert half.shape == wanted.shape
        assert [ids.tolist() for ids in (*half.sources, *half.targets)] == [
            ids.tolist() for ids in (*wanted.sources, *wanted.targets)
        ]


def test_learning_rate_warms_up_to_its_peak_and_ends_at_zero() -> None:
    config = replace(TRAINING, steps=1000, warmup_steps=100, learning_rate=0.5)
    rates = [learning_rate(config, step, progress(config, Counters(step), 0.0)) for step in range(1000)]
    assert rates[0] == pytest.approx(0.5 / 100)
    assert max(rates) == rates[99] == pytest.approx(0.5 * (1 - 99 / 1000))
    assert all(later > earlier for earlier, later in pairwise(rates[:100]))
    steps = {round(earlier - later, 12) for earlier, later in pairwise(rates[99:])}
    assert steps == {0.0005}, "linear after the warm-up"
    assert learning_rate(config, 1000, 1.0) == 0.0


def test_a_budget_shorter_than_the_warm_up_still_warms_up_and_anneals() -> None:
    config = replace(TRAINING, steps=100, warmup_steps=4000, learning_rate=1.0)
    rates = [learning_rate(config, step, step / 100) for step in range(100)]
    assert max(rates) > 0.7
    assert rates.index(max(rates)) == 25


@pytest.mark.parametrize(
    ("budget", "step", "epochs", "seconds", "used"),
    [({"steps": 200}, 50, 9.0, 9e9, 0.25), ({"epochs": 8}, 50, 2.0, 9e9, 0.25), ({"minutes": 2.0}, 50, 9.0, 30, 0.25)],
)
def test_progress_is_the_share_of_the_one_budget(
    budget: dict[str, Any], step: int, epochs: float, seconds: float, used: float
) -> None:
    assert progress(TrainingConfig(**budget), Counters(step, seconds=seconds), epochs) == used


@pytest.mark.parametrize(("budget", "wanted"), [({"steps": 12}, 12), ({"steps": 0, "epochs": 3}, None)])
def test_training_ends_exactly_when_its_budget_is_spent(budget: dict[str, Any], wanted: int | None) -> None:
    config = replace(TRAINING, **budget)
    state = fresh(config)
    updates = run(state, config)
    if wanted is None:
        wanted = sum(len(plan_block(a_split(), config.batch_tokens, config.seed, epoch, 0)) for epoch in range(3))
        assert state.counters.position == Position(3, 0, 0, 0)
    assert [update.step for update in updates] == list(range(1, wanted + 1))
    assert updates[-1].progress == 1.0


def test_while_threads_work_pytorch_has_none_beside_them_and_has_them_again_afterwards(
    threads: Callable[[int], None],
) -> None:
    threads(2)
    with Workers(fresh().objective, TRAINING) as workers:
        assert len(workers.workers) == 2
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("family", ["transformer", "recurrent"])
@pytest.mark.parametrize("batch_tokens", [20, 250])
def test_any_number_of_threads_makes_the_updates_of_one(
    batch_tokens: int, family: str, threads: Callable[[int], None]
) -> None:
    """Tested without dropout, in float64; some batches have fewer rows than threads."""
    config = replace(TRAINING, steps=5, batch_tokens=batch_tokens, accumulate=2)
    results = []
    for count in (1, 2, 3):
        threads(count)
        state = fresh(config, replace(MODEL, family=family, dropout=0.0))
        state.objective.double()
        state.average.double()
        results.append((run(state, config), tensors(state)))
        assert torch.get_num_threads() == count
    (one, tensors_one), *others = results
    for several, tensors_several in others:
        for left, right in zip(one, several, strict=True):
            assert left.target_tokens == right.target_tokens
            assert right.parts == 0
            assert left.loss == pytest.approx(right.loss, rel=1e-9)
            assert left.gradient_norm == pytest.approx(right.gradient_norm, rel=1e-7)
        for name, tensor in tensors_one.items():
            assert torch.allclose(tensor, tensors_several[name], rtol=0, atol=1e-7), name


def test_dropout_of_threads_is_that_of_as_many_processes(threads: Callable[[int], None]) -> None:
    """Tested with every kind of layer that has dropout, comparing the gradient of each share."""
    batch = read_batch(a_split(), np.array([3, 3, 5, 5]))
    for family in ("transformer", "recurrent"):
        model = replace(MODEL, family=family, encoder_layers=2, dropout=0.5)
        threads(1)
        alone = []
        for rank in range(2):
            state = fresh(TRAINING, model)
            with Workers(state.objective, TRAINING, SilentGroup(rank, 2)) as workers:
                alone.append((workers.gradient([batch], Plain(), 7).loss, gradients_of(state.objective)))
        threads(2)
        state = fresh(TRAINING, model)
        with Workers(state.objective, TRAINING) as workers:
            together = workers.gradient([batch], Plain(), 7).loss, gradients_of(state.objective)
        (one, of_one), (other, of_other) = alone
        assert one != other, "the same rows, other masks"
        assert together[0] == pytest.approx(one + other, rel=1e-6)
        assert torch.allclose(together[1], of_one + of_other, rtol=0, atol=1e-6)


class SilentGroup(Group):
    """A process group without other processes."""

    def sum(self, value: float) -> float:
        return value


def gradients_of(objective: Objective) -> Tensor:
    return torch.cat([weight.grad.flatten() for weight in objective.parameters() if weight.grad is not None])


@pytest.mark.parametrize("accumulate", [1, 3])
@pytest.mark.parametrize(("stop", "count"), [(1, 1), (11, 1), (5, 3)])
def test_resumed_equals_uninterrupted_bit_for_bit(
    accumulate: int, stop: int, count: int, threads: Callable[[int], None]
) -> None:
    threads(count)
    config = replace(TRAINING, accumulate=accumulate, bidirectional=0.5, minimum_risk=0.25)
    whole = fresh(config)
    wanted = [asdict(update) | {"seconds": 0} for update in run(whole, config)]
    first = fresh(config)
    actual = run(first, config, stop)
    saved = first.checkpoint({})
    second = fresh(replace(config, seed=77))  # other weights, so that nothing right is there by chance
    second.restore(saved)
    actual += run(second, config)
    assert [asdict(update) | {"seconds": 0} for update in actual] == wanted
    assert same_bits(tensors(second), tensors(whole))


def test_the_same_seed_gives_the_same_bits_and_another_seed_others() -> None:
    states = [fresh(), fresh(), fresh(replace(TRAINING, seed=2))]
    for state, seed in zip(states, (1, 1, 2), strict=True):
        run(state, replace(TRAINING, seed=seed))
    one, two, other = map(tensors, states)
    assert same_bits(one, two)
    assert not same_bits(one, other)


def test_the_beginning_trains_both_directions_and_the_rest_one() -> None:
    both = replace(TRAINING, bidirectional=0.5)
    actual, plain = (run(fresh(config), config) for config in (both, TRAINING))
    tokens = [[update.target_tokens for update in updates] for updates in (actual, plain)]
    assert tokens[0][6:] == tokens[1][6:]
    assert sum(one != other for one, other in zip(*tokens, strict=True)) >= 4
    split = ListSplit()
    batches = islice(batches_from(a_split(), TRAINING, Position()), 6)
    for (_, made, _), found_tokens in zip(batches, tokens[0], strict=False):
        least, most = (
            int(pick(split.source_length[made.rows], split.target_length[made.rows]).sum()) + len(made.rows)
            for pick in (np.minimum, np.maximum)
        )
        assert least < found_tokens < most


def test_batches_from_any_position_are_the_rest_of_those_from_the_start() -> None:
    split = a_split()
    stream = list(islice(batches_from(split, TRAINING, Position()), 40))
    for (_, _, at), (before, batch, after) in pairwise(stream):
        assert before == at
        actual = next(batches_from(split, TRAINING, at))
        assert np.array_equal(actual[1].rows, batch.rows)
        assert (actual[0], actual[2]) == (before, after)


def test_the_average_is_the_exponential_moving_average_of_the_weights() -> None:
    config = replace(TRAINING, steps=30, average_decay=0.6)
    state = fresh(config)
    wanted = {name: tensor.double() for name, tensor in state.objective.model.state_dict().items()}
    for update in train_steps(state, a_split(), config):
        assert isinstance(update, Update)
        decay = min(0.6, update.step / (update.step + 10))
        for name, tensor in state.objective.model.state_dict().items():
            wanted[name] = decay * wanted[name] + (1 - decay) * tensor
    for name, tensor in state.average.state_dict().items():
        assert torch.allclose(tensor.double(), wanted[name], rtol=0, atol=1e-6), name


def test_the_optimizer_is_adam_with_the_gradient_clipped() -> None:
    """Compares one update of every weight with Kingma and Ba's formula, for a given gradient."""
    config = replace(TRAINING, steps=4, warmup_steps=1, gradient_clip=0.05)
    model = replace(MODEL, dropout=0.0)
    state, reference = fresh(config, model), fresh(config, model)
    _, batch, _ = next(batches_from(a_split(), config, Position()))
    loss = reference.objective.train()(TensorBatch.of(batch.sources, batch.targets, CPU), batch.target_tokens)
    loss.backward()
    update = run(state, config, 1)[0]
    gradients = {name: p.grad for name, p in reference.objective.model.named_parameters() if p.grad is not None}
    norm = math.sqrt(sum(float(gradient.double().pow(2).sum()) for gradient in gradients.values()))
    assert update.gradient_norm == pytest.approx(norm, rel=1e-5)
    for name, before in reference.objective.model.named_parameters():
        clipped = gradients[name] * 0.05 / norm
        wanted = before - update.learning_rate * clipped / (clipped.abs() + 1e-9)
        actual = dict(state.objective.model.named_parameters())[name]
        large = clipped.abs() > 1e-7  # elsewhere rounding decides the sign
        assert torch.allclose(actual[large], wanted[large], rtol=0, atol=2e-5), name


def test_a_config_read_back_is_the_config_that_was_written() -> None:
    config = Config(MODEL, TRAINING)
    assert Config.from_layers(config.to_dict()) == config


@pytest.mark.parametrize("layers", [None, torch.bfloat16])
@pytest.mark.parametrize("config", [MODEL, replace(MODEL, family="recurrent", dropout=0.0)])
def test_products_in_bfloat16_give_nearly_the_loss_and_the_gradients_of_float32(
    config: ModelConfig, layers: torch.dtype | None
) -> None:
    batch = padded(np.arange(20))
    actual = {}
    for products in (THE_WEIGHTS_OWN, Products(layers, torch.bfloat16)):
        torch.manual_seed(0)
        model = build_model(config, VOCABULARY, VOCABULARY, joint=True)
        torch.manual_seed(1)
        loss = Objective(model, 0.1, products)(batch, float(len(batch.target_N)))
        loss.backward()
        assert loss.dtype == torch.float32
        gradient = torch.cat(
            [parameter.grad.flatten() for parameter in model.parameters() if parameter.grad is not None]
        )
        assert gradient.dtype == torch.float32
        actual[products] = loss.item(), gradient
    (loss, gradient), (near, near_gradient) = actual.values()
    assert near != loss
    assert near == pytest.approx(loss, rel=0.01)
    assert torch.cosine_similarity(gradient, near_gradient, dim=0) > 0.999
    assert float(near_gradient.norm()) == pytest.approx(float(gradient.norm()), rel=0.02)


def test_auto_takes_bfloat16_for_the_vocabulary_alone_where_the_cpu_has_it() -> None:
    """On other CPUs it takes float32, because emulated bfloat16 is slower."""
    has_it = torch.cpu._is_avx512_bf16_supported()
    assert products_of("auto", CPU) == Products(None, torch.bfloat16 if has_it else None)
    assert products_of("float32", CPU) == THE_WEIGHTS_OWN
    assert products_of("bfloat16", CPU) == Products(torch.bfloat16, torch.bfloat16)
