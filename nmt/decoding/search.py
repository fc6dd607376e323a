"""The loop of the PyTorch search: step, filter, choose, collect, advance. Knows no model and no text.

B sentences still searched, K rows of a sentence (1 before the first step), N = B × K rows, C candidates of a sentence,
F hypotheses finished at a step, M rows of the next step, T pieces of a row (<s> first), S source positions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic

import torch
from torch import Tensor

from nmt.decoding.engine import Hypothesis
from nmt.decoding.roles import Candidates, Columns, Filter, Finished, Ranking, Role, Rows, State, Stepper
from nmt.text.tokenizer import BOS, EOS


@dataclass(frozen=True)
class Search(Generic[State]):
    """A search put together from its parts."""

    stepper: Stepper[State]
    columns: Columns
    filters: Sequence[Filter]
    role: Role
    rank: Ranking

    @torch.inference_mode()
    def run(self, source_BS: Tensor, source_length_B: Tensor, limits: Sequence[int]) -> list[list[Hypothesis]]:
        """The hypotheses of each source, best first; none for a sentence whose logits are not numbers.

        ``source_BS`` holds right-padded ids that end in </s>, ``source_length_B`` their lengths with it, and ``limits``
        the most pieces of each translation, </s> included.
        """
        state = self.stepper.start(source_BS, source_length_B)
        rows, limit_B = first_rows(len(limits), source_BS.device), torch.tensor(limits, device=source_BS.device)
        finished: list[list[Finished]] = [[] for _ in limits]
        for length in range(1, max(limits, default=0) + 1):
            logits_NV, state = self.stepper.step(rows.column_N, state)
            for apply in self.filters:
                logits_NV = apply(rows, logits_NV)
            last_B = limit_B.take(rows.sentence_B) == length
            ended, continued = self.role.choose(rows, logits_NV, last_B)
            ended_BC = ended.score_BC > -torch.inf
            rows.finished_B = rows.finished_B + ended_BC.sum(1)
            # A sentence is also done when nothing can be continued; NaN counts as nothing.
            done_B = (rows.finished_B >= self.role.enough) | last_B | ~(continued.score_BC[:, 0] > -torch.inf)
            # The only synchronisation of a step: all flags that Python decides on come to the CPU at once.
            flag_BC1 = torch.cat((ended_BC, done_B[:, None]), 1).cpu()
            self.collect(flag_BC1[:, :-1], ended, rows, finished)
            kept_B = (~flag_BC1[:, -1]).nonzero()[:, 0].to(source_BS.device)
            if len(kept_B) == 0:
                break
            dropped = len(kept_B) < len(flag_BC1)
            stays = not dropped and len(kept_B) == len(rows.column_N) == continued.score_BC.numel()
            rows, row_M = self.advance(rows, continued, kept_B if dropped else slice(None))
            if not stays:  # greedy rows stay where they are until a sentence is done
                state = self.stepper.select(state, row_M, kept_B.repeat_interleave(len(row_M) // len(kept_B)))
        return [self.rank(hypotheses) for hypotheses in finished]

    def collect(self, ended_BC: Tensor, ended: Candidates, rows: Rows, finished: list[list[Finished]]) -> None:
        """Add the candidates that ``ended_BC`` (on the CPU) marks to the finished hypotheses of their sentences."""
        if not ended_BC.any():
            return
        sentence_F, candidate_F = ended_BC.nonzero().to(rows.sentence_B.device).unbind(1)
        row_F = ended.row_BC[sentence_F, candidate_F]
        piece_F = self.columns.pieces(ended.column_BC[sentence_F, candidate_F])
        pieces_FT = torch.cat((rows.prefix_NT[row_F, 1:], piece_F[:, None]), 1)
        score_F = ended.score_BC[sentence_F, candidate_F]
        ends = (rows.sentence_B[sentence_F].tolist(), pieces_FT.tolist(), score_F.tolist())
        for sentence, pieces, score in zip(*ends, strict=True):
            finished[sentence].append(Finished(pieces[: len(pieces) - (pieces[-1] == EOS)], len(pieces), score))

    def advance(self, rows: Rows, continued: Candidates, kept_B: Tensor | slice) -> tuple[Rows, Tensor]:
        """The next rows, of the sentences ``kept_B``, and the old row (M,) of each. A slice costs no copy."""
        row_M = continued.row_BC[kept_B].view(-1)
        column_M = continued.column_BC[kept_B].view(-1)
        following = Rows(
            sentence_B=rows.sentence_B[kept_B],
            finished_B=rows.finished_B[kept_B],
            score_BK=continued.score_BC[kept_B],
            prefix_NT=torch.cat((rows.prefix_NT.index_select(0, row_M), self.columns.pieces(column_M)[:, None]), 1),
            column_N=column_M,
        )
        return following, row_M


def first_rows(sentences: int, device: torch.device) -> Rows:
    """One row a sentence, which holds <s>."""
    start_N = torch.full((sentences,), BOS, device=device)
    return Rows(
        sentence_B=torch.arange(sentences, device=device),
        finished_B=torch.zeros(sentences, dtype=torch.long, device=device),
        score_BK=torch.zeros(sentences, 1, device=device),
        prefix_NT=start_N[:, None],
        column_N=start_N,
    )
