"""When two training pairs are near-copies of each other: hashes that they have in common, and how alike they are.

Near-copies have one side in common and differ in a word of the other, or differ in digits alone. Pairs that differ on
both sides are none: "Could not open %s" and "Could not close %s" teach two words. Knows texts; no corpus.
"""

import re
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from nmt.corpus.rules.line_hashes import LONGEST, Hashes, Lines, Rows, pair_hash
from nmt.corpus.rules.rule import SIDES, Scores
from nmt.text.words import bare

Pairs = Sequence[tuple[str, str]]
Mask = npt.NDArray[np.bool_]
SOURCE, TARGET, BUT_FOR_DIGITS = COMMON = range(3)  # what pairs have in common


class Duplicate:
    """What settings and reports say of near-copies, in a rule's words; the ledger compares the pairs."""

    name = "duplicate"
    about = "is a near-copy of another, but for case, marks and spaces, digits, or a word of one side"
    unit = "share of the words of both sides that are the same; a number counts half"
    normal, strict = 0.93, 0.85
    highest = 1.0


def keys_of(pairs: Pairs) -> Hashes:
    """Hashes of what pairs may have in common: uint64 (3, pairs). Case, marks and spaces make no difference."""
    sides = [[bare(pair[side]) for pair in pairs] for side in SIDES]
    loose = [f"{_DIGITS.sub('0', source)}\n{_DIGITS.sub('0', target)}" for source, target in zip(*sides, strict=True)]
    return np.stack([text_hashes(texts) for texts in (*sides, loose)])


_DIGITS = re.compile(r"\d+")


def text_hashes(texts: Sequence[str]) -> Hashes:
    """64 bits of each text. Among 100 million pairs, the chance that two share a hash is 3 in 10,000."""
    digests = (blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest() for text in texts)
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)


class Comparison:
    """Pairs that have something in common with other pairs, to be compared with those."""

    def __init__(self, pairs: Pairs) -> None:
        self._sides = [Lines([pair[side] for pair in pairs]) for side in SIDES]
        self._words = self._sides[0].lengths + self._sides[1].lengths
        # Of longer lines not all words are known.
        self._whole: Mask = (self._sides[0].lengths < LONGEST) & (self._sides[1].lengths < LONGEST)

    def entries(self, common: int, keys: Hashes, rows: Rows, least: float) -> tuple[Hashes, Rows, Scores]:
        """Hashes that are equal for near-copies, the number of the pair of each, and its score as a near-copy.

        Of the pairs number ``rows``, which have ``keys`` in common with others. A word is compared where that could
        give a score of at least ``least``.
        """
        rows = rows[self._whole[rows]]
        if common == BUT_FOR_DIGITS:
            numbers = self._sides[0].numbers[rows] + self._sides[1].numbers[rows]
            return keys[rows], rows, (1 - numbers / (2 * self._words[rows])).astype(np.float32)
        rows = rows[1 - 1 / (self._words[rows] + 1) >= least]  # the near-copy may have a word more
        chosen = np.zeros(len(self._words), bool)
        chosen[rows] = True
        other = self._sides[1 - common]
        # A side of one or two words keeps them all: without one, little is left to compare.
        cut = chosen[other.line] & (other.lengths[other.line] > 2)
        entries = np.concatenate([rows, other.line[cut]])
        hashes = pair_hash(keys[entries], np.concatenate([other.exact[rows], other.exact_cut[cut]]))
        return hashes, entries, (1 - 1 / self._words[entries]).astype(np.float32)
