"""The Translator's promises: N lines in, N lines out, in order, in bounded memory, whatever the text."""

import string
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from fakes import Recorder, ReverseEngine, SmallEngine, WordTokenizer
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.config import SearchOptions
from nmt.decoding import shaping
from nmt.decoding.batching import cut_batches
from nmt.decoding.engine import Hypothesis, Query
from nmt.decoding.segments import Segment
from nmt.decoding.translation import Alternative
from nmt.decoding.translator import Translator
from nmt.decoding.windows import windows
from nmt.errors import BusyError, SettingsError
from nmt.text.lines import PAUSE
from nmt.text.profile import Profile

WORDS = st.lists(st.text(string.ascii_lowercase, min_size=1, max_size=3), max_size=12)
LINES = st.lists(WORDS.map(" ".join), max_size=40)
BREAKERS = ["\n", "\r", "\r\n", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]


def fake_translator(
    options: SearchOptions | None = None, batch_tokens: int = 50, window: int = 10
) -> tuple[Translator, ReverseEngine, WordTokenizer]:
    engine, tokenizer = ReverseEngine(), WordTokenizer()
    return Translator(engine, tokenizer, tokenizer, options, batch_tokens, window), engine, tokenizer


def reverse(line: str) -> str:
    return " ".join(reversed(line.split()))


@settings(deadline=None)
@given(LINES, st.integers(1, 60), st.integers(1, 50))
def test_order_and_count_hold_for_any_window_and_batch_size(lines: list[str], batch_tokens: int, window: int) -> None:
    translator, engine, _ = fake_translator(batch_tokens=batch_tokens, window=window)
    progress = Recorder()
    translations = list(translator.translate(lines, progress))
    assert [translation.source for translation in translations] == lines
    assert [translation.text for translation in translations] == [reverse(line) for line in lines]
    assert [translation.source_pieces for translation in translations] == [len(line.split()) for line in lines]
    assert [translation.target_pieces for translation in translations] == [len(line.split()) for line in lines]
    assert progress.advanced == len(lines)
    for batch in engine.batches:
        assert len(batch) == 1 or len(batch) * (max(map(len, batch)) + 1) <= batch_tokens


@settings(deadline=None)
@given(LINES, st.integers(1, 50))
def test_at_most_a_window_of_lines_is_read_ahead(lines: list[str], window: int) -> None:
    translator, _, _ = fake_translator(window=window)
    read = 0

    def reading() -> Iterator[str]:
        nonlocal read
        for line in lines:
            read += 1
            yield line

    for written, _ in enumerate(translator.translate(reading())):
        assert read - written <= window


def test_at_once_each_line_is_translated_before_the_next_is_asked_for() -> None:
    translator, _, _ = fake_translator(window=1000)
    answered: list[str] = []

    def person() -> Iterator[str]:
        for number, line in enumerate(["a b", "c d", "e f"]):
            assert len(answered) == number
            yield line

    for translation in translator.translate(person(), at_once=True):
        answered.append(translation.text)
    assert answered == ["b a", "d c", "f e"]


@pytest.mark.parametrize("lines", ["a string", b"bytes", 3, None])
def test_what_is_not_many_lines_is_refused_by_the_call_itself(lines: Any) -> None:
    translator, _, _ = fake_translator()
    with pytest.raises(TypeError, match=rf"`lines` is .*{type(lines).__name__.removesuffix('Type')}"):
        translator.translate(lines)


@pytest.mark.parametrize("line", [None, 3, b"bytes", ["a"], PAUSE])
@pytest.mark.parametrize("at_once", [False, True])
def test_what_is_no_line_is_refused_with_its_place(line: Any, at_once: bool) -> None:
    translator, _, _ = fake_translator(window=3)
    given: list[Any] = ["a", "b", "c", "d", line, "e"]
    with pytest.raises(TypeError, match=rf"`lines\[4\]` is .*{type(line).__name__.removesuffix('Type')}"):
        list(translator.translate(given, at_once=at_once))


def test_blank_lines_never_reach_the_engine() -> None:
    translator, engine, _ = fake_translator()
    lines = ["", "a b", "  ", "\t", "\u3000", "\u2028", "c"]
    translations = list(translator.translate(lines))
    assert [translation.text for translation in translations] == ["", "b a", "", "", "", "", "c"]
    assert [translation.score for translation in translations if not translation.text] == [0.0] * 5
    assert sorted(source for batch in engine.batches for source in batch) == [[4, 5], [6]]


def test_no_line_break_of_splitlines_reaches_the_output() -> None:
    translator, _, _ = fake_translator(SearchOptions(n_best=3))
    lines = [f"a x{breaker}y b" for breaker in BREAKERS]
    for translation in translator.translate(lines):
        for text in (translation.text, *(alternative.text for alternative in translation.alternatives)):
            assert len((text + "!").splitlines()) == 1
        assert translation.text.split(" ") in (["b", "x", "y", "a"], ["b", "x", "", "y", "a"])


def test_an_over_long_line_is_cut_at_word_starts_and_said_so_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shaping, "MAX_PIECES", 4)
    translator, engine, _ = fake_translator(SearchOptions(n_best=2), window=2)
    progress = Recorder()
    lines = ["a", "b c", "d @e @f g @h i @j @k l", "m n o p"]
    actual = list(translator.translate(lines, progress))
    # 9 pieces in 3 parts: an even share is 3, and a cut moves back to where a word starts.
    assert [translation.text for translation in actual] == ["a", "c b", "@f @e d @h g l @k @j i", "p o n m"]
    assert progress.warnings == ["line 3 has 9 pieces: it is translated in 3 parts"]
    assert progress.advanced == 4
    assert actual[2].score == -0.5
    assert actual[2].alternatives == [Alternative("@f @e @h l @k @j", -1.5)]
    assert (actual[2].source_pieces, actual[2].target_pieces) == (9, 9)
    assert max(len(source) for batch in engine.batches for source in batch) <= 4


def test_the_n_best_list_gives_the_translation_and_its_alternatives() -> None:
    translator, _, _ = fake_translator(SearchOptions(n_best=3))
    (actual,) = translator.translate(["a b c"])
    assert (actual.text, actual.score) == ("c b a", -0.5)
    assert actual.alternatives == [Alternative("c b", -1.5), Alternative("c", -2.5)]


@settings(deadline=None)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=60), st.integers(1, 100))
def test_each_batch_is_as_large_as_the_budget_lets_it(lengths: list[int], budget: int) -> None:
    segments = [Segment(line, [0] * length) for line, length in enumerate(sorted(lengths, reverse=True))]
    left = segments
    for batch in cut_batches(segments, budget):
        width = len(batch[0].pieces) + 1
        assert batch == left[: len(batch)]
        assert len(batch) == 1 or len(batch) * width <= budget
        assert batch == left or (len(batch) + 1) * width > budget
        left = left[len(batch) :]
    assert left == []


@settings(deadline=None)
@given(LINES, st.integers(14, 100), st.integers(1, 200))
def test_batches_without_room_are_halved_until_they_fit(lines: list[str], room: int, batch_tokens: int) -> None:
    tokenizer, progress = WordTokenizer(), Recorder()
    engine = SmallEngine(room=room)
    translator = Translator(engine, tokenizer, tokenizer, batch_tokens=batch_tokens, window=10)
    assert [translation.text for translation in translator.translate(lines, progress)] == [
        reverse(line) for line in lines
    ]
    assert progress.advanced == len(lines)
    assert len(progress.warnings) == (engine.refused > 0)
    assert engine.refused <= 5 * -(-len(lines) // 10), "a window does not learn what fits"


def test_a_line_without_room_even_alone_is_named_with_its_number() -> None:
    tokenizer = WordTokenizer()
    translator = Translator(SmallEngine(room=4), tokenizer, tokenizer, window=2)
    with pytest.raises(BusyError, match="line 4 does not fit into memory even alone"):
        list(translator.translate(["a b", "c", "d", "e f g h"]))


@given(st.lists(st.sampled_from(["a b", "b", "c b a", "c", ""]), max_size=30), st.booleans())
def test_lines_that_are_alike_are_searched_once_in_a_window_unless_they_are_drawn(
    lines: list[str], draws: bool
) -> None:
    engine, tokenizer = ReverseEngine(), WordTokenizer()
    options = SearchOptions(sample=0 if draws else None, n_best=2)
    translations = list(Translator(engine, tokenizer, tokenizer, options, batch_tokens=6).translate(lines))
    assert [each.text for each in translations] == [" ".join(reversed(line.split())) for line in lines]
    searched = [tokenizer.decode([pieces])[0] for batch in engine.batches for pieces in batch]
    assert sorted(searched) == sorted(filter(None, lines if draws else set(lines)))


def test_windows_end_where_the_lines_before_say_whoever_asks() -> None:
    lines = ["a", "b", "c", "", "d", "e", "f"]
    assert [*windows(lines, 3)] == [(0, ["a", "b", "c"]), (3, ["", "d", "e"]), (6, ["f"])]
    assert [*windows(lines[3:], 3)] == [(0, ["", "d", "e"]), (3, ["f"])]
    assert [*windows(["a", PAUSE, PAUSE, "b"], 3)] == [(0, ["a"]), (1, ["b"])]


def test_a_search_that_the_engine_does_not_know_is_refused_in_words() -> None:
    tokenizer = WordTokenizer()
    with pytest.raises(SettingsError, match="no such search"):
        Translator(ReverseEngine(refusal="no such search"), tokenizer, tokenizer)


# --- lines of another shape than training's --------------------------------------------------------------------------


class CopyEngine(ReverseEngine):
    """An engine that copies the pieces; further hypotheses lack the first piece, the first two, and so on."""

    def search(self, queries: Sequence[Query], options: SearchOptions) -> list[list[Hypothesis]]:
        self.batches.append([list(query.pieces) for query in queries])
        ranks = range(options.n_best)
        return [[Hypothesis(source[rank:], -1.0 - rank) for rank in ranks] for source in self.batches[-1]]


def copying(profile: Profile | None, n_best: int = 1, batch_tokens: int = 50) -> tuple[Translator, WordTokenizer]:
    tokenizer = WordTokenizer()
    options = SearchOptions(n_best=n_best)
    return Translator(CopyEngine(), tokenizer, tokenizer, options, batch_tokens, 10, profile), tokenizer


def parts(translator: Translator, tokenizer: WordTokenizer) -> list[str]:
    """The batches that the engine received."""
    assert isinstance(translator.engine, CopyEngine)
    return [part for batch in translator.engine.batches for part in tokenizer.decode(batch)]


SHAPED = st.lists(st.lists(st.sampled_from(["a", "b.", "c", "d!", "1.", "-"]), max_size=9).map(" ".join), max_size=20)
SINGLE = Profile(longest=5, sentences=1, final=1.0, source_mark=".", target_mark=".")


def test_a_line_of_more_sentences_than_training_had_is_translated_sentence_by_sentence() -> None:
    line = "a b. c d e! f? g h."
    split = ["c d e!", "a b.", "g h.", "f?"]  # the longest first
    for sentences, expected in ((1, split), (3, split), (4, [line])):
        translator, tokenizer = copying(Profile(20, sentences, 0.5, ".", "."))
        (actual,) = translator.translate([line])
        assert (actual.text, actual.source_pieces, actual.target_pieces) == (line, 8, 8)
        assert parts(translator, tokenizer) == expected


def test_the_white_space_between_sentences_is_kept_and_that_around_the_line_is_not() -> None:
    for gap in (" ", "   ", "\u00a0", " \t"):
        translator, tokenizer = copying(Profile(20, 1, 0.5, ".", "."))
        (actual,) = translator.translate([f" a b.{gap}c d e!{gap}f? "])
        assert actual.text == f"a b.{gap}c d e!{gap}f?"
        assert parts(translator, tokenizer) == ["c d e!", "a b.", "f?"]
    assert [each.text for each in translator.translate(["a.\u2028\u3000b."])] == ["a.  b."]  # one line, spaced script


def test_the_language_of_the_source_says_where_sentences_end() -> None:
    words = WordTokenizer()
    for language, expected in (("de", ["a usw. b."]), ("en", ["a usw.", "b."])):
        translator = Translator(
            CopyEngine(), words, words, profile=Profile(20, 1, 0.5, ".", "."), source_language=language
        )
        assert [each.text for each in translator.translate(["a usw. b."])] == ["a usw. b."]
        assert parts(translator, words) == expected
        assert translator.about()["source language"] == language


def test_whole_lines_are_not_split_but_get_their_final_mark_and_are_cut() -> None:
    words = WordTokenizer()
    engine = CopyEngine()
    translator = Translator(engine, words, words, SearchOptions(whole_lines=True), profile=SINGLE)
    lines = ["a b. c d e! f? g h", "a. " * 499 + "b"]
    assert [each.text for each in translator.translate(lines)] == lines
    assert parts(translator, words)[-1] == "a b. c d e! f? g h."
    assert len(parts(translator, words)) == 3
    assert translator.about()["whole lines"] is True
    assert "sentence rules" not in translator.about()
    plain = Translator(engine, words, words, profile=SINGLE).about()
    assert "whole lines" not in plain
    assert plain["sentence rules"]


def test_a_line_of_several_sentences_is_split_when_it_is_longer_than_trainings_lines() -> None:
    for longest, expected in ((3, ["a b.", "c d."]), (4, ["a b. c d."])):
        translator, tokenizer = copying(Profile(longest, 9, 0.5, ".", "."))
        assert [translation.text for translation in translator.translate(["a b. c d."])] == ["a b. c d."]
        assert parts(translator, tokenizer) == expected


def test_a_final_mark_that_training_always_had_is_lent_to_a_line_and_taken_back() -> None:
    translator, tokenizer = copying(SINGLE, n_best=2)
    actual = list(translator.translate(["a b", "c d.", "e f?", "(g h)", "-", "i:", "", "j. k"]))
    assert [translation.text for translation in actual] == ["a b", "c d.", "e f?", "(g h)", "-", "i:", "", "j. k"]
    assert [translation.alternatives[0].text for translation in actual[:2]] == ["b", "d."]
    given = parts(translator, tokenizer)
    assert sorted(given) == sorted(["a b.", "c d.", "e f?", "(g h).", "i:", "j.", "k."])


def test_a_final_mark_is_lent_only_where_training_practically_always_had_it() -> None:
    translator, tokenizer = copying(Profile(5, 1, 0.97, ".", "."))
    assert [translation.text for translation in translator.translate(["a b"])] == ["a b"]
    assert parts(translator, tokenizer) == ["a b"]


def test_a_translation_that_is_a_mark_alone_is_kept() -> None:
    translator, _ = copying(SINGLE)
    assert translator.rewriter.unmarked(".") == "."
    assert translator.rewriter.unmarked("a.") == "a"
    assert translator.rewriter.unmarked("a?") == "a?"


@settings(deadline=None)
@given(SHAPED, st.integers(1, 60), st.integers(1, 4), st.sampled_from([0.5, 1.0]), st.integers(1, 3))
def test_a_line_is_translated_the_same_alone_and_among_others(
    lines: list[str], batch_tokens: int, sentences: int, final: float, n_best: int
) -> None:
    profile = Profile(6, sentences, final, ".", ".")
    together = list(copying(profile, n_best, batch_tokens)[0].translate(lines))
    alone = [translation for line in lines for translation in copying(profile, n_best)[0].translate([line])]
    assert together == alone
    assert [translation.source for translation in together] == lines


@settings(deadline=None)
@given(SHAPED)
def test_without_a_profile_the_engine_gets_each_line_as_it_is(lines: list[str]) -> None:
    translator, tokenizer = copying(None)
    assert [translation.text for translation in translator.translate(lines)] == lines
    assert set(parts(translator, tokenizer)) == {line for line in lines if line}
    assert "marked from" not in translator.about()


def test_a_sentence_much_longer_than_trainings_is_said_once_with_its_number() -> None:
    translator, _ = copying(Profile(4, 1, 1.0, ".", "."))
    progress = Recorder()
    list(translator.translate(["a b c d e f.", "a b. c d.", "a b c d e f g.", "a b c d e f g h."], progress))
    assert progress.warnings == [
        "line 3 has a sentence of 7 pieces, and hardly a line of training had more than 4: "
        "the model may lose words of it"
    ]


def test_lines_with_characters_that_the_vocabulary_lacks_are_counted_once_at_the_end() -> None:
    translator, _ = copying(None)
    progress = Recorder()
    list(translator.translate(["a", "b ☃ c \ufffd", "☃ ☂", "\ufffd", ""], progress))
    assert progress.warnings == [
        "2 lines have characters that the vocabulary lacks, first line 2 (☃): the model may lose them"
    ]
