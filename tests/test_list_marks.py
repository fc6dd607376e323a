"""The marks of list items, and what only looks like one."""

import pytest

from nmt.text.list_marks import list_mark

MARKED = [
    "- a",
    "• a",
    "* a",
    "# a",
    "### a",
    "> a",
    "1. a",
    "12. a",
    "1.2. a",
    "1) a",
    "(3) 5",
    "a) b",
    "(iv) b",
    "가) 나",
    "① a",
]
UNMARKED = [
    "",
    "-",
    "1.",
    "-a",
    "1.5 kg",
    "3. 5. 회의",
    "3 dogs",
    "A. Smith",
    "I. Intro",
    "2024. a",
    "-- a",
    "word) a",
    "####### a",
]


@pytest.mark.parametrize("line", MARKED)
def test_a_mark_ends_before_the_first_space(line: str) -> None:
    assert list_mark(line, "en") == line.split()[0]


@pytest.mark.parametrize("line", UNMARKED)
def test_a_mark_alone_a_number_an_initial_and_a_date_are_no_marks(line: str) -> None:
    assert not list_mark(line, "en")


def test_a_number_with_a_dot_is_no_mark_where_ordinals_are_written_so() -> None:
    assert [list_mark("1. Mai", language) for language in ("de", "deu", "en", "ko", "")] == ["", "", "1.", "1.", "1."]
    assert list_mark("1) Mai", "de") == "1)"
