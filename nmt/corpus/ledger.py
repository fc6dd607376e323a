"""What is known about every training pair, in the order of the corpora; and which pairs are equal, by hashes.

Knows verdicts, scores and hashes; no texts.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from nmt.corpus.rules.duplicate import SOURCE, TARGET
from nmt.corpus.rules.line_hashes import Hashes, Rows, pair_hash
from nmt.corpus.verdicts import HELD_OUT, KEPT, Scores, Verdicts

PART = 1 << 21  # pairs whose hashes are compared at a time: some 64 MiB with what sorting takes
BLOCK = 1 << 20  # pairs whose hashes are read at a time
COLUMNS = tuple(f"judged-{name}.bin" for name in ("verdicts", "scores", "worst", "source", "target", "loose"))
"""The files of the ledger, one for each array, in the order of ``Judged.columns``."""


@dataclass(frozen=True)
class Ledger:
    """One entry for each training pair. Only the verdicts are in memory; the other arrays are files mapped to it."""

    verdicts: Verdicts
    scores: Scores
    worst: Scores
    keys: Sequence[Hashes]  # of what pairs may have in common

    @classmethod
    def read(cls, paths: Sequence[Path]) -> Self:
        """Open the files of COLUMNS; changes of scores stay in memory."""
        verdicts = np.fromfile(paths[0], np.uint8)
        scores, worst = (_mapped(path, np.float32) for path in paths[1:3])
        return cls(verdicts, scores, worst, [_mapped(path, np.uint64) for path in paths[3:]])

    def drop(self, rows: Rows, scores: Scores, verdict: int) -> None:
        """Give the pairs in ``rows`` another verdict."""
        self.verdicts[rows], self.scores[rows] = verdict, scores

    @property
    def parts(self) -> int:
        """The number of ranges of hashes that are compared one after another, in bounded memory."""
        return len(self.verdicts) // PART + 1

    def copies(self) -> tuple[Rows, Rows]:
        """The kept pairs of which a better kept pair is a copy, and the best copy of each; both as rows, rising."""
        worse, better = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for part in range(self.parts):
            rows, hashes = self._part(lambda rows: pair_hash(self.keys[SOURCE][rows], self.keys[TARGET][rows]), part)
            best = best_of(hashes, self.worst[rows], rows)
            worse.append(rows[best != rows])
            better.append(best[best != rows])
        order = np.argsort(np.concatenate(worse))
        return np.concatenate(worse)[order], np.concatenate(better)[order]

    def shared(self, common: int, part: int) -> Rows:
        """The kept pairs of a part whose key another kept pair has."""
        rows, keys = self._part(self.keys[common].__getitem__, part)
        return rows[is_shared(keys)]

    def same_source(self) -> int:
        """Number of kept pairs whose source another kept pair has, beside another target."""
        return sum(len(self.shared(SOURCE, part)) for part in range(self.parts))

    def _part(self, hashes_of: Callable[[slice], Hashes], part: int) -> tuple[Rows, Hashes]:
        """The kept pairs whose hash is in a range, as rising rows, and their hashes."""
        rows, hashes = [np.zeros(0, np.int64)], [np.zeros(0, np.uint64)]
        for block in self._blocks():
            found = hashes_of(block)
            kept = np.flatnonzero((self.verdicts[block] == KEPT) & (range_of(found, self.parts) == part))
            rows.append(kept + block.start)
            hashes.append(found[kept])
        return np.concatenate(rows), np.concatenate(hashes)

    def _blocks(self) -> Iterator[slice]:
        for start in range(0, len(self.verdicts), BLOCK):
            yield slice(start, min(start + BLOCK, len(self.verdicts)))

    def hold_out(self, seed: int) -> None:
        """Set aside one kept pair in 20, at most 1,000, as the validation set; used when no such set is given."""
        kept = int(np.count_nonzero(self.verdicts == KEPT))
        count = min(1000, kept // 20)
        chosen = np.sort(np.random.default_rng(seed).choice(kept, count, replace=False, shuffle=False))
        before = 0  # kept pairs in earlier blocks
        for block in self._blocks():
            here = np.flatnonzero(self.verdicts[block] == KEPT) + block.start
            own = here[chosen[(chosen >= before) & (chosen < before + len(here))] - before]
            before += len(here)
            self.drop(own, np.ones(len(own), np.float32), HELD_OUT)


def range_of(hashes: Hashes, ranges: int) -> Hashes:
    """Which of so many equal ranges each hash is in: its upper half decides."""
    half = np.uint64(32)
    return ((hashes >> half) * np.uint64(ranges)) >> half


def best_of(keys: Hashes, worst: Scores, rows: Rows) -> Rows:
    """For each entry, the row of the entry with the same key that has the least ``worst``; of equals the first row."""
    order = np.lexsort((rows, worst, keys))
    begins = np.append(True, keys[order][1:] != keys[order][:-1])[: len(order)]
    best = np.empty_like(rows)
    best[order] = rows[order][begins][np.cumsum(begins) - 1]
    return best


def is_shared(keys: Hashes) -> npt.NDArray[np.bool_]:
    """Whether another entry has the same key: bool (entries,)."""
    order = np.argsort(keys)
    same = keys[order][1:] == keys[order][:-1]
    shared = np.zeros(len(keys), bool)
    shared[order] = np.append(same, False)[: len(keys)] | np.append(False, same)[: len(keys)]
    return shared


def _mapped(path: Path, kind: type) -> npt.NDArray[Any]:
    """The items of a file, read when they are used; what is written to them changes memory alone."""
    return np.memmap(path, kind, "c") if path.stat().st_size else np.zeros(0, kind)
