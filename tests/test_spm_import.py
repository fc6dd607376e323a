"""SentencePiece models of other toolkits in our form cut text as before, and their rules cannot lead out of a table."""

import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import foreign
import pytest
import sentencepiece
from conftest import CORPUS
from torture.protobuf import fields, serialised
from torture.strangers import tried

from nmt.text.charsmap import check_charsmap
from nmt.text.normal import normal
from nmt.text.reserved import SIGNS
from nmt.text.spm_import import rewrite
from nmt.text.tokenizer import UNK, Tokenizer

MODELS = {
    "unigram": foreign.spm(foreign.text("ko")),
    "bpe": foreign.spm(foreign.text("ko"), 600, "bpe", character_coverage=0.99),
    "identity": foreign.spm(foreign.text("en"), normalization_rule_name="identity"),
    "bytes": foreign.spm(foreign.text("ko"), byte_fallback=True),
}
LINES = [
    *(CORPUS / "test.ko").read_text(encoding="utf-8").splitlines()[:200],
    *(CORPUS / "test.en").read_text(encoding="utf-8").splitlines()[:100],
    "½ ﬁ ① ｗｉｄｅ 한국어 ㎏",
    "龘龘 a 龘 龘b☃",
    "<s> </s> <unk> <0x41> <pad>",
    "",
]


@pytest.mark.parametrize("kind", MODELS)
def test_text_is_cut_into_the_pieces_into_which_it_was_cut_before(kind: str) -> None:
    model = MODELS[kind]
    before = sentencepiece.SentencePieceProcessor(model_proto=model)
    made = rewrite(model, ["a piece of the vocabulary", "▁나", "</s>"], ["ko", "en"])
    tokenizer = Tokenizer(made.model, kind)
    by_origin = [UNK if name is None else before.piece_to_id(name) for name in made.origins]
    for line, ids in zip(LINES, tokenizer.encode(LINES), strict=True):
        expected = before.encode(normal(line), out_type=int)
        assert [before.unk_id() if id == UNK else by_origin[id] for id in ids] == expected
    assert tokenizer.encode(["a piece of the vocabulary"])[0] != [made.origins.index("a piece of the vocabulary")]
    assert tokenizer.decode([[made.origins.index("a piece of the vocabulary")]]) == ["a piece of the vocabulary"]


def test_a_model_without_bytes_has_slots_and_unknown_text_all_the_same() -> None:
    made = Tokenizer(rewrite(MODELS["unigram"], [], ["ko", "en"]).model, "model")
    (ids,) = made.encode_slotted([f"나는 {SIGNS[2]} 龘{SIGNS[0]}☃ 간다."], [True])
    slots = [id - made.first_reserved for id in ids if id >= made.first_reserved]
    assert slots == [2, 0]
    assert ids.count(UNK) == 2
    assert made.decode_slotted([ids]) == [f"나는 {SIGNS[2]} {SIGNS[0]} 간다."]
    assert made.has_bytes(ids)
    assert made.is_strange("☃")
    assert not made.is_strange("나")
    assert b"".join(made.spell(made.encode(["나 龘龘"])[0])).decode() == " 나 \ufffd"


def test_pieces_that_our_form_cannot_have_get_another_name_and_stay_pieces() -> None:
    vocabulary = ["a\u2028b", "a b", "<0>▁", "<s>", "x" * 200, "\ud800", "\0"]
    made = rewrite(MODELS["unigram"], vocabulary, ["ko"])
    assert [name for name in vocabulary if name in made.origins] == ["a\u2028b", "a b", "<0>▁", "<s>"]
    tokenizer = Tokenizer(made.model, "model")
    ids = [made.origins.index(name) for name in vocabulary[:4]]
    assert tokenizer.decode([[id] for id in ids]) == ["a b", "a b ", "<0>  ", "<s> "]


def changed(model: bytes, part: int, number: int, value: int | bytes) -> bytes:
    top = fields(model)
    inner = {place: fields(bytes(field[2])) for place, field in enumerate(top) if field[0] == part}
    for place, message in inner.items():
        kept = [field for field in message if field[0] != number]
        top[place] = (part, 2, serialised([*kept, (number, 0 if isinstance(value, int) else 2, value)]))
    return serialised(top)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda model: changed(model, 2, 3, 4), "neither of the kind unigram nor bpe"),
        (lambda model: changed(model, 2, 24, 1), "marks words otherwise"),
        (lambda model: changed(model, 3, 3, 0), "marks words otherwise"),
        (lambda model: changed(model, 3, 5, 0), "marks words otherwise"),
        (lambda model: changed(model, 3, 2, b"\x04\0\0\0abcd"), "rules of normalisation"),
        (lambda model: model + serialised([(5, 2, serialised([(2, 2, b"x")]))]), "rewrites the text that it decodes"),
        (lambda model: foreign.spm(foreign.text("ko"), user_defined_symbols=["<x>"]), "that its users defined"),
        (lambda model: model[:300], "cut off"),
        (lambda model: b"", "is not a SentencePiece model"),
    ],
)
def test_a_model_that_works_otherwise_is_refused(change: Callable[[bytes], bytes], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        rewrite(change(MODELS["unigram"]), [], ["ko", "en"])


def rules(name: str) -> bytes:
    """The table of rules of that name."""
    model = foreign.spm(foreign.text("en", 100), 100, normalization_rule_name=name)
    (normalizer,) = (fields(bytes(value)) for number, _, value in fields(model) if number == 3)
    return next(bytes(value) for number, _, value in normalizer if number == 2 and not isinstance(value, int))


@pytest.mark.parametrize("name", ["nmt_nfkc", "nfkc", "nmt_nfkc_cf", "nfkc_cf"])
def test_sentencepiece_s_own_rules_are_sound(name: str) -> None:
    check_charsmap(rules(name))


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
def test_rules_that_are_accepted_lead_no_text_out_of_their_table(tmp_path: Path) -> None:
    table, accepted, refused = rules("nmt_nfkc"), 0, 0
    size = 4 + int.from_bytes(table[:4], "little")
    text = "".join(map(chr, (*range(1, 0xD800), *range(0xE000, 0x11000))))
    for trial in range(300):
        dice = Random(trial)
        mutated = bytearray(table)
        if trial % 3 == 0:  # few of the table's numbers, for a leaf or a beginning
            mutated[4 * dice.randrange(1, 300) + dice.randrange(4)] ^= 1 << dice.randrange(8)
        elif trial % 3 == 1:
            mutated[dice.randrange(4, size)] ^= 1 << dice.randrange(8)
        else:
            mutated[dice.randrange(size, len(table))] = dice.choice((0, 0xFF, 0x41))
        try:
            check_charsmap(bytes(mutated))
        except ValueError:
            refused += 1
            continue
        accepted += 1
        if accepted > 12:
            continue
        model = changed(MODELS["unigram"], 3, 2, bytes(mutated))

        def work(model: bytes = model) -> list[list[Any]]:
            with suppress(RuntimeError):  # the library refuses some tables by itself
                sentencepiece.SentencePieceProcessor(model_proto=model).encode([text[:20000], text[20000:]])
            return []

        assert not tried(work).status
    assert refused > 30
    assert accepted > 30


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (b"", "another format"),
        (bytes(4), "another format"),
        ((1024).to_bytes(4, "little") + bytes(1000), "another format"),
        ((1024).to_bytes(4, "little") + b"\xff\xff\xff\x7f" + bytes(1020) + b"\0", "lead out of their table"),
        ((1024).to_bytes(4, "little") + b"\0\1\0\0" * 256 + b"x\0", "lead out of their texts"),
        ((1024).to_bytes(4, "little") + bytes(1024) + b"x\0", "replace too long a text"),  # it leads to itself
        ((1024).to_bytes(4, "little") + b"\0\0\0\x80" * 256 + b"x", "too long a text"),
        ((1024).to_bytes(4, "little") + b"\0\0\0\x80" * 256 + b"\xff\0", "not UTF-8"),
    ],
)
def test_rules_that_lead_astray_are_refused(table: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check_charsmap(table)
