"""Pairs that nobody translated: the target repeats the words of the source.

How often each word of a source stands in the target as it is, is learnt from the corpus: names, terms and code often
do, other words hardly ever. So a pair is judged by the words that would have been translated. Short names and terms
(GB, dBASE) stay up to a share of the corpus, so that a model learns to copy them. Knows words; no language.
"""

from collections import Counter
from collections.abc import Mapping
from zlib import crc32

import numpy as np

from nmt.corpus.rules.code import without_code
from nmt.corpus.rules.rule import Chunk, Scores
from nmt.text.words import bare, words

TERM = 3  # words of a pair that may be a name or a term
TERMS = 0.05  # share of the corpus that names and terms may be
FEW = 100  # so many may always be
SEEN = 3  # pairs from which it is known whether a word is copied
WEIGHT = 2.0  # pairs that what is usual of rare words counts as, for every word
USUAL = 0.3  # probability that a rare word is copied, where the corpus has no rare words
LEAST_USUAL, MOST_USUAL = 0.05, 0.6  # a corpus of which more is copied is mostly untranslated
LEAST = 0.5  # words to be translated, below which nothing is known of a pair
TRANSLATED = 0.3  # probability that a word is copied, up to which a term with it has not been translated
UNTRANSLATED = 0.8  # share of words that are copied, from which a pair teaches nothing on words
LOOKED_AT = 1_000  # characters of a side


class SourceEqualsTarget:
    """The rule ``source-equals-target``: how many of the words to be translated are still there, from 0 to 1."""

    name = "source-equals-target"
    about = "has the source's words in the target, but for case, marks and typing mistakes, and is no name that is kept"
    unit = "share of the words that are usually translated, but stand in the target as they are"
    normal, strict = 0.75, 0.65
    highest = 1.0

    def __init__(self) -> None:
        self._kept_terms = 1.0  # share of equal short pairs that are kept
        self._usual = USUAL
        self._copied: dict[str, float] = {}  # probability that a word is copied, of words that are known

    def learn(self, sample: Chunk) -> None:
        seen, copied = Counter[str](), Counter[str]()
        for source, target in sample.pairs:
            left, right = set(_words(source)), set(_words(target))
            both = left & right
            if left and len(both) < UNTRANSLATED * max(len(left), len(right)):
                seen.update(left)
                copied.update(both)
        rare = [word for word, count in seen.items() if count < SEEN]
        if len(rare) >= FEW:
            usual = sum(copied[word] for word in rare) / sum(seen[word] for word in rare)
            self._usual = min(max(usual, LEAST_USUAL), MOST_USUAL)
        self._copied = {
            word: (copied[word] + WEIGHT * self._usual) / (count + WEIGHT)
            for word, count in seen.items()
            if count >= SEEN
        }
        terms = sum(_is_term(*pair) and self._score(*pair) == 0 for pair in sample.pairs)
        self._kept_terms = min(1.0, max(TERMS * len(sample), FEW) / max(terms, 1))

    def judge(self, chunk: Chunk) -> Scores:
        scores = np.fromiter((self._score(*pair) for pair in chunk.pairs), np.float32, len(chunk))
        for row in np.flatnonzero(scores == 0).tolist() if self._kept_terms < 1 else ():
            source, target = chunk.pairs[row]
            drawn = crc32(source.encode("utf-8", "surrogatepass")) / (1 << 32)
            if _is_term(source, target) and drawn >= self._kept_terms:
                scores[row] = 1.0
        return scores

    def _score(self, source: str, target: str) -> float:
        left, right = Counter(_words(source)), Counter(_words(target))
        both = left & right
        if not both:
            return 0.0
        if source.count(" ") < TERM:  # a name, unless all of its words are translated elsewhere
            translatable = all(self._copied.get(word, 1.0) <= TRANSLATED for word in left)
            return float(source == target and translatable)
        worth = {word: 1.0 - self._copied.get(word, self._usual) for word in both}
        untranslated = sum(worth[word] * count for word, count in both.items())
        missing, added = left - both, right - both
        if untranslated < LEAST:
            return 0.0
        translated = max(missing.total(), added.total())
        if translated <= both.total():
            mistaken = _mistaken(missing, added)
            untranslated, translated = untranslated + mistaken, max(0, translated - mistaken)
        return untranslated / (untranslated + translated)


def _mistaken(missing: Mapping[str, int], added: Mapping[str, int]) -> int:
    """Number of missing words that were added with a typing mistake: another letter, or one in the place of a space."""
    explained: set[str] = set()
    for other in added:
        for word in missing:
            rest = other[len(word) + 1 :]
            if len(word) == len(other) and sum(map(str.__ne__, word, other)) == 1:
                explained.add(word)
            elif other.startswith(word) and (rest in missing or not rest):
                explained.update({word, rest} & missing.keys())
    return len(explained)


def _words(text: str) -> list[str]:
    """The words of a side in lower case, without code, marks and single letters of Latin, such as mnemonics."""
    cut = words(without_code(text[:LOOKED_AT]))
    return [word for word in cut if word.isalpha() and (len(word) > 1 or word > LAST_LATIN)]


LAST_LATIN = "\u024f"


def _is_term(source: str, target: str) -> bool:
    """Whether a pair is short, and its sides are the same but for case, marks and spaces."""
    return source.count(" ") < TERM and bare(source) == bare(target)
