"""Strict reader of serialised SentencePiece models: refuses all that ``nmt prepare`` or ``nmt import`` do not write.

SentencePiece's own reader accepts much that a stranger could abuse: user-defined symbols, so that a typed "<s>" is no
longer text; tables of rules that rewrite the text and are not bounds-checked; pieces that are not UTF-8, hold a line
break or have a score that is not a number. All of that is refused here, before the library sees the file. A valid model
has special pieces, byte pieces, plain pieces, then reserved pieces. Knows bytes; opens no file.

A model of ``nmt prepare`` spells what has no piece in bytes, and leaves text as it is. An imported one may know no
bytes: its byte pieces are control pieces, and what has no piece is unknown. It may have rules that rewrite text, which
``nmt.text.charsmap`` checks, and unused pieces, which encoding never makes and the model may.

The format is SentencePiece's ``sentencepiece_model.proto`` in protobuf's wire format.
"""

import math
import struct
from collections.abc import Iterable, Iterator, Mapping

from nmt.text.charsmap import check_charsmap
from nmt.text.reserved import RESERVED, are_reserved, reserved_pieces

SPECIAL_PIECES = ["<pad>", "<unk>", "<s>", "</s>"]
BYTE_PIECES = [f"<0x{byte:02X}>" for byte in range(256)]
FIRST_PLAIN = len(SPECIAL_PIECES) + len(BYTE_PIECES)
MOST_PIECES = 10**6 + RESERVED  # the most that ``nmt prepare`` makes

# Types of pieces. A valid model has no user-defined (4) piece.
PLAIN, UNKNOWN, CONTROL, UNUSED, BYTE = 1, 2, 3, 5, 6
_FIRST_TYPES = tuple(bytes([CONTROL, UNKNOWN, CONTROL, CONTROL]) + bytes([kind]) * 256 for kind in (BYTE, CONTROL))
_LAST_TYPES = bytes([CONTROL]) * RESERVED

# Field numbers of the messages, and the values that each field may have; None stands for an absent field. Settings of
# the trainer that are not listed have no effect once it has trained.
TRAINER, NORMALIZER, DENORMALIZER = 2, 3, 5
BYTE_FALLBACK = 35  # of the trainer
CHARSMAP = 2  # of the normalizer
_TRAINER_MUST: Mapping[int, tuple[object, ...]] = {
    3: (1, 2),  # model_type: unigram or BPE
    24: (None, 0),  # treat_whitespace_as_suffix
    30: (None,),  # control_symbols
    31: (None,),  # user_defined_symbols
    BYTE_FALLBACK: (None, 0, 1),
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
    3: (None, 1),  # add_dummy_prefix, remove_extra_whitespaces, escape_whitespaces
    4: (None, 1),
    5: (None, 1),
    6: (None, b""),  # normalization_rule_tsv
}
_NORMALIZER_KNOWN = {1, CHARSMAP, *_NORMALIZER_MUST}  # 1 is its name
_LONGEST_NUMBER = 10  # bytes of a varint


def read_pieces(model: bytes) -> list[str]:
    """Check a serialised model and return its pieces by id.

    Raises ValueError for an invalid model; the message continues a sentence that begins with the model's name.
    """
    try:
        raw, scores, types, place = raw_pieces(model)
        settings = unique_fields(model, place)
        if not raw:
            raise ValueError("is not a SentencePiece model")
        pieces = _check_pieces(raw, types)
        if not all(map(math.isfinite, struct.unpack(f"<{len(scores) // 4}f", scores))):
            raise ValueError("has a piece whose score is not a number")
        _check_settings(settings, spells_bytes=types[FIRST_PLAIN - 1] == BYTE)
    except IndexError:  # the end of the model, or of a message in it
        raise ValueError("is not a SentencePiece model: it is cut off") from None
    return pieces


def add_reserved(model: bytes, languages: Iterable[str]) -> bytes:
    """Add the reserved pieces, with directions for ``languages``, after the pieces of a model that has none.

    Raises ValueError, as ``read_pieces`` does, when that gives no valid model.
    """
    try:
        _, _, _, place = raw_pieces(model)
    except IndexError:
        raise ValueError("is not a SentencePiece model: it is cut off") from None
    added = bytearray()
    for name in map(str.encode, reserved_pieces(languages)):
        piece = bytes([0x0A, len(name)]) + name + bytes([0x15, 0, 0, 0, 0, 0x18, CONTROL])  # the score is 0
        added += bytes([0x0A, len(piece)]) + piece
    whole = model[:place] + added + model[place:]
    read_pieces(whole)
    return whole


def with_bytes(model: bytes) -> bytes | None:
    """A valid model that spells what has no piece in bytes; None if the model itself does.

    Its byte pieces are control pieces, and become what their names say.
    """
    changed, place = bytearray(model), 0
    for number in range(FIRST_PLAIN):
        place += 2 + model[place + 1]
        if number >= len(SPECIAL_PIECES):
            if model[place - 1] == BYTE:
                return None
            changed[place - 1] = BYTE
    # A message that occurs twice is merged: byte_fallback of the trainer is 1.
    return bytes([*changed, TRAINER << 3 | 2, 3, 0x98, 0x02, 1])


def rename_in_pieces(model: bytes, old: bytes, new: bytes) -> bytes:
    """Replace ``old`` by ``new``, which has as many bytes, in all pieces of a valid model."""
    renamed, place = bytearray(model), 0
    while model[place] == 0x0A:
        start = place + 4
        stop = start + model[place + 3]
        renamed[start:stop] = model[start:stop].replace(old, new)
        place += 2 + model[place + 1]
    return bytes(renamed)


def raw_pieces(model: bytes) -> tuple[list[bytes], bytes, bytes, int]:
    """Read the pieces: their bytes, their scores (4 bytes each), their types (1 byte each), and where they end.

    Pieces are nearly the whole file. For speed, only the one form is read in which they are written: each field once
    and in order, every length below 128. Raises IndexError when the model ends too early.
    """
    raw: list[bytes] = []
    scores, types, place = bytearray(), bytearray(), 0
    while place < len(model) and model[place] == 0x0A:  # field 1, a message
        start = place + 2
        after_piece = start + 2 + model[start + 1]
        place = start + model[place + 1]
        rest = place - after_piece  # bytes of the score, and of the type unless it is plain
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
            types.append(PLAIN)
    return raw, bytes(scores), bytes(types), place


def _check_pieces(raw: list[bytes], types: bytes) -> list[str]:
    """Decode and check the pieces. Raises ValueError for a piece of the wrong text, type or place."""
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
    if not are_reserved(pieces[-RESERVED:]):
        raise ValueError(f"does not end with the {RESERVED} reserved pieces")
    first, middle, last = types[:FIRST_PLAIN], types[FIRST_PLAIN:-RESERVED], types[-RESERVED:]
    if first not in _FIRST_TYPES or last != _LAST_TYPES or middle.strip(bytes([PLAIN, UNUSED])):
        raise ValueError("has a piece of the wrong type")
    # If splitting at white space gives the same pieces, none is empty, and none has white space or a line break in it.
    if len(pieces) != len(raw) or text.split() != pieces or "\0" in text:
        raise ValueError("has a piece that is empty or has white space in it")
    if len(set(pieces)) != len(pieces):
        raise ValueError("has a piece twice")
    return pieces


def _check_settings(settings: Mapping[int, object], spells_bytes: bool) -> None:
    """Raise ValueError unless the messages after the pieces leave text as it is, or rewrite it by a sound table.

    ``spells_bytes``: what has no piece is spelled in bytes, as the types of the pieces have it.
    """
    if not settings.keys() >= {TRAINER, NORMALIZER} or not settings.keys() <= {TRAINER, NORMALIZER, DENORMALIZER}:
        raise ValueError("is not a SentencePiece model of nmt: it has other parts")
    for number, message in settings.items():
        if not isinstance(message, bytes):
            raise ValueError("is not a SentencePiece model: its settings are not messages")
        fields = unique_fields(message)
        must = _TRAINER_MUST if number == TRAINER else _NORMALIZER_MUST
        wrong = [field for field, allowed in must.items() if fields.get(field) not in allowed]
        table: object = b""
        if number == TRAINER:
            wrong += [BYTE_FALLBACK] * (bool(fields.get(BYTE_FALLBACK)) is not spells_bytes)
        else:
            wrong += fields.keys() - _NORMALIZER_KNOWN
            table = fields.get(CHARSMAP, b"")
        if wrong or not isinstance(table, bytes) or (table and number == DENORMALIZER):
            part = "trainer" if number == TRAINER else "normalizer"
            raise ValueError(f"is not a SentencePiece model of nmt: setting {(*wrong, CHARSMAP)[0]} of its {part}")
        if table:
            check_charsmap(table)


def unique_fields(message: bytes, place: int = 0) -> dict[int, object]:
    """The fields of a message by number. Raises ValueError for a repeated field, IndexError for a truncated message."""
    fields: dict[int, object] = {}
    for number, value in _fields(message, place):
        if number in fields:
            raise ValueError("is not a SentencePiece model of nmt: a setting occurs twice")
        fields[number] = value
    return fields


def _fields(message: bytes, place: int) -> Iterator[tuple[int, object]]:
    """Yield the number and the value of each field from ``place`` on; a value is an int or bytes."""
    while place < len(message):
        key, place = _number(message, place)
        if key >= 1 << 32:  # the library drops the higher bits, and would read another field than this reader
            raise ValueError("is not a SentencePiece model: it has a field with an unknown number")
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
            raise ValueError("is not a SentencePiece model: it has a field of an unknown kind")
        if length > len(message) - place:
            raise IndexError
        yield key >> 3, message[place : place + length]
        place += length


def _number(message: bytes, place: int) -> tuple[int, int]:
    """Read a varint (seven bits in each byte, the lowest first); return its value and the place after it."""
    value = 0
    for step in range(_LONGEST_NUMBER):
        byte = message[place + step]
        value |= (byte & 0x7F) << 7 * step
        if byte < 0x80:
            if value >= 1 << 64:
                break
            return value, place + step + 1
    raise ValueError("is not a SentencePiece model: a number is too long")
