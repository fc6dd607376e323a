"""Training pairs read again when all have been judged: some rows, or all that are kept. Knows rows; no rules."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nmt.corpus.parallel import Corpus, Pair, read_chunks
from nmt.corpus.rules.line_hashes import Rows
from nmt.corpus.rules.rule import AT_A_TIME
from nmt.corpus.verdicts import KEPT, Verdicts
from nmt.text.normal import normal


@dataclass(frozen=True)
class Part:
    """Some pairs: the row of each, the number of its corpus with its line, and its text as it was read."""

    rows: Rows
    places: Sequence[tuple[int, int]]
    pairs: Sequence[Pair]


@dataclass(frozen=True)
class Reader:
    """Reads pairs of the training corpora; the first pair of each corpus is in row ``starts``."""

    corpora: Sequence[tuple[str, Corpus]]
    starts: Sequence[int]

    def read(self, wanted: Rows) -> Iterator[tuple[Rows, list[Pair]]]:
        """The pairs in the rows ``wanted``, which rise, in parts and in their normal form."""
        for number, (role, corpus) in enumerate(self.corpora):
            first = self.starts[number]
            here = np.searchsorted(wanted, self.starts[number : number + 2])
            for chunk in read_chunks(corpus) if role == "train" and here[0] < here[1] else ():
                low, high = np.searchsorted(wanted, [first, first + len(chunk)])
                if low < high:
                    chosen = [chunk[row] for row in (wanted[low:high] - first).tolist()]
                    yield wanted[low:high], [(normal(source), normal(target)) for source, target in chosen]
                first += len(chunk)

    def kept(self, verdicts: Verdicts) -> Iterator[Part]:
        """All kept pairs; ``verdicts`` are those of all pairs."""
        for number, (role, corpus) in enumerate(self.corpora):
            first = self.starts[number]
            for chunk in read_chunks(corpus) if role == "train" else ():
                kept = np.flatnonzero(verdicts[first : first + len(chunk)] == KEPT)
                for start in range(0, len(kept), AT_A_TIME):
                    here = kept[start : start + AT_A_TIME]
                    lines = (here + first - self.starts[number] + 1).tolist()
                    yield Part(here + first, [(number, line) for line in lines], [chunk[row] for row in here.tolist()])
                first += len(chunk)

    def place(self, row: int) -> tuple[int, int]:
        """The number of the corpus and the line of a row."""
        corpus = bisect_right(self.starts, row) - 1
        return corpus, row - self.starts[corpus] + 1
