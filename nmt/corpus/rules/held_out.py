"""Pairs that are in a test set or in the validation set, or are near-copies of one there: scores of them would lie.

A near-copy differs in case, marks, spaces and digits, or in one word that was changed, left out or added. Long lines
are compared on either side alone, short ones by the pair: "Cancel" is in every test set of messages. A text without a
translation is compared with single sides, however short. Knows words.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nmt.corpus.rules.line_hashes import Hashes, Lines, Rows, pair_hash
from nmt.corpus.rules.rule import SIDES, Chunk, Scores

IN_TEST, IN_VALID = "in-test", "in-valid"
LONG = 5  # words from which a line is compared by itself


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
        self._sides: list[Hashes] = []

    def learn(self, sample: Chunk) -> None:
        """Learn the held-out pairs; the sample does not matter."""
        if self._pairs and not self._known:
            self._known = list(_hashes(self._pairs))
            self._sides = [Lines([pair[side] for pair in self._pairs]).exact for side in SIDES]

    def judge(self, chunk: Chunk) -> Scores:
        if not self._known:
            return np.zeros(len(chunk), np.float32)
        scores = self._scores(_hashes(chunk.pairs), self._known, len(chunk))
        for side in SIDES:
            alone = [row for row, pair in enumerate(chunk.pairs) if pair[side] and not pair[1 - side]]
            if alone:
                copies = np.isin(Lines([chunk.pairs[row][side] for row in alone]).exact, self._sides[side])
                scores[np.asarray(alone)[copies]] = 1.0
        return scores

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
    source, target = (Lines([pair[side] for pair in pairs]) for side in SIDES)
    return _long(source), _long(target), _together(source, target)


def _long(lines: Lines) -> _Hashes:
    """The hashes of lines that are compared by themselves."""
    rows = np.flatnonzero(lines.lengths >= LONG)
    words = lines.lengths[lines.line] >= LONG
    return _Hashes(rows, lines.exact[rows], lines.loose[rows], lines.line[words], lines.cut[words])


def _together(source: Lines, target: Lines) -> _Hashes:
    """The hashes of pairs, and of pairs without a word of one side.

    Sides of one or two words keep them all: without one, little is left to compare.
    """
    cut, rows = [], []
    for side, other in ((source, target), (target, source)):
        words = side.lengths[side.line] > 2
        own, whole = side.cut[words], other.loose[side.line[words]]
        cut.append(pair_hash(own, whole) if side is source else pair_hash(whole, own))
        rows.append(side.line[words])
    exact, loose = pair_hash(source.exact, target.exact), pair_hash(source.loose, target.loose)
    return _Hashes(np.arange(len(exact)), exact, loose, np.concatenate(rows), np.concatenate(cut))
