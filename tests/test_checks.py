"""Checks of translations: golden lines, laws, and what lines of output and messages say of them."""

import json
from pathlib import Path

import pytest
from conftest import TinyRun, nmt, write_corpus
from fakes import AnswerEngine, WordTokenizer
from hypothesis import given
from hypothesis import strategies as st

from nmt import Request, SearchOptions, Translator
from nmt.decoding.checking import counts, summary
from nmt.decoding.checks import CHECKS, Checks, differ_in_length, differ_in_numbers, loops, repeats
from nmt.text.numerals import differing_numbers
from nmt.text.profile import Profile

LANGUAGES = ("ko", "en", "de", "ja")


@pytest.mark.parametrize(
    ("language", "source", "translation", "expected"),
    [
        ("en", "나는 학생이다.", "I am a student.", []),
        ("de", "A man in a blue shirt is standing on a ladder.", "Ein Mann im blauen Hemd steht auf einer Leiter.", []),
        ("ko", "No, no, no!", "아니, 아니, 아니!", []),
        ("ja", "I like coffee.", "私はコーヒーが好きです。", []),
        ("en", "안녕하세요", "Hello", []),
        ("ko", "Install Firefox", "Firefox 설치", []),
        ("ko", "What is a Function?", "Function이란?", []),
        ("de", "It is very, very big.", "Es ist sehr, sehr groß.", []),
        ("en", "나는 학생이다.", "I am a student, a student, a student.", ["loop"]),
        ("en", "나는 학생이다.", "I am a student am a student.", []),
        ("de", "Two dogs play in the park.", "Zwei Hunde spielen im Park. Zwei Hunde spielen im Park.", ["loop"]),
        ("de", "Two dogs play in the park.", "Zwei Hundedededededede spielen im Park.", ["loop"]),
        ("de", "Two dogs play in the park.", "Zwei Hunde spielen im Paaaaaaaaaaark.", ["loop"]),
        ("ja", "I like coffee.", "私は私は私は私は私はコーヒーが好きです。", ["loop"]),
        ("ko", "hahaha", "하하하하", []),
        ("de", "Two dogs play in the park.", "Zwei Hunderererer spielen im Park.", ["loop"]),
        ("de", "A ship sails along the coast.", "Schifffahrt entlang der Küste", []),
        ("de", "Two dogs play in the park.", "Two dogs play in the park.", ["copied"]),
        ("de", "Two dogs play in the park.", "two dogs play in the park", ["copied"]),
        ("en", "안녕하세요", "안녕하세요", ["copied"]),
        ("ja", "LibreOffice Basic IDE", "LibreOffice Basic IDE", []),
        ("de", "Angela Merkel", "Angela Merkel", []),
        ("de", "3.14", "3.14", []),
        ("de", "git_commit --amend", "git_commit --amend", []),
        ("ko", "Hans Müller", "Hans Müller", []),
        ("ko", "The weather is nice today.", "The weather is good this day.", ["wrong-script"]),
        ("en", "오늘 날씨가 좋다.", "今日は天気がいいですね。", ["wrong-script"]),
        ("ja", "The weather is nice today.", "오늘은 날씨가 좋네요.", ["wrong-script"]),
        ("de", "Born in 1984", "Geboren 1985", ["number"]),
        ("de", "He paid 1,234.50 euros.", "Er zahlte 1.234,50 Euro.", []),
        ("de", "Two of 2 dogs", "Zwei von zwei Hunden", []),
        ("ko", "81,000 people", "8만 1000명", []),
        ("ko", "120 million won", "1억 2000만 원", []),
        ("en", "95% of 40 people", "Most of them", ["number"]),
        ("de", "Meet at 3 pm.", "Treffen um 15 Uhr.", []),
        ("de", "from 3:30 pm", "ab 15.30 Uhr", []),
        ("de", "at 10:30", "um 10.30 Uhr", []),
        ("de", "May 3, 2024", "03.05.2024", []),
        ("de", "since 2012-11-06", "seit dem 6. November 2012", []),
        ("de", "from 7-11", "7.11 bis", []),
        ("ko", "values 1..128", "1부터 128까지", []),
        ("ko", "It returns 69.41.", "69를 반환합니다.41.", ["number"]),
        ("ko", "100 files", "1000개 파일", ["number"]),
        ("de", "about 80 thousand people", "rund 80.000 Menschen", []),
        ("de", "MGX 8220", "MGX 8200", ["number"]),
        ("de", "in 2019", "in 201", ["number"]),
        ("de", "1234 files", "12345 Dateien", ["number"]),
        ("de", "100 dogs", "hundert Hunde", []),
        ("en", "정말 죄송합니다. 정말 죄송합니다.", "I am really sorry. I am really sorry.", []),
        ("de", "Hello there", "", ["length"]),
        ("de", "Hello there", "…", ["length"]),
        ("de", "?!", "…", []),
    ],
)
def test_golden_lines(language: str, source: str, translation: str, expected: list[str]) -> None:
    assert Checks(language).failed(source, translation, (10, 10)) == expected


texts = st.text(st.sampled_from("ab c,가나 私は3"), max_size=40)
VOCABULARY = ["the", "old", "dog", "sees", "many", "big", "cats", "again"]
words = st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=8, unique=True)


@given(texts, texts, st.sampled_from(LANGUAGES))
def test_verdicts_are_known_names_in_their_order(source: str, translation: str, language: str) -> None:
    found = Checks(language).failed(source, translation, (1, 100), is_cut_off=True)
    assert found == [name for name in CHECKS if name in found]
    assert {"cut-off", "length"} <= {*found}


@given(words, st.integers(3, 6))
def test_a_phrase_three_times_on_end_is_a_loop_unless_the_source_says_it_as_often(unit: list[str], times: int) -> None:
    once, often = " ".join(unit), " ".join(unit * times)
    assert loops(once, often)
    assert not loops(often, often)
    assert repeats(once) == 1


@given(texts, st.sampled_from(LANGUAGES))
def test_a_text_never_loops_beside_itself_and_has_its_own_numbers_script_and_length(text: str, language: str) -> None:
    assert set(Checks(language).failed(text, text, (7, 7))) <= {"copied"}


@given(st.lists(st.sampled_from(["dogs", "play", "cats", "sleep", "quietly"]), min_size=3))
def test_a_copy_of_lower_case_words_is_copied_whatever_its_marks(unit: list[str]) -> None:
    source = " ".join(unit)
    for copy in (source, f"{source}.", source.upper(), f'"{source}"'):
        assert Checks("de").is_copied(source, copy)
    assert not Checks("de").is_copied(source, f"{source} Hunde")


@given(st.integers(0, 500), st.integers(0, 500))
def test_lengths_are_judged_the_same_from_both_sides(left: int, right: int) -> None:
    assert differ_in_length(left, right) == differ_in_length(right, left)
    assert not differ_in_length(left, 2 * left)


@given(st.integers(0, 500), st.integers(0, 500), st.sampled_from([0.25, 0.5, 2.0, 4.0]))
def test_a_length_is_judged_by_the_ratio_of_the_training_pairs(left: int, right: int, ratio: float) -> None:
    expected = ratio * left
    assert differ_in_length(left, right, ratio) == (max(expected, right) > 2 * min(expected, right) + 5)
    assert not differ_in_length(left, int(ratio * left), ratio)
    assert Checks("de", 4.0).failed("a b", "a c", (10, 40)) == []
    assert Checks("de", 4.0).failed("a b", "a c", (10, 10)) == ["length"]


@pytest.mark.parametrize("number", ["1984", "32", "9" * 5000, "٤٢"])
def test_a_large_number_of_one_side_alone_is_lost_or_new(number: str) -> None:
    assert differ_in_numbers(f"in {number}", "then")
    assert differ_in_numbers("then", f"in {number}")
    assert not differ_in_numbers(f"in {number}", f"um {number}")


def test_many_different_numbers_are_told_without_comparing_each_with_each() -> None:
    source, translation = (" ".join(map(str, range(first, first + 60_000))) for first in (100, 100_100))
    missing, added = differing_numbers(source, translation)
    assert (missing.total(), added.total()) == (60_000, 60_000)


def test_what_is_to_stay_is_there_as_often_as_it_was() -> None:
    def failed(translation: str, *kept: str) -> list[str]:
        return Checks("de").failed("<b>a</b> {name}", translation, (9, 9), kept=kept)

    assert failed("<b>ein</b> {name}", "<b>", "</b>", "{name}") == []
    assert failed("<b>ein</b>", "<b>", "</b>", "{name}") == ["placeholder"]
    assert failed("{name} und", "{name}", "{name}") == ["placeholder"]


def test_a_model_without_slots_is_held_to_placeholders_and_one_with_slots_where_they_do_not_suffice() -> None:
    many = " ".join(f"<b>w{number}</b>" for number in range(9))
    answers = {"a {name}": ["ein"], many: [many.replace("</b>", "", 1)]}
    assert [each.checks for each in made(answers).translate([*answers])] == [["placeholder"], ["placeholder"]]


def test_code_that_is_copied_on_purpose_fails_no_check() -> None:
    code = "if (a) { b(); } if (a) { b(); } if (a) { b(); } for (x in y) { z[x]; }"
    words = WordTokenizer()
    profile, options = Profile(90, 9, 0.0, "", ""), SearchOptions(check=True)
    (found,) = Translator(AnswerEngine(words, {}), words, words, options, profile=profile).translate([code])
    assert (found.text, found.checks) == (code, [])


def test_an_unknown_language_has_no_wrong_script() -> None:
    assert Checks("").failed("good morning", "Добрый день, мир", (3, 3)) == []
    assert Checks("xx").failed("good morning", "Добрый день, мир", (3, 3)) == []


def made(answers: dict[str, list[str]], language: str = "de", **options: object) -> Translator:
    words = WordTokenizer()
    asked = SearchOptions(check=True, **options)  # type: ignore[arg-type]  # any option
    return Translator(AnswerEngine(words, answers), words, words, asked, target_language=language)


def test_each_line_has_its_own_verdicts() -> None:
    answers = {"a": ["x y"], "b c": ["x y x y x y"], "d 77": ["x"], "e": [" ".join(f"w{place}" for place in range(99))]}
    found = list(made(answers).translate([*answers, ""]))
    assert [each.checks for each in found] == [[], ["loop"], ["number"], ["cut-off", "length"], []]


def test_a_phrase_that_is_lacking_is_a_term() -> None:
    answers = {"a": ["x y"]}
    lines = [Request("a", constraints=["x"]), Request("a", constraints=["z"]), Request("a", avoid=["y"]), Request("")]
    assert [each.checks for each in made(answers).translate(lines)] == [[], ["term"], ["term"], []]


def test_without_check_there_are_no_verdicts() -> None:
    words = WordTokenizer()
    translator = Translator(AnswerEngine(words, {"a": ["x x x"]}), words, words, SearchOptions(check=False))
    assert [each.checks for each in translator.translate(["a"])] == [None]


@pytest.mark.parametrize(
    ("counted", "lines", "text"),
    [
        ({}, 5, ""),
        ({"look wrong": 1, "loop": 1}, 1, "1 of 1 lines looks wrong: loop 1"),
        ({"mended": 1}, 8, "1 of 8 lines was mended by a second search"),
        (
            {"look wrong": 1, "loop": 1, "mended": 40},
            1000,
            "1 of 1,000 lines looks wrong: loop 1; 40 were mended by a second search",
        ),
        ({"look wrong": 1, "number": 1}, 9, "1 of 9 lines looks wrong: number 1"),
        (
            {"look wrong": 1200, "number": 3, "loop": 1199},
            3000,
            "1,200 of 3,000 lines look wrong: loop 1,199, number 3",
        ),
    ],
)
def test_the_summary_is_one_sentence(counted: dict[str, float], lines: int, text: str) -> None:
    assert summary(counted, lines) == text


def test_lines_are_counted_once_and_each_of_their_checks() -> None:
    found = list(made({"a": ["x"], "b 77": ["x x x"], "c 88": ["x"]}).translate(["a", "b 77", "c 88"]))
    assert counts(found) == {"look wrong": 2, "loop": 1, "number": 2}


def test_json_lines_have_the_checks_and_evaluate_scores_the_same(tiny_run: TinyRun, tmp_path: Path) -> None:
    prefix = write_corpus(tmp_path, "some", 0, 8)
    command: list[str | Path] = ["translate", tiny_run.run, f"{prefix}.ko", "--format", "jsonl", "--threads", "1"]
    result, plain = nmt(*command, "--check"), nmt(*command, "--no-check")
    entries = [json.loads(line) for line in result.stdout.splitlines()]
    wrong = [entry for entry in entries if entry["checks"]]
    assert len(entries) == 8
    assert (f"nmt: {len(wrong)} of 8 lines look" in result.stderr) == bool(wrong)
    assert " by a second search\n" in result.stderr
    assert "wrong" not in plain.stderr
    assert all("checks" not in json.loads(line) for line in plain.stdout.splitlines())
    scored = nmt("evaluate", tiny_run.run, prefix, "--check", "-o", tmp_path / "out", "--threads", "1")
    assert scored.returncode == 0, scored.stderr
    assert (tmp_path / "out").read_text(encoding="utf-8").splitlines() == [entry["translation"] for entry in entries]
