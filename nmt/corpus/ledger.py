"""What is known about every training pair, in the order of the corpora; and what follows from comparing pairs.

Of pairs that are copies of each other but for case, marks and spaces, the best is kept. Knows verdicts, scores and
hashes; no texts.
"""

import numpy as np

from nmt.corpus.judge import Judged
from nmt.corpus.verdicts import DUPLICATE, HELD_OUT, KEPT


class Ledger:
    """One entry for each training pair, filled chunk by chunk."""

    def __init__(self, pairs: int) -> None:
        self.verdicts = np.zeros(pairs, np.uint8)
        self.scores = np.zeros(pairs, np.float32)
        self._worst = np.zeros(pairs, np.float32)
        self._copies = np.zeros(pairs, np.uint64)

    def record(self, first: int, judged: Judged) -> None:
        """Enter what was judged about pairs, the first of which is number ``first``."""
        rows = slice(first, first + len(judged.verdicts))
        self.verdicts[rows], self.scores[rows] = judged.verdicts, judged.scores
        self._worst[rows], self._copies[rows] = judged.worst, judged.copies

    def drop_copies(self) -> None:
        """Keep, of pairs that are copies of each other, the one that the rules found best; the first of equals."""
        rows = np.flatnonzero(self.verdicts == KEPT)
        hashes = self._copies[rows]
        order = np.lexsort((rows, self._worst[rows], hashes))
        repeated = np.zeros(len(rows), bool)
        repeated[order[1:]] = hashes[order[1:]] == hashes[order[:-1]]
        self.verdicts[rows[repeated]], self.scores[rows[repeated]] = DUPLICATE, 1.0

    def hold_out(self, seed: int) -> None:
        """Set aside one kept pair in 20, at most 1,000, as the validation set; used when no such set is given."""
        kept = np.flatnonzero(self.verdicts == KEPT)
        count = min(1000, len(kept) // 20)
        chosen = np.random.default_rng(seed).choice(len(kept), count, replace=False, shuffle=False)
        self.verdicts[kept[chosen]], self.scores[kept[chosen]] = HELD_OUT, 1.0
