"""Cuts of over-long lines: at the end of a sentence, else of a clause, else before a word. Knows no model.

A piece is given as the bytes it stands for: a character without a piece of its own is several pieces of one byte each,
and a cut between them would lose the character.
"""

import codecs
from collections.abc import Sequence
from itertools import pairwise

from nmt.text.sentences import NEVER, rate

_TAIL = 16  # characters before a cut that are examined; a mark seldom has more closing signs after it


def cut(pieces: Sequence[bytes], limit: int) -> list[slice]:
    """The parts of a line, given as its pieces' bytes: slices of at most ``limit`` pieces.

    Each cut is the best that leaves a part of at least half the limit; of equally good cuts, the one that makes the
    parts most equal in length. A character is cut only if it has more pieces than half the limit.
    """
    goodness = rate_cuts(pieces)
    cuts = [0]
    while len(pieces) - cuts[-1] > limit:
        first, left = cuts[-1], len(pieces) - cuts[-1]
        even = first + -(-left // -(-left // limit))  # if all remaining parts were equally long
        reach = range(first + (limit + 1) // 2, first + limit + 1)
        cuts.append(max(reach, key=lambda place: (goodness[place], -abs(place - even))))
    return [slice(*ends) for ends in pairwise([*cuts, len(pieces)])]


def rate_cuts(pieces: Sequence[bytes]) -> list[int]:
    """The quality of a cut before each piece, as ``nmt.text.sentences.rate`` judges it."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    before, rated = "", []
    for place, piece in enumerate(pieces):
        inside_character = bool(decoder.getstate()[0])
        # A character has at most 4 bytes, so at most 4 pieces.
        after = b"".join(pieces[place : place + 4])[:4].decode("utf-8", "ignore")[:1]
        rated.append(NEVER if inside_character else rate(before, after))
        before = (before + decoder.decode(piece))[-_TAIL:]
    return rated
