"""Scores are sacreBLEU's own, to the last digit; what it lets pass is refused."""

import json
import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from nmt.errors import DataError, UsageError
from nmt.scoring import metrics
from nmt.scoring.metrics import bleu_tokenizer, corpus_scores, p_values, score_corpus

REFERENCES = [
    "The cat sat on the mat.",
    "He goes home every day, doesn't he?",
    "A man in a blue shirt is standing on a ladder.",
    "Two young men are outside near many bushes.",
    "She has an apple.",
] * 8
HYPOTHESES = [
    "The cat sat on a mat.",
    "He goes home every day, does he?",
    "A man in a blue shirt stands on a ladder cleaning a window.",
    "Two young men are outside near bushes.",
    "",
] * 8


@pytest.fixture
def no_segmenters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "find_spec", lambda name: None)


@pytest.mark.parametrize(("language", "tokenizer"), [("en", "13a"), ("zh", "zh")])
def test_scores_intervals_and_signatures_equal_those_of_sacrebleus_own_command(
    tmp_path: Path, language: str, tokenizer: str
) -> None:
    for name, lines in (("hyp", HYPOTHESES), ("ref", REFERENCES)):
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    command = [sys.executable, "-m", "sacrebleu", "ref", "-i", "hyp", "-m", "bleu", "chrf", "ter", "--confidence"]
    command += ["-tok", tokenizer, "-w", "6"]
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, text=True)
    scores = score_corpus(HYPOTHESES, REFERENCES, language, metrics.METRICS)
    assert list(scores) == ["bleu", "chrf", "ter"]
    for theirs, ours in zip(json.loads(answer.stdout), scores.values(), strict=True):
        assert ours.score == pytest.approx(theirs["score"], abs=1e-6)
        assert ours.signature == theirs["signature"]
        assert ours.low == pytest.approx(theirs["confidence_mean"] - theirs["confidence_var"], abs=1e-5)
        assert ours.high == pytest.approx(theirs["confidence_mean"] + theirs["confidence_var"], abs=1e-5)


def test_p_values_equal_those_of_sacrebleus_own_command(tmp_path: Path) -> None:
    other = [line.replace("a", "the") for line in HYPOTHESES]
    for name, lines in (("baseline", other), ("system", HYPOTHESES), ("ref", REFERENCES)):
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    command = [sys.executable, "-m", "sacrebleu", "ref", "-i", "baseline", "system", "-m", "bleu", "chrf", "ter"]
    answer = subprocess.run([*command, "--paired-ar"], cwd=tmp_path, capture_output=True, check=True, text=True)
    theirs = next(one for one in json.loads(answer.stdout) if one["system"] == "system")
    ours = p_values(HYPOTHESES, other, REFERENCES, "en", metrics.METRICS)
    assert list(ours) == ["bleu", "chrf", "ter"]
    for name, value in ours.items():
        (found,) = (one for key, one in theirs.items() if key.lower().startswith(name))
        assert value == pytest.approx(found["p_value"], abs=1e-6)
        assert 0 < value < 1


def test_a_system_is_not_other_than_itself() -> None:
    assert p_values(HYPOTHESES, HYPOTHESES, REFERENCES, "en") == {"bleu": 1.0, "chrf": 1.0}


def test_without_confidence_the_scores_are_the_same_and_have_no_interval() -> None:
    with_interval = score_corpus(HYPOTHESES, REFERENCES, "en")
    without = score_corpus(HYPOTHESES, REFERENCES, "en", confidence=False)
    assert [one.score for one in with_interval.values()] == [one.score for one in without.values()]
    assert [(one.low, one.high) for one in without.values()] == [(None, None)] * 2
    assert not any("bs:" in one.signature for one in without.values()), "resampled for nothing"
    assert corpus_scores(HYPOTHESES, REFERENCES, "en") == tuple(one.score for one in without.values())


def test_a_perfect_translation_scores_100_and_no_interval_goes_beyond() -> None:
    nearly = [*REFERENCES[:-1], "She has one."]
    for hypotheses in (REFERENCES, nearly):
        for score in score_corpus(hypotheses, REFERENCES, "en").values():
            assert score.low is not None
            assert score.high is not None
            assert score.low <= score.score + 1e-9
            assert score.high <= 100.0
    assert score_corpus(REFERENCES, REFERENCES, "en")["bleu"].score == pytest.approx(100.0)


def test_unequal_counts_are_refused_with_both_numbers() -> None:
    with pytest.raises(DataError, match="has 1 lines and the references has 2"):
        score_corpus(["a"], ["a", "b"], "en")


def test_an_empty_corpus_is_refused() -> None:
    with pytest.raises(DataError, match="no lines"):
        score_corpus([], [], "en")


def test_an_unknown_metric_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="bleu, chrf, ter"):
        score_corpus(["a"], ["a"], "en", ["meteor"])


@pytest.mark.usefixtures("no_segmenters")
@pytest.mark.parametrize(
    ("language", "tokenizer", "lacks"),
    [
        ("en", "13a", None),
        ("de-AT", "13a", None),
        ("zh_TW", "zh", None),
        ("th", "char", None),
        ("ko", "13a", "ko-mecab"),
        ("ja", "char", "ja-mecab"),
    ],
)
def test_the_tokenizer_follows_the_language_and_says_what_it_lacks(
    language: str, tokenizer: str, lacks: str | None
) -> None:
    name, note = bleu_tokenizer(language)
    assert name == tokenizer
    assert note is None if lacks is None else note is not None and lacks in note and tokenizer in note


@pytest.mark.parametrize(("language", "tokenizer"), [("ko", "ko-mecab"), ("ja-JP", "ja-mecab")])
def test_an_installed_segmenter_is_used(monkeypatch: pytest.MonkeyPatch, language: str, tokenizer: str) -> None:
    monkeypatch.setattr(metrics, "find_spec", lambda name: ModuleSpec(name, None))
    assert bleu_tokenizer(language) == (tokenizer, None)


def test_resamples_that_score_nothing_have_an_interval_too() -> None:
    """One right line among wrong ones: sacreBLEU's own mean of such resamples fails on their types."""
    hypotheses, references = (
        ["the cat sat on the mat today .", *["x"] * 9],
        ["the cat sat on the mat today .", *["a b c d"] * 9],
    )
    score = score_corpus(hypotheses, references, "en")["bleu"]
    assert score.low == 0.0
    assert score.high is not None
    assert score.high > score.score > 0.0
