"""A test set as odd input: what each form changes, and what a system loses by it, against sacreBLEU itself."""

import json
import re
from random import Random

import pytest
from conftest import CORPUS, TinyRun, nmt
from hypothesis import given
from hypothesis import strategies as st
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from nmt.scoring.odd_input import EMOJI, FORMS, forms_of, suffered, typos
from nmt.scoring.systems import System, Texts

BY_NAME = {form.name: form for form in FORMS}


@pytest.mark.parametrize(
    ("name", "line", "expected"),
    [
        ("in capitals", "Two dogs don't run.", "TWO DOGS DON'T RUN."),
        ("in title case", "two dogs don't run in München.", "Two Dogs Don't Run In München."),
        ("without final mark", "Really?! ", "Really"),
        ("without final mark", "나는 학생이다.", "나는 학생이다"),
        ("without final mark", "猫。", "猫"),
    ],
)
def test_a_form_changes_a_line_as_people_do(name: str, line: str, expected: str) -> None:
    assert BY_NAME[name].lines([line]) == [expected]


@given(st.lists(st.sampled_from(["dogs", "a", "run", "aa", "집에", "42", "--"]), max_size=40), st.integers(0, 99))
def test_one_word_in_ten_has_two_neighbouring_letters_exchanged(words: list[str], seed: int) -> None:
    line = " ".join(words)
    changed = typos(line, Random(seed)).split()
    assert list(map(sorted, changed)) == list(map(sorted, line.split()))
    different = [(old, new) for old, new in zip(line.split(), changed, strict=True) if old != new]
    assert {old for old, _ in different} <= {"dogs", "run", "집에"}
    assert all(sum(a != b for a, b in zip(old, new, strict=True)) == 2 for old, new in different)
    letters = sum(word.isalpha() for word in words)
    able = sum(word in ("dogs", "run", "집에") for word in words)
    assert min(letters // 10, able) <= len(different) <= letters // 10 + 1


def test_an_emoji_is_expected_once_in_the_translation() -> None:
    form = BY_NAME["an emoji at the end"]
    (line, blank) = form.lines(["two dogs", ""])
    sign = line.removeprefix("two dogs ")
    assert sign in EMOJI
    assert blank == ""
    outputs = [[f"zwei Hunde {sign}", ""], [f"{sign} zwei Hunde {sign}", ""], ["zwei Hunde", ""]]
    references = [["zwei Hunde", ""]]
    texts = Texts(
        "t", [System("s", ("a", "b", "c"), tuple([["zwei Hunde", ""]] * 3))], references, "de", ["two dogs", ""]
    )
    (found,) = suffered(texts, form, [line, blank], [System("s", ("a", "b", "c"), tuple(outputs))]).systems
    assert found.kept == pytest.approx(1 / 3)
    assert found.plain[1] == 100


def test_a_script_without_capitals_has_no_form_in_capitals() -> None:
    assert [form.name for form, _ in forms_of(["나는 집에 간다."] * 20)] == [
        "without final mark",
        "a typo in ten words",
        "an emoji at the end",
    ]


def test_the_command_says_what_the_model_loses_in_the_figures_of_sacrebleu(tiny_run: TinyRun) -> None:
    short = ("--beam-size", "1", "--max-length-factor", "0.5", "--no-confidence", "--engine", "torch", "--quiet")
    result = nmt("evaluate", tiny_run.run, CORPUS / "test-unseen", "--robustness", "--json", *short)
    assert result.returncode == 0, result.stderr
    (found,) = json.loads(result.stdout)["sets"]
    assert [form["name"] for form in found["odd_input"]] == [
        "without final mark",
        "a typo in ten words",
        "an emoji at the end",
    ]
    # The same by hand: the form's lines translated, and scored by sacreBLEU.
    form = BY_NAME["without final mark"]
    lines = (CORPUS / "test-unseen.ko").read_text(encoding="utf-8").splitlines()
    translated = nmt("translate", tiny_run.run, *short[:4], "--quiet", input="\n".join(form.lines(lines)) + "\n")
    hypotheses = [re.sub(r"[\s.!?]+$", "", line) for line in translated.stdout.splitlines()]
    text = (CORPUS / "test-unseen.en").read_text(encoding="utf-8").splitlines()
    references = [[re.sub(r"[\s.!?]+$", "", line) for line in text]]
    (system,) = found["odd_input"][0]["systems"]
    assert system["bleu"] == pytest.approx(BLEU().corpus_score(hypotheses, references).score, abs=0.01)
    assert system["chrf"] == pytest.approx(CHRF().corpus_score(hypotheses, references).score, abs=0.01)


def test_translations_without_a_model_have_no_odd_input() -> None:
    files = ("--hyp", CORPUS / "test.en", "--ref", CORPUS / "test.en")
    result = nmt("evaluate", *files, "--robustness")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        "nmt: error: --robustness needs a model that translates odd input; name one in place of --hyp\n"
    )
