"""Scores equal sacreBLEU's to the last digit; input that it wrongly accepts is refused."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from nmt.errors import DataError, UsageError
from nmt.scoring import significance, words
from nmt.scoring.metrics import corpus_scores, decisive_metric, measures, score_corpus
from nmt.scoring.significance import Counts, bootstrap, differing, randomization, student, welch
from nmt.scoring.words import cutting

METRICS = ["bleu", "chrf", "chrf++", "ter"]
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


def p_values(
    ours: list[str],
    theirs: list[str],
    references: list[list[str]],
    language: str,
    metrics: Sequence[str] = ("bleu", "chrf"),
    test: Callable[..., float] = randomization,
) -> dict[str, float]:
    """The p-value of the difference between two systems, for each metric."""
    found = measures(metrics, references, language, [ours, theirs])
    return {name: test(measure.score, *measure.counts([ours, theirs])) for name, measure in found.items()}


@pytest.fixture
def no_segmenters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "find_spec", lambda name: None)


@pytest.mark.parametrize(("language", "tokenizer"), [("en", "13a"), ("zh", "zh")])
def test_scores_intervals_and_signatures_equal_those_of_sacrebleus_own_command(
    tmp_path: Path, language: str, tokenizer: str
) -> None:
    for name, lines in (("hyp", HYPOTHESES), ("ref", REFERENCES)):
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    command = [sys.executable, "-m", "sacrebleu", "ref", "-i", "hyp", "-m", "bleu", "chrf", "ter", "--confidence"]
    command += [
        "-tok",
        tokenizer,
        "-w",
        "6",
        *(["--ter-normalized", "--ter-asian-support"] if language == "zh" else []),
    ]
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, text=True)
    scores = score_corpus(HYPOTHESES, [REFERENCES], language, ("bleu", "chrf", "ter"))
    assert list(scores) == ["bleu", "chrf", "ter"]
    for theirs, ours in zip(json.loads(answer.stdout), scores.values(), strict=True):
        assert ours.score == pytest.approx(theirs["score"], abs=1e-6)
        assert ours.signature == theirs["signature"]
        assert ours.low == pytest.approx(theirs["confidence_mean"] - theirs["confidence_var"], abs=1e-5)
        assert ours.high == pytest.approx(theirs["confidence_mean"] + theirs["confidence_var"], abs=1e-5)


def test_p_values_are_sacrebleus_and_what_ties_add(tmp_path: Path) -> None:
    worse = [line.replace("a", "the") for line in HYPOTHESES]
    for name, lines in (("baseline", worse), ("system", HYPOTHESES), ("ref", REFERENCES)):
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    command = [sys.executable, "-m", "sacrebleu", "ref", "-i", "baseline", "system", "-m", "bleu", "chrf", "ter"]
    answer = subprocess.run([*command, "--paired-ar"], cwd=tmp_path, capture_output=True, check=True, text=True)
    theirs = next(row for row in json.loads(answer.stdout) if row["system"] == "system")
    ours = p_values(HYPOTHESES, worse, [REFERENCES], "en", ["bleu", "chrf", "ter"])
    assert list(ours) == ["bleu", "chrf", "ter"]
    for name, value in ours.items():
        (actual,) = (row for key, row in theirs.items() if key.lower().startswith(name))
        assert actual["p_value"] <= value <= actual["p_value"] + 0.03
        assert 0 < value < 1


def test_p_values_of_the_paired_bootstrap_are_sacrebleus() -> None:
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF
    from sacrebleu.significance import PairedTest, Result

    references, worse = [f"{line} {number}" for number, line in enumerate(REFERENCES)], [*HYPOTHESES]
    worse[::3] = [line.replace("a", "the") for line in HYPOTHESES[::3]]
    metrics = {"bleu": BLEU(force=True), "chrf": CHRF()}
    _, found = PairedTest([("baseline", worse), ("ours", HYPOTHESES)], metrics, [references], test_type="bs")()
    ours = p_values(HYPOTHESES, worse, [references], "en", ["bleu", "chrf"], bootstrap)
    known = [result.p_value for _, (_, result) in list(found.items())[1:] if isinstance(result, Result)]
    assert list(ours.values()) == pytest.approx(known, abs=1e-9)
    assert 1 / 1001 < ours["chrf"] < 1


def test_the_score_of_single_lines_is_sacrebleus() -> None:
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF
    from sacrebleu.metrics.ter import TER

    second = [line.replace("the", "a") for line in REFERENCES]
    found = measures(METRICS, [REFERENCES, second], "en", [HYPOTHESES])
    known = {"bleu": BLEU(effective_order=True), "chrf": CHRF(), "chrf++": CHRF(word_order=2), "ter": TER()}
    for name, measure in found.items():
        (counts,) = measure.counts([HYPOTHESES])
        scores = [measure.line_score(line) for line in counts[:5]]
        pairs = zip(HYPOTHESES[:5], REFERENCES, second, strict=False)
        assert scores == pytest.approx([known[name].sentence_score(line, refs).score for line, *refs in pairs])
        assert scores[4] == (100.0 if name == "ter" else 0.0)


def brute_force(score: Callable[[Counts], float], ours: Counts, theirs: Counts) -> float:
    """The share of all exchanges of whole lines whose difference is as large as the observed one."""
    differences = []
    for exchange in product((False, True), repeat=len(ours)):
        swap = np.array(exchange)[:, None]
        left, right = np.where(swap, theirs, ours), np.where(swap, ours, theirs)
        differences.append(abs(score(left.sum(0)) - score(right.sum(0))))
    return sum(difference >= differences[0] - 1e-9 for difference in differences) / len(differences)


def test_several_runs_of_a_line_are_exchanged_together() -> None:
    drawing = np.random.default_rng(1)
    ours, theirs = drawing.integers(0, 9, (8, 3, 2)), drawing.integers(2, 9, (8, 2, 2))  # three runs against two
    means = ours.mean(1), theirs.mean(1)

    def share(counts: Counts) -> float:
        return float(counts[0] / counts.sum())

    assert randomization(share, *means) == brute_force(share, *means)


@pytest.mark.parametrize(
    ("t", "freedom", "p"),
    [(12.7062, 1, 0.05), (2.776445, 4, 0.05), (4.604095, 4, 0.01), (1.983972, 100, 0.05), (0.0, 3, 1.0)],
)
def test_students_t_is_that_of_the_tables(t: float, freedom: float, p: float) -> None:
    assert student(t, freedom) == pytest.approx(p, abs=1e-6)


def test_a_p_over_seeds_is_welchs() -> None:
    """Compared with scipy.stats.ttest_ind(…, equal_var=False) of SciPy 1.17."""
    ours, theirs = [30.1, 31.5, 29.8], [28.0, 29.9, 27.2, 28.8]
    assert welch(ours, theirs) == pytest.approx(0.05137571109355592, abs=1e-6)
    assert welch(theirs, ours) == welch(ours, theirs)
    assert welch(ours, ours) == pytest.approx(1.0)
    assert welch(ours, [30.0]) is None
    assert welch([1.0, 1.0], [1.0, 1.0]) == 1.0
    assert welch([1.0, 1.0], [2.0, 2.0]) == 0.0


@pytest.mark.parametrize(
    ("ours", "theirs", "lines"),
    [
        ([["a", "b"]], [["a", "c"]], [1]),
        ([["a", "b"], ["c", "d"]], [["c", "d"], ["a", "b"]], []),  # the same by other seeds
        ([["a", "b"], ["a", "c"]], [["a", "b"]], [1]),
        ([["a"], ["a"], ["b"]], [["a"], ["b"], ["b"]], [0]),
    ],
)
def test_lines_differ_where_the_shares_of_their_translations_do(
    ours: list[list[str]], theirs: list[list[str]], lines: list[int]
) -> None:
    assert differing(ours, theirs) == lines


def exchanged(lines: int) -> tuple[list[str], list[str], list[str]]:
    """Hypotheses, a baseline that is worse in some lines of twenty, and references."""
    references = [f"{line} {number}" for number, line in enumerate(REFERENCES[:20])]
    worse = [" ".join(line.split()[: 2 + number % 3]) for number, line in enumerate(references)]
    return references, [*worse[:lines], *references[lines:]], references


@pytest.mark.parametrize(("lines", "expected"), [(1, 1.0), (5, 0.0625), (6, 2 / 64)])
def test_the_p_of_few_differing_lines_is_exact(lines: int, expected: float) -> None:
    """Compared with brute force: sacreBLEU scores every exchange of lines."""
    ours, theirs, references = exchanged(lines)

    def difference(exchange: tuple[bool, ...]) -> float:
        sides = [
            [
                right if swap else left
                for left, right, swap in zip(first, second, [*exchange, *[False] * 20], strict=False)
            ]
            for first, second in ((ours, theirs), (theirs, ours))
        ]
        left, right = (corpus_scores(side, references, "en")[0] for side in sides)
        return abs(left - right)

    differences = [difference(exchange) for exchange in product((False, True), repeat=lines)]
    extreme = sum(difference >= differences[0] - 1e-9 for difference in differences) / len(differences)
    assert p_values(ours, theirs, [references], "en", ["bleu"]) == {"bleu": extreme}
    assert extreme == expected == significance.smallest_p(lines)
    # As many lines alone, without those on which the systems agree.
    alone = p_values(ours[:lines], theirs[:lines], [references[:lines]], "en", ["bleu"])
    assert alone == {"bleu": expected}


def test_the_p_of_many_lines_is_near_the_exact_one_and_never_below_one_in_all_trials(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours, theirs, references = exchanged(10)
    ours, theirs = [*ours[:7], *theirs[7:]], [*theirs[:7], *ours[7:]]  # better in seven lines, worse in three
    exact = p_values(ours, theirs, [references], "en")
    monkeypatch.setattr(significance, "EXACT_LINES", 0)
    assert p_values(ours, theirs, [references], "en") == pytest.approx(exact, abs=0.02)
    assert 0.05 < exact["bleu"] < 1
    ours, theirs, references = exchanged(20)
    assert p_values(ours, theirs, [references], "en", ["bleu"])["bleu"] >= 1 / 10_001


def test_a_system_is_not_other_than_itself() -> None:
    assert p_values(HYPOTHESES, HYPOTHESES, [REFERENCES], "en") == {"bleu": 1.0, "chrf": 1.0}


def test_without_confidence_the_scores_are_the_same_and_have_no_interval() -> None:
    with_interval = score_corpus(HYPOTHESES, [REFERENCES], "en")
    without = score_corpus(HYPOTHESES, [REFERENCES], "en", confidence=False)
    assert [score.score for score in with_interval.values()] == [score.score for score in without.values()]
    assert [(score.low, score.high) for score in without.values()] == [(None, None)] * 2
    assert not any("bs:" in score.signature for score in without.values()), "resampled for nothing"
    assert corpus_scores(HYPOTHESES, REFERENCES, "en") == tuple(score.score for score in without.values())


def test_a_perfect_translation_scores_100_and_no_interval_goes_beyond() -> None:
    nearly = [*REFERENCES[:-1], "She has one."]
    for hypotheses in (REFERENCES, nearly):
        for score in score_corpus(hypotheses, [REFERENCES], "en").values():
            assert score.low is not None
            assert score.high is not None
            assert score.low <= score.score + 1e-9
            assert score.high <= 100.0
    assert score_corpus(REFERENCES, [REFERENCES], "en")["bleu"].score == pytest.approx(100.0)


def test_unequal_counts_are_refused_with_both_numbers() -> None:
    with pytest.raises(DataError, match="has 1 lines and the references has 2"):
        score_corpus(["a"], [["a", "b"]], "en")


def test_an_empty_corpus_is_refused() -> None:
    with pytest.raises(DataError, match="no lines"):
        score_corpus([], [[]], "en")


def test_an_unknown_metric_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="bleu, chrf, chrf\\+\\+, ter"):
        score_corpus(["a"], [["a"]], "en", ["meteor"])


@pytest.mark.usefixtures("no_segmenters")
@pytest.mark.parametrize(
    ("language", "tokenizer", "lacks"),
    [
        ("en", "13a", None),
        ("de-AT", "13a", None),
        ("zh_TW", "zh", None),
        ("zho", "zh", None),
        ("cmn_Hans", "zh", None),
        ("th", "char", None),
        ("tha", "char", None),
        ("khm_Khmr", "char", None),
        ("ko", "13a", "ko-mecab"),
        ("kor_Hang", "13a", "ko-mecab"),
        ("ja", "char", "ja-mecab"),
        ("jpn", "char", "ja-mecab"),
    ],
)
def test_the_tokenizer_follows_the_language_and_says_what_it_lacks(
    language: str, tokenizer: str, lacks: str | None
) -> None:
    cut = cutting(language, ["Hello."])
    assert (cut.tokenizer, cut.is_fallback) == (tokenizer, lacks is not None)
    assert not cut.notes if lacks is None else lacks in cut.notes[0] and tokenizer in cut.notes[0]


@pytest.mark.parametrize(("language", "tokenizer"), [("ko", "ko-mecab"), ("ja-JP", "ja-mecab"), ("kor", "ko-mecab")])
def test_an_installed_segmenter_is_used(monkeypatch: pytest.MonkeyPatch, language: str, tokenizer: str) -> None:
    monkeypatch.setattr(words, "find_spec", lambda name: ModuleSpec(name, None))
    cut = cutting(language, ["Hello."])
    assert (cut.tokenizer, cut.is_fallback, cut.notes) == (tokenizer, False, ())


TEXTS = {
    "zh": "我是一个学生。我喜欢读书。",
    "ja": "私は学生です。本を読むのが好きです。",
    "ko": "나는 학생이다. 책을 읽는다.",
    "th": "ฉันเป็นนักเรียน",
    "lo": "ຂ້ອຍເປັນນັກຮຽນ",
    "my": "ကျွန်တော်ကျောင်းသားပါ",
    "km": "ខ្ញុំជាសិស្ស",
    "bo": "ང་སློབ་མ་ཡིན།",
}


@pytest.mark.parametrize(("script", "text"), TEXTS.items(), ids=TEXTS)
@pytest.mark.parametrize("language", ["", "xx", "en"])
def test_an_unknown_language_is_cut_by_its_script_and_says_so(
    monkeypatch: pytest.MonkeyPatch, script: str, text: str, language: str
) -> None:
    monkeypatch.setattr(words, "find_spec", lambda name: ModuleSpec(name, None))
    cut = cutting(language, [text, "NMT 2026"])
    assert cut.tokenizer == cutting(script, [text]).tokenizer
    assert "of the references' letters are" in cut.notes[0]


@pytest.mark.parametrize("text", ["I am a student.", "Ich bin Schüler: 学生.", "Я студент.", ""])
def test_text_with_spaces_is_cut_by_them(text: str) -> None:
    assert cutting("en", [text]).notes == ()
    unknown = cutting("", [text])
    assert unknown.tokenizer == "13a"
    assert "the language is unknown" in unknown.notes[0]


@pytest.mark.parametrize("language", ["zh", "zho", "cmn", "zho_Hans"])
def test_a_perfect_chinese_translation_is_perfect_by_every_metric_and_one_character_is_one_edit(language: str) -> None:
    references = ["我是一个学生。", "他喜欢读书。"]
    scores = score_corpus(references, [references], language, METRICS)
    assert {name: round(score.score, 6) for name, score in scores.items()} == {
        "bleu": 100.0,
        "chrf": 100.0,
        "chrf++": 100.0,
        "ter": 0.0,
    }
    assert "tok:zh" in scores["bleu"].signature
    assert "asian:yes" in scores["ter"].signature
    nearly = ["我是一个老师。", "他喜欢读书。"]  # two of thirteen characters
    assert score_corpus(nearly, [references], language, ["ter"])["ter"].score == pytest.approx(100 * 2 / 13)


def test_several_references_are_used_as_sacrebleu_uses_them(tmp_path: Path) -> None:
    second = [line.replace("the", "a") for line in REFERENCES]
    for name, lines in (("hyp", HYPOTHESES), ("ref", REFERENCES), ("second", second)):
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    command = [sys.executable, "-m", "sacrebleu", "ref", "second", "-i", "hyp", "-m", "bleu", "chrf", "ter", "-w", "6"]
    command += ["--chrf-word-order", "2"]
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, text=True)
    metrics = ("bleu", "chrf++", "ter")
    scores = score_corpus(HYPOTHESES, [REFERENCES, second], "en", metrics, confidence=False)
    for theirs, ours in zip(json.loads(answer.stdout), scores.values(), strict=True):
        assert ours.score == pytest.approx(theirs["score"], abs=1e-6)
        assert ours.signature == theirs["signature"]
        assert "nrefs:2" in ours.signature


def test_too_few_lines_have_no_interval() -> None:
    for lines, has in ((9, False), (10, True)):
        scores = score_corpus(HYPOTHESES[:lines], [REFERENCES[:lines]], "en")
        assert [score.low is not None for score in scores.values()] == [has, has]


def test_resamples_that_score_nothing_have_an_interval_too() -> None:
    """With one right line among wrong ones; sacreBLEU's own mean of such resamples raises an error."""
    hypotheses, references = (
        ["the cat sat on the mat today .", *["x"] * 9],
        ["the cat sat on the mat today .", *["a b c d"] * 9],
    )
    score = score_corpus(hypotheses, [references], "en")["bleu"]
    assert score.low == 0.0
    assert score.high is not None
    assert score.high > score.score > 0.0


SHORT = ["a red cat", "two dogs", "one small house"] * 10


@pytest.mark.parametrize(
    ("references", "language", "metric"),
    [
        (REFERENCES, "en", "bleu"),
        (SHORT, "en", "chrf"),
        ([*SHORT, *REFERENCES], "en", "bleu"),
        ([*SHORT, *REFERENCES[:20]], "en", "chrf"),
        (["猫很小", "狗"] * 5, "zh", "chrf"),
        (["我是一个学生"] * 5, "zh", "bleu"),  # one token a character
    ],
)
def test_bleu_decides_where_half_the_references_have_its_4_grams(
    references: list[str], language: str, metric: str
) -> None:
    assert decisive_metric(references, language) == metric


def test_a_perfect_translation_of_short_references_is_the_best_by_the_metric_that_decides() -> None:
    wordy = [f"{line} and something more" for line in SHORT]
    bleu_of_wordy, chrf_of_wordy = corpus_scores(wordy, SHORT, "en")
    bleu, chrf = corpus_scores(SHORT, SHORT, "en")
    assert (bleu < bleu_of_wordy, chrf > chrf_of_wordy) == (True, True), "BLEU says the contrary of what is so"
    assert decisive_metric(SHORT, "en") == "chrf"


@pytest.mark.parametrize("side", ["hypothesis", "reference"])
def test_a_line_too_long_for_ter_is_refused_by_its_number_and_other_metrics_take_it(side: str) -> None:
    lines = ["It is a cat.", "word " * 2001]
    pair = (lines, [["It is a cat.", "A word."]]) if side == "hypothesis" else (["It is a cat.", "A word."], [lines])
    with pytest.raises(DataError, match=f"{side} 2 has 10,005 characters, and TER is for lines of at most 10,000"):
        score_corpus(*pair, "en", ("bleu", "ter"))
    assert set(score_corpus(*pair, "en", ("bleu", "chrf"), False)) == {"bleu", "chrf"}
