"""Whether the words of a pair translate each other, by a translation table that is learnt on the corpus itself.

The table is IBM Model 1 (Brown et al. 1993), in both directions. A pair's score is how much likelier the other side
makes its words, in nats a word; the rule compares it with the scores of pairs whose targets were exchanged. Finds
pairs that are shifted or misaligned. Needs no dictionary and no model.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from nmt.corpus.rules.evidence import Evidence, exchanged
from nmt.corpus.rules.rule import AT_A_TIME, Chunk, Scores, unknown
from nmt.corpus.rules.word_ids import LONGEST, Flat, Ids, Lexicon, Mask, PairTable, fold_of

LEAST = 1_000  # pairs to learn from
CELLS = 1 << 23  # pairs of words that the table is learnt from
ITERATIONS = 4
WORTH_STORING = 5e-3  # probability of a word given another
FLOOR = 0.1  # of a word's probability whatever the other side says
SAME_WORD = 0.5  # probability of a word that stands on the other side as it is, such as a name or a number
LEAST_SURE = 0.2  # probability of words given each other that are translations
SURE = 5.0  # times as likely as by its share: a word that another surely translates
STEP = 2  # words between two neighbours' translations
STRETCH = 6  # neighbouring words, of which a part that has no translation has at least so many
MOST_GAIN = 4.0  # nats: a word cannot outweigh the others of its stretch
LENGTHS = (1, 2, 4, 8)  # words of a pair up to which evidence is counted together
LOOK_WRONG = (0.12, 0.01, 0.003, 0.002, 0.001)  # share of right pairs whose words do not agree, by length
Values = npt.NDArray[np.float64]


class Agreement:
    """The rule ``agreement``: the probability that a pair's sides do not translate each other."""

    name = "agreement"
    about = "has sides whose words do not translate each other, by the corpus's own translation table"
    unit = "probability of a wrong pair"
    normal, strict = 0.5, 0.2
    highest = 1.0

    def __init__(self) -> None:
        self._halves: list[_Model] = []
        self._evidence: list[Evidence | None] = []
        self.translations: list[tuple[str, str]] = []  # stems that translate each other, in either half
        self.separation = 1.0  # probability that a pair of the sample scores higher than an exchanged one

    def learn(self, sample: Chunk) -> None:
        if len(sample) < LEAST:
            return
        fold = fold_of([source for source, _ in sample.pairs])
        sides = sample.words
        self._halves = [_Model(sample.where(fold != half)) for half in (False, True)]
        self.translations = list(dict.fromkeys(pair for half in self._halves for pair in half.translations))
        scores, counts = self._score(sides, fold)
        wrong, wrong_counts = self._score((sides[0], _exchanged(sides)), fold)
        self.separation = float(np.mean(scores > wrong))
        self._evidence = [
            Evidence.learn(scores[_bucket(counts) == bucket], wrong[_bucket(wrong_counts) == bucket], look_wrong)
            for bucket, look_wrong in enumerate(LOOK_WRONG)
        ]

    def judge(self, chunk: Chunk) -> Scores:
        probabilities = unknown(len(chunk))
        if not self._halves:
            return probabilities
        scores, counts = self._score(chunk.words, fold_of([source for source, _ in chunk.pairs]))
        for bucket, evidence in enumerate(self._evidence):
            rows = (_bucket(counts) == bucket) & (counts > 0)
            if evidence:
                probabilities[rows] = evidence.probability(scores[rows])
        return probabilities

    def neighbours(self, chunk: Chunk) -> Values:
        """Share of neighbouring target words that neighbouring source words translate, float64 (pairs,)."""
        shares = np.full(len(chunk), 0.5)
        for model, rows in self._parts(fold_of([source for source, _ in chunk.pairs])):
            shares[rows] = model.neighbours([[side[row] for row in rows.tolist()] for side in chunk.words])
        return shares

    def worst_stretches(self, chunk: Chunk) -> tuple[Values, Ids]:
        """The gain of the least explained stretch of either side, in nats a word, and the known words of the longer.

        Float64 and int64 (pairs,). A gain here is that of the word that explains a word best.
        """
        stretches, counts = np.zeros(len(chunk)), np.zeros(len(chunk), np.int64)
        for model, rows in self._parts(fold_of([source for source, _ in chunk.pairs])):
            sides = [[side[row] for row in rows.tolist()] for side in chunk.words]
            stretches[rows], counts[rows] = model.worst_stretches(sides)
        return stretches, counts

    def _score(self, sides: tuple[Sequence[list[str]], Sequence[list[str]]], fold: Mask) -> tuple[Values, Ids]:
        """Nats a word by which each pair agrees, and the number of words that speak."""
        scores, counts = np.zeros(len(fold)), np.zeros(len(fold), np.int64)
        for model, rows in self._parts(fold):
            scores[rows], counts[rows] = model.score([[side[row] for row in rows.tolist()] for side in sides])
        return scores, counts

    def _parts(self, fold: Mask) -> "Iterator[tuple[_Model, Ids]]":
        """The model that judges each half of the pairs, with some of their rows at a time: this bounds the memory."""
        for half, model in zip((False, True), self._halves, strict=False):
            rows = np.flatnonzero(fold == half)
            for start in range(0, len(rows), AT_A_TIME):
                yield model, rows[start : start + AT_A_TIME]


def _exchanged(sides: tuple[Sequence[list[str]], Sequence[list[str]]]) -> list[list[str]]:
    """The targets, each given to another pair."""
    return [
        [*sides[1][other]] for other in exchanged([np.fromiter(map(len, side), np.int64, len(side)) for side in sides])
    ]


def _bucket(counts: Ids) -> Ids:
    return np.searchsorted(LENGTHS, counts, side="left")


class _Model:
    """Translation tables of both directions, learnt on a part of the corpus."""

    def __init__(self, part: Chunk) -> None:
        # Of the same lines as the tables: a word of which these know nothing must be no word of the lexicon.
        few = _few(part)
        self._lexicons = [Lexicon(side) for side in few]
        flats = [lexicon.flat(side) for lexicon, side in zip(self._lexicons, few, strict=True)]
        self._shares = [_shares(flat, len(lexicon)) for flat, lexicon in zip(flats, self._lexicons, strict=True)]
        learnt = [_model_1(flats[other], flats[side], len(self._lexicons[side])) for side, other in ((0, 1), (1, 0))]
        self._tables = [_table(*each) for each in learnt]
        stems = [list(lexicon) for lexicon in self._lexicons]
        self.translations = [(stems[0][source], stems[1][target]) for source, target in _mutual(learnt, stems)]

    def _looked_up(self, side: int, told: Flat, given: Flat) -> tuple[Ids, Ids, Values]:
        """All pairs of known words: where they stand in both, and the probability of the word that is told."""
        here, there = _known_cells(told, given)
        keys = given.words[there] * len(self._lexicons[side]) + told.words[here]
        return here, there, self._tables[side].look_up(keys)

    def score(self, sides: Sequence[Sequence[list[str]]]) -> tuple[Values, Ids]:
        """The mean of both directions, in nats a word, and the smaller side's number of words that speak."""
        flats = [lexicon.flat(side) for lexicon, side in zip(self._lexicons, sides, strict=True)]
        both = [self._score_side(side, flats, sides) for side in (0, 1)]
        counts = np.minimum(both[0][1], both[1][1])
        return (both[0][0] + both[1][0]) / 2, counts

    def _score_side(self, side: int, flats: Sequence[Flat], sides: Sequence[Sequence[list[str]]]) -> tuple[Values, Ids]:
        told, given = flats[side], flats[1 - side]
        here, _, values = self._looked_up(side, told, given)
        words = len(told.words)
        explained = np.bincount(here, values, words) / np.maximum(np.repeat(given.lengths, told.lengths), 1)
        same = _stands_there(sides[side], sides[1 - side], words)
        share = np.where(told.words >= 0, self._shares[side][told.words], 1.0)
        explained = np.where(same, np.maximum(explained, SAME_WORD), explained)
        gain = np.log(FLOOR + (1 - FLOOR) * explained / share)
        gain = np.where(told.words < 0, np.where(same, _SAME_UNKNOWN, 0.0), gain)
        return told.mean(gain, (told.words >= 0) | same)

    def worst_stretches(self, sides: Sequence[Sequence[list[str]]]) -> tuple[Values, Ids]:
        """The least gain of a stretch of either side, and the number of known words; see Agreement."""
        flats = [lexicon.flat(side) for lexicon, side in zip(self._lexicons, sides, strict=True)]
        gains, counts = zip(*(self._worst_stretch(side, flats) for side in (0, 1)), strict=True)
        return np.minimum(*gains), np.maximum(*counts)

    def _worst_stretch(self, side: int, flats: Sequence[Flat]) -> tuple[Values, Ids]:
        told, given = flats[side], flats[1 - side]
        here, _, values = self._looked_up(side, told, given)
        best = np.zeros(len(told.words))
        np.maximum.at(best, here, values)
        counted = told.words >= 0
        gains = np.log(FLOOR + (1 - FLOOR) * best[counted] / self._shares[side][told.words[counted]])
        return _least_mean(np.minimum(gains, MOST_GAIN), told.line[counted], len(told.lengths))

    def neighbours(self, sides: Sequence[Sequence[list[str]]]) -> Values:
        """Share of neighbouring target words whose best source words are neighbours too; see Agreement."""
        source, target = (lexicon.flat(side) for lexicon, side in zip(self._lexicons, sides, strict=True))
        here, there, values = self._looked_up(1, target, source)
        lift = values / self._shares[1][target.words[here]]
        order = np.lexsort((lift, here))
        last = order[np.append(here[order][1:] != here[order][:-1], True)] if len(here) else order
        best = np.full(len(target.words), -1)
        sure = last[lift[last] > SURE]
        best[here[sure]] = there[sure]
        both = (best[1:] >= 0) & (best[:-1] >= 0) & (target.line[1:] == target.line[:-1])
        step = best[1:] - best[:-1]
        lines = target.line[1:][both]
        near = np.bincount(lines, ((step >= 0) & (step <= STEP))[both], len(target.lengths))
        shares: Values = (near + 0.5) / (np.bincount(lines, minlength=len(target.lengths)) + 1)
        return shares


def _table(keys: Ids, probabilities: Values) -> PairTable:
    stored = probabilities > WORTH_STORING
    return PairTable(keys[stored], probabilities[stored])


def _mutual(learnt: Sequence[tuple[Ids, Values]], stems: Sequence[Sequence[str]]) -> list[tuple[int, int]]:
    """The numbers of a source's and a target's stem that translate each other best, surely in both directions."""
    best = []
    for (keys, probabilities), told in zip(learnt, stems, strict=True):
        sure = probabilities >= LEAST_SURE
        keys, probabilities = keys[sure], probabilities[sure]
        order = np.argsort(probabilities, kind="stable")  # the best of each comes last
        best.append(dict(zip(*(part[order].tolist() for part in np.divmod(keys, max(1, len(told)))), strict=True)))
    sources, targets = best
    return sorted((source, target) for source, target in targets.items() if sources.get(target) == source)


_SAME_UNKNOWN = 5.0  # nats for a rare word that both sides have


def _least_mean(gains: Values, lines: Ids, count: int) -> tuple[Values, Ids]:
    """The least mean of ``STRETCH`` neighbouring gains of each line, and their number; MOST_GAIN for a short line."""
    counts = np.bincount(lines, minlength=count)
    least = np.full(count, MOST_GAIN)
    if len(gains) >= STRETCH:
        sums = np.concatenate([[0.0], np.cumsum(gains)])
        first, last = lines[: len(lines) - STRETCH + 1], lines[STRETCH - 1 :]
        within = first == last
        np.minimum.at(least, first[within], ((sums[STRETCH:] - sums[:-STRETCH]) / STRETCH)[within])
    return least, counts


def _few(part: Chunk) -> tuple[Sequence[list[str]], Sequence[list[str]]]:
    """The words of every n-th pair, so that they make at most ``CELLS`` pairs of words."""
    sources, targets = part.words
    cells = sum(
        min(len(left), LONGEST) * min(len(right), LONGEST) for left, right in zip(sources, targets, strict=True)
    )
    step = -(-cells // CELLS) or 1
    return sources[::step], targets[::step]


def _shares(flat: Flat, words: int) -> Values:
    counts = np.bincount(flat.words[flat.words >= 0], minlength=words)
    return counts.astype(np.float64) / max(int(counts.sum()), 1)


def _stands_there(side: Sequence[list[str]], other: Sequence[list[str]], words: int) -> Mask:
    """Whether each word, but a mark, also stands on the other side of its pair: bool (words,)."""
    same = (
        word in there and word[0].isalnum()
        for line, there in zip(side, map(set, other), strict=True)
        for word in line[:LONGEST]
    )
    return np.fromiter(same, bool, words)


def _known_cells(told: Flat, given: Flat) -> tuple[Ids, Ids]:
    """All pairs of a known word and one of the other side: where they stand in both, int64 (cells,) each."""
    counts = given.lengths[told.line]  # cells of each word that is told
    here = np.repeat(np.arange(len(told.words)), counts)
    offsets = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    there = np.repeat(given.starts[told.line], counts) + offsets
    known = (told.words[here] >= 0) & (given.words[there] >= 0)
    return here[known], there[known]


def _model_1(given: Flat, told: Flat, size: int) -> tuple[Ids, Values]:
    """IBM Model 1: keys ``given · size + told`` of pairs of words, and the probability of told by given."""
    here, there = _known_cells(told, given)
    here = here.astype(np.int32)
    keys, cells = np.unique(given.words[there] * size + told.words[here], return_inverse=True)
    by = keys // max(size, 1)
    cells = cells.astype(np.int32)
    probabilities = np.ones(len(keys))
    for _ in range(ITERATIONS):
        likely = probabilities[cells]
        likely /= np.bincount(here, likely, len(told.words))[here]
        counts = np.bincount(cells, likely, len(keys))
        probabilities = counts / np.bincount(by, counts)[by]
    return keys, probabilities
