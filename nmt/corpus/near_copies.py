"""Copies and near-copies among training pairs: of pairs that say nearly the same, the best by the rules stays.

Hashes propose and comparing decides: only a pair that has its source, its target, or all but digits in common with
another pair is read again. Knows hashes, scores and rows; gets texts from a function.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nmt.corpus.findings import BINS, LONGEST, SHOWN, Example, Findings
from nmt.corpus.ledger import Ledger, best_of, is_shared
from nmt.corpus.rules.duplicate import COMMON, Comparison, Duplicate
from nmt.corpus.rules.line_hashes import Rows
from nmt.corpus.rules.rule import Scores
from nmt.corpus.rules.word_ids import mix
from nmt.corpus.verdicts import DUPLICATE, KEPT

BELOW = 0.03  # how far below the threshold scores are looked for: a report shows pairs on either side of it
ROUND = 1 << 20  # proposed pairs that are compared at a time; a round reads the corpora again
Pair = tuple[str, str]
Read = Callable[[Rows], Iterator[tuple[Rows, Sequence[Pair]]]]
"""Reads the pairs of rising rows of the ledger, in their normal form; yields some rows with their pairs at a time."""
Places = Callable[[int], tuple[int, int]]
"""The number of the corpus and the line of a row."""


@dataclass(frozen=True)
class Hits:
    """Pairs with a better near-copy: the row of each, its score, and the row of the best such near-copy."""

    rows: Rows
    scores: Scores
    instead: Rows

    @classmethod
    def of_all(cls, parts: Sequence["Hits"]) -> "Hits":
        """The highest score of each pair, in order of rows."""
        rows = np.concatenate([np.zeros(0, np.int64), *(part.rows for part in parts)])
        scores = np.concatenate([np.zeros(0, np.float32), *(part.scores for part in parts)])
        instead = np.concatenate([np.zeros(0, np.int64), *(part.instead for part in parts)])
        order = np.lexsort((instead, -scores, rows))
        first = order[np.diff(rows[order], prepend=-1) > 0]
        return cls(rows[first], scores[first], instead[first])


def drop_near_copies(ledger: Ledger, threshold: float, read: Read, places: Places) -> Findings:
    """Drop the pairs whose score is over the threshold, and tell what a report shows of them.

    A pair is dropped if it is a near-copy of a pair that is no copy itself and that the rules found better; of equally
    good ones the first counts as better.
    """
    judged = int(np.count_nonzero(ledger.verdicts == KEPT))
    rows, instead = ledger.copies()
    copies = Hits(rows, np.ones(len(rows), np.float32), instead)
    if threshold < 1:
        ledger.drop(copies.rows, copies.scores, DUPLICATE)
    near = _near_copies(ledger, max(0.0, threshold - BELOW), read)
    over = near.scores > threshold
    ledger.drop(near.rows[over], near.scores[over], DUPLICATE)
    hits = Hits.of_all([copies, near])
    bins = np.bincount(np.minimum(hits.scores * BINS, BINS - 1).astype(np.int64), minlength=BINS)
    bins[0] += judged - len(hits.rows)
    victims, victims_near = _examples(hits, threshold, hits.scores > threshold, read, places)
    survivors, survivors_near = _examples(hits, threshold, hits.scores <= threshold, read, places)
    dropped = int(np.count_nonzero(hits.scores > threshold))
    return Findings(Duplicate.highest, bins, 0, dropped, victims, survivors, near=(victims_near, survivors_near))


def _near_copies(ledger: Ledger, least: float, read: Read) -> Hits:
    """The kept pairs that have a better near-copy, if their score is at least ``least`` or not much less."""
    kept = np.flatnonzero(ledger.verdicts == KEPT)
    proposed = [kept[is_shared(keys[kept])] for keys in ledger.keys]
    rounds = np.uint64(sum(map(len, proposed)) // ROUND + 1)
    hits: list[Hits] = []
    for number in range(int(rounds)):
        # Pairs with equal keys are in the same round: the upper half of the key chooses it.
        chosen = [
            rows[((keys[rows] >> _HALF) * rounds) >> _HALF == number]
            for keys, rows in zip(ledger.keys, proposed, strict=True)
        ]
        hits += _compare(ledger, chosen, least, read)
    return Hits.of_all(hits)


_HALF = np.uint64(32)


def _compare(ledger: Ledger, chosen: Sequence[Rows], least: float, read: Read) -> Iterator[Hits]:
    """The hits among ``chosen``: for each thing that pairs may have in common, the rows of those that do."""
    parts: list[list[Sequence[np.ndarray]]] = [[] for _ in COMMON]
    for rows, pairs in read(np.unique(np.concatenate(chosen))):
        comparison = Comparison(pairs)
        for common in COMMON:
            own = np.flatnonzero(np.isin(rows, chosen[common]))
            hashes, entries, scores = comparison.entries(common, ledger.keys[common, rows], own, least)
            parts[common].append((hashes, rows[entries], scores))
    for entries_of in filter(None, parts):
        hashes, rows, scores = map(np.concatenate, zip(*entries_of, strict=True))
        best = best_of(hashes, ledger.worst[rows], rows)
        worse = best != rows
        yield Hits.of_all([Hits(rows[worse], scores[worse], best[worse])])


def _examples(
    hits: Hits, threshold: float, there: np.ndarray, read: Read, places: Places
) -> tuple[list[Example], list[Example]]:
    """Of the hits ``there`` those that are nearest to the threshold, and the near-copies that are better."""
    candidates = np.flatnonzero(there)
    distances = np.abs(hits.scores[candidates] - threshold)
    nearest = candidates[np.lexsort((mix(hits.rows[candidates]), distances))][:SHOWN]
    wanted = np.unique(np.concatenate([hits.rows[nearest], hits.instead[nearest]]))
    texts = {row: pair for rows, pairs in read(wanted) for row, pair in zip(rows.tolist(), pairs, strict=True)}
    return tuple(  # type: ignore[return-value]
        [
            Example(abs(score - threshold), 0, score, *places(row), *(text[:LONGEST] for text in texts[row]))
            for row, score in zip(rows[nearest].tolist(), hits.scores[nearest].tolist(), strict=True)
        ]
        for rows in (hits.rows, hits.instead)
    )
