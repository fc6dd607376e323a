"""Splitting lines into sentences, compared with the rating of cuts, and joining them again."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.text.sentences import (
    MARKS,
    SENTENCE,
    ends_in_word,
    final_mark,
    join_sentences,
    rate,
    split_sentences,
)

SIGNS = [
    *'aB가I1 .!?…。！？、,"”」「)(',
    "  ",
    "\u00a0",
    "\u3000",
    "\t",
    " »",
    " a",
    " A",
    ". ",
    "。b",
    "Mr. ",
    "z. B.",
    "usw.",
]
TEXT = st.lists(st.sampled_from(SIGNS), max_size=20).map("".join)
LANGUAGE = st.sampled_from(["", "en", "de", "ko", "ja", "fr", "xx"])


class Paragraph(NamedTuple):
    """A line of tests/paragraphs.txt."""

    language: str
    sentences: list[str]  # each with the white space after it
    seen: bool  # the rules were written with it in view

    @property
    def line(self) -> str:
        return "".join(self.sentences)


def golden() -> list[Paragraph]:
    paragraphs, seen = [], True
    for line in Path(__file__).with_name("paragraphs.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            seen = "after the rules" not in line
            continue
        language, text = line.split("\t")
        marked = re.sub(r"‖(\s*)", r"\1‖", text.replace("~", "\u00a0"))
        paragraphs.append(Paragraph(language, marked.split("‖"), seen))
    return paragraphs


GOLDEN = golden()
UNLIKE = ["Im 2. Stock links, Zi. 204. Klopfen Sie bitte.", "“배고파.” 그녀가 말했다. “밥 먹자.”"]
"""Golden paragraphs that are split otherwise, both written after the rules."""


@pytest.mark.parametrize("paragraph", [each for each in GOLDEN if each.line not in UNLIKE], ids=lambda each: each.line)
def test_sentences_are_those_that_a_reader_sees(paragraph: Paragraph) -> None:
    assert split_sentences(paragraph.line, paragraph.language) == paragraph.sentences


def test_the_golden_list_has_many_paragraphs_of_six_languages_and_few_that_are_split_otherwise() -> None:
    for language, least in {"en": 40, "de": 25, "ko": 15, "ja": 15, "fr": 15, "es": 15}.items():
        assert sum(each.language == language for each in GOLDEN) >= least
    assert sum(each.line in UNLIKE for each in GOLDEN) == len(UNLIKE) == 2
    assert all(not each.seen for each in GOLDEN if each.line in UNLIKE)


@settings(deadline=None, max_examples=200)
@given(TEXT, LANGUAGE)
def test_the_parts_of_a_line_joined_are_the_line_and_each_has_a_letter(text: str, language: str) -> None:
    parts = split_sentences(text, language)
    assert "".join(parts) == text
    assert len(parts) == 1 or all(any(map(str.isalpha, part)) for part in parts)
    assert not any(part[:1].isspace() for part in parts[1:])


@settings(deadline=None, max_examples=200)
@given(TEXT, LANGUAGE)
def test_a_line_is_split_only_where_the_rating_says_sentence(text: str, language: str) -> None:
    text = " ".join(text.split()).replace(" »", "»")
    place = 0
    for part in split_sentences(text, language)[:-1]:
        place += len(part)
        end = len(text[:place].rstrip())
        is_initial = re.search(r"\b[^\W\d_]\W*$", text[:end])  # ends a sentence before a word that begins one
        assert rate(text[:end], text[end]) == SENTENCE or is_initial


@settings(deadline=None, max_examples=200)
@given(TEXT, LANGUAGE)
def test_a_sentence_with_its_gap_is_not_split_again(text: str, language: str) -> None:
    for part in split_sentences(text, language):
        if any(map(str.isupper, part)) or not any(map(str.isupper, text)):  # else it says nothing by small letters
            assert split_sentences(part, language) == [part]


@settings(deadline=None)
@given(st.data())
def test_two_paragraphs_on_a_line_are_split_between_them_and_as_each_is(data: st.DataObject) -> None:
    ended = [
        each
        for each in GOLDEN
        if each.line not in UNLIKE
        and final_mark(each.line)
        and not re.search(r"\b\w{1,3}\.$", each.line)
        and each.line[0] != "o"
    ]
    first = data.draw(st.sampled_from(ended))
    second = data.draw(st.sampled_from([each for each in ended if each.language == first.language]))
    gap = data.draw(st.sampled_from([" ", "   ", "\u00a0", "\u3000"]))
    *others, last = first.sentences
    assert split_sentences(first.line + gap + second.line, first.language) == [*others, last + gap, *second.sentences]


@pytest.mark.parametrize(
    ("line", "sentences"),
    [
        ("I go.  You\tstay.", ["I go.  ", "You\tstay."]),
        ("  I go.\u00a0 You stay. ", ["  I go.\u00a0 ", "You stay. "]),
        ("हम जाते हैं। तुम रहो।", ["हम जाते हैं। ", "तुम रहो।"]),
        ("我走了。她在家。", ["我走了。", "她在家。"]),
        ("3.14 is pi. No. 5 is a number. No. I go.", ["3.14 is pi. ", "No. 5 is a number. ", "No. ", "I go."]),
        (
            "A sign says E.S.E. Electronics. J. S. Bach stays.",
            ["A sign says E.S.E. Electronics. ", "J. S. Bach stays."],
        ),
        ("1. I go. 2. You stay. ...", ["1. I go. ", "2. You stay. ..."]),
        ("i go. you stay.", ["i go. ", "you stay."]),
        ("Dr. Kim은 간다. 나는 있다.", ["Dr. Kim은 간다. ", "나는 있다."]),
        ("...", ["..."]),
        (" ", [" "]),
        ("", [""]),
    ],
)
def test_without_a_language_names_initials_and_small_letters_are_known(line: str, sentences: list[str]) -> None:
    assert split_sentences(line) == sentences


def test_what_a_dot_ends_depends_on_the_language() -> None:
    line = "Das ist am 3. Mai usw. Peter kommt."
    assert split_sentences(line, "de") == split_sentences(line, "deu") == split_sentences(line, "de-AT") == [line]
    assert len(split_sentences(line, "en")) == 3


def test_lines_of_marks_brackets_and_closing_signs_alone_lose_nothing() -> None:
    for line in (
        "「" + "あ。" * 50_000 + "」と",
        "A. " * 50_000,
        "a.”" * 50_000,
        "a." + "»" * 50_000 + " b",
        "（。" * 50_000,
    ):
        assert "".join(split_sentences(line, "ja")) == line


@pytest.mark.parametrize(
    ("sentences", "line"),
    [
        (["I go.", "You stay."], "I go. You stay."),
        (["我走了。", "她在家。"], "我走了。她在家。"),
        (["我走了", "她在家"], "我走了她在家"),
        (["나는 간다.", "너는 있다."], "나는 간다. 너는 있다."),
        (["", "a", "", "b"], "a b"),
        ([], ""),
    ],
)
def test_a_space_joins_sentences_where_the_script_has_spaces(sentences: list[str], line: str) -> None:
    assert join_sentences(sentences) == line


@pytest.mark.parametrize(
    ("gap", "spaced", "unspaced"),
    [
        (" ", "I go. You stay.", "我走了。她在家。"),
        ("", "I go. You stay.", "我走了。她在家。"),
        ("   ", "I go.   You stay.", "我走了。   她在家。"),
        ("\u00a0", "I go.\u00a0You stay.", "我走了。\u00a0她在家。"),
        ("\u3000", "I go. You stay.", "我走了。\u3000她在家。"),
    ],
)
def test_white_space_is_kept_where_it_is_more_than_a_habit_of_the_script(gap: str, spaced: str, unspaced: str) -> None:
    assert join_sentences(["I go.", "You stay."], ["", gap]) == spaced
    assert join_sentences(["我走了。", "她在家。"], ["", gap]) == unspaced
    assert join_sentences(["", "I go.", "", "You stay."], ["", " ", "  ", gap]) == spaced


def test_a_final_mark_is_seen_behind_closing_signs_and_a_word_behind_them_too() -> None:
    for mark in MARKS:
        assert final_mark(f"abc{mark}") == final_mark(f"“(abc{mark})” ") == mark
        assert not ends_in_word(f"abc{mark}")
    for line in ("나는 간다", "(나는 간다)", "नहीं", "e\u0301", "7"):
        assert (final_mark(line), ends_in_word(line)) == ("", True)
    for line in ("", "-", "a,", "a:", "😀", "”"):
        assert (final_mark(line), ends_in_word(line)) == ("", False)


def test_in_a_text_of_several_languages_a_number_with_a_dot_may_be_an_ordinal() -> None:
    line = "Wir feiern am 3. Mai. Komm doch!"
    assert split_sentences(line, "mul") == split_sentences(line, "de") == ["Wir feiern am 3. Mai. ", "Komm doch!"]
    assert split_sentences("There are 3. Come in.", "mul") == ["There are 3. Come in."]
