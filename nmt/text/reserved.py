"""The reserved pieces: 64 control pieces at the end of every vocabulary, which no typed text can produce.

They are inserted by id. Slots stand for what is copied into a translation, kinds are spare but for the signs around
terms, and directions say which language is asked for. They are the last pieces, so all others have the ids that they
have without them.

Each name ends in SentencePiece's sign for a space, which learnt pieces have at their beginning or not at all. So a text
that is full of typed ``<0>`` may learn a piece for that, and it is another piece than the slot ``<0>▁``. Knows names
and their order; no model.
"""

from collections.abc import Iterable, Sequence

from nmt.config import is_name

SLOTS, KINDS, DIRECTIONS = 16, 16, 32
RESERVED = SLOTS + KINDS + DIRECTIONS
"""Number of reserved pieces, the last ones of every vocabulary."""

SIGNS = "".join(chr(0xFDD0 + slot) for slot in range(SLOTS))
"""The sign of each slot in texts: noncharacters, which stand for nothing and occur in no text."""

TERM_SIGNS = "\ufde0\ufde1"
"""The signs around the translation of a term that is written into a source (``nmt.text.annotations``)."""

FIRST_TERM_SIGN = SLOTS + 1
"""Place among the reserved pieces of those for ``TERM_SIGNS``: the kinds 1 and 2, whose names say nothing of it."""

_KINDS = ("synthetic",)  # no longer used; the name stays, so that vocabularies are what they were
_DIRECTION, _END = "<2", ">▁"


def reserved_pieces(languages: Iterable[str] = ()) -> list[str]:
    """Names of the reserved pieces in the order of their ids, with a direction for each of at most 32 languages.

    Slots come first, then kinds, then directions by language; kinds and directions without a meaning have a number.
    """
    kinds = [*_KINDS, *(f"kind-{number}" for number in range(len(_KINDS), KINDS))]
    directions = list(map(direction_piece, sorted(set(languages))))
    spare = [f"<direction-{number}{_END}" for number in range(len(directions), DIRECTIONS)]
    return [*(f"<{name}{_END}" for name in (*range(SLOTS), *kinds)), *directions, *spare]


def direction_piece(language: str) -> str:
    """The name of the piece that says which language is asked for, in a vocabulary that has one for it."""
    return f"{_DIRECTION}{language}{_END}"


def are_reserved(pieces: Sequence[str]) -> bool:
    """Whether these are the names of the reserved pieces for some languages, in order."""
    names = [piece.removeprefix(_DIRECTION).removesuffix(_END) for piece in pieces[-DIRECTIONS:]]
    return list(pieces) == reserved_pieces(name for name in names if is_name(name))
