"""Beam search against exhaustive enumeration, a greedy loop and a naive rewriting of its rule."""

import heapq
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from fakes import CONTROL, HashStepper

from nmt.config import SearchOptions
from nmt.decoding import engine
from nmt.decoding.engine import Hypothesis, Query, length_limit
from nmt.decoding.engines.pytorch import PyTorchEngine
from nmt.errors import DataError
from nmt.text.tokenizer import BOS, EOS

SOURCES = [[4, 5, 6, 4, 5, 6, 4], [5], [6, 6, 4], [4, 4], [5, 4, 6, 6]]
QUERIES = [Query(source) for source in SOURCES]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Use one thread: on such small tensors, several only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def search(stepper: HashStepper, options: SearchOptions) -> list[list[tuple[list[int], Any]]]:
    actual = PyTorchEngine(stepper, CONTROL).search(QUERIES, options)
    return [[(hypothesis.pieces, pytest.approx(hypothesis.score, abs=1e-9)) for hypothesis in some] for some in actual]


def log_probabilities(stepper: HashStepper) -> list[list[float]]:
    """Log-probabilities of each state of the table, where </s> is the only control piece allowed."""
    table = stepper.table.clone()
    table[:, [piece for piece in CONTROL if piece != EOS]] = -torch.inf
    rows: list[list[float]] = table.log_softmax(1).tolist()
    return rows


def every_hypothesis(stepper: HashStepper, source: list[int], limit: int, penalty: float) -> Iterator[Hypothesis]:
    """All possible hypotheses: those that end in </s>, and those cut off at ``limit`` pieces."""
    table = log_probabilities(stepper)
    waiting: list[tuple[list[int], float]] = [([BOS], 0.0)]
    while waiting:
        prefix, score = waiting.pop()
        for piece, log_probability in enumerate(table[stepper.state(source, prefix)]):
            if log_probability == -torch.inf:
                continue
            total = score + log_probability
            if piece == EOS:
                yield Hypothesis(prefix[1:], total / len(prefix) ** penalty)
            elif len(prefix) == limit:
                yield Hypothesis([*prefix[1:], piece], total / len(prefix) ** penalty)
            else:
                waiting.append(([*prefix, piece], total))


def naive_search(stepper: HashStepper, source: list[int], options: SearchOptions) -> list[Hypothesis]:
    """The documented search for one sentence, written with lists."""
    beam_size, limit = options.beam_size, length_limit(len(source), options.max_length_factor)
    table = log_probabilities(stepper)
    rows, finished = [([BOS], 0.0)], []
    for length in range(1, limit + 1):
        candidates = [
            (score + log_probability, prefix, piece)
            for prefix, score in rows
            for piece, log_probability in enumerate(table[stepper.state(source, prefix)])
            if log_probability > -torch.inf
        ]
        candidates = heapq.nlargest(2 * beam_size, candidates)
        for score, prefix, piece in candidates[:beam_size]:
            if piece == EOS:
                finished.append(Hypothesis(prefix[1:], score / length**options.length_penalty))
            elif length == limit:
                finished.append(Hypothesis([*prefix[1:], piece], score / length**options.length_penalty))
        rows = [([*prefix, piece], score) for score, prefix, piece in candidates if piece != EOS][:beam_size]
        if len(finished) >= beam_size or not rows:
            break
    return sorted(finished, key=lambda hypothesis: -hypothesis.score)[: options.n_best]


@pytest.mark.parametrize("penalty", [-0.5, 0.0, 0.6, 1.0, 2.0])
@pytest.mark.parametrize("seed", range(3))
def test_a_beam_as_wide_as_the_language_finds_exactly_the_best_of_all(
    monkeypatch: pytest.MonkeyPatch, seed: int, penalty: float
) -> None:
    monkeypatch.setattr(engine, "EXTRA_PIECES", 4)
    stepper = HashStepper(vocabulary=7, seed=seed)
    options = SearchOptions(beam_size=128, length_penalty=penalty, n_best=100, max_length_factor=0.1)
    expected = []
    for source in SOURCES:
        actual = sorted(every_hypothesis(stepper, source, 4, penalty), key=lambda hypothesis: -hypothesis.score)
        assert len(actual) == 1 + 3 + 9 + 27 + 81
        expected.append([(hypothesis.pieces, hypothesis.score) for hypothesis in actual[:100]])
    assert search(stepper, options) == expected


@pytest.mark.parametrize("seed", range(5))
def test_beam_1_equals_a_greedy_loop(seed: int) -> None:
    stepper = HashStepper(vocabulary=12, seed=seed)
    table = log_probabilities(stepper)
    expected = []
    for source in SOURCES:
        prefix, score = [BOS], 0.0
        while prefix[-1] != EOS and len(prefix) <= 2 * len(source) + 10:
            best = max((value, piece) for piece, value in enumerate(table[stepper.state(source, prefix)]))
            score, prefix = score + best[0], [*prefix, best[1]]
        length = len(prefix) - 1
        expected.append([([piece for piece in prefix[1:] if piece != EOS], score / length)])
    assert search(stepper, SearchOptions(beam_size=1, max_length_factor=2)) == expected


@pytest.mark.parametrize("vocabulary", [5, 6, 9, 40, 150])
@pytest.mark.parametrize("beam_size", [1, 2, 3, 5, 12])
@pytest.mark.parametrize("penalty", [0.0, 1.0, 1.4])
def test_the_search_follows_its_rule_to_the_letter(vocabulary: int, beam_size: int, penalty: float) -> None:
    # A vocabulary of 5 has one word and </s>: fewer candidates than 2 × beam, often fewer than the beam.
    options = SearchOptions(beam_size=beam_size, length_penalty=penalty, n_best=beam_size, max_length_factor=0.5)
    for seed in range(4):
        stepper = HashStepper(vocabulary, seed)
        stepper.table[:, EOS] += seed  # the more </s> there are, the more of the 2 × beam candidates are needed
        actual = search(stepper, options)
        expected = [naive_search(stepper, source, options) for source in SOURCES]
        assert actual == [[(hypothesis.pieces, hypothesis.score) for hypothesis in some] for some in expected]


@pytest.mark.parametrize(("vocabulary", "seed"), [(6, 9), (6, 11), (6, 22), (9, 13), (9, 17), (9, 34)])
def test_all_of_the_2_beam_candidates_are_needed_where_every_row_wants_to_end(vocabulary: int, seed: int) -> None:
    # Rare enough to have been looked for: in these languages 2 × beam - 1 candidates give other hypotheses.
    stepper = HashStepper(vocabulary, seed)
    options = SearchOptions(beam_size=2, n_best=2, max_length_factor=0.5)
    expected = [naive_search(stepper, source, options) for source in SOURCES]
    assert search(stepper, options) == [
        [(hypothesis.pieces, hypothesis.score) for hypothesis in some] for some in expected
    ]


def test_a_batch_translates_as_its_sentences_do_one_by_one() -> None:
    stepper = HashStepper(vocabulary=30, seed=3)
    options = SearchOptions(beam_size=4, n_best=4)
    alone = [PyTorchEngine(stepper, CONTROL).search([Query(source)], options)[0] for source in SOURCES]
    assert PyTorchEngine(stepper, CONTROL).search(QUERIES, options) == alone


@pytest.mark.parametrize("beam_size", [1, 4])
def test_finished_sentences_are_no_longer_stepped(beam_size: int) -> None:
    stepper = HashStepper(vocabulary=8, seed=1)
    options = SearchOptions(beam_size=beam_size)
    steps = []
    for source in SOURCES:
        stepper.rows.clear()
        PyTorchEngine(stepper, CONTROL).search([Query(source)], options)
        steps.append(len(stepper.rows))
    stepper.rows.clear()
    PyTorchEngine(stepper, CONTROL).search(QUERIES, options)
    assert len(set(steps)) > 1, "the example must have sentences of unlike length"
    living = [sum(step < own for own in steps) for step in range(max(steps))]
    assert stepper.rows == [living[0], *(beam_size * count for count in living[1:])]


def test_a_translation_has_at_most_its_own_limit_of_pieces() -> None:
    stepper = HashStepper(vocabulary=8)
    stepper.table[:, EOS] = -100.0
    actual = PyTorchEngine(stepper, CONTROL).search(QUERIES, SearchOptions(beam_size=2, max_length_factor=1.5))
    assert [len(some[0].pieces) for some in actual] == [int(1.5 * len(source)) + 10 for source in SOURCES]


@pytest.mark.parametrize("beam_size", [1, 3])
def test_unknown_and_control_pieces_are_never_produced_even_when_the_model_wants_them(beam_size: int) -> None:
    stepper = HashStepper(vocabulary=9)
    unwanted = [*CONTROL, 7]
    stepper.table[:, [piece for piece in unwanted if piece != EOS]] = 50.0
    options = SearchOptions(beam_size=beam_size, n_best=beam_size)
    actual = PyTorchEngine(stepper, unwanted).search(QUERIES, options)
    assert not {piece for some in actual for hypothesis in some for piece in hypothesis.pieces} & set(unwanted)


def test_a_masked_piece_takes_no_probability_from_the_others() -> None:
    stepper = HashStepper(vocabulary=9)
    actual = PyTorchEngine(stepper, CONTROL).search(QUERIES, SearchOptions())
    stepper.table[:, 0] = 50.0
    assert PyTorchEngine(stepper, CONTROL).search(QUERIES, SearchOptions()) == actual


def test_a_half_precision_model_is_scored_in_single_precision() -> None:
    stepper = HashStepper(vocabulary=9, dtype=torch.bfloat16)
    reference = HashStepper(vocabulary=9)
    reference.table = stepper.table.double()
    options = SearchOptions(beam_size=3)
    actual = PyTorchEngine(stepper, CONTROL).search(QUERIES, options)
    expected = PyTorchEngine(reference, CONTROL).search(QUERIES, options)
    assert [hypothesis.pieces for (hypothesis,) in actual] == [hypothesis.pieces for (hypothesis,) in expected]
    assert [hypothesis.score for (hypothesis,) in actual] == pytest.approx(
        [hypothesis.score for (hypothesis,) in expected], abs=1e-5
    )


def test_a_model_that_gives_nan_is_refused_in_words() -> None:
    stepper = HashStepper(vocabulary=9)
    stepper.table[:] = torch.nan
    with pytest.raises(DataError, match="not numbers"):
        PyTorchEngine(stepper, CONTROL).search(QUERIES, SearchOptions())


def test_no_sources_give_no_hypotheses() -> None:
    assert PyTorchEngine(HashStepper(vocabulary=9), CONTROL).search([], SearchOptions()) == []
