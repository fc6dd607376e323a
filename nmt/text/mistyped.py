"""Words in which two neighbouring letters were exchanged: ``wlaking`` becomes ``walking``, where it is no word.

A word is put right when the training text never had it, and exactly one exchange of two neighbours makes a usual word
of it. Other slips are left: what lacks a letter or has one too many may be a form or a name that training never had.
Knows letters and hashes of words; no language, no files.
"""

import re
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from itertools import pairwise
from typing import Self
from unicodedata import category, normalize
from zlib import crc32

from nmt.text.normal import FORM
from nmt.text.words import UNSPACED

VERSION = 2
LEAST = 5  # letters: of two real words of four letters, one is often the other with two letters exchanged
USUAL = 3  # times that a word must have been seen to be put in the place of another
NAMES = 9  # times as often as in small letters that a name is seen with its capital
MOST = 1 << 20  # different words that are known, the most frequent ones
_WORD = re.compile(rf"(?<!\w)[^\W\d_{UNSPACED}]{{{LEAST},40}}(?!\w)")
_ANY = re.compile(rf"[^\W\d_{UNSPACED}]{{{LEAST},40}}")


class KnownWords:
    """The words of a training text: their hashes, rising, and how often each was seen, up to 255."""

    def __init__(self, hashes: Iterable[int], counts: bytes) -> None:
        self.hashes, self.counts = array("I", hashes), counts

    @classmethod
    def of(cls, texts: Iterable[str]) -> Self:
        """Count the words of texts."""
        counted = Counter[str]()
        for text in texts:
            counted.update(_ANY.findall(text))
        counts = Counter[int]()
        for word, count in sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:MOST]:
            counts[_hash(word)] += count
        hashes = sorted(counts)
        return cls(hashes, bytes(min(counts[each], 255) for each in hashes))

    @property
    def is_sound(self) -> bool:
        """Whether they are as ``of`` makes them."""
        rises = all(before < after for before, after in pairwise(self.hashes))
        return rises and len(self.hashes) == len(self.counts) <= MOST

    def put_right(self, text: str, spares: Callable[[str], bool] | None = None) -> str:
        """The text in NFC, with the words that were mistyped as they were meant; that changes no length.

        What ``spares`` knows is a word, though training never had it.
        """
        text = text if text.isascii() else normalize(FORM, text)
        first = next((place for place, sign in enumerate(text) if sign.isalpha()), 0)
        return _WORD.sub(partial(self._right, spares, first), text)

    def is_name(self, word: str) -> bool | None:
        """Whether a word was seen with its capital nearly always; None if it was seen neither with nor without.

        Any word may have a capital at the beginning of a sentence.
        """
        written, small = self._count(word), self._count(word.lower())
        return written > NAMES * small if written or small else None

    def _right(self, spares: Callable[[str], bool] | None, first: int, match: re.Match[str]) -> str:
        word = match[0]
        # A letter with a mark that NFC keeps apart, as in Hindi, is a part of the word that the pattern does not see.
        around = match.string[max(0, match.start() - 1) : match.start()] + match.string[match.end() : match.end() + 1]
        if any(category(sign)[0] == "M" for sign in around):
            return word
        if self._count(word) or self._count(word.lower()):
            return word
        found = {other for other in exchanged(word) if self._is_usual(other, at_start=match.start() == first)}
        return found.pop() if len(found) == 1 and not (spares and spares(word)) else word

    def _is_usual(self, word: str, at_start: bool) -> bool:
        """Whether a word was seen often; the first word of a text may have its capital for that alone."""
        return max(self._count(word), self._count(word.lower()) if at_start else 0) >= USUAL

    def _count(self, word: str) -> int:
        wanted = _hash(word)
        place = bisect_left(self.hashes, wanted)
        return self.counts[place] if place < len(self.hashes) and self.hashes[place] == wanted else 0


def exchanged(word: str) -> set[str]:
    """The words that a word becomes when two neighbouring letters change places; capitals stay where they are."""
    found, low = set[str](), word.lower()
    if len(low) != len(word):
        return found
    for place in range(len(word) - 1):
        other = low[:place] + low[place + 1] + low[place] + low[place + 2 :]
        found.add("".join(new.upper() if old.isupper() else new for old, new in zip(word, other, strict=True)))
    return {other for other in found if other != word and len(other) == len(word)}


def _hash(word: str) -> int:
    return crc32(word.encode("utf-8", "surrogatepass"))
