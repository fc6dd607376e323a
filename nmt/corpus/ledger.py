"""What is known about every training pair, in the order of the corpora; and which pairs are equal, by hashes.

Knows verdicts, scores and hashes; no texts.
"""

import numpy as np
import numpy.typing as npt

from nmt.corpus.judge import Judged
from nmt.corpus.rules.duplicate import COMMON, SOURCE, TARGET
from nmt.corpus.rules.line_hashes import Hashes, Rows, pair_hash
from nmt.corpus.verdicts import HELD_OUT, KEPT, Scores


class Ledger:
    """One entry for each training pair, filled chunk by chunk."""

    def __init__(self, pairs: int) -> None:
        self.verdicts = np.zeros(pairs, np.uint8)
        self.scores = np.zeros(pairs, np.float32)
        self.worst = np.zeros(pairs, np.float32)
        self.keys = np.zeros((len(COMMON), pairs), np.uint64)

    def record(self, first: int, judged: Judged) -> None:
        """Enter what was judged about pairs, the first of which is number ``first``."""
        rows = slice(first, first + len(judged.verdicts))
        self.verdicts[rows], self.scores[rows] = judged.verdicts, judged.scores
        self.worst[rows], self.keys[:, rows] = judged.worst, judged.keys

    def drop(self, rows: Rows, scores: Scores, verdict: int) -> None:
        """Give the pairs in ``rows`` another verdict."""
        self.verdicts[rows], self.scores[rows] = verdict, scores

    def copies(self) -> tuple[Rows, Rows]:
        """The kept pairs of which a better kept pair is a copy, and the best copy of each; both as rows."""
        rows = np.flatnonzero(self.verdicts == KEPT)
        best = best_of(pair_hash(self.keys[SOURCE, rows], self.keys[TARGET, rows]), self.worst[rows], rows)
        return rows[best != rows], best[best != rows]

    def same_source(self) -> int:
        """Number of kept pairs whose source another kept pair has, beside another target."""
        return int(np.count_nonzero(is_shared(self.keys[SOURCE, self.verdicts == KEPT])))

    def hold_out(self, seed: int) -> None:
        """Set aside one kept pair in 20, at most 1,000, as the validation set; used when no such set is given."""
        kept = np.flatnonzero(self.verdicts == KEPT)
        count = min(1000, len(kept) // 20)
        chosen = np.random.default_rng(seed).choice(len(kept), count, replace=False, shuffle=False)
        self.drop(kept[chosen], np.ones(count, np.float32), HELD_OUT)


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
