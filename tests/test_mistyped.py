"""Words with two letters exchanged: which are put right, and that nothing else is."""

from dataclasses import replace
from pathlib import Path
from unicodedata import normalize

import pytest
from conftest import TinyRun
from fakes import ReverseEngine, WordTokenizer
from hypothesis import given
from hypothesis import strategies as st

from nmt.corpus.dataset import Dataset
from nmt.decoding.translator import Translator
from nmt.disk.manifest import read_manifest, write_manifest
from nmt.errors import DataError
from nmt.store.model_folder import ModelFolder
from nmt.text.known_words import WORDS, read_words, write_words
from nmt.text.mistyped import LEAST, USUAL, KnownWords, exchanged
from nmt.text.profile import Profile
from nmt.text.reserved import SIGNS

TEXT = [
    *["A man is walking along the street with brother and berthor"] * USUAL,
    *["Walking is Mädchen und Straße angel, angle"] * USUAL,
    "a seldom sight; trial wlakign",
]
KNOWN = KnownWords.of(TEXT)


@pytest.mark.parametrize(
    ("mistyped", "meant"),
    [
        ("a man is wlaking fast", "a man is walking fast"),
        ("awlking, walkign; (wakling)", "walking, walking; (walking)"),
        ("Aolng the steret", "Along the street"),  # the first word has its capital for that
        (f"{SIGNS[0]} Aolng, 1. „Aolng", f"{SIGNS[0]} Along, 1. „Aolng"),
        ("1. „Aolng“ the", "1. „Along“ the"),
        ("the Aolng", "the Aolng"),  # here it may be a name
        ("Das Mädhcen", "Das Mädchen"),
        ("Mädhcen wlaking", "Mädchen walking"),
        ("the wlakign", "the wlakign"),  # seen, if once
        ("an angel, Angel", "an angel, Angel"),
        ("a trail", "a trail"),  # trial was seen too seldom
        ("selodm", "selodm"),
        ("wlakin", "wlakin"),  # a letter is missing
        ("brohter", "brother"),
        ("wlaking2 x_wlaking 2wlaking", "wlaking2 x_wlaking 2wlaking"),
        ("mna", "mna"),  # short words are often other words
        ("WLAKING WLAKING", "WALKING WLAKING"),
        ("步行街道上面 걷고있습니다", "步行街道上面 걷고있습니다"),
        ("", ""),
    ],
)
def test_a_word_that_was_never_seen_becomes_the_usual_one_that_an_exchange_makes(mistyped: str, meant: str) -> None:
    assert KNOWN.put_right(mistyped) == meant


@pytest.mark.parametrize("text", ["Das Mädhcen", "an éwlaking", "wlakiné", "Straße wlaking", "한국어 wlaking"])
def test_a_text_in_nfd_becomes_what_it_becomes_in_nfc(text: str) -> None:
    assert KNOWN.put_right(normalize("NFD", text)) == KNOWN.put_right(normalize("NFC", text))


@pytest.mark.parametrize("text", ["wlaking\u0323", "\u0323wlaking", "b\u0323wlaking"])
def test_a_part_of_a_word_beside_a_mark_stays(text: str) -> None:
    assert KNOWN.put_right(text) == normalize("NFC", text)


def test_of_two_usual_words_none_is_chosen() -> None:
    known = KnownWords.of(["abcde bacde"] * USUAL + ["x"])
    assert known.put_right("abdce") == "abcde"
    two = KnownWords.of(["bacde abced"] * USUAL)
    assert two.put_right("abcde") == "abcde"


WORD_LIKE = st.text(alphabet="abAB-1é ß", max_size=12)


@given(st.lists(WORD_LIKE, max_size=6), WORD_LIKE)
def test_words_that_were_seen_stay_and_no_text_changes_its_length(texts: list[str], other: str) -> None:
    known = KnownWords.of(texts)
    assert known.is_sound
    assert [known.put_right(text) for text in texts] == texts
    assert len(known.put_right(other)) == len(other)


@given(st.text(alphabet="abcABÄ", min_size=1, max_size=8))
def test_exchanges_are_those_of_a_plain_loop(word: str) -> None:
    expected = set()
    for place in range(len(word) - 1):
        letters = list(word.lower())
        letters[place], letters[place + 1] = letters[place + 1], letters[place]
        expected.add("".join(b.upper() if a.isupper() else b for a, b in zip(word, letters, strict=True)))
    assert exchanged(word) == expected - {word}


def test_the_engine_is_asked_for_the_word_that_was_meant() -> None:
    profile = Profile(longest=50, sentences=1, final=0.0, source_mark="", target_mark="", words=KNOWN)
    for words, asked in ((KNOWN, "walking"), (None, "wlaking")):
        tokenizer = WordTokenizer()
        translator = Translator(ReverseEngine(), tokenizer, tokenizer, profile=replace(profile, words=words))
        (found,) = translator.translate(["a man is wlaking"])
        assert found.text == f"{asked} is man a"
        assert ("mistyped words" in translator.about()) == (words is not None)


def test_a_dataset_and_its_model_have_the_words_and_damaged_ones_are_refused(tiny_run: TinyRun, tmp_path: Path) -> None:
    data, model = Dataset.open(tiny_run.data), ModelFolder.open(tiny_run.run)
    words = read_words(data.folder, data.manifest)
    assert words
    assert words.counts
    assert model.profile
    assert model.profile.words
    assert (model.profile.words.hashes, model.profile.words.counts) == (words.hashes, words.counts)
    assert "words" not in model.profile.facts()
    whole = (data.folder / WORDS).read_bytes()
    write_words(tmp_path, words)
    assert (tmp_path / WORDS).read_bytes() == whole
    for damaged in (whole[4:8] + whole[:4] + whole[8:], whole[:4] + whole[:4] + whole[8:], whole[:-1], whole + b"x"):
        (tmp_path / WORDS).write_bytes(damaged)
        write_manifest(tmp_path, {"kind": "x"})
        with pytest.raises(DataError, match=rf"{WORDS} is damaged"):
            read_words(tmp_path, read_manifest(tmp_path))
    assert LEAST > 4
