"""Copies and near-copies among training pairs: of pairs that say nearly the same, the best by the rules stays.

Hashes propose and comparing decides: only a pair that has its source, its target, or all but digits in common with
another pair is read again. Knows hashes, scores and rows; gets texts from a function.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Self

import numpy as np

from nmt.corpus.findings import BINS, LONGEST, SHOWN, Example, Findings
from nmt.corpus.ledger import PART, Ledger, best_of, range_of
from nmt.corpus.rules.duplicate import COMMON, Comparison, Duplicate
from nmt.corpus.rules.line_hashes import Hashes, Rows
from nmt.corpus.rules.rule import Scores
from nmt.corpus.rules.word_ids import mix
from nmt.corpus.verdicts import DUPLICATE, KEPT

BELOW = 0.03  # how far below the threshold scores are looked for: a report shows pairs on either side of it
ENTRIES = 12  # of a proposed pair, about: one without each word of a side
ENTRY = np.dtype([("hash", "<u8"), ("row", "<i8"), ("score", "<f4")])
MOST_FILES = 256
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


def drop_near_copies(
    ledger: Ledger, threshold: float, read: Read, places: Places, folder: Path | None = None
) -> Findings:
    """Drop the pairs whose score is over the threshold, and tell what a report shows of them.

    A pair is dropped if it is a near-copy of a pair that is no copy itself and that the rules found better; of equally
    good ones the first counts as better. ``folder`` is for temporary files.
    """
    judged = int(np.count_nonzero(ledger.verdicts == KEPT))
    rows, instead = ledger.copies()
    copies = Hits(rows, np.ones(len(rows), np.float32), instead)
    if threshold < 1:
        ledger.drop(copies.rows, copies.scores, DUPLICATE)
    near = _near_copies(ledger, max(0.0, threshold - BELOW), read, folder)
    over = near.scores > threshold
    ledger.drop(near.rows[over], near.scores[over], DUPLICATE)
    hits = Hits.of_all([copies, near])
    bins = np.bincount(np.minimum(hits.scores * BINS, BINS - 1).astype(np.int64), minlength=BINS)
    bins[0] += judged - len(hits.rows)
    victims, victims_near = _examples(hits, threshold, hits.scores > threshold, read, places)
    survivors, survivors_near = _examples(hits, threshold, hits.scores <= threshold, read, places)
    dropped = int(np.count_nonzero(hits.scores > threshold))
    return Findings(Duplicate.highest, bins, 0, dropped, victims, survivors, near=(victims_near, survivors_near))


def _near_copies(ledger: Ledger, least: float, read: Read, folder: Path | None) -> Hits:
    """The kept pairs that have a better near-copy, if their score is at least ``least`` or not much less."""
    proposed = np.zeros(len(ledger.verdicts), np.uint8)  # a bit for each thing in common
    for common in COMMON:
        for part in range(ledger.parts):
            proposed[ledger.shared(common, part)] |= 1 << common
    wanted = np.flatnonzero(proposed)
    hits: list[Hits] = []
    with _Sorted(len(wanted) * ENTRIES // PART + 1, folder) as entries:
        for rows, pairs in read(wanted):
            comparison = Comparison(pairs)
            for common in COMMON:
                own = np.flatnonzero(proposed[rows] & (1 << common))
                hashes, own_rows, scores = comparison.entries(common, ledger.keys[common][rows], own, least)
                # Entries are compared with those of the same thing in common alone.
                entries.add(mix(hashes + np.uint64(common)), rows[own_rows], scores)
        for hashes, rows, scores in entries:
            best = best_of(hashes, ledger.worst[rows], rows)
            worse = best != rows
            hits.append(Hits.of_all([Hits(rows[worse], scores[worse], best[worse])]))
    return Hits.of_all(hits)


class _Sorted:
    """Entries by ranges of their hashes, in temporary files: each range fits the memory."""

    def __init__(self, ranges: int, folder: Path | None) -> None:
        files = min(ranges, MOST_FILES)
        self._files = [TemporaryFile(dir=folder) for _ in range(files)]  # noqa: SIM115  # open as long as this is

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files:
            file.close()

    def add(self, hashes: Hashes, rows: Rows, scores: Scores) -> None:
        entries = np.empty(len(hashes), ENTRY)
        entries["hash"], entries["row"], entries["score"] = hashes, rows, scores
        ranges = range_of(hashes, len(self._files))
        entries = entries[np.argsort(ranges, kind="stable")]
        ends = np.cumsum(np.bincount(ranges.astype(np.int64), minlength=len(self._files)))
        for file, part in zip(self._files, np.split(entries, ends[:-1]), strict=True):
            file.write(part.tobytes())

    def __iter__(self) -> Iterator[tuple[Hashes, Rows, Scores]]:
        """All entries of a range at a time."""
        for file in self._files:
            file.seek(0)
            entries = np.frombuffer(file.read(), ENTRY)
            yield entries["hash"].copy(), entries["row"].copy(), entries["score"].copy()


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
