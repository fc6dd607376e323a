"""Pieces of a sentence: which words they make, and how people read them. Knows no model.

Words begin where the tokenizer saw a space; control pieces are words of their own.
"""

import re
from collections.abc import Sequence

from nmt.decoding.word_links import characters
from nmt.text.lines import printable

SPACE, OPEN_BOX = "▁", "␣"  # SentencePiece's sign for a space, and the one that people know

_RESERVED = re.compile(r"(<[^>]*>)▁")  # no other piece ends in a space
_SLOT = re.compile(r"<\d+>▁")
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")


def is_control(piece: str) -> bool:
    """Whether a piece is ``<s>``, ``</s>`` or a reserved one that is no slot. Typed text never becomes one of these."""
    return piece in ("<s>", "</s>") or bool(_RESERVED.fullmatch(piece) and not _SLOT.fullmatch(piece))


def words_of(pieces: Sequence[str]) -> tuple[list[int], list[str]]:
    """(the word of each piece, counted from 0; the text of each word)."""
    numbers: list[int] = []
    texts: list[str] = []
    apart = True
    for piece, text in zip(pieces, characters([spelling(piece) for piece in pieces]), strict=True):
        if apart or is_control(piece) or piece.startswith(SPACE):
            texts.append("")
        apart = is_control(piece)
        texts[-1] += text
        numbers.append(len(texts) - 1)
    return numbers, [text.strip() or OPEN_BOX for text in texts]


def spelling(piece: str) -> bytes:
    """The bytes of a piece, of which a byte piece has one."""
    if byte := _BYTE.fullmatch(piece):
        return bytes([int(byte[1], 16)])
    return named(piece).replace(SPACE, " ").encode("utf-8", "surrogatepass")


def named(piece: str) -> str:
    """A piece as people know it: a reserved one without the sign that keeps its name apart from text."""
    reserved = _RESERVED.fullmatch(piece)
    return reserved[1] if reserved else piece


def readable(label: str) -> str:
    """A piece or word for a picture: control characters in letters, an open box for a space."""
    return printable(named(label)).replace(SPACE, OPEN_BOX)


def width_of(label: str) -> float:
    """The estimated width of a label, as a share of the size of its letters."""
    from unicodedata import combining, east_asian_width

    return sum(1.0 if east_asian_width(sign) in "WF" else 0.54 for sign in label if not combining(sign))


def cut(label: str, most: float) -> str:
    """A label of at most the width ``most``, in sizes of its letters; one that is cut ends in ``…``."""
    if width_of(label) <= most:
        return label
    while label and width_of(label) > most - 0.8:
        label = label[:-1]
    return label + "…"
