"""A noncharacter that somebody typed is never a slot, by whatever way it comes in."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from fakes import ReverseEngine
from hypothesis import given, settings
from hypothesis import strategies as st
from test_tokenizer import TEXT

from nmt import Request, SearchOptions, Translator
from nmt.config import PrepareOptions
from nmt.corpus.batches import Batch
from nmt.corpus.encoder import Encoder
from nmt.corpus.learning import _models
from nmt.corpus.lexicon import Translated
from nmt.decoding.engine import Hypothesis, Query
from nmt.text.profile import Profile
from nmt.text.reserved import SIGNS, SLOTS, TERM_SIGNS
from nmt.text.slots import filled, slotted
from nmt.text.terms import Glossary
from nmt.text.tokenizer import Tokenizer, train_tokenizer
from nmt.text.verbatim import Grammar, find
from nmt.text.verbatim_forms import KINDS
from nmt.training.odd_input import OddInput
from nmt.training.terms import ShownTerms

TYPED = st.sampled_from([*SIGNS[:3], SIGNS[-1], *TERM_SIGNS])
WORDS = st.sampled_from(["나무", "house", "%s", "<b>", "{name}", " ", ".", "fünf"])
TEXTS = st.lists(st.one_of(WORDS, TYPED), min_size=1, max_size=8).map(" ".join)
ASKED = st.lists(st.one_of(st.sampled_from(["나무", "house", "."]), TYPED), min_size=1, max_size=5).map(" ".join)
PLAIN = st.lists(WORDS, min_size=1, max_size=6).map(" ".join)
SEEDS = st.integers(0, 999)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer(train_tokenizer(TEXT, "unigram", 300), "test model")


def slots_in(tokenizer: Tokenizer, ids: Iterable[int]) -> list[int]:
    """The slots among piece ids, by number, and other reserved pieces."""
    return [int(id) - tokenizer.first_reserved for id in ids if id >= tokenizer.first_reserved]


@settings(deadline=None)
@given(TEXTS)
def test_a_typed_sign_of_a_line_is_encoded_as_text_and_comes_back(tokenizer: Tokenizer, text: str) -> None:
    shown, items = slotted(text, find)
    (ids,) = tokenizer.encode_slotted([shown], [items])
    assert sorted(slots_in(tokenizer, ids)) == list(range(len(items)))
    assert not (items and any(sign in SIGNS for sign in text))
    assert filled(shown, items) == text
    if not items:
        assert tokenizer.decode([ids]) == [" ".join(text.split())]


@settings(deadline=None)
@given(st.data())
def test_a_sign_of_a_decoded_text_stands_for_a_slot(tokenizer: Tokenizer, data: st.DataObject) -> None:
    spelled = [tokenizer.encode([sign])[0] for sign in SIGNS]
    some = sorted({id for ids in spelled for id in ids})
    one = st.one_of(st.sampled_from([*some, 300]), st.integers(tokenizer.first_reserved, tokenizer.size - 1))
    ids = data.draw(st.lists(st.one_of(st.sampled_from(spelled), one.map(lambda id: [id])), max_size=8))
    flat = [id for part in ids for id in part]
    (text,) = tokenizer.decode_slotted([flat])
    slots = [slot for slot in slots_in(tokenizer, flat) if slot < SLOTS]
    assert [SIGNS.index(sign) for sign in text if sign in SIGNS] == slots


def test_a_typed_sign_is_in_no_piece_that_is_learnt() -> None:
    lines = [(f"{line} {SIGNS[0]} {TERM_SIGNS}", f"{line} {SIGNS[1]}") for line in TEXT]
    models = _models(lines, len(lines), PrepareOptions(vocab_size=300), Grammar(), ("ko", "en"))
    for model in models.values():
        tokenizer = Tokenizer(model, "learnt")
        pieces = "".join(tokenizer.pieces(range(tokenizer.size)))
        assert not [sign for sign in SIGNS + TERM_SIGNS if sign in pieces]


@settings(deadline=None)
@given(TEXTS, TEXTS)
def test_a_pair_with_a_typed_sign_has_no_slots_in_training(tokenizer: Tokenizer, source: str, target: str) -> None:
    sides = Encoder(tokenizer, tokenizer, 200, Grammar()).encode([(source, target)])[:2]
    reserved = [slots_in(tokenizer, ids) for (ids,) in sides]
    assert sorted(reserved[0]) == sorted(reserved[1])
    if any(sign in SIGNS for sign in source + target):
        assert reserved == [[], []]
    assert all(slot < SLOTS for slot in reserved[0])


@settings(deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=4), SEEDS)
def test_odd_batches_and_terms_make_no_slot_of_a_typed_sign(
    tokenizer: Tokenizer, pairs: list[tuple[str, str]], seed: int
) -> None:
    sources, targets = ([np.array(row) for row in tokenizer.encode(side)] for side in zip(*pairs, strict=True))
    batch = Batch(np.arange(len(pairs)), sources, targets)
    lexicon = {"house": Translated("house", f"house{SIGNS[0]}"), "나무": Translated("house", "house")}
    terms = ShownTerms(1.0, seed, tokenizer, lexicon).batch(batch, 1, 0)
    assert not any(slot < SLOTS for row in terms.sources for slot in slots_in(tokenizer, row))
    odd = OddInput(1.0, seed, (tokenizer, tokenizer)).batch(batch, 1, 0)
    for source, target in zip(odd.sources, odd.targets, strict=True):  # with_slots alone adds them: the same on both
        made = slots_in(tokenizer, source)
        assert sorted(made) == sorted(slots_in(tokenizer, target))
        assert len(set(made)) == len(made)


@dataclass
class AskedEngine(ReverseEngine):
    """An engine that says what is asked of it, then signs by their bytes, then the source."""

    spelled: Sequence[int] = ()

    def search(self, queries: Sequence[Query], options: SearchOptions) -> list[list[Hypothesis]]:
        return [[Hypothesis(self.answer(query), -1.0)] for query in queries]

    def answer(self, query: Query) -> list[int]:
        phrases = [piece for constraint in query.constraints for piece in constraint[0]]
        return [*query.prefix, *phrases, *self.spelled, *query.pieces]


@settings(deadline=None, max_examples=40)
@given(st.lists(PLAIN, min_size=1, max_size=3), ASKED, ASKED, ASKED, st.sampled_from(SIGNS))
def test_what_is_asked_of_a_line_or_made_by_a_model_adds_no_item(
    tokenizer: Tokenizer, lines: list[str], prefix: str, phrase: str, target: str, sign: str
) -> None:
    engine = AskedEngine(spelled=tokenizer.encode([f"x {SIGNS[0]} {sign}"])[0])
    profile = Profile(99, 9, 0.5, ".", ".", 1.0, 1.0, SLOTS, KINDS, terms=True)
    glossary = Glossary.of({"house": target, sign: f"fünf {sign}", "나무": ""}, ("en",), "de")
    translator = Translator(engine, tokenizer, tokenizer, profile=profile, glossary=glossary)
    requests = [Request(line, prefix, [phrase], [sign]) for line in lines]
    for line, translation in zip(lines, translator.translate(requests), strict=True):
        for item in {line[start:end] for start, end, _ in find(line)}:
            assert translation.text.count(item) == line.count(item)


def test_a_glossary_file_has_no_signs(tmp_path: Path) -> None:
    (tmp_path / "terms.tsv").write_text(f"a{SIGNS[0]}\tb{TERM_SIGNS[0]}\n", encoding="utf-8")
    (term,) = Glossary.of(tmp_path / "terms.tsv", ("en",), "de").terms
    assert term == ("a\ufffd", ("b\ufffd",))
