"""Minimum Bayes risk: of several hypotheses the one that is most like the others. Knows no model and no search.

C candidates of a sentence, G n-grams, T items (characters or pieces) of all candidates together.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nmt.decoding.engine import Hypothesis

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

CHRF_ORDER, CHRF_BETA = 6, 2  # sacreBLEU's, as is every constant below
BLEU_ORDER = 4
TINY = 1e-16
ROOM = 1 << 22  # cells of a matrix that are in memory at once


@dataclass(frozen=True)
class Consensus:
    """Orders hypotheses by their mean similarity with each of the others (Eikema and Aziz 2020).

    ``metric`` is chrf, which compares the texts that ``decode`` makes of pieces, or bleu, which compares the pieces
    themselves, so that it needs no rule of where words end. The score of a hypothesis becomes its mean similarity, from
    0 to 100.
    """

    metric: str
    decode: Callable[[Sequence[Sequence[int]]], list[str]]

    def ordered(self, hypotheses: Sequence[Hypothesis]) -> list[Hypothesis]:
        """The hypotheses, most similar first; of equals the one that came first. One alone has a score of 100."""
        import numpy as np

        count = len(hypotheses)
        if count == 1:
            return [replace(hypotheses[0], score=100.0)]
        pieces = [hypothesis.pieces for hypothesis in hypotheses]
        similarity_CC = bleu(pieces) if self.metric == "bleu" else chrf(self.decode(pieces))
        np.fill_diagonal(similarity_CC, 0.0)
        mean_C = similarity_CC.sum(1) / (count - 1)
        order = np.argsort(-mean_C.round(9), kind="stable")  # sums of equals may differ in their last digits
        return [replace(hypotheses[place], score=float(mean_C[place])) for place in order]


def chrf(texts: Sequence[str]) -> "Floats":
    """The chrF (Popović 2015) of each text against each other as the reference (C, C), as sacreBLEU's sentence_chrf.

    Spaces do not count, and neither do orders of which one of the two has no n-gram.
    """
    import numpy as np

    rows = [[ord(character) for character in "".join(text.split())] for text in texts]
    counts_CO = np.array([[max(0, len(row) - order) for order in range(CHRF_ORDER)] for row in rows], np.float64)
    precision_CC = np.zeros((len(rows), len(rows)))
    recall_CC, orders_CC = precision_CC.copy(), precision_CC.copy()
    for order, common_CC in enumerate(matches(rows, CHRF_ORDER)):
        counts_C1 = counts_CO[:, order, None]
        both_CC = (counts_C1 > 0) & (counts_C1.T > 0)
        precision_CC += np.divide(common_CC, counts_C1, where=both_CC, out=np.zeros_like(common_CC))
        recall_CC += np.divide(common_CC, counts_C1.T, where=both_CC, out=np.zeros_like(common_CC))
        orders_CC += both_CC
    precision_CC /= np.maximum(orders_CC, 1)
    recall_CC /= np.maximum(orders_CC, 1)
    square = CHRF_BETA**2
    weighed_CC = square * precision_CC + recall_CC
    score_CC: Floats = (1 + square) * precision_CC * recall_CC / np.where(weighed_CC > 0, weighed_CC, 1.0)
    return 100 * score_CC


def bleu(rows: Sequence[Sequence[int]]) -> "Floats":
    """BLEU (Papineni et al. 2002) of each row of items against each other as the reference (C, C).

    As sacreBLEU's sentence_bleu: the orders that the hypothesis has, smoothed exponentially, with a brevity penalty.
    """
    import numpy as np

    length_C1 = np.array([[len(row)] for row in rows], np.float64)
    log_sum_CC = np.zeros((len(rows), len(rows)))
    smooth_CC, orders_C1 = np.ones_like(log_sum_CC), np.minimum(length_C1, BLEU_ORDER)
    for order, common_CC in enumerate(matches(rows, BLEU_ORDER)):
        total_C1 = np.maximum(length_C1 - order, 0)
        if not order:
            none_CC = common_CC == 0
        smooth_CC = np.where((common_CC == 0) & (total_C1 > 0), 2 * smooth_CC, smooth_CC)
        hits_CC = np.where(common_CC > 0, common_CC, 1 / smooth_CC)
        log_sum_CC += np.where(total_C1 > 0, np.log(hits_CC / np.maximum(total_C1, 1)), 0.0)
    brevity_CC = np.minimum(0.0, 1 - length_C1.T / np.maximum(length_C1, TINY))
    score_CC: Floats = 100 * np.exp(log_sum_CC / np.maximum(orders_C1, 1) + brevity_CC)
    return np.where(none_CC, 0.0, score_CC)


def matches(rows: Sequence[Sequence[int]], longest: int) -> "list[Floats]":
    """Number of n-grams that each two rows have in common (C, C), repeats counted, for each order up to ``longest``."""
    import numpy as np

    row_T = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    item_T = np.unique(np.array([item for row in rows for item in row], np.int64), return_inverse=True)[1].ravel()
    gram_T, width, found = item_T, int(item_T.max(initial=0)) + 1, []
    for order in range(longest):
        if order:  # an n-gram is the one before and the item after it; both are numbered from 0
            gram_T = gram_T[:-1] * width + item_T[order:]
            gram_T = np.unique(gram_T, return_inverse=True)[1].ravel()
        whole_T = row_T[: len(gram_T)] == row_T[order : order + len(gram_T)]
        found.append(in_common(gram_T[whole_T], row_T[: len(gram_T)][whole_T], len(rows)))
    return found


def in_common(gram_T: "Ints", row_T: "Ints", rows: int) -> "Floats":
    """Sum over the n-grams of the smaller of the two rows' counts (C, C)."""
    import numpy as np

    pair_P, count_P = np.unique(gram_T * rows + row_T, return_counts=True)
    gram_P, row_P = np.divmod(pair_P, rows)
    common_CC = np.zeros((rows, rows))
    least = 1
    # The smaller of two counts is the number of thresholds that both reach.
    while len(gram_P):
        gram_P = np.unique(gram_P, return_inverse=True)[1].ravel()
        step = max(1, ROOM // rows)
        for first in range(0, int(gram_P[-1]) + 1, step):
            part_P = slice(*np.searchsorted(gram_P, [first, first + step]))
            reached_CG = np.zeros((rows, min(step, int(gram_P[-1]) + 1 - first)), np.float32)
            reached_CG[row_P[part_P], gram_P[part_P] - first] = 1.0
            common_CC += reached_CG @ reached_CG.T
        least += 1
        more_P = count_P >= least
        gram_P, row_P, count_P = gram_P[more_P], row_P[more_P], count_P[more_P]
    return common_CC
