"""Pairs of tags that a translation lost are put around the words that are linked to theirs."""

from dataclasses import replace
from pathlib import Path

import pytest
from conftest import TinyRun
from hypothesis import given
from hypothesis import strategies as st
from test_score import random_model

from nmt.config import ModelConfig, SearchOptions
from nmt.decoding.linked_tags import Bare, LinkedTags
from nmt.decoding.translator import Translator
from nmt.decoding.windows import Window
from nmt.documents.kept import is_nested, lost
from nmt.text.progress import Silent

WORDS = [f"w{number}" for number in range(8)]


@st.composite
def tagged(draw: st.DrawFn) -> str:
    """A line of words with pairs of tags around runs of them, within each other or apart."""

    def part(first: int, last: int, depth: int) -> str:
        if depth == 0 or first == last or not draw(st.booleans()):
            return " ".join(WORDS[first:last])
        start = draw(st.integers(first, last - 1))
        end = draw(st.integers(start + 1, last))
        number = len(numbers) + 1
        numbers.append(number)
        inner = f"<g{number}>{part(start, end, depth - 1)}</g{number}>"
        return " ".join(filter(None, [" ".join(WORDS[first:start]), inner, part(end, last, depth - 1)]))

    numbers: list[int] = []
    return part(0, len(WORDS), 3)


@given(tagged())
def test_a_copy_gets_its_tags_back(line: str) -> None:
    bare = Bare.of(line)
    if "<" not in line:
        assert bare is None
    else:
        assert bare
        assert bare.text.split() == WORDS
        assert bare.tagged(bare.text, [(at, at) for at in range(len(WORDS))]) == line


@given(tagged(), st.permutations(range(len(WORDS))))
def test_pairs_have_the_images_of_their_words_or_are_not_placed(line: str, order: list[int]) -> None:
    if not (bare := Bare.of(line)):
        return
    made = bare.tagged(" ".join(WORDS[at] for at in order), [(at, order.index(at)) for at in order])
    within = {number: set(bare.text[slice(*span)].split()) for number, span in bare.spans.items()}
    runs = [sorted(place for place, at in enumerate(order) if WORDS[at] in words) for words in within.values()]
    assert bool(made) == all(run == list(range(run[0], run[-1] + 1)) for run in runs)
    if made:
        again = Bare.of(made)
        assert again
        assert is_nested(made, within.keys())
        assert {number: set(again.text[slice(*span)].split()) for number, span in again.spans.items()} == within


@pytest.mark.parametrize(
    ("line", "translation", "links", "expected"),
    [
        ("See <g1>the page</g1>.", "Siehe Seite.", "0-0 1-1 2-1", "Siehe <g1>Seite</g1>."),
        ('A <g1>"new" page</g1>', 'Eine "neue" Seite', "0-0 1-1 2-2", 'Eine <g1>"neue" Seite</g1>'),
        ("<g1>at the</g1> beach", "am Strand", "0-0 1-0 2-1 2-0", ""),  # am is of the beach, too
        ("<g1>put it on</g1> now", "leg es jetzt an", "0-0 1-1 2-3 3-2", ""),  # now stands within
        ("<g1>a</g1> b", "c d", "1-0 1-1", ""),  # nothing is linked
        ("<g1>a</g1>b c", "d e", "0-0 1-1", ""),  # the pair ends in a word
        ("<g1>a</g1> <x2/> b", "B <x2/> A", "0-2 1-1 2-0", "B <x2/> <g1>A</g1>"),
    ],
)
def test_where_pairs_go(line: str, translation: str, links: str, expected: str) -> None:
    bare = Bare.of(line)
    assert bare
    pairs = [(int(source), int(target)) for source, target in (link.split("-") for link in links.split())]
    assert bare.tagged(translation, pairs) == expected


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("<g1>A man</g1> in a red shirt sits", "<g1>Ein Mann in einem roten Hemd sitzt</g1>", True),
        ("<g1>A man</g1> in a red shirt sits", "<g1>Ein Mann</g1> in einem roten Hemd sitzt", False),
        ("Open <g1>the file</g1> now", "지금 <g1>파일</g1>을 여십시오", False),
        ("<g1>=MAX(A1:B100)</g1> returns the largest value", "<g1>=MAX(A1:B100)</g1>는 큰 값", False),
        ("<g1>a</g1> b", "a b", False),
    ],
)
def test_a_pair_around_far_more_is_outgrown(source: str, target: str, expected: bool) -> None:
    bare = Bare.of(source)
    assert bare
    assert bare.is_outgrown(Bare.of(target)) == expected


@pytest.mark.parametrize("line", ["a", "<g1>a", "a</g1>", "<g1>a<g2>b</g1></g2>", "<g1>.</g1> a"])
def test_pairs_that_words_cannot_place_are_none(line: str) -> None:
    assert Bare.of(line) is None


def test_what_keeps_its_tags_stays_and_the_rest_is_translated_without_them(tiny_run: TinyRun) -> None:
    lines = ["나는 학생이다.", "<g1>나는</g1> <g2>학생이다.</g2>", "너는 <g1>의사이다.</g1>"]
    options = SearchOptions(beam_size=3, min_length=6, no_repeat_ngram=2, max_length_factor=9)  # else: ""
    plain = Translator.load(tiny_run.run, options)
    window = Window(0, list(lines))
    (before,), (after,) = plain.translated([window], Silent()), LinkedTags(plain).translated([window], Silent())
    aligned = Translator.load(tiny_run.run, replace(options, alignments=True))
    for line, old, new in zip(lines, before, after, strict=True):
        bare = Bare.of(line)
        if bare and (lost(line, old.text) or bare.is_outgrown(Bare.of(old.text))):
            (found,) = aligned.translate([bare.text])
            expected = bare.tagged(found.text, found.alignment or [])
            placed = replace(found, source=line, text=expected, alignment=None)
            assert new == (placed if expected and not lost(line, expected) else old)
        else:
            assert new == old
    assert any(new.text != old.text for old, new in zip(before, after, strict=True))


def test_without_attention_translations_stay_as_they_are(tiny_run: TinyRun, tmp_path: Path) -> None:
    config = ModelConfig(family="recurrent", width=16, encoder_layers=1, decoder_layers=1, attention_score="none")
    model = random_model(tiny_run, tmp_path / "model", config)
    plain = Translator.load(model.folder, SearchOptions(beam_size=1, max_length_factor=1))
    window = Window(0, ["<g1>나는</g1> 학생이다."])
    assert list(LinkedTags(plain).translated([window], Silent())) == list(plain.translated([window], Silent()))
