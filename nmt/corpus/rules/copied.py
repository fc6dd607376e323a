"""Pairs that nobody translated: the target repeats the letters of the source.

Case, marks and typing mistakes make no difference. Between close languages much is alike, so a pair is compared with
what is usual in the corpus. Short names and terms (GB, dBASE) stay up to a share of the corpus, so that a model learns
to copy them. Knows letters; no language.
"""

from zlib import crc32

import numpy as np

from nmt.corpus.rules.rule import Chunk, Scores
from nmt.text.words import bare

TERM = 3  # words of a pair that may be a name or a term
TERMS = 0.05  # share of the corpus that names and terms may be
FEW = 100  # so many may always be
LOOKED_AT = 300  # letters of a side


class SourceEqualsTarget:
    """The rule ``source-equals-target``: how far the sides are alike, where 0 is usual in the corpus and 1 is equal."""

    name = "source-equals-target"
    about = "is the same on both sides but for case, marks and typing mistakes, and no name that is kept"
    unit = "share of letter triples that both sides have, above the usual"
    normal, strict = 0.7, 0.6
    highest = 1.0

    def __init__(self) -> None:
        self._kept_terms = 1.0  # share of equal short pairs that are kept
        self._usual = 0.0

    def learn(self, sample: Chunk) -> None:
        terms = np.fromiter(map(_is_term, sample.pairs), bool, len(sample))
        self._kept_terms = min(1.0, max(TERMS * len(sample), FEW) / max(int(terms.sum()), 1))
        alike = [_alike(*pair) for pair, is_term in zip(sample.pairs, terms, strict=True) if not is_term]
        self._usual = min(float(np.median(alike)), MOST_USUAL) if alike else 0.0

    def judge(self, chunk: Chunk) -> Scores:
        scores = np.zeros(len(chunk), np.float32)
        for row, pair in enumerate(chunk.pairs):
            if _is_term(pair):
                drawn = crc32(pair[0].encode("utf-8", "surrogatepass")) / (1 << 32)
                scores[row] = 0.0 if drawn < self._kept_terms else 1.0
            else:
                scores[row] = max(0.0, (_alike(*pair) - self._usual) / (1 - self._usual))
        return scores


MOST_USUAL = 0.7  # a corpus of which more is alike is mostly untranslated


def _is_term(pair: tuple[str, str]) -> bool:
    return pair[0] == pair[1] and pair[0].count(" ") < TERM


def _alike(source: str, target: str) -> float:
    """Share of the letter triples of the side with more of them that the other side has, too."""
    left, right = _triples(source), _triples(target)
    return len(left & right) / max(len(left), len(right))


def _triples(text: str) -> set[str]:
    letters = bare(text)[:LOOKED_AT]
    return {letters[place : place + 3] for place in range(max(1, len(letters) - 2))}
