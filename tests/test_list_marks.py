"""The marks of list items, and what only looks like one."""

from dataclasses import replace

import pytest
from conftest import TinyRun

from nmt.config import EngineOptions
from nmt.decoding.forced import PairScorer
from nmt.store.model_folder import ModelFolder
from nmt.text.list_marks import list_mark
from nmt.text.reserved import SIGNS, SLOTS
from nmt.text.verbatim_forms import KINDS

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


def test_a_mark_that_both_sides_have_is_a_slot_for_who_scores_them(tiny_run: TinyRun) -> None:
    model = ModelFolder.open(tiny_run.run)
    assert model.profile
    profile = replace(model.profile, slots=SLOTS, kinds=KINDS)
    scorer = PairScorer.of(model, EngineOptions(engine="torch", threads=1))
    pairs = [("1. 나는 학생이다.", "1. I am a student."), ("- 나는 학생이다.", "I am a student.")]
    for languages, marked in (("ko", True), ("de", False)):
        slotted = PairScorer(scorer.engine, model.tokenizers, 2048, profile, languages)
        (one, other) = (slotted._slotted(pair, 1) for pair in pairs)
        assert [text[0] == SIGNS[0] for text in one] == [marked, marked]
        assert other == pairs[1]
