"""Sampling against known distributions, and samples that are the same wherever a line stands."""

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from conftest import CORPUS, TinyRun, nmt
from fakes import CONTROL, HashStepper, WordTokenizer
from test_beam import every_hypothesis

from nmt.config import SearchOptions
from nmt.decoding import engine
from nmt.decoding.engine import Query
from nmt.decoding.engines.pytorch import PyTorchEngine
from nmt.decoding.sample import GAMMA, Sample, hashed, uniform
from nmt.decoding.translator import Translator
from nmt.errors import SettingsError
from nmt.text.progress import Silent
from nmt.text.tokenizer import EOS

SOURCES = [[4, 5, 6, 4], [5], [6, 6, 4]]


def z_of_chi_square(counts: Sequence[float], expected: Sequence[float]) -> float:
    """Pearson's chi-square of counts as a standard normal deviate (Wilson and Hilferty 1931); above 3 is p < 0.0014.

    Cells of fewer than 5 expected are counted together.
    """
    cells = sorted(zip(expected, counts, strict=True), reverse=True)
    large = [cell for cell in cells if cell[0] >= 5]
    rest = [sum(part) for part in zip(*cells[len(large) :], strict=True)]
    large += [(rest[0], rest[1])] if rest and rest[0] > 0 else []
    freedom = len(large) - 1
    chi_square = sum((count - wanted) ** 2 / wanted for wanted, count in large)
    spread = 2 / (9 * freedom)
    return (math.cbrt(chi_square / freedom) - (1 - spread)) / math.sqrt(spread)


def drawn(stepper: HashStepper, source: list[int], count: int, **options: float | int) -> list[tuple[int, ...]]:
    """``count`` samples of a source, 1,000 a query, each of other queries with keys of their own."""
    asked = SearchOptions(n_best=1000, length_penalty=0.0, max_length_factor=0.1, **{"sample": 0, **options})  # type: ignore[arg-type]
    queries = [Query(source, key) for key in range(count // 1000)]
    results = PyTorchEngine(stepper, CONTROL).search(queries, asked)
    return [tuple(hypothesis.pieces) for hypotheses in results for hypothesis in hypotheses]


@pytest.fixture
def three_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Translations so short that all of them can be listed."""
    monkeypatch.setattr(engine, "EXTRA_PIECES", 3)


@pytest.mark.usefixtures("three_pieces")
def test_whole_hypotheses_come_as_often_as_their_probability_says_with_the_models_own_scores() -> None:
    stepper = HashStepper(vocabulary=7, seed=2)
    for source in SOURCES:
        known = {tuple(each.pieces): each.score for each in every_hypothesis(stepper, source, 3, penalty=0.0)}
        counts = Counter(drawn(stepper, source, 20_000))
        chances = [math.exp(score) for score in known.values()]
        assert sum(chances) == pytest.approx(1.0)
        assert counts.keys() <= known.keys()
        assert counts.total() == 20_000
        assert z_of_chi_square([counts[key] for key in known], [20_000 * chance for chance in chances]) < 3
        options = SearchOptions(n_best=50, length_penalty=0.0, max_length_factor=0.1, sample=2, temperature=3.0)
        (hypotheses,) = PyTorchEngine(stepper, CONTROL).search([Query(source)], options)
        assert [each.score for each in hypotheses] == pytest.approx([known[tuple(each.pieces)] for each in hypotheses])
        assert hypotheses == sorted(hypotheses, key=lambda each: -each.score)


def reshaped(logits_V: torch.Tensor, top_k: int, top_p: float, temperature: float) -> list[float]:
    """The distribution of one piece after the options, computed slowly."""
    share = [math.exp(logit / temperature) for logit in logits_V.tolist()]
    order = sorted(range(len(share)), key=lambda piece: -share[piece])
    order = order[:top_k] if top_k else order
    total, kept, mass = sum(share[piece] for piece in order), [], 0.0
    for piece in order:
        if mass < top_p * total:
            kept.append(piece)
            mass += share[piece]
    return [share[piece] / mass if piece in kept else 0.0 for piece in range(len(share))]


@pytest.mark.parametrize(
    ("top_k", "top_p", "temperature"),
    [
        *((0, 1.0, 1.0), (5, 1.0, 1.0), (1, 1.0, 1.0), (500, 1.0, 1.0), (0, 0.7, 1.0), (0, 0.01, 1.0), (0, 0.999, 1.0)),
        *((0, 1.0, 0.5), (0, 1.0, 4.0), (20, 0.8, 1.0), (20, 0.8, 2.0), (0, 0.95, 0.7)),
    ],
)
@pytest.mark.parametrize("vocabulary", [12, 200])
def test_the_first_piece_has_the_renormalised_frequencies_of_the_pieces_that_are_left(
    monkeypatch: pytest.MonkeyPatch, vocabulary: int, top_k: int, top_p: float, temperature: float
) -> None:
    monkeypatch.setattr(engine, "EXTRA_PIECES", 1)
    stepper = HashStepper(vocabulary, seed=vocabulary)
    logits_V = stepper.table[stepper.state(SOURCES[0], [2])].clone()
    logits_V[[piece for piece in CONTROL if piece != EOS]] = -torch.inf
    expected = reshaped(logits_V, top_k, top_p, temperature)
    options = {"sample": top_k, "top_p": top_p, "temperature": temperature}
    counts = Counter(piece for row in drawn(stepper, SOURCES[0], 20_000, **options) for piece in (row or (EOS,)))
    assert all(expected[piece] for piece in counts), "an impossible piece was drawn"
    possible = [piece for piece, share in enumerate(expected) if share]
    if len(possible) > 1:
        assert z_of_chi_square([counts[p] for p in possible], [20_000 * expected[p] for p in possible]) < 3


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("options", [(0, 1.0), (3, 1.0), (100, 1.0), (0, 0.99), (0, 0.999999)])
def test_the_least_and_the_largest_uniform_number_draw_possible_pieces(
    dtype: torch.dtype, options: tuple[int, float]
) -> None:
    logits_NV = torch.randn(50, 40, generator=torch.Generator().manual_seed(1)).to(dtype)
    logits_NV[:, :5] = logits_NV[:, 20:] = -torch.inf
    uniform_NK = torch.tensor([0.0, 1 - 2.0 ** (-53 if dtype == torch.float64 else -24)], dtype=dtype).repeat(50, 1)
    column_NK = Sample(2, *options, 1.0, torch.empty(0)).draw(logits_NV, uniform_NK)
    assert column_NK.min() >= 5
    assert column_NK.max() < 20


def test_the_random_numbers_are_those_of_the_published_generator() -> None:
    # Vigna's splitmix64.c, from the state 1234567.
    states = torch.tensor([1234567 + GAMMA * step for step in (1,)]).add(torch.arange(3) * GAMMA)
    wanted = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert [number % (1 << 64) for number in hashed(states).tolist()] == wanted
    assert uniform(states, torch.float64).tolist() == [(number >> 11) / (1 << 53) for number in wanted]
    assert uniform(states, torch.float32).tolist() == [(number >> 40) / (1 << 24) for number in wanted]


def test_samples_of_other_keys_other_numbers_and_other_seeds_are_independent() -> None:
    stepper = HashStepper(vocabulary=30)
    queries = [Query([5], key) for key in (0, 1, 1 << 20)]
    lists = [
        [hypothesis.pieces for hypothesis in hypotheses]
        for seed in (1, 2)
        for hypotheses in PyTorchEngine(stepper, CONTROL).search(queries, SearchOptions(n_best=20, sample=0, seed=seed))
    ]
    texts = [tuple(pieces) for some in lists for pieces in some if len(pieces) > 2]
    assert len(texts) > 60
    assert len(set(texts)) == len(texts)


def test_a_query_has_the_same_samples_in_any_batch() -> None:
    stepper = HashStepper(vocabulary=30, seed=3)
    queries = [Query(source, key) for key, source in enumerate(SOURCES * 5)]
    options = SearchOptions(n_best=7, sample=0)
    made = PyTorchEngine(stepper, CONTROL)
    alone = [made.search([query], options)[0] for query in queries]
    assert made.search(queries, options) == alone
    assert made.search(queries[::-1], options) == alone[::-1]
    fewer = made.search(queries, SearchOptions(n_best=3, sample=0))
    assert all(each in some for those, some in zip(fewer, alone, strict=True) for each in those)


def test_finished_samples_are_not_stepped() -> None:
    stepper = HashStepper(vocabulary=8, seed=1)
    lists = PyTorchEngine(stepper, CONTROL).search([Query([5], 4)], SearchOptions(n_best=40, sample=0))
    lengths = [len(hypothesis.pieces) + 1 for hypothesis in lists[0]]
    living = [1, *(sum(length > step for length in lengths) for step in range(1, max(lengths)))]
    assert stepper.rows[: len(living)] == living


def test_segments_of_a_line_and_equal_lines_draw_by_themselves() -> None:
    tokenizer = WordTokenizer()
    tokenizer.encode(["a b c d e f g h i j k l m n o p q r s t"])
    translator = Translator(
        PyTorchEngine(HashStepper(24), CONTROL), tokenizer, tokenizer, SearchOptions(sample=0, n_best=2)
    )
    texts = [each.text for each in translator.translate(["a b c"] * 8)]
    assert len(set(texts)) > 4
    parts = list(translator.shaper.segments(["a " * 900, "b"], 0, Silent()))
    assert [(segment.line, segment.part) for segment in parts] == [(0, 0), (0, 1), (0, 2), (1, 0)]


def test_options_of_sampling_without_it_are_refused_and_the_beam_does_not_bound_samples() -> None:
    for options in ({"top_p": 0.5}, {"temperature": 2.0}):
        with pytest.raises(SettingsError, match="counts with `sample` only; give `sample` too"):
            SearchOptions(**options)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="`sample` is True"):
        SearchOptions(sample=True)
    assert SearchOptions(sample=0, n_best=100).n_best == 100


def test_journals_of_plain_search_know_no_sampling() -> None:
    assert SearchOptions(seed=5).in_force() == SearchOptions().in_force()
    assert SearchOptions().in_force() == {
        "beam_size": 5,
        "length_penalty": 1.0,
        "n_best": 1,
        "max_length_factor": 3.0,
    }
    assert SearchOptions(sample=0, seed=5).in_force() != SearchOptions(sample=0).in_force()


def test_sampled_files_are_the_same_bytes_whatever_the_batch_the_threads_and_the_lines_around(
    tiny_run: TinyRun, tmp_path: Path
) -> None:
    lines = (CORPUS / "test.ko").read_text(encoding="utf-8").splitlines(keepends=True)[:40]
    (tmp_path / "in").write_text("".join(lines), encoding="utf-8")
    (tmp_path / "fewer").write_text("".join([*lines[:20], "\n" * 10, *lines[30:]]), encoding="utf-8")

    def sampled(name: str, *more: str) -> list[str]:
        arguments = ("--sample", "--n-best", "3", "--max-length-factor", "0.5", "--device", "cpu", *more)
        result = nmt("translate", tiny_run.run, *arguments, tmp_path / name)
        assert result.returncode == 0, result.stderr
        return result.stdout.splitlines()

    first = sampled("in", "--threads", "1")
    assert len(first) == 120
    assert sampled("in", "--threads", "2", "--batch-tokens", "60") == first
    kept = [line for line in first if not 20 <= int(line.split()[0]) < 30]
    fewer = sampled("fewer", "--batch-tokens", "20")
    assert [line for line in fewer if not 20 <= int(line.split()[0]) < 30] == kept
    assert sampled("in", "--seed", "2") != first


def test_an_optional_number_takes_no_file(tiny_run: TinyRun, tmp_path: Path) -> None:
    (tmp_path / "in").write_text("나\n", encoding="utf-8")
    few = ("--max-length-factor", "0.1", "--threads", "1")
    everything = [
        nmt("translate", tiny_run.run, *few, *flags)
        for flags in (
            ("--sample", tmp_path / "in"),
            (tmp_path / "in", "--sample"),
            ("--sample=0", tmp_path / "in"),
            ("--sample", "0", tmp_path / "in"),
            ("--sample", "--", tmp_path / "in"),
        )
    ]
    assert [result.returncode for result in everything] == [0] * 5, everything
    assert len({result.stdout for result in everything}) == 1
    refused = nmt("translate", tiny_run.run, "--sample", "--engine", "ctranslate2", tmp_path / "in")
    assert refused.returncode == 78
    assert "CTranslate2 has one seed for all lines" in refused.stderr
    assert nmt("translate", tiny_run.run, "--temperature", "0.5", tmp_path / "in").returncode == 78
