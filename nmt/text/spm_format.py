"""What a SentencePiece model may hold: a strict reader of its protobuf, which the library's own reader is not.

The library takes much that a stranger could make use of: user-defined symbols, so that a typed "<s>" is no longer text;
rules that rewrite the text first, as a table that it walks unchecked; pieces that are no UTF-8, hold a line break, or
have a score that is no number. All of that is refused here, before the library sees the file. What is left is what
``nmt prepare`` makes: special pieces, bytes, then plain pieces, and settings that change nothing of a text.

The format is SentencePiece's ``sentencepiece_model.proto``; the wire format is protobuf's.
"""

import math
import struct
from collections.abc import Iterator, Mapping

SPECIAL_PIECES = ["<pad>", "<unk>", "<s>", "</s>"]
BYTE_PIECES = [f"<0x{byte:02X}>" for byte in range(256)]
FIRST_PLAIN = len(SPECIAL_PIECES) + len(BYTE_PIECES)
MOST_PIECES = 10**6  # as many as ``nmt prepare`` makes at most

# Types of pieces: unknown is 2, control 3, byte 6; 4 is user-defined and 5 unused, which no model of ours has.
_PLAIN = 1
_FIRST_TYPES = bytes([3, 2, 3, 3]) + bytes([6]) * 256

# Fields of messages: their numbers, and the values that they must have, of which None stands for an absent field.
# What is not listed of the trainer's settings does nothing once training is over.
_PIECE, _TRAINER, _NORMALIZER, _DENORMALIZER = 1, 2, 3, 5
_TRAINER_MUST: Mapping[int, tuple[object, ...]] = {
    3: (1, 2),  # model_type: unigram or BPE
    24: (None, 0),  # treat_whitespace_as_suffix
    30: (None,),  # control_symbols
    31: (None,),  # user_defined_symbols
    35: (1,),  # byte_fallback
    40: (1,),  # unk_id, bos_id, eos_id, pad_id
    41: (2,),
    42: (3,),
    43: (0,),
    45: (None, b"<unk>"),  # unk_piece, bos_piece, eos_piece, pad_piece
    46: (None, b"<s>"),
    47: (None, b"</s>"),
    48: (None, b"<pad>"),
    53: (None, b""),  # pretokenization_delimiter
}
_NORMALIZER_MUST: Mapping[int, tuple[object, ...]] = {
    2: (None, b""),  # precompiled_charsmap
    3: (None, 1),  # add_dummy_prefix, remove_extra_whitespaces, escape_whitespaces
    4: (None, 1),
    5: (None, 1),
    6: (None, b""),  # normalization_rule_tsv
}
_NORMALIZER_KNOWN = {1, *_NORMALIZER_MUST}  # 1 is its name
_LONGEST_NUMBER = 10  # bytes of a varint


def read_pieces(model: bytes) -> list[str]:
    """The pieces of a serialised model by id, once the model is known to hold nothing else than it may.

    Raises ValueError with the reason, which continues a sentence that begins with the model's name.
    """
    try:
        raw, scores, types, place = _read_pieces(model)
        settings = _unique(model, place)
    except IndexError:
        raise ValueError("is not a SentencePiece model: it is cut off") from None
    if not raw:
        raise ValueError("is not a SentencePiece model")
    pieces = _check_pieces(raw, types)
    if not all(map(math.isfinite, struct.unpack(f"<{len(scores) // 4}f", scores))):
        raise ValueError("has a piece whose score is not a number")
    _check_settings(settings)
    return pieces


def rename_in_pieces(model: bytes, old: bytes, new: bytes) -> bytes:
    """The model, which is one of ours, with ``new`` for ``old`` in all pieces; both have as many bytes."""
    renamed, place = bytearray(model), 0
    while model[place] == 0x0A:
        start = place + 4
        stop = start + model[place + 3]
        renamed[start:stop] = model[start:stop].replace(old, new)
        place += 2 + model[place + 1]
    return bytes(renamed)


def _read_pieces(model: bytes) -> tuple[list[bytes], bytes, bytes, int]:
    """The pieces, their scores (four bytes each), their types (one each), and where in the model they end.

    They are nearly all of the file, so they are read here in one go and in the one form in which they are written:
    each field once and in order, every length below 128. Raises IndexError when the model ends too early.
    """
    raw: list[bytes] = []
    scores, types, place = bytearray(), bytearray(), 0
    while place < len(model) and model[place] == 0x0A:  # field 1, a message
        start = place + 2
        after_piece = start + 2 + model[start + 1]
        place = start + model[place + 1]
        rest = place - after_piece  # a score, and a type unless it is the usual one
        long = place - start > 0x7F or place > len(model)
        if long or rest not in (5, 7) or model[start] != 0x0A or model[after_piece] != 0x15:
            raise ValueError(f"is not a SentencePiece model: piece {len(raw)} is malformed")
        raw.append(model[start + 2 : after_piece])
        scores += model[after_piece + 1 : after_piece + 5]
        if rest == 7:
            if model[place - 2] != 0x18:
                raise ValueError(f"is not a SentencePiece model: piece {len(raw) - 1} is malformed")
            types.append(model[place - 1])
        else:
            types.append(_PLAIN)
    return raw, bytes(scores), bytes(types), place


def _check_pieces(raw: list[bytes], types: bytes) -> list[str]:
    """The pieces as text. Raises ValueError for a piece that is not where or what it should be."""
    if len(raw) > MOST_PIECES:
        raise ValueError(f"has {len(raw)} pieces, over {MOST_PIECES}")
    try:
        text = b"\n".join(raw).decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("has a piece that is not UTF-8") from None
    pieces = text.split("\n")
    if pieces[: len(SPECIAL_PIECES)] != SPECIAL_PIECES:
        raise ValueError(f"does not begin with the pieces {' '.join(SPECIAL_PIECES)}")
    if pieces[len(SPECIAL_PIECES) : FIRST_PLAIN] != BYTE_PIECES:
        raise ValueError("has no pieces for bytes, so it would lose characters")
    if types[:FIRST_PLAIN] != _FIRST_TYPES or types.count(_PLAIN) != len(types) - FIRST_PLAIN:
        raise ValueError("has a piece of a type that it should not have")
    # Split at any white space they are the same again: none is empty, none has white space or a line break in it.
    if len(pieces) != len(raw) or text.split() != pieces or "\0" in text:
        raise ValueError("has a piece that is empty or has white space in it")
    if len(set(pieces)) != len(pieces):
        raise ValueError("has a piece twice")
    return pieces


def _check_settings(settings: Mapping[int, object]) -> None:
    """Raise ValueError unless the messages after the pieces are settings that leave text as it is."""
    if not settings.keys() >= {_TRAINER, _NORMALIZER} or not settings.keys() <= {_TRAINER, _NORMALIZER, _DENORMALIZER}:
        raise ValueError("is not a SentencePiece model of ours: it has other parts")
    for number, message in settings.items():
        if not isinstance(message, bytes):
            raise ValueError("is not a SentencePiece model: its settings are not messages")
        fields = _unique(message)
        must = _TRAINER_MUST if number == _TRAINER else _NORMALIZER_MUST
        wrong = [field for field, allowed in must.items() if fields.get(field) not in allowed]
        if number != _TRAINER:
            wrong += fields.keys() - _NORMALIZER_KNOWN
        if wrong:
            part = "trainer" if number == _TRAINER else "normalizer"
            raise ValueError(f"is not a SentencePiece model of ours: setting {wrong[0]} of its {part}")


def _unique(message: bytes, place: int = 0) -> dict[int, object]:
    """The fields of a message by number. Raises ValueError for one that stands twice, IndexError for a cut message."""
    fields: dict[int, object] = {}
    for number, value in _fields(message, place):
        if number in fields:
            raise ValueError("is not a SentencePiece model of ours: a setting stands twice")
        fields[number] = value
    return fields


def _fields(message: bytes, place: int) -> Iterator[tuple[int, object]]:
    """(number, value) of each field from ``place`` on: an int, or the bytes of anything longer."""
    while place < len(message):
        key, place = _number(message, place)
        if key >= 1 << 32:  # the library would drop the bits beyond, and read another field than we do
            raise ValueError("is not a SentencePiece model: it has a field of no known number")
        kind = key & 7
        if kind == 0:
            value, place = _number(message, place)
            yield key >> 3, value
            continue
        if kind == 2:
            length, place = _number(message, place)
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise ValueError("is not a SentencePiece model: it has a field of no known kind")
        if length > len(message) - place:
            raise IndexError
        yield key >> 3, message[place : place + length]
        place += length


def _number(message: bytes, place: int) -> tuple[int, int]:
    """A varint, seven bits a byte and the lowest first, and the place after it."""
    value = 0
    for step in range(_LONGEST_NUMBER):
        byte = message[place + step]
        value |= (byte & 0x7F) << 7 * step
        if byte < 0x80:
            if value >= 1 << 64:
                break
            return value, place + step + 1
    raise ValueError("is not a SentencePiece model: a number is too long")
