"""Beam search: its rule of choice, and the ranking of what it finds. Knows no model and no loop.

It follows CTranslate2's rule, so that both engines agree: of the 2 × beam best continuations of a sentence, the </s>
among the first ``beam`` finish a hypothesis, and the first ``beam`` that are not </s> are the next rows. A sentence is
done when ``beam`` hypotheses are finished; at its length limit the first ``beam`` finish as they are.

B sentences, K rows of a sentence, N = B × K rows, C = 2 × beam candidates of a sentence, V columns of the logits,
I columns of a block, W blocks of a row, L blocks that are searched.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from nmt.decoding.engine import Hypothesis
from nmt.decoding.roles import Candidates, Finished, Ranking, Rows
from nmt.text.tokenizer import EOS

BLOCK = 32  # columns whose maximum is taken first; divides the usual sizes of a vocabulary


@dataclass(frozen=True)
class Beam:
    """A ``Role`` that keeps the ``enough`` best rows of each sentence."""

    enough: int

    def choose(self, rows: Rows, logits_NV: Tensor, last_B: Tensor) -> tuple[Candidates, Candidates]:
        """See ``Role``. At most ``enough`` hypotheses of a sentence finish, and exactly as many rows follow."""
        best = best_candidates(logits_NV, rows.score_BK, 2 * self.enough)
        ends_BC = best.column_BC == EOS
        first = slice(self.enough)
        ended_BK = best.score_BC[:, first].where(ends_BC[:, first] | last_B[:, None], -torch.inf)
        ended = Candidates(ended_BK, best.row_BC[:, first], best.column_BC[:, first])
        score_BK, choice_BK = best.score_BC.masked_fill(ends_BC, -torch.inf).topk(self.enough)
        return ended, Candidates(score_BK, best.row_BC.gather(1, choice_BK), best.column_BC.gather(1, choice_BK))


def by_length_penalty(power: float, n_best: int) -> Ranking:
    """A ranking by the score log-probability / length^power, which returns the ``n_best`` best hypotheses."""

    def rank(finished: Sequence[Finished]) -> list[Hypothesis]:
        scored = [Hypothesis(pieces, score / length**power) for pieces, length, score in finished]
        return sorted(scored, key=lambda hypothesis: -hypothesis.score)[:n_best]

    return rank


def best_candidates(logits_NV: Tensor, score_BK: Tensor, wanted: int) -> Candidates:
    """The ``wanted`` best continuations of each sentence over all its rows and columns, best first.

    The C best lie in the C blocks with the highest maxima. Two short sorts find them, where one of all K × V would cost
    more than the matrix products before it.
    """
    sentences, rows = score_BK.shape
    vocabulary = logits_NV.size(1)
    if logits_NV.dtype in (torch.float16, torch.bfloat16):
        logits_NV = logits_NV.float()  # sums of log-probabilities need the digits
    value_NV = logits_NV.log_softmax(1)
    if vocabulary % BLOCK:  # pad would copy even without padding
        value_NV = pad(value_NV, (0, -vocabulary % BLOCK), value=-torch.inf)
    value_BKWI = value_NV.view(sentences, rows, -1, BLOCK)
    blocks = value_BKWI.size(2)
    best_BL = (value_BKWI.amax(3) + score_BK[:, :, None]).flatten(1)
    block_BL = best_BL.topk(min(wanted, rows * blocks)).indices
    value_BLI = value_BKWI.flatten(1, 2).gather(1, block_BL[:, :, None].expand(-1, -1, BLOCK))
    sum_BLI = value_BLI + score_BK.gather(1, block_BL // blocks)[:, :, None]
    count = min(wanted, rows * vocabulary)
    missing = (0, wanted - count)
    score_BC, place_BC = sum_BLI.flatten(1).topk(count)
    score_BC, place_BC = pad(score_BC, missing, value=-torch.inf), pad(place_BC, missing)
    block_BC = block_BL.gather(1, place_BC // BLOCK)
    first_row_B1 = torch.arange(0, sentences * rows, rows, device=block_BC.device)[:, None]
    row_BC = first_row_B1 + block_BC // blocks
    # The padding of the last block is no column; where too few are possible, its -inf may be among the best.
    column_BC = (block_BC % blocks * BLOCK + place_BC % BLOCK).clamp(max=vocabulary - 1)
    return Candidates(score_BC, row_BC, column_BC)
