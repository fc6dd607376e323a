"""Long lines are cut at the best places: compared with brute force, and with cuts chosen by a reader."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.decoding.cutting import cut, rate_cuts
from nmt.text.sentences import ANYWHERE, CLAUSE, NEVER, SENTENCE, WORD
from nmt.text.tokenizer import Tokenizer, train_tokenizer

# Pieces of every kind: words, ends of sentences and clauses with and without a space after them, bytes of characters.
WHOLE = [" a", "b", " c.", ".", ",", " d,", "。", "、", "」", " “e", "!”", "3", "…"]
BYTES = ["한", "。", "🙂"]
GROUPS = [[text.encode()] for text in WHOLE] + [[bytes([byte]) for byte in text.encode()] for text in BYTES]
PIECES = st.lists(st.sampled_from(GROUPS), max_size=60).map(lambda groups: [piece for some in groups for piece in some])


def parts(pieces: list[bytes], limit: int) -> list[bytes]:
    return [b"".join(pieces[part]) for part in cut(pieces, limit)]


@settings(deadline=None, max_examples=300)
@given(PIECES, st.integers(8, 30))
def test_parts_are_the_line_short_enough_and_of_whole_characters(pieces: list[bytes], limit: int) -> None:
    actual = cut(pieces, limit)
    assert [piece for part in actual for piece in pieces[part]] == pieces
    assert all(part.stop - part.start <= limit for part in actual)
    for part in actual:
        b"".join(pieces[part]).decode()  # which a cut character would not let it


@settings(deadline=None, max_examples=300)
@given(PIECES, st.integers(8, 30))
def test_no_better_cut_was_in_reach(pieces: list[bytes], limit: int) -> None:
    goodness = rate_cuts(pieces)
    for part in cut(pieces, limit)[:-1]:
        reach = range(part.start + (limit + 1) // 2, part.start + limit + 1)
        assert part.stop in reach
        assert goodness[part.stop] == max(goodness[place] for place in reach)


@settings(deadline=None)
@given(st.integers(1, 300), st.integers(1, 20))
def test_where_all_cuts_are_alike_parts_are_few_and_alike(count: int, limit: int) -> None:
    lengths = [part.stop - part.start for part in cut([b" a"] * count, limit)]
    assert len(lengths) == -(-count // limit)
    assert max(lengths) - min(lengths) <= 1


# What stands before the cut, what stands after it, and how good it is.
RATED = [
    ("He left", " She", WORD),
    ("He lef", "t", ANYWHERE),
    ("He left.", " She", SENTENCE),
    ("He left!", " She", SENTENCE),
    ("Really?", " She", SENTENCE),
    ("Well…", " She", SENTENCE),
    ("“He left.”", " She", SENTENCE),
    ('(He left.")', " She", SENTENCE),
    ("He left,", " she", CLAUSE),
    ("left;", " she", CLAUSE),
    ("3.", "14", ANYWHERE),
    ("10,", "000", ANYWHERE),
    ("나는 간다.", " 너는", SENTENCE),
    ("我走了。", "她", SENTENCE),
    ("我走了！", "她", SENTENCE),
    ("「我走了。」", "她", SENTENCE),
    ("「我走了。", "」", ANYWHERE),
    ("什么！", "？", ANYWHERE),
    ("今天，", "她", CLAUSE),
    ("今日、", "彼女", CLAUSE),
    ("今", "天", ANYWHERE),
    ("वह गया।", " वह", SENTENCE),
    ("ذهب؟", " هي", SENTENCE),
    ("ذهب،", " هي", CLAUSE),
]


@pytest.mark.parametrize(("before", "after", "goodness"), RATED, ids=[f"{case[0]}|{case[1]}" for case in RATED])
def test_cuts_are_rated_as_a_reader_would(before: str, after: str, goodness: int) -> None:
    assert rate_cuts([before.encode(), after.encode()])[1] == goodness
    # The same when each byte is a piece of its own, and never inside a character.
    pieces = [bytes([byte]) for byte in (before + after).encode()]
    rated = rate_cuts(pieces)
    assert rated[len(before.encode())] == goodness
    assert [rating == NEVER for rating in rated] == [0x80 <= piece[0] < 0xC0 for piece in pieces]


def test_a_sentence_end_in_reach_is_taken_before_an_even_share() -> None:
    pieces = [b" w"] * 10 + [b" end."] + [b" w"] * 14
    assert parts(pieces, 16) == [b" w" * 10 + b" end.", b" w" * 14]


def test_text_without_spaces_is_cut_after_its_full_stops() -> None:
    tokenizer = Tokenizer(
        train_tokenizer(["我们今天去学校。", "她在家里看书，他也去。"] * 20, "unigram", 300, False), "test"
    )
    line = "我们今天去学校。她在家里看书，他也去。龘靐爨。" * 20
    pieces = tokenizer.spell(tokenizer.encode([line])[0])
    actual = parts(pieces, 60)
    assert b"".join(actual).decode().lstrip() == line
    assert all(part.decode().endswith("。") for part in actual)


def test_no_part_is_empty_and_a_short_line_is_one() -> None:
    assert cut([], 5) == [slice(0, 0)]
    assert cut([b" a"] * 5, 5) == [slice(0, 5)]
    assert all(first.stop == second.start for first, second in pairwise(cut([b"a"] * 23, 5)))
