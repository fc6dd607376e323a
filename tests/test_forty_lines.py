"""Forty lines of the kinds that users complain of: none is lost, and what needs no model is done right.

The model is of 20 updates and translates badly, so all that is right comes from what stands around it.
"""

from dataclasses import replace

import pytest
from conftest import TinyRun
from fakes import Recorder

from nmt import SearchOptions, Translator
from nmt.config import EngineOptions
from nmt.decoding.segments import Segment
from nmt.store.model_folder import ModelFolder
from nmt.text.reserved import SLOTS
from nmt.text.verbatim import find
from nmt.text.verbatim_forms import KINDS

COPIED = [
    "",
    "   ",
    "🙂",
    "👍👍🏽",
    "👨‍👩‍👧 🇰🇷",
    "42",
    "-3.5 %",
    "1,234.50",
    "+82 10-1234-5678",
    "2.4.1",
    "•",
    "-",
    "* * *",
    "…",
    "?!",
    "====",
    "1.",
    "(2)",
    "https://example.org/a?b=1&c=%20#d",
    "anna.b@example.org",
    "/usr/share/doc/nmt",
    "%s",
    "{0} / {1}",
    "<br/>",
    "&nbsp;",
    "`make test`",
    "for (int i = 0; i < 10; i++) { x += i; }",
    "x = a[i] + b[j] * (c - d);",
]
"""Lines that have nothing to translate: they come out as they are, a blank one empty."""

KEPT = [
    "학교에 간다 🙂",
    "• 학교에 간다 %1$s",
    "<b>학교</b>에 간다.",
    "{name}님, 학교에 간다!",
    "https://example.org/x 를 읽는다.",
    "anna@example.org 에 간다",
    "버전 v2.4.1 을 읽는다",
    "`rm -rf` 를 읽는다. <b>책</b>을 읽는다. {0}",
    "%d %d %d 책",
]
"""Lines with something that stays and something to translate."""

PLAIN = [
    "학교",
    "THE SCHOOL IS CLOSED TODAY",
    "The School Is Closed Today For All",
    "나는 학교에 간다",
    "나는 학교에 간다 나는 학교에 간다 나는 학교에 간다 나는 학교에 간다",
    " ".join(
        f"나는 {thing} 읽는다."
        for thing in ["책을", "편지를", "글을", "시를", "말을", "길을", "물을", "집을", "꽃을", "눈을"]
    ),
    "a",
    "책 " * 400,
]

MARKED = {
    "- 학교에 간다": "-",
    "1. 학교에 간다": "1.",
    "(2) 학교에 간다": "(2)",
    "a) 학교에 간다": "a)",
    "③ 책을 읽는다": "③",
}
"""Items of a list, with their marks."""

LINES = [*COPIED, *KEPT, *MARKED, *PLAIN]


@pytest.fixture(scope="module")
def translator(tiny_run: TinyRun) -> Translator:
    """The tiny model, as if its training had shown slots and hardly a line in capitals or titles."""
    model = ModelFolder.open(tiny_run.run)
    assert model.profile
    options = SearchOptions(beam_size=2, max_length_factor=1.0, min_length=4)
    engine = Translator.of(model, options, EngineOptions(engine="torch", threads=1)).engine
    profile = replace(model.profile, slots=SLOTS, kinds=KINDS, capitals=0.0, titles=0.0, sentences=1)
    return Translator(engine, *model.tokenizers, options, profile=profile, target_language="en", source_language="ko")


@pytest.fixture(scope="module")
def translations(translator: Translator) -> dict[str, str]:
    found = list(translator.translate(LINES))
    assert [translation.source for translation in found] == LINES
    assert not [text for text in (translation.text for translation in found) if len(f"{text}!".splitlines()) > 1]
    return {translation.source: translation.text for translation in found}


def segments_of(translator: Translator, line: str) -> list[Segment]:
    return list(translator.shaper.segments([line], 0, Recorder()))


def test_there_are_forty_and_more_and_none_is_lost(translations: dict[str, str]) -> None:
    assert len(LINES) == len(translations) == 50


@pytest.mark.parametrize("line", COPIED)
def test_a_line_without_anything_to_translate_is_copied(translations: dict[str, str], line: str) -> None:
    assert translations[line] == line.strip()


@pytest.mark.parametrize("line", KEPT)
def test_what_stays_is_in_the_translation_as_often_as_in_the_line(translations: dict[str, str], line: str) -> None:
    items = [line[start:end] for start, end, _ in find(line)]
    assert items
    for item in items:
        assert translations[line].count(item) == items.count(item)
    assert len(find(translations[line])) == len(items), translations[line]


@pytest.mark.parametrize("line", MARKED)
def test_the_mark_of_a_list_item_reaches_the_model_as_a_slot(
    translator: Translator, translations: dict[str, str], line: str
) -> None:
    (segment,) = segments_of(translator, line)
    assert list(segment.items) == [MARKED[line]]
    assert translations[line].count(MARKED[line]) == 1


def test_lines_come_out_alike_one_by_one_and_in_another_order(
    translator: Translator, translations: dict[str, str]
) -> None:
    backwards = [translation.text for translation in translator.translate(LINES[::-1])]
    assert backwards == [translations[line] for line in LINES[::-1]]
    alone = [next(iter(translator.translate([line]))).text for line in KEPT]
    assert alone == [translations[line] for line in KEPT]


def test_capitals_and_titles_reach_the_model_as_a_sentence(
    translator: Translator, translations: dict[str, str]
) -> None:
    for line in ("THE SCHOOL IS CLOSED TODAY", "The School Is Closed Today For All"):
        (segment,) = segments_of(translator, line)
        spelled = b"".join(translator.source_tokenizer.spell(segment.pieces)).decode().strip()
        assert spelled.rstrip(".").lower() == line.lower()
        assert " is " in spelled  # words that the vocabulary has with a capital alone keep it
        assert segment.in_capitals == line.isupper()
    assert translations["THE SCHOOL IS CLOSED TODAY"] == translations["THE SCHOOL IS CLOSED TODAY"].upper()


def test_ten_sentences_of_a_line_are_ten_segments_and_a_long_one_is_cut(translator: Translator) -> None:
    ten, long = PLAIN[5], PLAIN[-1]
    assert [segment.part for segment in segments_of(translator, ten)] == list(range(10))
    parts = segments_of(translator, long)
    assert len(parts) > 1
    spelled = "".join(b"".join(translator.source_tokenizer.spell(part.pieces)).decode() for part in parts)
    assert spelled.strip().rstrip(".") == long.strip()
