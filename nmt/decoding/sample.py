"""Sampling: hypotheses drawn from the model's distribution, each row by itself. Knows no model and no loop.

Each draw inverts the cumulative distribution at one uniform number, which is a function of the seed, the key of the
query, the number of the sample and the step. So a query has the same samples in any batch, on any number of threads.

A sentences of the batch, B those still searched, K rows of a sentence, N = B × K rows, V columns of the logits, C
columns of which a row's piece is drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor
from torch.nn.functional import pad

from nmt.config import SearchOptions
from nmt.decoding.roles import Candidates, Rows
from nmt.text.tokenizer import EOS

# SplitMix64 (Steele et al. 2014): its n-th number is a hash of start + n × GAMMA. As signed numbers of 64 bits.
GAMMA, FIRST, SECOND = (value - (1 << 64) for value in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
FEW = 64  # columns in which most of the probability of a step lies


@dataclass
class Sample:
    """A ``Role`` that draws ``enough`` hypotheses of each sentence, independent of each other.

    A piece is drawn from the softmax of logits / temperature, over the ``top_k`` most probable pieces (0: over all),
    and of those over the most probable that have ``top_p`` of the probability together (Holtzman et al. 2020). Scores
    are the model's own: neither the temperature nor the pieces left out count.
    """

    enough: int
    top_k: int
    top_p: float
    temperature: float
    stream_AK: Tensor  # state of the random numbers of each row, by the sentence's place in the batch

    @classmethod
    def of(cls, options: SearchOptions, keys: Sequence[int], device: torch.device | str = "cpu") -> Self:
        """The role for queries with these keys."""
        # Each hash spreads what is below it over all 64 bits, so that no two of the sums meet but by chance.
        seed = hashed(torch.tensor(options.seed + 1, device=device) * GAMMA)
        key_A1 = hashed(seed + torch.tensor(keys, device=device)[:, None] * GAMMA)
        stream_AK = hashed(key_A1 + torch.arange(1, options.n_best + 1, device=device) * GAMMA)
        return cls(options.n_best, options.sample or 0, options.top_p, options.temperature, stream_AK)

    def choose(self, rows: Rows, logits_NV: Tensor, last_B: Tensor) -> tuple[Candidates, Candidates]:
        """See ``Role``. Rows that have finished are dropped as soon as each sentence has one."""
        if logits_NV.dtype in (torch.float16, torch.bfloat16):
            logits_NV = logits_NV.float()
        sentences, before = rows.score_BK.shape
        stream_BK = self.stream_AK[rows.sentence_B]
        row_BK = torch.arange(len(logits_NV), device=logits_NV.device).view(sentences, before)
        if before < stream_BK.size(1):  # at the first step all samples continue one row
            row_BK = row_BK.expand_as(stream_BK)
        stream_BK = stream_BK + GAMMA
        uniform_BK = uniform(stream_BK, logits_NV.dtype)
        column_BK = self.draw(logits_NV, uniform_BK.view(len(logits_NV), -1)).view_as(row_BK)
        gain_BK = logits_NV[row_BK, column_BK] - logits_NV.logsumexp(1)[row_BK]
        score_BK = rows.score_BK.expand_as(gain_BK) + gain_BK
        ends_BK = (column_BK == EOS) | last_B[:, None]
        ended = Candidates(score_BK.masked_fill(ends_BK.logical_not(), -torch.inf), row_BK, column_BK)
        alive_BK = score_BK.masked_fill(ends_BK, -torch.inf)
        lives_BK = alive_BK > -torch.inf
        width = max(1, int(lives_BK.sum(1).max()))
        order_BK = lives_BK.sort(dim=1, descending=True, stable=True).indices[:, :width]
        self.stream_AK = self.stream_AK[:, :width].clone()
        self.stream_AK[rows.sentence_B] = stream_BK.gather(1, order_BK)
        return ended, Candidates(*(part.gather(1, order_BK) for part in (alive_BK, row_BK, column_BK)))

    def draw(self, logits_NV: Tensor, uniform_NK: Tensor) -> Tensor:
        """Columns (N, K) where the cumulative distribution of each row passes its uniform numbers."""
        value_NC, column_NC = logits_NV, None
        if self.temperature != 1.0:
            value_NC = logits_NV / self.temperature
        if self.top_k:
            value_NC, column_NC = value_NC.topk(min(self.top_k, value_NC.size(1)))
        log_total_N1 = value_NC.logsumexp(1, keepdim=True)
        if self.top_p < 1.0 and column_NC is None:
            value_NC, column_NC = most_probable(value_NC, log_total_N1, self.top_p)
        total_NC = (value_NC - log_total_N1).exp_().cumsum(1)
        if self.top_p < 1.0:
            before_NC = pad(total_NC[:, :-1], (1, 0))
            total_NC = total_NC.where(before_NC < self.top_p, 0.0).cummax(1).values
        # Below the total even when rounded: where it is reached, the pieces that follow are impossible.
        end_N1 = total_NC[:, -1:]
        wanted_NK = torch.minimum(uniform_NK * end_N1, end_N1.nextafter(torch.zeros_like(end_N1)))
        place_NK = torch.searchsorted(total_NC, wanted_NK, right=True).clamp_(max=total_NC.size(1) - 1)
        return place_NK if column_NC is None else column_NC.gather(1, place_NK)


def most_probable(value_NV: Tensor, log_total_N1: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """The largest logits of each row, descending, with their columns: so many that all have the share of the total."""
    count, most = min(FEW, value_NV.size(1)), value_NV.size(1)
    while True:
        value_NC, column_NC = value_NV.topk(count)
        if count == most or bool(((value_NC - log_total_N1).exp_().sum(1) >= share).all()):
            return value_NC, column_NC
        count = min(8 * count, most)


def hashed(state: Tensor) -> Tensor:
    """SplitMix64's hash of each number of 64 bits."""
    state = (state ^ shifted(state, 30)) * FIRST
    state = (state ^ shifted(state, 27)) * SECOND
    return state ^ shifted(state, 31)


def shifted(bits: Tensor, count: int) -> Tensor:
    """The bits, ``count`` places to the right, with zeros from the left."""
    return (bits >> count) & ((1 << (64 - count)) - 1)


def uniform(state: Tensor, dtype: torch.dtype) -> Tensor:
    """Uniform numbers in [0, 1) of the generators in these states, with all digits that the dtype has there."""
    digits = 53 if dtype == torch.float64 else 24
    return shifted(hashed(state), 64 - digits).to(dtype) * 2.0**-digits
