"""Beam search for translations in which given phrases appear, by dynamic beam allocation.

Post and Vilar 2018, vectorised as in Hu et al. 2019: rows are grouped into banks by how many pieces of their phrases
are still missing, and the places of the beam are given to the banks in turn. So a hypothesis that has begun a phrase is
compared with others that have come as far, and not with those that put it off. Here a sentence has one row more for
each piece of its phrases, so that every bank has a place. Nothing is masked: scores are those of the model.

B sentences, K rows of a sentence, N = B × K rows, X candidates of a sentence, J candidates of a row, V columns of the
logits, C constraints of a sentence, A alternatives of all its constraints, L pieces of an alternative.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

import torch
from torch import Tensor
from torch.nn.functional import pad

from nmt.decoding.engine import NEVER_SEEN, Edges, Query
from nmt.decoding.roles import Candidates, Columns, Rows
from nmt.text.edges import JOINED, OPEN
from nmt.text.tokenizer import EOS

_NEVER = torch.iinfo(torch.long).max


@dataclass(frozen=True)
class Phrases:
    """The constraints of a batch; a constraint or an alternative of 0 pieces is padding."""

    piece_BAL: Tensor  # -1: padding
    column_BAL: Tensor
    length_BA: Tensor
    owner_BA: Tensor  # the constraint of an alternative
    inside_BA: Tensor  # whether the alternative begins within a word: it counts only where a word begins
    need_BC: Tensor  # pieces of the shortest alternative that counts anywhere
    limit_B: Tensor  # most pieces of the translation
    prefix_B: Tensor  # pieces that it begins with

    @classmethod
    def of(cls, queries: Sequence[Query], limits: Sequence[int], columns: Columns, edges: "EdgeTensors") -> Self:
        """The constraints of queries, each of which has one with an alternative that does not begin within a word."""
        flat = [
            [(owner, pieces) for owner, constraint in enumerate(query.constraints) for pieces in constraint]
            for query in queries
        ]
        longest = max(len(pieces) for each in flat for _, pieces in each)
        piece_BAL = torch.full((len(queries), max(map(len, flat)), longest), -1)
        owner_BA = torch.zeros(piece_BAL.shape[:2], dtype=torch.long)
        for sentence, each in enumerate(flat):
            for place, (owner, pieces) in enumerate(each):
                piece_BAL[sentence, place, : len(pieces)] = torch.tensor(pieces)
                owner_BA[sentence, place] = owner
        device = columns.device
        piece_BAL, owner_BA = piece_BAL.to(device), owner_BA.to(device)
        length_BA = (piece_BAL >= 0).sum(2)
        inside_BA = (edges.first(piece_BAL[:, :, 0].clamp(min=0)) > 0) & (length_BA > 0)
        anywhere_BA = length_BA.masked_fill(inside_BA | (length_BA == 0), _NEVER)
        need_BC = torch.full((len(queries), max(len(query.constraints) for query in queries)), _NEVER, device=device)
        need_BC = need_BC.scatter_reduce(1, owner_BA, anywhere_BA, "amin")
        return cls(
            piece_BAL,
            columns.places(piece_BAL.clamp(min=0)),
            length_BA,
            owner_BA,
            inside_BA,
            need_BC.masked_fill(need_BC == _NEVER, 0),
            torch.tensor(limits, device=device),
            torch.tensor([len(query.prefix) for query in queries], device=device),
        )

    def only(self, kept_B: Tensor) -> Self:
        """The constraints of the sentences ``kept_B``."""
        return type(self)(*(getattr(self, spec.name)[kept_B] for spec in fields(self)))


class EdgeTensors:
    """``Edges`` as tensors; None: no piece begins or ends within a word."""

    def __init__(self, edges: Edges | None, device: torch.device) -> None:
        self._tables = [
            torch.frombuffer(bytearray(each), dtype=torch.uint8).to(device)
            for each in ([edges.first, edges.last] if edges else [])
        ]

    def first(self, piece: Tensor) -> Tensor:
        """The ``Edge`` of each piece, in the shape of ``piece``."""
        return self._tables[0][piece] if self._tables else torch.zeros_like(piece)

    def last(self, piece: Tensor) -> Tensor:
        """The ``Edge`` of each piece's last character, in the shape of ``piece``."""
        return self._tables[1][piece] if self._tables else torch.zeros_like(piece)


@dataclass(frozen=True)
class Standing:
    """How far rows or candidates, X of each sentence, have come with the alternatives of constraints."""

    whole_BXC: Tensor  # whether the newest pieces are an alternative of the constraint
    reached_BXA: Tensor  # how many of the newest pieces begin the alternative, if they are not all of it


class ConstrainedBeam:
    """A ``Role`` that finishes only hypotheses in which all constraints of their sentences are met.

    Every sentence gets one if its limit has room for the prefix and all constraints: a candidate is dropped when fewer
    pieces are left than are missing.
    """

    def __init__(self, enough: int, phrases: Phrases, edges: EdgeTensors, offered: Columns, unseen: int) -> None:
        """Columns of ``offered`` from ``unseen`` on are of pieces that the model never produces."""
        self.enough = enough
        self._phrases, self._edges, self._offered, self._unseen = phrases, edges, offered, unseen
        sentences, constraints = phrases.need_BC.shape
        device = phrases.need_BC.device
        self._most = enough + int(phrases.need_BC.sum(1).max())  # rows of a sentence
        self._sentence_B = torch.arange(sentences, device=device)
        # Constraints that stay met; one that ends with the newest piece is undone by a piece that continues its word.
        self._kept_BKC = torch.zeros(sentences, 1, constraints, dtype=torch.bool, device=device)
        # Whether the newest pieces of a row are the first 1, 2, … L of an alternative.
        self._begun_BKAL = torch.zeros_like(phrases.piece_BAL, dtype=torch.bool)[:, None]

    def choose(self, rows: Rows, logits_NV: Tensor, last_B: Tensor) -> tuple[Candidates, Candidates]:
        """See ``Role``. At most ``enough`` hypotheses of a sentence finish with a step."""
        self._drop_done(rows)
        length = rows.prefix_NT.size(1)  # with the new piece
        last_BK = self._edges.last(rows.prefix_NT[:, -1]).view(rows.score_BK.shape)
        standing = self._standing(self._begun_BKAL)
        met_BKC = self._kept_BKC | standing.whole_BXC
        value_NV = logits_NV.log_softmax(1, dtype=torch.promote_types(logits_NV.dtype, torch.float32))
        value_BKV = value_NV.view(*rows.score_BK.shape, -1)
        value_BKV[:, :, EOS] = value_BKV[:, :, EOS].masked_fill(self._missing(met_BKC, standing) > 0, -torch.inf)
        next_BKF = self._next_columns(met_BKC, standing, last_BK, length)
        score_BX, local_BX, column_BX = self._candidates(rows.score_BK, value_BKV, next_BKF)

        begun_BXAL, kept_BXC, missing_BX = self._after(last_BK, standing, local_BX, column_BX)
        score_BX = score_BX.masked_fill(missing_BX > self._phrases.limit_B[:, None] - length, -torch.inf)
        first_row_B1 = torch.arange(0, value_NV.size(0), rows.score_BK.size(1), device=local_BX.device)[:, None]
        row_BX, ends_BX = local_BX + first_row_B1, column_BX == EOS
        # As in plain beam search, </s> must be among the best, here of those that miss nothing.
        is_first_BX = (missing_BX == 0) & (turns(score_BX, missing_BX) < self.enough)
        ended_BX = score_BX.masked_fill(~(is_first_BX & (ends_BX | last_B[:, None])), -torch.inf)
        ended, _ = best(ended_BX, ended_BX, self.enough, row_BX, column_BX)

        score_BX = score_BX.masked_fill(ends_BX, -torch.inf)
        turn_BX = turns(score_BX, missing_BX)
        # Each bank's best first, then each one's second; of equals, the bank that misses least.
        order_BX = -(turn_BX * (self._most + 1) + missing_BX).double()
        own_BX = order_BX.masked_fill(score_BX == -torch.inf, -torch.inf)
        rows_B1 = self.enough + self._phrases.need_BC.sum(1, keepdim=True)
        continued, place_BK = best(own_BX, score_BX, self._most, row_BX, column_BX, rows_B1)
        self._kept_BKC, self._begun_BKAL = pick(kept_BXC, place_BK), pick(begun_BXAL, place_BK)
        return ended, continued

    def _drop_done(self, rows: Rows) -> None:
        """Forget the sentences that are no longer searched."""
        if len(rows.sentence_B) < len(self._sentence_B):
            kept_B = torch.isin(self._sentence_B, rows.sentence_B).nonzero()[:, 0]
            self._sentence_B = rows.sentence_B
            self._phrases = self._phrases.only(kept_B)
            self._kept_BKC, self._begun_BKAL = self._kept_BKC[kept_B], self._begun_BKAL[kept_B]

    def _standing(self, begun_BXAL: Tensor) -> Standing:
        phrases = self._phrases
        count_L = torch.arange(1, begun_BXAL.size(3) + 1, device=begun_BXAL.device)
        is_whole_BAL = count_L == phrases.length_BA[:, :, None]
        whole_BXA = (begun_BXAL & is_whole_BAL[:, None]).any(3)
        reached_BXA = (begun_BXAL * (count_L * ~is_whole_BAL)[:, None]).amax(3)
        whole_BXC = torch.zeros(
            *whole_BXA.shape[:2], phrases.need_BC.size(1), dtype=torch.long, device=whole_BXA.device
        )
        whole_BXC.scatter_add_(2, phrases.owner_BA[:, None].expand(whole_BXA.shape), whole_BXA.long())
        return Standing(whole_BXC > 0, reached_BXA)

    def _missing(self, met_BXC: Tensor, standing: Standing) -> Tensor:
        """(B, X) pieces that must still come; one constraint alone counts as begun, so that each can go on."""
        phrases = self._phrases
        owner_BXA = phrases.owner_BA[:, None].expand(standing.reached_BXA.shape)
        need_BC = phrases.need_BC
        # An alternative of padding has reached nothing, and spares nothing.
        spared_BA = (need_BC.gather(1, phrases.owner_BA) - phrases.length_BA).masked_fill(phrases.length_BA == 0, 0)
        spared_BXA = (spared_BA[:, None] + standing.reached_BXA).masked_fill(met_BXC.gather(2, owner_BXA), 0)
        return (need_BC[:, None] * ~met_BXC).sum(2) - spared_BXA.amax(2).clamp(min=0)

    def _next_columns(self, met_BKC: Tensor, standing: Standing, last_BK: Tensor, length: int) -> Tensor:
        """(B, K, 2A) columns that continue or begin an alternative of a constraint that is not met; -1: none."""
        phrases, reached_BKA = self._phrases, standing.reached_BXA
        wanted_BKA = ~met_BKC.gather(2, phrases.owner_BA[:, None].expand(reached_BKA.shape))
        wanted_BKA &= (phrases.length_BA > 0)[:, None] & (length > phrases.prefix_B)[:, None, None]
        column_BKAL = phrases.column_BAL[:, None].expand(*reached_BKA.shape, -1)
        following_BKA = column_BKAL.gather(3, reached_BKA[:, :, :, None])[:, :, :, 0]
        may_begin_BKA = ~phrases.inside_BA[:, None] | (last_BK == OPEN)[:, :, None]
        columns = (
            following_BKA.masked_fill(~wanted_BKA | (reached_BKA == 0), -1),
            column_BKAL[:, :, :, 0].masked_fill(~wanted_BKA | ~may_begin_BKA, -1),
        )
        return torch.cat(columns, 2)

    def _candidates(self, score_BK: Tensor, value_BKV: Tensor, next_BKF: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, X) scores, rows within the sentence, and columns: the 2 × beam best of each row, and ``next_BKF``."""
        best_BKJ = value_BKV.topk(min(2 * self.enough, value_BKV.size(2)))
        value_BKF = value_BKV.gather(2, next_BKF.clamp(min=0))
        value_BKF = value_BKF.masked_fill(next_BKF >= self._unseen, NEVER_SEEN).masked_fill(next_BKF < 0, -torch.inf)
        score_BX = (torch.cat((best_BKJ.values, value_BKF), 2) + score_BK[:, :, None]).flatten(1)
        column_BKX = torch.cat((best_BKJ.indices, next_BKF.clamp(min=0)), 2)
        local_BKX = torch.arange(score_BK.size(1), device=score_BK.device)[:, None].expand_as(column_BKX)
        local_BX, column_BX = local_BKX.flatten(1), column_BKX.flatten(1)
        score_BX = score_BX.nan_to_num(nan=-torch.inf, neginf=-torch.inf)  # a row that is not a number is dead
        twice_BX = repeated(local_BX * value_BKV.size(2) + column_BX, score_BX)
        return score_BX.masked_fill(twice_BX, -torch.inf), local_BX, column_BX

    def _after(
        self, last_BK: Tensor, standing: Standing, local_BX: Tensor, column_BX: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """(B, X, A, L) what is begun, (B, X, C) what stays met and (B, X) missing pieces when candidates are taken."""
        phrases, piece_BX, before_BX = self._phrases, self._offered.pieces(column_BX), last_BK.gather(1, local_BX)
        continues_BX = (before_BX != OPEN) & (self._edges.first(piece_BX) == JOINED)
        whole_BXC = pick(standing.whole_BXC, local_BX) & ~continues_BX[:, :, None]
        kept_BXC = pick(self._kept_BKC, local_BX) | whole_BXC
        may_begin_BXA = ~phrases.inside_BA[:, None] | (before_BX == OPEN)[:, :, None]
        before_BXAL = torch.cat((may_begin_BXA[..., None], pick(self._begun_BKAL, local_BX)[..., :-1]), 3)
        begun_BXAL = before_BXAL & (piece_BX[:, :, None, None] == phrases.piece_BAL[:, None])
        after = self._standing(begun_BXAL)
        return begun_BXAL, kept_BXC, self._missing(kept_BXC | after.whole_BXC, after)


def pick(state_BX: Tensor, place_BY: Tensor) -> Tensor:
    """(B, Y, …) what each place of a sentence has; ``state_BX`` is (B, X, …)."""
    return state_BX[torch.arange(len(state_BX), device=state_BX.device)[:, None], place_BY]


def turns(score_BX: Tensor, bank_BX: Tensor) -> Tensor:
    """(B, X) the place of each candidate among those of its bank, by score, from 0; dead ones have their own."""
    bank_BX = bank_BX.masked_fill(score_BX == -torch.inf, _NEVER)
    by_score_BX = score_BX.sort(descending=True, stable=True).indices
    bank_BX, by_bank_BX = bank_BX.gather(1, by_score_BX).sort(stable=True)
    turn_BX = torch.arange(bank_BX.size(1), device=bank_BX.device) - torch.searchsorted(bank_BX, bank_BX)
    return torch.empty_like(turn_BX).scatter_(1, by_score_BX.gather(1, by_bank_BX), turn_BX)


def repeated(key_BX: Tensor, score_BX: Tensor) -> Tensor:
    """(B, X) whether a candidate that is alive has the key of one before it."""
    alone_X = -1 - torch.arange(key_BX.size(1), device=key_BX.device)
    key_BX, order_BX = key_BX.where(score_BX > -torch.inf, alone_X).sort(stable=True)
    same_BX = pad(key_BX[:, 1:] == key_BX[:, :-1], (1, 0), value=False)
    return torch.empty_like(same_BX).scatter_(1, order_BX, same_BX)


def best(
    order_BX: Tensor,
    score_BX: Tensor,
    count: int,
    row_BX: Tensor,
    column_BX: Tensor,
    own_B1: Tensor | int | None = None,
) -> tuple[Candidates, Tensor]:
    """The ``count`` candidates of the highest order, ``own_B1`` of each sentence, by score; and their places."""
    missing = max(0, count - order_BX.size(1))
    place_BK = order_BX.topk(count - missing).indices
    score_BK = score_BX.gather(1, place_BK)
    if own_B1 is not None:
        score_BK = score_BK.masked_fill(torch.arange(count - missing, device=score_BK.device) >= own_B1, -torch.inf)
    score_BK, place_BK = pad(score_BK, (0, missing), value=-torch.inf), pad(place_BK, (0, missing))
    score_BK, sorted_BK = score_BK.sort(descending=True, stable=True)
    place_BK = place_BK.gather(1, sorted_BK)
    return Candidates(score_BK, row_BX.gather(1, place_BK), column_BX.gather(1, place_BK)), place_BK
