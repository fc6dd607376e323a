"""Rewrites SentencePiece models of other toolkits in the form of ours: same pieces for the same text, other ids.

Special pieces come first, then byte pieces, the pieces of the model in their order, pieces that only the model's
vocabulary has, and the reserved pieces. Knows bytes; opens no file.
"""

import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from nmt.text.reserved import reserved_pieces
from nmt.text.spm_format import (
    BYTE,
    BYTE_FALLBACK,
    BYTE_PIECES,
    CHARSMAP,
    CONTROL,
    DENORMALIZER,
    NORMALIZER,
    PLAIN,
    SPECIAL_PIECES,
    TRAINER,
    UNKNOWN,
    UNUSED,
    raw_pieces,
    read_pieces,
    unique_fields,
)

_LONGEST = 100  # bytes of a piece: with its score and type it has one byte for its length
_SPACE = "▁"
_UNIGRAM, _BPE = 1, 2
_IDS = {40: 1, 41: 2, 42: 3, 43: 0}  # of the unknown piece, start, end and padding, by their fields
_WORST = -1e30  # score of a piece that encoding never makes


class Rewritten(NamedTuple):
    """A model in our form."""

    model: bytes
    origins: Sequence[str | None]  # of each id the piece of the other model that it is; None: no piece


class ForeignPieces(NamedTuple):
    """The pieces of another model by id, with their scores and types."""

    names: Sequence[str]
    scores: Sequence[float]
    types: bytes

    def plain(self) -> Iterable[tuple[str, float, int]]:
        """The pieces that text is made of; the special ones of every toolkit are others."""
        for name, score, kind in zip(self.names, self.scores, self.types, strict=True):
            if kind in (PLAIN, UNUSED):
                yield name, score, kind


def foreign_pieces(model: bytes) -> ForeignPieces:
    """Read the pieces of a SentencePiece model. Raises ValueError, as ``read_pieces`` does."""
    try:
        raw, scores, types, _ = raw_pieces(model)
    except IndexError:
        raise ValueError("is not a SentencePiece model: it is cut off") from None
    if not raw:
        raise ValueError("is not a SentencePiece model")
    if set(types) - {PLAIN, UNKNOWN, CONTROL, UNUSED, BYTE}:
        raise ValueError("has pieces that its users defined, or of an unknown type")
    numbers = struct.unpack(f"<{len(raw)}f", scores)
    if not all(map(math.isfinite, numbers)):
        raise ValueError("has a piece whose score is not a number")
    try:
        names = [piece.decode("utf-8") for piece in raw]
    except UnicodeDecodeError:
        raise ValueError("has a piece that is not UTF-8") from None
    known_bytes = [name for name, kind in zip(names, types, strict=True) if kind == BYTE]
    if known_bytes not in ([], BYTE_PIECES):
        raise ValueError("has some of the pieces for bytes only")
    return ForeignPieces(names, numbers, types)


def rewrite(model: bytes, vocabulary: Iterable[str], languages: Sequence[str]) -> Rewritten:
    """Rewrite a model, adding those pieces of a ``vocabulary`` that it lacks, which encoding never makes.

    Raises ValueError for a model that works in another way than ours; the message continues a sentence that begins with
    the model's name.
    """
    kind, table = _settings(model)
    pieces = foreign_pieces(model)
    spells_bytes = BYTE in pieces.types
    made = [(name, 0.0, UNKNOWN if name == "<unk>" else CONTROL) for name in SPECIAL_PIECES]
    made += [(name, 0.0, BYTE if spells_bytes else CONTROL) for name in BYTE_PIECES]
    origins: list[str | None] = [None] * len(SPECIAL_PIECES)
    origins += BYTE_PIECES if spells_bytes else [None] * len(BYTE_PIECES)
    reserved = [(name, 0.0, CONTROL) for name in reserved_pieces(languages)]
    taken = {name for name, _, _ in (*made, *reserved)}
    own = {name for name, _, _ in pieces.plain()}
    more = [name for name in vocabulary if name not in own and _has_room(name)]
    never = [(name, _WORST if kind == _BPE else 0.0, UNUSED) for name in more]
    for name, score, type_ in (*pieces.plain(), *never):
        shown = _free_name(name, taken)
        made.append((shown, score, type_ if shown == name else UNUSED))
        origins.append(name)
        taken.add(shown)
    made += reserved
    origins += [None] * len(reserved)
    whole = b"".join(map(_piece, made)) + _messages(kind, spells_bytes, table)
    read_pieces(whole)
    return Rewritten(whole, origins)


def _has_room(name: str) -> bool:
    """Whether a name can be a piece. Others are whole texts that the vocabulary took for a word; no model says them."""
    try:
        return 0 < len(name.encode("utf-8")) <= _LONGEST and "\0" not in name
    except UnicodeEncodeError:
        return False


def _free_name(name: str, taken: set[str]) -> str:
    """The name with its white space as a space, which text has in its place, and with more spaces if it is taken."""
    free = "".join(_SPACE if sign.isspace() else sign for sign in name)
    while free in taken:
        free += _SPACE
    return free


def _settings(model: bytes) -> tuple[int, bytes]:
    """The kind of a model and its table of rules. Raises ValueError for settings that ours cannot have."""
    try:
        *_, place = raw_pieces(model)
        parts = unique_fields(model, place)
        trainer, normalizer, denormalizer = (
            unique_fields(message) if isinstance(message := parts.get(number, b""), bytes) else {}
            for number in (TRAINER, NORMALIZER, DENORMALIZER)
        )
    except IndexError:
        raise ValueError("is not a SentencePiece model: it is cut off") from None
    kind, table = trainer.get(3, _UNIGRAM), normalizer.get(CHARSMAP, b"")
    if kind not in (_UNIGRAM, _BPE):
        raise ValueError("is neither of the kind unigram nor bpe")
    if trainer.get(24) not in (None, 0) or normalizer.get(3) not in (None, 1) or normalizer.get(5) not in (None, 1):
        raise ValueError("marks words otherwise than by a sign before them")
    if denormalizer.get(CHARSMAP) not in (None, b""):
        raise ValueError("rewrites the text that it decodes")
    if not isinstance(table, bytes) or not isinstance(kind, int):
        raise ValueError("is not a SentencePiece model")
    return kind, table


def _piece(piece: tuple[str, float, int]) -> bytes:
    """A piece as a field of the model. Raises ValueError for one that is too long."""
    name, score, type_ = piece
    raw = name.encode()
    if len(raw) > _LONGEST:
        raise ValueError(f"has a piece of over {_LONGEST} bytes")
    kind = b"" if type_ == PLAIN else bytes([0x18, type_])
    message = bytes([0x0A, len(raw)]) + raw + b"\x15" + struct.pack("<f", score) + kind
    return bytes([0x0A, len(message)]) + message


def _messages(kind: int, spells_bytes: bool, table: bytes) -> bytes:
    """The settings of trainer and normalizer."""
    trainer = _numbers({3: kind, BYTE_FALLBACK: int(spells_bytes), **_IDS})
    normalizer = _text(1, b"rules" if table else b"identity") + (_text(CHARSMAP, table) if table else b"")
    return _text(TRAINER, trainer) + _text(NORMALIZER, normalizer)


def _numbers(fields: Mapping[int, int]) -> bytes:
    return b"".join(_varint(number << 3) + _varint(value) for number, value in fields.items())


def _text(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(number: int) -> bytes:
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*parts, number])
