"""Where an over-long line is cut: at the end of a sentence, else of a clause, else before a word. Knows no model.

Pieces are seen as the bytes that they stand for, because a character without a piece of its own is several pieces, one
a byte, and a cut between those would lose it.
"""

import codecs
from collections.abc import Sequence
from itertools import pairwise

from nmt.text.sentences import NEVER, rate

_TAIL = 16  # characters that are looked back at; a mark has seldom more closing signs after it


def cut(pieces: Sequence[bytes], limit: int) -> list[slice]:
    """Cut a line, given as what its pieces stand for, into parts of at most ``limit`` pieces.

    The best cut that makes a part of at least half the limit is taken, and of the equally good ones that which makes
    the parts most alike in length. A character is cut only if it has more pieces than half the limit.
    """
    goodness = rate_cuts(pieces)
    cuts = [0]
    while len(pieces) - cuts[-1] > limit:
        first, left = cuts[-1], len(pieces) - cuts[-1]
        even = first + -(-left // -(-left // limit))  # if all that follow were alike
        reach = range(first + (limit + 1) // 2, first + limit + 1)
        cuts.append(max(reach, key=lambda place: (goodness[place], -abs(place - even))))
    return [slice(*ends) for ends in pairwise([*cuts, len(pieces)])]


def rate_cuts(pieces: Sequence[bytes]) -> list[int]:
    """How good a cut before each piece is."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    before, rated = "", []
    for place, piece in enumerate(pieces):
        inside_character = bool(decoder.getstate()[0])
        # As many pieces as a character may have bytes.
        after = b"".join(pieces[place : place + 4])[:4].decode("utf-8", "ignore")[:1]
        rated.append(NEVER if inside_character else rate(before, after))
        before = (before + decoder.decode(piece))[-_TAIL:]
    return rated
