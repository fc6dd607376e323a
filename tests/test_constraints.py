"""Search for translations that must or must not have something, against exhaustive enumeration."""

import math
import random
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import pytest
import torch
from fakes import CONTROL, HashStepper
from test_beam import SOURCES, every_hypothesis, log_probabilities

from nmt.config import ModelConfig, SearchOptions
from nmt.decoding import engine
from nmt.decoding.engine import NEVER_SEEN, Constraint, Edges, Hypothesis, Query
from nmt.decoding.engines.pytorch import PyTorchEngine
from nmt.errors import DataError
from nmt.model import build_model
from nmt.text.tokenizer import BOS, EOS


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Translations so short that all of them can be listed: at most two pieces, and what is given."""
    torch.set_num_threads(1)
    monkeypatch.setattr(engine, "EXTRA_PIECES", 2)


def options(beam_size: int, n_best: int = 1, **more: Any) -> SearchOptions:
    return SearchOptions(beam_size, 1.0, n_best, 0.1, **more)


def best(
    stepper: HashStepper, query: Query, count: int, wanted: Callable[[list[int]], bool]
) -> list[tuple[list[int], Any]]:
    """The ``count`` best of all possible hypotheses that are ``wanted``."""
    limit = query.limit(options(1))
    every = [each for each in every_hypothesis(stepper, list(query.pieces), limit, 1.0) if wanted(each.pieces)]
    return [(each.pieces, pytest.approx(each.score)) for each in sorted(every, key=lambda each: -each.score)[:count]]


def found(hypotheses: Sequence[Hypothesis]) -> list[tuple[list[int], Any]]:
    return [(each.pieces, each.score) for each in hypotheses]


def has(pieces: list[int], part: Sequence[int]) -> bool:
    return any(pieces[start : start + len(part)] == list(part) for start in range(len(pieces)))


CONSTRAINTS: list[Sequence[Constraint]] = [
    [[[4]]],
    [[[4, 5]]],
    [[[5, 5, 4]]],
    [[[4]], [[6]]],
    [[[4], [6, 6]]],
    [[[4, 4], [6, 6]]],
    [[[4, 6]], [[5], [6, 4]]],
]


@pytest.mark.parametrize("constraints", CONSTRAINTS)
@pytest.mark.parametrize("seed", range(3))
def test_a_beam_as_wide_as_the_language_finds_the_best_of_all_that_have_the_phrases(
    constraints: Sequence[Constraint], seed: int
) -> None:
    stepper = HashStepper(vocabulary=7, seed=seed)
    queries = [Query(source, constraints=constraints) for source in SOURCES]
    results = PyTorchEngine(stepper, CONTROL).search(queries, options(400, n_best=20))
    for query, hypotheses in zip(queries, results, strict=True):
        expected = best(stepper, query, 20, lambda pieces: all(any(has(pieces, a) for a in c) for c in constraints))
        assert found(hypotheses) == expected


EDGES = Edges(first=bytes([0, 0, 0, 0, 1, 1, 0]), last=bytes([0, 0, 0, 0, 1, 0, 1]))


def has_as_words(pieces: list[int], part: Sequence[int]) -> bool:
    """Whether the part stands there and neither its first nor its last piece is in the middle of a word."""
    for start in range(len(pieces) - len(part) + 1):
        end = start + len(part)
        inside = start > 0 and EDGES.last[pieces[start - 1]] and EDGES.first[part[0]]
        goes_on = end < len(pieces) and EDGES.last[part[-1]] and EDGES.first[pieces[end]] == 1
        if pieces[start:end] == list(part) and not inside and not goes_on:
            return True
    return False


@pytest.mark.parametrize("constraints", [[[[6]]], [[[6, 4]]], [[[4], [6, 5]]], [[[6], [4]], [[6, 5]]]])
@pytest.mark.parametrize("seed", range(3))
def test_a_phrase_counts_only_where_it_is_no_part_of_a_longer_word(
    constraints: Sequence[Constraint], seed: int
) -> None:
    stepper = HashStepper(vocabulary=7, seed=seed)
    queries = [Query(source, constraints=constraints, edges=EDGES) for source in SOURCES]
    results = PyTorchEngine(stepper, CONTROL).search(queries, options(400, n_best=10))
    for query, hypotheses in zip(queries, results, strict=True):
        expected = best(
            stepper, query, 10, lambda pieces: all(any(has_as_words(pieces, a) for a in c) for c in constraints)
        )
        assert found(hypotheses) == expected


def random_queries(count: int, vocabulary: int, seed: int) -> list[Query]:
    """Queries with up to four constraints of up to three pieces, a third of them in two forms, and some prefixes."""
    chance = random.Random(seed)

    def pieces(longest: int, shortest: int = 1) -> list[int]:
        return [chance.randrange(4, vocabulary) for _ in range(chance.randint(shortest, longest))]

    return [
        Query(
            pieces(6),
            prefix=pieces(3, 0),
            constraints=[[pieces(3) for _ in range(1 + (chance.random() < 0.3))] for _ in range(chance.randint(1, 4))],
        )
        for _ in range(count)
    ]


@pytest.mark.parametrize("beam_size", [1, 2, 5])
def test_1000_random_queries_get_all_that_they_ask_for_from_any_beam(beam_size: int) -> None:
    queries = random_queries(1000, vocabulary=12, seed=beam_size)
    engine = PyTorchEngine(HashStepper(vocabulary=12, seed=beam_size), CONTROL)
    for start in range(0, 1000, 100):
        some = queries[start : start + 100]
        for query, hypotheses in zip(some, engine.search(some, options(beam_size, n_best=beam_size)), strict=True):
            assert hypotheses
            for hypothesis in hypotheses:
                assert hypothesis.pieces[: len(query.prefix)] == query.prefix
                assert all(any(has(hypothesis.pieces, form) for form in each) for each in query.constraints)


def test_what_is_asked_of_one_sentence_changes_no_other_whatever_the_batch() -> None:
    queries = random_queries(60, vocabulary=12, seed=7)
    queries = [query if place % 3 else Query(query.pieces) for place, query in enumerate(queries)]
    engine = PyTorchEngine(HashStepper(vocabulary=12, seed=7), CONTROL)
    alone = [engine.search([query], options(4, n_best=4))[0] for query in queries]
    for size in (7, 60):
        batches = [queries[start : start + size] for start in range(0, 60, size)]
        assert [each for some in batches for each in engine.search(some, options(4, n_best=4))] == alone
    plain = engine.search([Query(query.pieces) for query in queries[::3]], options(4, n_best=4))
    assert alone[::3] == plain


class NotTwice:
    """An ``Avoided`` that lets no piece follow itself, and none be the last that is 5."""

    def after(self, pieces: Sequence[int], is_last: bool) -> list[int]:
        return [*pieces[-1:], *([5] if is_last else []), *([EOS] if pieces[-1:] == [5] else [])]


@pytest.mark.parametrize("seed", range(3))
def test_what_is_avoided_is_in_no_translation_and_the_rest_shares_its_probability(seed: int) -> None:
    stepper = HashStepper(vocabulary=7, seed=seed)
    queries = [Query(SOURCES[0], avoided=NotTwice()), Query(SOURCES[1]), Query(SOURCES[2], avoided=NotTwice())]
    results = PyTorchEngine(stepper, CONTROL).search(queries, options(50, n_best=50))
    plain = PyTorchEngine(stepper, CONTROL).search([queries[1]], options(50, n_best=50))
    assert results[1] == plain[0]
    for query, hypotheses in ((queries[0], results[0]), (queries[2], results[2])):
        limit = query.limit(options(1))
        wanted = {
            tuple(each.pieces)
            for each in every_hypothesis(stepper, list(query.pieces), limit, 0.0)
            if not any(pair[0] == pair[1] for pair in pairwise(each.pieces)) and each.pieces[-1:] != [5]
        }
        assert {tuple(each.pieces) for each in hypotheses} == wanted
        lengths = [min(len(each.pieces) + 1, limit) for each in hypotheses]
        chances = [math.exp(each.score * length) for each, length in zip(hypotheses, lengths, strict=True)]
        assert sum(chances) == pytest.approx(1.0)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_no_pieces_in_a_row_appear_twice(size: int) -> None:
    stepper = HashStepper(vocabulary=9, seed=size)
    stepper.table[:, EOS] = -3.0  # long translations, which would repeat themselves
    queries = [Query(source * 4) for source in SOURCES]
    wide = SearchOptions(3, n_best=3, no_repeat_ngram=size)
    results = PyTorchEngine(stepper, CONTROL).search(queries, wide)
    plain = PyTorchEngine(stepper, CONTROL).search(queries, SearchOptions(3, n_best=3))
    assert any(repeats(hypothesis.pieces, size) for hypotheses in plain for hypothesis in hypotheses)
    assert not any(repeats(hypothesis.pieces, size) for hypotheses in results for hypothesis in hypotheses)


def repeats(pieces: list[int], size: int) -> bool:
    parts = [tuple(pieces[start : start + size]) for start in range(len(pieces) - size + 1)]
    return len(set(parts)) < len(parts)


def test_the_block_of_repetitions_leaves_exactly_the_translations_without_them() -> None:
    stepper = HashStepper(vocabulary=7, seed=2)
    (hypotheses,) = PyTorchEngine(stepper, CONTROL).search([Query([4] * 20)], options(200, 200, no_repeat_ngram=2))
    limit = Query([4] * 20).limit(options(1))
    every = [each.pieces for each in every_hypothesis(stepper, [4] * 20, limit, 0.0)]
    assert sorted(each.pieces for each in hypotheses) == sorted(pieces for pieces in every if not repeats(pieces, 2))
    assert any(repeats(pieces, 2) for pieces in every)


def test_phrases_that_must_appear_may_repeat() -> None:
    query = Query([4, 5], constraints=[[[6, 6, 6]]])
    for hypothesis in PyTorchEngine(HashStepper(9), CONTROL).search([query], options(5, no_repeat_ngram=1))[0]:
        assert has(hypothesis.pieces, [6, 6, 6])


@pytest.mark.parametrize("least", [1, 2, 6])
def test_a_translation_has_at_least_as_many_pieces_as_asked(least: int) -> None:
    stepper = HashStepper(vocabulary=9, seed=least)
    stepper.table[:, EOS] += 3.0
    queries = [*(Query(source) for source in SOURCES), Query([4, 5], prefix=[6]), Query([4], constraints=[[[7]]])]
    results = PyTorchEngine(stepper, CONTROL).search(queries, options(3, 3, min_length=least))
    assert min(len(hypothesis.pieces) for hypotheses in results for hypothesis in hypotheses) == least


def test_a_prefix_counts_nothing_in_the_score_but_its_length_does() -> None:
    stepper = HashStepper(vocabulary=9, seed=1)
    prefix = [7, 4, 8]
    table = log_probabilities(stepper)
    for source in SOURCES:
        (best_one,) = PyTorchEngine(stepper, CONTROL).search([Query(source, prefix=prefix)], options(3))[0]
        assert best_one.pieces[:3] == prefix
        row, total = [BOS, *prefix], 0.0
        for piece in [*best_one.pieces[3:], EOS][: Query(source, prefix=prefix).limit(options(3)) - 3]:
            total += table[stepper.state(source, row)][piece]
            row.append(piece)
        assert best_one.score == pytest.approx(total / (len(row) - 1))


def test_a_prefix_of_all_the_limit_leaves_room_for_the_translation() -> None:
    stepper = HashStepper(vocabulary=9, seed=1)
    stepper.table[:, EOS] = -50.0
    plain, told = PyTorchEngine(stepper, CONTROL).search([Query([4]), Query([4], prefix=[5] * 9)], options(2))
    assert len(told[0].pieces) == 9 + len(plain[0].pieces)


def unseen_engine() -> PyTorchEngine:
    torch.manual_seed(3)
    model = build_model(ModelConfig(width=8, feed_forward=8, encoder_layers=1, decoder_layers=1, heads=2), 99, 99, True)
    model.embeddings.produced[50:] = 0
    return PyTorchEngine.of(model, CONTROL)


def test_pieces_that_the_model_never_produces_appear_where_they_are_given_and_nowhere_else() -> None:
    engine = unseen_engine()
    queries = [
        Query([5, 6], prefix=[80, 7]),
        Query([8], constraints=[[[81]]]),
        Query([9], constraints=[[[82, 10]], [[11]]]),
        Query([9]),
    ]
    results = engine.search(queries, options(4, 4))
    for query, hypotheses in zip(queries, results, strict=True):
        assert len(hypotheses) == 4
        for hypothesis in hypotheses:
            unseen = [piece for piece in hypothesis.pieces if piece >= 50]
            allowed = {*query.prefix, *(piece for constraint in query.constraints for piece in constraint[0])}
            assert set(unseen) <= allowed
            assert hypothesis.pieces[: len(query.prefix)] == [*query.prefix]
            assert all(has(hypothesis.pieces, form) for (form,) in query.constraints)
    (only,) = engine.search(queries[1:2], options(4))[0]
    scored = engine.score(queries[1:2], [only.pieces])[0]
    assert scored.token_scores is not None
    if len(only.pieces) < queries[1].limit(options(4)):
        assert only.score == pytest.approx(scored.score, abs=1e-4), "the score is that of nmt score"
    assert NEVER_SEEN in scored.token_scores


class Nothing:
    """An ``Avoided`` that forbids every piece."""

    def after(self, pieces: Sequence[int], is_last: bool) -> range:
        return range(9)


def test_what_contradicts_itself_is_translated_without_phrases() -> None:
    engine = PyTorchEngine(HashStepper(9), CONTROL)
    queries = [Query([4, 5], avoided=Nothing()), Query([4, 5], constraints=[[[6]]], avoided=Nothing()), Query([5])]
    results = engine.search(queries, options(3))
    assert results == [engine.search([Query(query.pieces)], options(3))[0] for query in queries]


def test_a_model_that_gives_nan_is_refused_in_words_with_phrases_too() -> None:
    stepper = HashStepper(vocabulary=9)
    stepper.table[:] = torch.nan
    with pytest.raises(DataError, match="not numbers"):
        PyTorchEngine(stepper, CONTROL).search([Query([4], constraints=[[[5]]])], options(2))
