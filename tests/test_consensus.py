"""Minimum Bayes risk against sacreBLEU's own sentence scores, pair by pair."""

import random
from pathlib import Path

import numpy as np
import pytest
from conftest import CORPUS, TinyRun, nmt
from fakes import ReverseEngine, WordTokenizer
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from nmt.config import SearchOptions
from nmt.decoding import consensus
from nmt.decoding.consensus import Consensus, bleu, chrf
from nmt.decoding.engine import Hypothesis
from nmt.decoding.translator import Translator
from nmt.errors import SettingsError

ODD = ["", "a", "b", "a b", "aa aa aa aa aa aa", "나는 학생이다.", "나는  학생 이다", "🙂", "the the the the the"]
LINES = (CORPUS / "test.en").read_text(encoding="utf-8").splitlines()


def candidates(seed: int, count: int = 12) -> list[str]:
    """A line with some of its words changed, left out or cut off, again and again; and odd texts."""
    draw = random.Random(seed)
    words = draw.choice(LINES).split() + draw.choice(LINES).split()
    other = draw.choice(LINES).split()
    changed = [[word if draw.random() < 0.7 else draw.choice(other) for word in words] for _ in range(count)]
    return [*(" ".join(some[: draw.randint(1, len(some))]) for some in changed), *draw.sample(ODD, 4)]


def pieces_of(texts: list[str]) -> list[list[int]]:
    return [[sum(map(ord, word)) for word in text.split()] for text in texts]


def by_sacrebleu(metric: str, texts: list[str]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """The score of each text with each as its reference; pieces are numbers between spaces for BLEU."""
    if metric == "bleu":
        texts = [" ".join(map(str, pieces)) for pieces in pieces_of(texts)]
    scorer = CHRF() if metric == "chrf" else BLEU(tokenize="none", effective_order=True)
    return np.array([[scorer.sentence_score(text, [reference]).score for reference in texts] for text in texts])


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("room", [1 << 22, 64])
def test_every_pair_has_sacrebleus_score(monkeypatch: pytest.MonkeyPatch, seed: int, room: int) -> None:
    monkeypatch.setattr(consensus, "ROOM", room)
    texts = candidates(seed)
    assert np.abs(chrf(texts) - by_sacrebleu("chrf", texts)).max() < 1e-9
    assert np.abs(bleu(pieces_of(texts)) - by_sacrebleu("bleu", texts)).max() < 1e-9


@pytest.mark.parametrize("metric", ["chrf", "bleu"])
@pytest.mark.parametrize("seed", range(6))
def test_the_order_is_that_of_the_mean_over_the_others(metric: str, seed: int) -> None:
    texts = candidates(seed)
    texts += texts[:3]  # what is drawn twice counts twice
    table = by_sacrebleu(metric, texts)
    expected = [(table[place].sum() - table[place, place]) / (len(texts) - 1) for place in range(len(texts))]
    text_of = {tuple(pieces): text for pieces, text in zip(pieces_of(texts), texts, strict=True)}
    asked = Consensus(metric, lambda rows: [text_of[tuple(pieces)] for pieces in rows])
    ordered = asked.ordered([Hypothesis(pieces, float(place)) for place, pieces in enumerate(pieces_of(texts))])
    order = sorted(range(len(texts)), key=lambda place: (-round(expected[place], 9), place))
    assert [each.pieces for each in ordered] == [pieces_of(texts)[place] for place in order]
    assert [each.score for each in ordered] == pytest.approx([expected[place] for place in order])


def test_empty_and_lonely_candidates() -> None:
    for metric in ("chrf", "bleu"):
        asked = Consensus(metric, lambda rows: ["" for _ in rows])
        assert [each.score for each in asked.ordered([Hypothesis([], -1.0)])] == [100.0]
        assert [each.score for each in asked.ordered([Hypothesis([], -1.0), Hypothesis([], -2.0)])] == [0.0, 0.0]


def test_a_translator_chooses_in_each_sentence_among_as_many_as_asked() -> None:
    tokenizer = WordTokenizer()

    def texts(**options: int | str) -> list[str]:
        asked = SearchOptions(**options)  # type: ignore[arg-type]
        (line,) = Translator(ReverseEngine(), tokenizer, tokenizer, asked).translate(["a b c d e f"])
        return [line.text, *(each.text for each in line.alternatives)]

    assert texts(n_best=5) == ["f e d c b a", "f e d c b", "f e d c", "f e d", "f e"]
    assert texts(mbr="bleu") == ["f e d c"]
    assert texts(mbr="bleu", candidates=3) == ["f e d c b"]
    assert texts(mbr="bleu", n_best=5)[0] == "f e d c"
    assert sorted(texts(mbr="chrf", n_best=5)) == sorted(texts(n_best=5))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"candidates": 5}, "`candidates` counts with `mbr` only"),
        ({"mbr": "chrf", "candidates": 6}, "6 candidates from a beam of 5"),
        ({"mbr": "chrf", "candidates": 2, "n_best": 3}, "an n-best list of 3 from 2 candidates"),
        ({"mbr": "comet"}, "`mbr` is 'comet'; choose one of chrf, bleu"),
    ],
)
def test_what_does_not_go_together_is_refused(options: dict[str, int | str], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        SearchOptions(**options)  # type: ignore[arg-type]


def test_the_command_prints_one_line_for_each_and_with_n_best_the_best_by_similarity(
    tiny_run: TinyRun, tmp_path: Path
) -> None:
    (tmp_path / "in").write_text("나는 학생이다.\n\n나는 간다.\n", encoding="utf-8")
    few = ("--max-length-factor", "0.3", "--threads", "1")
    asked = ("--sample", "--mbr", "chrf", "--candidates", "10")
    best = nmt("translate", tiny_run.run, tmp_path / "in", *few, *asked)
    assert best.returncode == 0, best.stderr
    assert best.stdout.count("\n") == 3
    listed = nmt("translate", tiny_run.run, tmp_path / "in", *few, *asked, "--n-best", "4").stdout.splitlines()
    first = {line.split(" ||| ")[0]: line.split(" ||| ")[1] for line in reversed(listed)}
    assert [first["0"], first["1"], first["2"]] == best.stdout.splitlines()
    scores = [float(line.split(" ||| ")[2]) for line in listed if line.startswith("0")]
    assert scores == sorted(scores, reverse=True)
    assert 0 < scores[0] <= 100
    assert nmt("translate", tiny_run.run, tmp_path / "in", *few, "--mbr", "bleu").stdout.count("\n") == 3
