"""The marks of list items, and what only looks like one."""

from dataclasses import replace

import pytest
from conftest import TinyRun

from nmt.config import EngineOptions
from nmt.decoding.forced import PairScorer
from nmt.store.model_folder import ModelFolder
from nmt.text.list_marks import has_dotted_marks, with_list_mark
from nmt.text.reserved import SIGNS, SLOTS
from nmt.text.verbatim import find
from nmt.text.verbatim_forms import KINDS


def mark_of(line: str, *languages: str) -> str:
    """The mark that a line of one of the languages begins with, and the white space before it; "" without one."""
    matches = find(line, KINDS)
    found = with_list_mark(matches, line, has_dotted_marks(languages))
    is_marked = bool(found) and found[0].kind == "list"
    assert found[is_marked:] == matches[len(matches) - len(found) + is_marked :]
    return line[found[0].start : found[0].end] if is_marked else ""


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
    assert mark_of(line) == line.split()[0]


@pytest.mark.parametrize("line", MARKED)
@pytest.mark.parametrize("before", ["  ", "\t", " \u00a0"])
def test_the_white_space_before_a_mark_belongs_to_it(before: str, line: str) -> None:
    assert mark_of(before + line) == before + line.split()[0]


@pytest.mark.parametrize("before", ["<b>", "<ul><li>", "  <p class='x'> <b>", "&nbsp;", "<b>\ufeff"])
def test_tags_before_a_mark_belong_to_it(before: str) -> None:
    assert mark_of(f"{before}- an <i>item</i></b>") == f"{before}-"
    assert mark_of(f"{before}1. item", "de") == ""


@pytest.mark.parametrize("before", ["\ufeff", " \u200b"])
def test_what_is_not_seen_before_a_mark_is_no_part_of_it(before: str) -> None:
    assert mark_of(f"{before}- item") == "-"


@pytest.mark.parametrize(
    "line", ["%s - item", "{0} - item", "🔥 - item", "<b>Item</b> - item", "Item - item", "<b>-</b> item"]
)
def test_a_dash_between_words_or_placeholders_is_no_mark(line: str) -> None:
    assert mark_of(line) == ""


@pytest.mark.parametrize("line", UNMARKED)
def test_a_mark_alone_a_number_an_initial_and_a_date_are_no_marks(line: str) -> None:
    assert not mark_of(line)


def test_a_number_with_a_dot_is_no_mark_where_ordinals_are_written_so() -> None:
    for languages in (["de"], ["deu"], ["eu"], ["cnr_Latn"], ["fr", "de"]):
        assert mark_of("1. Mai", *languages) == ""
        assert mark_of("1) Mai", *languages) == "1)"
    for languages in (["en"], ["ko"], ["fr", "ko"], []):
        assert mark_of("1. Mai", *languages) == "1."


def test_a_mark_that_both_sides_have_is_a_slot_for_who_scores_them(tiny_run: TinyRun) -> None:
    model = ModelFolder.open(tiny_run.run)
    assert model.profile
    profile = replace(model.profile, slots=SLOTS, kinds=KINDS)
    scorer = PairScorer.of(model, EngineOptions(engine="torch", threads=1))
    pairs = [("1. 나는 학생이다.", "  1. I am a student."), ("- 나는 학생이다.", "I am a student.")]
    for languages, marked in ((["ko"], True), (["ko", "de"], False)):
        slotted = PairScorer(scorer.engine, model.tokenizers, 2048, profile, languages)
        (one, other) = (slotted.slots.put(pair) for pair in pairs)
        assert [text[0] == SIGNS[0] for text in one] == [marked, marked]
        assert other == pairs[1]
