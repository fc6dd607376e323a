"""Beam search over a step function. Knows piece ids only: nothing of text, of batching or of the model it steps.

It follows CTranslate2's rule, so that both engines find the same: of the 2 × beam best continuations of a sentence, the
</s> among the first ``beam`` finish a hypothesis, and the first ``beam`` that are not </s> go on. A sentence ends when
``beam`` hypotheses are finished, or at its own limit of pieces, where the first ``beam`` are taken as they are.

B sentences still searched, K rows of a sentence (1 before the first step, then ``beam``), N = B × K rows, C = 2 × beam
candidates of a sentence, F candidates finished at a step, M rows of the next step, T pieces so far (<s> first),
S source positions, V vocabulary, I pieces of a block, W blocks of a row, L blocks looked into.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor
from torch.nn.functional import pad

from nmt.config import SearchOptions
from nmt.decoding.engine import Hypothesis, length_limit
from nmt.decoding.filters import Filter
from nmt.decoding.stepper import Stepper
from nmt.text.tokenizer import BOS, EOS

State = TypeVar("State")
BLOCK = 32  # pieces whose best is found first; divides the usual sizes of a vocabulary


@dataclass
class Beams:
    """The search between two steps."""

    sentence_B: Tensor  # (B,) which sentence of the batch this is
    limit_B: Tensor  # (B,) its length limit
    finished_B: Tensor  # (B,) how many of its hypotheses are finished
    score_BK: Tensor  # (B, K) sum of log-probabilities; -inf: the row is dead
    prefix_NT: Tensor  # (B × K, T) the pieces of each row, <s> first


@dataclass
class Candidates:
    """The best continuations of each sentence, best first; what there are too few of has the score -inf."""

    score_BC: Tensor  # (B, 2 × beam) sum of log-probabilities
    row_BC: Tensor  # (B, 2 × beam) the row that is continued
    token_BC: Tensor  # (B, 2 × beam) the piece that continues it


@torch.inference_mode()
def beam_search(
    stepper: Stepper[State],
    source_BS: Tensor,
    source_length_B: Tensor,
    options: SearchOptions,
    filters: Sequence[Filter] = (),
) -> list[list[Hypothesis]]:
    """The ``n_best`` best hypotheses of each source, best first; fewer only where fewer exist.

    ``source_BS`` holds right-padded ids that end in </s>, ``source_length_B`` their lengths with it. The score is the
    sum of log-probabilities / length^A, where the length counts </s> when it was produced. A sentence whose logits are
    not numbers has no hypothesis at all.
    """
    limits = [length_limit(length - 1, options.max_length_factor) for length in source_length_B.tolist()]
    state = stepper.start(source_BS, source_length_B)
    beams = first_beams(limits, source_BS.device)
    found: list[list[Hypothesis]] = [[] for _ in limits]
    for length in range(1, max(limits, default=0) + 1):
        logits_NV, state = stepper.step(beams.prefix_NT[:, -1], state)
        for mask in filters:
            logits_NV = mask(beams.prefix_NT, logits_NV)
        candidates = best_candidates(logits_NV, beams.score_BK, options.beam_size)
        finished_BK = find_finished(candidates, beams, length, options.beam_size)
        beams.finished_B = beams.finished_B + finished_BK.sum(1)
        score_BK, choice_BK = choose_next(candidates, options.beam_size)
        # A sentence is also over when nothing can be continued; NaN counts as nothing.
        done_B = (beams.finished_B >= options.beam_size) | (beams.limit_B == length) | ~(score_BK[:, 0] > -torch.inf)
        # The step's one wait for the device: everything that Python decides on comes over at once.
        flag_BK1 = torch.cat((finished_BK, done_B[:, None]), 1).cpu()
        register(flag_BK1[:, :-1], candidates, beams, found, options.length_penalty)
        kept_B = (~flag_BK1[:, -1]).nonzero()[:, 0].to(source_BS.device)
        if len(kept_B) == 0:
            break
        dropped = len(kept_B) < len(flag_BK1)
        beams, row_M, sentence_M = advance(beams, candidates, score_BK, choice_BK, kept_B)
        if dropped or options.beam_size > 1:  # greedy rows stay where they are
            state = stepper.select(state, row_M, sentence_M)
    return [sorted(some, key=lambda one: -one.score)[: options.n_best] for some in found]


def first_beams(limits: list[int], device: torch.device) -> Beams:
    """One row a sentence, which holds <s>."""
    sentences = len(limits)
    return Beams(
        sentence_B=torch.arange(sentences, device=device),
        limit_B=torch.tensor(limits, dtype=torch.long, device=device),
        finished_B=torch.zeros(sentences, dtype=torch.long, device=device),
        score_BK=torch.zeros(sentences, 1, device=device),
        prefix_NT=torch.full((sentences, 1), BOS, device=device),
    )


def best_candidates(logits_NV: Tensor, score_BK: Tensor, beam_size: int) -> Candidates:
    """The 2 × beam best continuations of each sentence, over all its rows and pieces.

    What is among the C best stands in one of the C blocks of pieces whose best are the best: so two short sorts do,
    where one of all K × V would cost more than the products before it.
    """
    sentences, rows = score_BK.shape
    vocabulary = logits_NV.size(1)
    if logits_NV.dtype in (torch.float16, torch.bfloat16):
        logits_NV = logits_NV.float()  # sums of log-probabilities need the digits
    value_NV = logits_NV.log_softmax(1)
    if vocabulary % BLOCK:  # padding with nothing is a copy, too
        value_NV = pad(value_NV, (0, -vocabulary % BLOCK), value=-torch.inf)
    value_BKWI = value_NV.view(sentences, rows, -1, BLOCK)
    blocks = value_BKWI.size(2)
    best_BL = (value_BKWI.amax(3) + score_BK[:, :, None]).flatten(1)
    block_BL = best_BL.topk(min(2 * beam_size, rows * blocks)).indices
    value_BLI = value_BKWI.flatten(1, 2).gather(1, block_BL[:, :, None].expand(-1, -1, BLOCK))
    sum_BLI = value_BLI + score_BK.gather(1, block_BL // blocks)[:, :, None]
    count = min(2 * beam_size, rows * vocabulary)
    missing = (0, 2 * beam_size - count)
    score_BC, place_BC = sum_BLI.flatten(1).topk(count)
    score_BC, place_BC = pad(score_BC, missing, value=-torch.inf), pad(place_BC, missing)
    block_BC = block_BL.gather(1, place_BC // BLOCK)
    first_row_B1 = torch.arange(0, sentences * rows, rows, device=block_BC.device)[:, None]
    row_BC = first_row_B1 + block_BC // blocks
    # What fills the last block is no piece; where too few are possible, its -inf may be among the best.
    token_BC = (block_BC % blocks * BLOCK + place_BC % BLOCK).clamp(max=vocabulary - 1)
    return Candidates(score_BC, row_BC, token_BC)


def find_finished(candidates: Candidates, beams: Beams, length: int, beam_size: int) -> Tensor:
    """Which of the first ``beam`` candidates end a hypothesis: (B, beam)."""
    ends_BC = (candidates.token_BC == EOS) | (beams.limit_B == length)[:, None]
    return (ends_BC & (candidates.score_BC > -torch.inf))[:, :beam_size]


def choose_next(candidates: Candidates, beam_size: int) -> tuple[Tensor, Tensor]:
    """Scores (B, beam) and candidate numbers (B, beam) of the first ``beam`` candidates that are not </s>."""
    ends_BC = candidates.token_BC == EOS
    score_BK, choice_BK = candidates.score_BC.masked_fill(ends_BC, -torch.inf).topk(beam_size)
    return score_BK, choice_BK


def register(
    finished_BK: Tensor, candidates: Candidates, beams: Beams, found: list[list[Hypothesis]], length_penalty: float
) -> None:
    """Put the candidates that ``finished_BK`` (on the CPU) marks among the hypotheses found."""
    if not finished_BK.any():
        return
    sentence_F, candidate_F = finished_BK.nonzero().to(beams.sentence_B.device).unbind(1)
    row_F = candidates.row_BC[sentence_F, candidate_F]
    token_F1 = candidates.token_BC[sentence_F, candidate_F][:, None]
    pieces_FT = torch.cat((beams.prefix_NT[row_F, 1:], token_F1), 1)
    scores = candidates.score_BC[sentence_F, candidate_F].tolist()
    for sentence, pieces, score in zip(beams.sentence_B[sentence_F].tolist(), pieces_FT.tolist(), scores, strict=True):
        score /= len(pieces) ** length_penalty
        found[sentence].append(Hypothesis(pieces[:-1] if pieces[-1] == EOS else pieces, score))


def advance(
    beams: Beams, candidates: Candidates, score_BK: Tensor, choice_BK: Tensor, kept_B: Tensor
) -> tuple[Beams, Tensor, Tensor]:
    """The beams of the sentences ``kept_B``, and the old row (M,) and old sentence (M,) of each of their rows."""
    beam_size = choice_BK.size(1)
    choice_BK = choice_BK[kept_B]
    row_M = candidates.row_BC[kept_B].gather(1, choice_BK).view(-1)
    token_M1 = candidates.token_BC[kept_B].gather(1, choice_BK).view(-1, 1)
    following = Beams(
        sentence_B=beams.sentence_B[kept_B],
        limit_B=beams.limit_B[kept_B],
        finished_B=beams.finished_B[kept_B],
        score_BK=score_BK[kept_B],
        prefix_NT=torch.cat((beams.prefix_NT[row_M], token_M1), 1),
    )
    return following, row_M, kept_B.repeat_interleave(beam_size)
