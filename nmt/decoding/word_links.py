"""Links between the words of a line and of its translation, from the weights between their pieces. Knows no model.

Words are what white space separates, numbered from 0. A piece is given as the bytes it stands for.

T target pieces, S source pieces, U target words, R source words.
"""

import codecs
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from nmt.text.normal import normal

if TYPE_CHECKING:
    import numpy as np

    Weights = np.ndarray[Any, np.dtype[np.float64]]

LEAST = 0.1
"""Weight from which a source word is linked to the target word that looks at it most, if that one prefers another."""

Link = tuple[int, int]  # source word, target word


def characters(pieces: Sequence[bytes]) -> Iterator[str]:
    """The characters that each piece completes; those of a word's first byte pieces are complete with its last one."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    return map(decoder.decode, pieces)


def source_words(line: str, segments: Sequence[Sequence[bytes]], lent: Sequence[int]) -> list[list[int]]:
    """The word of ``line`` that each piece of each segment is part of.

    The line is as it was given; segments are of its normal form, in order. ``lent`` counts the characters at the end of
    each segment that the line does not have.
    """
    word_of = [number for number, word in enumerate(line.split()) for letter in normal(word) if not letter.isspace()]
    found: list[list[int]] = []
    begin = 0
    for pieces, extra in zip(segments, lent, strict=True):
        counts = [sum(not letter.isspace() for letter in text) for text in characters(pieces)]
        end = min(begin + sum(counts) - extra, len(word_of))
        at, words = begin, []
        for count in counts:
            words.append(word_of[min(at, end - 1)])
            at += count
        found.append(words)
        begin = end
    return found


def target_words(pieces: Sequence[bytes]) -> list[int]:
    """The word of a translation that each of its pieces begins or continues."""
    found = []
    word, inside = -1, False
    for text in characters(pieces):
        first = -1
        for letter in text:
            if letter.isspace():
                inside = False
                continue
            word, inside = word + (not inside), True
            first = word if first < 0 else first
        found.append(first if first >= 0 else word + (not inside))
    return found


def word_weights(weights_TS: "Weights", target: Sequence[int], source: Sequence[int]) -> "Weights":
    """The share (U, R) of each source word in each target word, from the words that the pieces are part of.

    The columns of a word's pieces are added, and its rows averaged. Each row sums to one, or to zero for a word without
    pieces or weight.
    """
    import numpy as np

    rows_US = np.zeros((max(target, default=-1) + 1, len(source)))
    np.add.at(rows_US, list(target), weights_TS)
    words_RU = np.zeros((max(source, default=-1) + 1, len(rows_US)))
    np.add.at(words_RU, list(source), rows_US.T)
    total_U1 = words_RU.sum(0)[:, None]
    share_UR: Weights = np.divide(words_RU.T, total_U1, out=np.zeros(words_RU.T.shape), where=total_U1 > 0)
    return share_UR


def links_of(weights_UR: "Weights") -> list[Link]:
    """Each target word with the source word of its largest share, and each source word with the target word that has
    its largest share, if that is at least ``LEAST``: a Korean noun with a particle is two English words, and two Korean
    verbs are one.
    """
    links = {(int(row.argmax()), place) for place, row in enumerate(weights_UR) if row.any()}
    if len(weights_UR):
        best_R = weights_UR.argmax(0)
        links |= {(source, int(best)) for source, best in enumerate(best_R) if weights_UR[best, source] >= LEAST}
    return sorted(links)
