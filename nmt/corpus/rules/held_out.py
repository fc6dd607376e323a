"""Pairs that are in a test set or in the validation set, or are near-copies of one there: scores of them would lie.

A near-copy differs in case, marks, spaces and digits, or in one word that was changed, left out or added. Long lines
are compared on either side alone, short ones by the pair: "Cancel" is in every test set of messages. Knows words.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from unicodedata import normalize

import numpy as np
import numpy.typing as npt

from nmt.corpus.rules.rule import SIDES, Chunk, Scores
from nmt.corpus.rules.word_ids import mix

LONG = 5  # words from which a line is compared by itself
LONGEST = 200  # words that are compared
# Letters of scripts without spaces count as words each.
_WORD = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]"
    r"|(?:(?![\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff])[^\W\d_])+|\d+"
)
Hashes = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int64]
_BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, so that it has an inverse modulo 2^64
_INVERSE = np.uint64(pow(0x9E3779B97F4A7C15, -1, 1 << 64))
_SECOND_SIDE = np.uint64(0xD1B54A32D192ED03)


class HeldOut:
    """The rule ``in-test`` or ``in-valid``: how near a pair is to one that is held out, from 0 to 1 for a copy."""

    unit = "1: a copy; 0.95: but for digits; 0.9: but for one word"
    normal, strict = 0.5, 0.5
    highest = 1.0

    def __init__(self, name: str, what: str, pairs: Sequence[tuple[str, str]]) -> None:
        self.name = name
        self.about = f"is in {what}, but for case, marks, digits or one word, on either side"
        self._pairs = pairs
        self._known: list[_Hashes] = []

    def learn(self, sample: Chunk) -> None:
        """Learn the held-out pairs; the sample does not matter."""
        if self._pairs and not self._known:
            self._known = list(_hashes(self._pairs))

    def judge(self, chunk: Chunk) -> Scores:
        return (
            self._scores(_hashes(chunk.pairs), self._known, len(chunk))
            if self._known
            else np.zeros(len(chunk), np.float32)
        )

    def reached(self, near: Chunk) -> Mapping[int, float]:
        if not self._known or not len(near):
            return {}
        scores = self._scores(self._known, _hashes(near.pairs), len(self._pairs))
        rows = np.flatnonzero(scores)
        return dict(zip(rows.tolist(), scores[rows].tolist(), strict=True))

    def _scores(self, of: Sequence["_Hashes"], to: Sequence["_Hashes"], count: int) -> Scores:
        """How near each of the ``count`` pairs of ``of`` is to the nearest of ``to``."""
        scores = np.zeros(count, np.float32)
        for own, other in zip(of, to, strict=True):
            near = np.isin(own.cut, other.cut) | np.isin(own.cut, other.loose)
            for score, rows in (
                (NEAR, own.cut_rows[near]),
                (NEAR, own.rows[np.isin(own.loose, other.cut)]),
                (BUT_FOR_DIGITS, own.rows[np.isin(own.loose, other.loose)]),
                (1.0, own.rows[np.isin(own.exact, other.exact)]),
            ):
                scores[rows] = np.maximum(scores[rows], np.float32(score))
        return scores


BUT_FOR_DIGITS, NEAR = 0.95, 0.9


@dataclass(frozen=True)
class _Hashes:
    """Hashes of some lines or pairs, each with its row."""

    rows: Rows
    exact: Hashes  # of the words
    loose: Hashes  # with 0 for every number
    cut_rows: Rows
    cut: Hashes  # with 0 for every number, and without one of the words


def _hashes(pairs: Sequence[tuple[str, str]]) -> tuple[_Hashes, _Hashes, _Hashes]:
    """Hashes of long sources, of long targets, and of all pairs."""
    source, target = (_Lines([pair[side] for pair in pairs]) for side in SIDES)
    return source.long(), target.long(), _together(source, target)


class _Lines:
    """Hashes of lines, and of lines without each of their words.

    A line's hash is the sum of its words' hashes times powers of an odd base, so that the hash without a word follows
    from sums of what is before and behind it.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        tokens = [_tokens(text) for text in texts]
        self.lengths = np.fromiter(map(len, tokens), np.int64, len(tokens))
        self.line = np.repeat(np.arange(len(tokens)), self.lengths)
        starts = np.cumsum(self.lengths) - self.lengths
        powers = np.cumprod(np.full(LONGEST + 1, _BASE, np.uint64))[np.arange(len(self.line)) - starts[self.line]]
        totals = []
        for numbers in (_Numbers(), _LooseNumbers()):
            words = np.fromiter((numbers[token] for line in tokens for token in line), np.uint64, len(self.line))
            terms = words * powers
            sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(terms)])
            totals.append(sums[starts + self.lengths] - sums[starts])
        self.exact, self.loose = map(mix, totals)
        before = sums[:-1] - sums[starts[self.line]]
        self.cut = mix(before + (totals[1][self.line] - before - terms) * _INVERSE)

    def long(self) -> _Hashes:
        """The hashes of lines that are compared by themselves."""
        rows = np.flatnonzero(self.lengths >= LONG)
        words = self.lengths[self.line] >= LONG
        return _Hashes(rows, self.exact[rows], self.loose[rows], self.line[words], self.cut[words])


def _together(source: _Lines, target: _Lines) -> _Hashes:
    """The hashes of pairs, and of pairs without a word of one side.

    Sides of one or two words keep them all: without one, little is left to compare.
    """
    cut, rows = [], []
    for side, other in ((source, target), (target, source)):
        words = side.lengths[side.line] > 2
        own, whole = side.cut[words], other.loose[side.line[words]]
        cut.append(_pair_hash(own, whole) if side is source else _pair_hash(whole, own))
        rows.append(side.line[words])
    exact, loose = _pair_hash(source.exact, target.exact), _pair_hash(source.loose, target.loose)
    return _Hashes(np.arange(len(exact)), exact, loose, np.concatenate(rows), np.concatenate(cut))


def _pair_hash(source: Hashes, target: Hashes) -> Hashes:
    return mix(source + target * _SECOND_SIDE)


def _tokens(text: str) -> list[str]:
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
