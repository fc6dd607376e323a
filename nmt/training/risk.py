"""Minimum risk training (Shen et al. 2016): a batch with hypotheses of the model's own, each weighed by how good it is.

Cross-entropy teaches what the reference says after a flawless beginning; what is searched for later is the best whole
translation. So at the end of a budget each sentence also has H hypotheses, found by beam search, and beside the
reference's cross-entropy its expected risk Σ P(h)·(1 − BLEU(h)) is lowered, where P is the model's distribution over
those H alone. The gradient of that is one of cross-entropies again: −Σ P(h)·(risk expected − risk of h)·∇ log P(h).
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch

from nmt.config import SearchOptions
from nmt.corpus.batches import Batch, pad_rows
from nmt.decoding.engine import Hypothesis, Query, length_limit
from nmt.decoding.engines.pytorch import PyTorchEngine
from nmt.model.family import TranslationModel
from nmt.scoring.metrics import sentence_bleu
from nmt.text.tokenizer import BOS

SEARCH = SearchOptions(beam_size=5, n_best=5, length_penalty=0.0)  # 0: the scores are log-probabilities
TARGETS = 1 + SEARCH.n_best  # of a source
WEIGHT = 2.0  # of the risk beside a token's cross-entropy
COST = 7.3  # an update at risk takes so many times as long as another: docs/decisions/minimum-risk.md


def with_hypotheses(batch: Batch, model: TranslationModel, device: torch.device) -> Batch:
    """The batch where each source has its reference as the first target and hypotheses as the others.

    The model searches without dropout. A hypothesis that is missing, or has not ended where it had to, is replaced by
    an empty one that counts nothing.
    """
    engine = PyTorchEngine.of(model, (), device)
    queries = [Query(row[: length - 1].tolist()) for row, length in zip(batch.source, batch.source_length, strict=True)]
    references = [row[1:length].tolist() for row, length in zip(batch.target, batch.target_length, strict=True)]
    targets, shares = [], []
    for query, reference, found in zip(queries, references, engine.search_batch(queries, SEARCH), strict=True):
        limit = length_limit(len(query.pieces), SEARCH.max_length_factor)
        found = [one for one in found if len(one.pieces) < limit]  # no </s> was in the score of those
        missing = SEARCH.n_best - len(found)
        targets += [reference, *(one.pieces for one in found), *([[]] * missing)]
        shares += [1.0, *hypothesis_shares(found, reference), *([0.0] * missing)]
    target, target_length = pad_rows([np.asarray(row, np.int64) for row in targets], start=[BOS])
    return replace(batch, target=target, target_length=target_length, shares=np.asarray(shares, np.float32))


def hypothesis_shares(found: Sequence[Hypothesis], reference: Sequence[int]) -> npt.NDArray[np.float64]:
    """What the cross-entropy of each hypothesis counts by, so that its gradient is the weighted risk's. Their sum is 0.

    The risk of a sentence counts for as many tokens as its reference has.
    """
    risk = np.array([1.0 - sentence_bleu(one.pieces, reference) for one in found])
    score = np.array([one.score for one in found])
    likely = np.exp(score - score.max(initial=-np.inf))
    likely /= likely.sum()
    return WEIGHT * (len(reference) + 1) * likely * (likely @ risk - risk)
