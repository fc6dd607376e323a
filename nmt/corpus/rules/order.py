"""Whether the words of each side stand in an order that the corpus knows.

Two signs: how much likelier each word is after the one before it (bigrams, in nats a word), and how many neighbours of
the one side are translated by neighbours of the other. Both are weighted by Fisher's discriminant against sides whose
words were shuffled, and the rule compares the sum with those of shuffled sides. Finds word salad.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nmt.corpus.rules.agreement import Agreement
from nmt.corpus.rules.evidence import Evidence, discriminant, weigh
from nmt.corpus.rules.rule import SIDES, Chunk, Scores, unknown
from nmt.corpus.rules.word_ids import Flat, Ids, Lexicon, Mask, fold_of, mix
from nmt.text.words import words

FEWEST = 4_000  # pairs to learn from; of 3,000 pairs of news it took a sixth for shuffled
SLOTS = 1 << 21
DISCOUNT = 0.95  # of a bigram's count, spread over the words by their shares
PRIOR = 40.0  # occurrences that a word's share weighs
LEAST = 4  # words of a side, below which order says nothing
ROUNDS = 3
PROBABLY = 0.4
COMPARED = 20_000  # pairs whose sides are shuffled
LENGTHS = (6, 10, 16)  # words up to which evidence is counted together
LOOK_WRONG = (0.18, 0.06, 0.03, 0.02)  # share of sides in order whose order the corpus hardly knows, by length
Values = npt.NDArray[np.float64]


class Order:
    """The rule ``order``: the probability that the words of a side were shuffled."""

    name = "order"
    about = "has a side whose words stand in no order that the corpus knows"
    unit = "probability of a shuffled side"
    normal, strict = 0.5, 0.3
    highest = 1.0

    def __init__(self, agreement: Agreement) -> None:
        self._agreement = agreement
        self._halves: list[tuple[_Bigrams, _Bigrams]] = []
        self._weights = [np.zeros(2), np.zeros(2)]
        self._evidence: list[list[Evidence | None]] = [[], []]

    def learn(self, sample: Chunk) -> None:
        if len(sample) < FEWEST:
            return
        fold = fold_of([source for source, _ in sample.pairs])
        right = _Sides(sample, fold, self._agreement.neighbours(sample))
        compared = np.arange(len(sample)) % (-(-len(sample) // COMPARED)) == 0
        wrong = [self._shuffle(sample.where(compared), fold[compared], side) for side in SIDES]
        kept = np.ones(len(sample), bool)
        for last in range(ROUNDS):  # learns again without the pairs that are probably wrong
            if last:
                kept = ~(self._probability(right) > PROBABLY)
            parts = [sample.where(kept & (fold != half)) for half in (False, True)]
            self._halves = [(_Bigrams(part.words[0]), _Bigrams(part.words[1])) for part in parts]
            for side in SIDES:
                self._compare(side, right.where(compared), wrong[side], kept[compared])

    def _shuffle(self, sample: Chunk, fold: Mask, side: int) -> "_Sides":
        words = [*sample.words]
        words[side] = _shuffled([pair[side] for pair in sample.pairs])
        chunk = sample.with_words(words[0], words[1])
        return _Sides(chunk, fold, self._agreement.neighbours(chunk))

    def _compare(self, side: int, right: "_Sides", wrong: "_Sides", kept: Mask) -> None:
        """Learn the weights of the signs of a side, by kept and shuffled pairs, and what the weighted signs say."""
        signs, counts = self._signs(right, side)
        shuffled, _ = self._signs(wrong, side)
        rows = counts >= LEAST
        self._weights[side] = weights = discriminant(signs[rows & kept], shuffled[rows])
        ranges = np.where(rows, np.searchsorted(LENGTHS, counts), -1)
        self._evidence[side] = [
            Evidence.learn(
                weigh(signs, weights)[ranges == number], weigh(shuffled, weights)[ranges == number], look_wrong
            )
            for number, look_wrong in enumerate(LOOK_WRONG)
        ]

    def judge(self, chunk: Chunk) -> Scores:
        if not self._halves:
            return unknown(len(chunk))
        fold = fold_of([source for source, _ in chunk.pairs])
        return self._probability(_Sides(chunk, fold, self._agreement.neighbours(chunk)))

    def _probability(self, sides: "_Sides") -> Scores:
        worst = unknown(len(sides.fold))
        for side in SIDES:
            signs, counts = self._signs(sides, side)
            ranges = np.where(counts >= LEAST, np.searchsorted(LENGTHS, counts), -1)
            for number, evidence in enumerate(self._evidence[side]):
                rows = ranges == number
                if evidence:
                    worst[rows] = np.fmax(worst[rows], evidence.probability(weigh(signs[rows], self._weights[side])))
        return worst

    def _signs(self, sides: "_Sides", side: int) -> tuple[Values, Ids]:
        """The two signs of a side, float64 (pairs, 2), and its number of known words, int64 (pairs,)."""
        likelier, known = np.zeros(len(sides.fold)), np.zeros(len(sides.fold), np.int64)
        for half, bigrams in zip((False, True), self._halves, strict=False):
            rows = np.flatnonzero(sides.fold == half)
            likelier[rows], known[rows] = bigrams[side].score([sides.chunk.words[side][row] for row in rows])
        return np.stack([likelier, sides.neighbours], axis=1), known


@dataclass(frozen=True)
class _Sides:
    """Pairs with what does not change while the rule learns."""

    chunk: Chunk
    fold: Mask
    neighbours: Values  # of the second sign

    def where(self, kept: Mask) -> "_Sides":
        return _Sides(self.chunk.where(kept), self.fold[kept], self.neighbours[kept])


class _Bigrams:
    """Counts of words and of their neighbours in a text."""

    def __init__(self, lines: Sequence[list[str]]) -> None:
        self._lexicon = Lexicon(lines)
        flat = self._lexicon.flat(lines)
        counts = np.bincount(flat.words[flat.words >= 0], minlength=len(self._lexicon))
        self._shares = counts / max(counts.sum(), 1)
        self._before = np.bincount(_before(flat) + 2, minlength=len(self._lexicon) + 2)
        self._counts = np.bincount(self._slots(flat), minlength=SLOTS).astype(np.uint16)

    def score(self, lines: Sequence[list[str]]) -> tuple[Values, Ids]:
        """Nats a word by which its neighbour makes it likelier, and the number of known words, by line."""
        flat = self._lexicon.flat(lines)
        share = np.where(flat.words >= 0, self._shares[flat.words], 1.0)
        together = np.maximum(self._counts[self._slots(flat)] - DISCOUNT, 0.0)
        likely = (together + PRIOR * share) / (self._before[_before(flat) + 2] + PRIOR)
        return flat.mean(np.log(likely / share), flat.words >= 0)

    def _slots(self, flat: Flat) -> Ids:
        keys = (_before(flat) + 2) * (len(self._lexicon) + 2) + flat.words + 2
        return (mix(keys) & np.uint64(SLOTS - 1)).astype(np.int64)


def _before(flat: Flat) -> Ids:
    """The word before each word; -1 for an unknown one, -2 at the start of a line."""
    before = np.concatenate([[-2], flat.words[:-1]])
    before[flat.starts[flat.lengths > 0]] = -2
    return before[: len(flat.words)]


def _shuffled(lines: Sequence[str]) -> list[list[str]]:
    """The words of the lines, after what stands between spaces was shuffled; marks stay at their words."""
    numbers = np.random.default_rng(0)
    return [words(" ".join(numbers.permutation(line.split()).tolist())) for line in lines]
