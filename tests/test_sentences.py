"""Splitting lines into sentences, compared with the rating of cuts, and joining them again."""

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

TEXT = st.lists(st.sampled_from([*'aB가我1 .!?…。！？、,"”」)(', "  ", " a", ". ", "。b"]), max_size=20).map("".join)


@settings(deadline=None, max_examples=500)
@given(TEXT)
def test_a_line_is_split_where_the_rating_says_sentence_and_letters_stand_on_both_sides(text: str) -> None:
    text = " ".join(text.split())
    cuts, start = [], 0
    for place in range(1, len(text)):
        left, right = text[start:place], text[place:]
        if rate(text[:place], text[place]) == SENTENCE and any(map(str.isalpha, left)) and any(map(str.isalpha, right)):
            cuts.append(left.strip())
            start = place
    assert split_sentences(text) == [*cuts, text[start:].strip()]


@settings(deadline=None)
@given(TEXT)
def test_splitting_loses_nothing_but_white_space(text: str) -> None:
    assert "".join("".join(split_sentences(text)).split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("line", "sentences"),
    [
        ("I go.  You\tstay.", ["I go.", "You stay."]),
        ("나는 간다. 너는 있다", ["나는 간다.", "너는 있다"]),
        ("我走了。她在家。", ["我走了。", "她在家。"]),
        ("“Go!” he said. 3.14 is pi.", ["“Go!”", "he said.", "3.14 is pi."]),
        ("A sign says E.S.E. Electronics. J. S. Bach stays.", ["A sign says E.S.E. Electronics.", "J. S. Bach stays."]),
        ("네. 나는 간다.", ["네.", "나는 간다."]),
        ("1. I go. 2. You stay. ...", ["1. I go.", "2. You stay. ..."]),
        ("...", ["..."]),
        ("", [""]),
    ],
)
def test_sentences_are_those_that_a_reader_sees(line: str, sentences: list[str]) -> None:
    assert split_sentences(line) == sentences


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


def test_a_final_mark_is_seen_behind_closing_signs_and_a_word_behind_them_too() -> None:
    for mark in MARKS:
        assert final_mark(f"abc{mark}") == final_mark(f"“(abc{mark})” ") == mark
        assert not ends_in_word(f"abc{mark}")
    for line in ("나는 간다", "(나는 간다)", "नहीं", "e\u0301", "7"):
        assert (final_mark(line), ends_in_word(line)) == ("", True)
    for line in ("", "-", "a,", "a:", "😀", "”"):
        assert (final_mark(line), ends_in_word(line)) == ("", False)
