"""The strict reader of SentencePiece models accepts those of nmt prepare, and refuses some that the library accepts."""

import struct
from collections.abc import Callable
from random import Random

import pytest
from torture.protobuf import Field, fields, serialised
from torture.strangers import LINE, TEXT
from torture.vocabulary import change_pieces

from nmt.text.reserved import reserved_pieces
from nmt.text.spm_format import add_reserved, read_pieces
from nmt.text.tokenizer import Tokenizer, train_tokenizer

MODELS = [train_tokenizer(TEXT, kind, 300, exact=False) for kind in ("unigram", "bpe")]

Change = Callable[[list[list[Field]], dict[int, list[Field]]], None]


def changed_model(model: bytes, change: Change) -> bytes:
    """The model with ``change`` applied to its pieces and to its other messages by field number."""
    top = fields(model)
    pieces = [fields(bytes(value)) for number, _, value in top if number == 1]
    others = {number: fields(bytes(value)) for number, _, value in top if number != 1}
    change(pieces, others)
    settings: list[Field] = [(number, 2, serialised(message)) for number, message in others.items()]
    return serialised([*((1, 2, serialised(piece)) for piece in pieces), *settings])


def piece(place: int, number: int, kind: int, value: int | bytes) -> Change:
    def change(pieces: list[list[Field]], others: dict[int, list[Field]]) -> None:
        kept = [field for field in pieces[place] if field[0] != number]
        pieces[place] = sorted([*kept, (number, kind, value)])

    return change


def setting(part: int, number: int, value: int | bytes) -> Change:
    def change(pieces: list[list[Field]], others: dict[int, list[Field]]) -> None:
        message = [field for field in others.get(part, []) if field[0] != number]
        others[part] = [*message, (number, 0 if isinstance(value, int) else 2, value)]

    return change


def number(value: float) -> bytes:
    return struct.pack("<f", value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (setting(2, 3 + 2**29, 3), "an unknown number"),  # which SentencePiece takes for field 3, the model's type
        (piece(270, 3, 0, 4), "the wrong type"),  # user-defined: a typed one would be no text
        (piece(270, 3, 0, 3), "the wrong type"),
        (piece(10, 3, 0, 1), "the wrong type"),
        (piece(2, 3, 0, 1), "the wrong type"),
        (piece(270, 2, 5, number(float("nan"))), "score is not a number"),
        (piece(270, 2, 5, number(float("inf"))), "score is not a number"),
        (piece(270, 1, 2, b""), "is empty or has white space"),
        (piece(270, 1, 2, b"a\nb"), "is empty or has white space"),
        (piece(270, 1, 2, "a\u2028".encode()), "is empty or has white space"),
        (piece(270, 1, 2, b" a"), "is empty or has white space"),
        (piece(270, 1, 2, b"a\0b"), "is empty or has white space"),
        (piece(270, 1, 2, b"\xff"), "not UTF-8"),
        (piece(270, 1, 2, b"\xed\xa0\x80"), "not UTF-8"),
        (piece(270, 1, 2, b"<s>"), "has a piece twice"),
        (piece(270, 1, 2, b"x" * 121), "piece 270 is malformed"),
        (piece(270, 9, 0, 1), "piece 270 is malformed"),
        (piece(14, 1, 2, b"x"), "no pieces for bytes"),
        (piece(3, 1, 2, b"<end>"), "does not begin with"),
        (lambda pieces, others: pieces.pop(100), "no pieces for bytes"),
        (lambda pieces, others: pieces.insert(270, pieces[270]), "has a piece twice"),
        (lambda pieces, others: pieces.append(pieces[-1]), "the 64 reserved pieces"),
        (lambda pieces, others: pieces.insert(-64, pieces[-1]), "the wrong type"),  # one more control piece
        (lambda pieces, others: pieces.pop(), "the 64 reserved pieces"),
        (lambda pieces, others: pieces.insert(-64, pieces.pop()), "the 64 reserved pieces"),
        (lambda pieces, others: pieces.insert(4, pieces.pop(-64)), "no pieces for bytes"),
        (lambda pieces, others: pieces.insert(260, pieces.pop(-64)), "the 64 reserved pieces"),
        (lambda pieces, others: pieces.__delitem__(slice(-64, None)), "the 64 reserved pieces"),  # of an older nmt
        *((piece(place, 3, 0, kind), "the wrong type") for place in (-64, -1) for kind in (1, 2, 4, 5, 6)),
        *((piece(place, 1, 2, "<x>▁".encode()), "the 64 reserved pieces") for place in (-64, -48, -32, -1)),
        (piece(-64, 1, 2, b"<0>"), "the 64 reserved pieces"),  # which text may have learnt
        (piece(-31, 1, 2, "<2aa>▁".encode()), "the 64 reserved pieces"),  # before it is a spare direction
        (piece(-32, 1, 2, "<2>▁".encode()), "the 64 reserved pieces"),
        (piece(-32, 1, 2, "<2d e>▁".encode()), "the 64 reserved pieces"),
        (piece(-32, 1, 2, f"<2{'x' * 33}>▁".encode()), "the 64 reserved pieces"),
        (lambda pieces, others: pieces.reverse(), "does not begin with"),
        (lambda pieces, others: pieces.clear(), "not a SentencePiece model"),
        (setting(2, 3, 4), "setting 3 of its trainer"),  # characters
        (setting(2, 24, 1), "setting 24 of its trainer"),
        (setting(2, 31, b"<s>"), "setting 31 of its trainer"),
        (setting(2, 35, 0), "setting 35 of its trainer"),
        (setting(2, 35, 2), "setting 35 of its trainer"),
        (setting(2, 40, 0), "setting 40 of its trainer"),
        (setting(2, 43, 1 << 40), "setting 43 of its trainer"),
        (setting(2, 46, b"the"), "setting 46 of its trainer"),
        (setting(3, 2, b"\x04\0\0\0\0\0\0\0"), "rules of normalisation"),
        (setting(3, 2, 7), "setting 2 of its normalizer"),
        (setting(3, 3, 0), "setting 3 of its normalizer"),
        (setting(3, 9, 0), "setting 9 of its normalizer"),
        (setting(5, 2, b"\x04\0\0\0\0\0\0\0"), "setting 2 of its normalizer"),
        (setting(4, 1, b""), "has other parts"),
        (setting(200, 1, b""), "has other parts"),
        (lambda pieces, others: others.pop(2), "has other parts"),
        (lambda pieces, others: others.pop(3), "has other parts"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_vocabulary_that_is_none_of_ours_is_refused(change: Change, words: str) -> None:
    for model in MODELS:
        with pytest.raises(ValueError, match=words) as caught:
            read_pieces(changed_model(model, change))
        assert str(caught.value).isprintable()


def test_the_reserved_pieces_are_added_to_a_model_that_has_none_and_to_no_other() -> None:
    for model in MODELS:
        older = changed_model(model, lambda pieces, others: pieces.__delitem__(slice(-64, None)))
        assert add_reserved(older, []) == changed_model(model, lambda pieces, others: None)
        assert read_pieces(add_reserved(older, ["ko", "en", "ko"]))[-33:-29] == [
            "<kind-15>▁",
            "<2en>▁",
            "<2ko>▁",
            "<direction-2>▁",
        ]
        with pytest.raises(ValueError, match="the wrong type"):
            add_reserved(model, ["de"])
        for length in range(0, len(older), 97):
            with pytest.raises(ValueError, match=r"SentencePiece model|bytes|begin|other parts"):
                add_reserved(older[:length], [])


def test_a_vocabulary_cut_anywhere_is_refused() -> None:
    for length in range(len(MODELS[0])):
        with pytest.raises(ValueError, match=r"."):
            read_pieces(MODELS[0][:length])


def test_a_message_of_settings_cut_anywhere_is_refused() -> None:
    """The file is as long as it says; a message in it ends in the middle of a field."""
    for model in MODELS:
        for place, (number, kind, message) in enumerate(top := fields(model)):
            if number == 1:
                continue
            ends = {end for end in range(1, len(bytes(message))) if not is_whole(bytes(message)[:end])}
            assert ends
            for end in ends:
                with pytest.raises(ValueError, match="is not a SentencePiece model"):
                    read_pieces(serialised([*top[:place], (number, kind, bytes(message)[:end]), *top[place + 1 :]]))


def is_whole(message: bytes) -> bool:
    """Whether the bytes are whole fields."""
    try:
        return serialised(fields(message)) == message
    except (IndexError, KeyError):
        return False


def test_what_the_reader_lets_through_sentencepiece_reads_alike() -> None:
    """Of thousands of mutations few are accepted; both readers agree on those, and a typed <s> is text."""
    passed = 0
    for trial in range(1500):
        model = change_pieces(MODELS[trial % 2], Random(trial))
        try:
            pieces = read_pieces(model)
        except ValueError:
            continue
        passed += 1
        made = Tokenizer(model, "model")
        assert made.pieces(range(made.size)) == pieces
        assert made.control_ids() == [0, 1, 2, 3, *range(made.size - 48, made.size)]
        assert made.decode(made.encode([LINE])) == [LINE]
    assert passed > 10


def test_a_large_vocabulary_has_every_piece_in_its_place() -> None:
    pieces = ["<pad>", "<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    pieces += [f"▁{number}" for number in range(32_000)]
    pieces += reserved_pieces(["en", "de"])
    kinds = [3, 2, 3, 3, *[6] * 256, *[1] * 32_000, *[3] * 64]
    messages: list[list[Field]] = [
        [(1, 2, text.encode()), (2, 5, number(-1.0)), *([] if kind == 1 else [(3, 0, kind)])]
        for text, kind in zip(pieces, kinds, strict=True)
    ]
    trainer: list[Field] = [(3, 0, 1), (35, 0, 1), (40, 0, 1), (41, 0, 2), (42, 0, 3), (43, 0, 0)]
    model = serialised([*((1, 2, serialised(one)) for one in messages), (2, 2, serialised(trainer)), (3, 2, b"")])
    assert read_pieces(model) == pieces
    assert Tokenizer(model, "large").size == len(pieces)
