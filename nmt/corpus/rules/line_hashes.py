"""Hashes of lines, and of lines without each of their words: equal hashes tell near-copies.

A near-copy differs in case, marks, spaces and digits, or in one word that was changed, left out or added. Knows words.
"""

import re
from collections.abc import Sequence
from hashlib import blake2b
from unicodedata import normalize

import numpy as np
import numpy.typing as npt

from nmt.corpus.rules.word_ids import mix
from nmt.text.words import UNSPACED

LONGEST = 200  # words that are compared
# Letters of scripts without spaces count as words each.
_WORD = re.compile(rf"[{UNSPACED}]|(?:(?![{UNSPACED}])[^\W\d_])+|\d+")
Hashes = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int64]
_BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, so that it has an inverse modulo 2^64
_INVERSE = np.uint64(pow(0x9E3779B97F4A7C15, -1, 1 << 64))
_SECOND_SIDE = np.uint64(0xD1B54A32D192ED03)


class Lines:
    """Hashes of lines, and of lines without each of their words.

    ``exact`` and ``exact_cut`` are of the words, ``loose`` and ``cut`` with 0 for every number. The latter of each have
    an entry for every word of every line, whose number is in ``line``. ``lengths`` and ``numbers`` count the words of
    each line, and those that are numbers.

    A line's hash is the sum of its words' hashes times powers of an odd base, so that the hash without a word follows
    from sums of what is before and behind it.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        tokens = [tokens_of(text) for text in texts]
        self.lengths = np.fromiter(map(len, tokens), np.int64, len(tokens))
        self.line = np.repeat(np.arange(len(tokens)), self.lengths)
        starts = np.cumsum(self.lengths) - self.lengths
        powers = np.cumprod(np.full(LONGEST + 1, _BASE, np.uint64))[np.arange(len(self.line)) - starts[self.line]]
        hashes = []
        for numbers in (_Numbers(), _LooseNumbers()):
            words = np.fromiter((numbers[token] for line in tokens for token in line), np.uint64, len(self.line))
            terms = words * powers
            sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(terms)])
            total = sums[starts + self.lengths] - sums[starts]
            before = sums[:-1] - sums[starts[self.line]]
            hashes.append((mix(total), mix(before + (total[self.line] - before - terms) * _INVERSE)))
        (self.exact, self.exact_cut), (self.loose, self.cut) = hashes
        self.numbers = np.bincount(self.line[words == numbers["0"]], minlength=len(tokens))


def pair_hash(source: Hashes, target: Hashes) -> Hashes:
    """The hash of each pair, from those of its sides."""
    return mix(source + target * _SECOND_SIDE)


def tokens_of(text: str) -> list[str]:
    """The words and numbers of a line, at most ``LONGEST``; of a line of marks the line itself."""
    return _WORD.findall(normalize("NFKC", text).casefold())[:LONGEST] or [text]


class _Numbers(dict[str, int]):
    """64 bits of each word, computed once."""

    def __missing__(self, token: str) -> int:
        digest = blake2b(token.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        self[token] = number = int.from_bytes(digest, "little")
        return number


class _LooseNumbers(_Numbers):
    """The same, with one number for all words that are digits."""

    def __missing__(self, token: str) -> int:
        if token.isdigit() and token != "0":
            self[token] = number = self["0"]
            return number
        return super().__missing__(token)
