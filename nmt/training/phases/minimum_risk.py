"""Minimum risk training (Shen et al. 2016): the model's own hypotheses become targets, scaled by how good they are.

Cross-entropy trains the next piece after a flawless prefix, whereas search looks for the best whole translation. So
beside the cross-entropy of the reference, this phase lowers the expected risk Σ P(h)·(1 − BLEU(h)) over the H
hypotheses h that beam search finds, where P is the model's distribution over those H alone. The gradient of the risk is
again one of cross-entropies, with factors: −Σ P(h)·(expected risk − risk of h)·∇ log P(h).
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from nmt.config import SearchOptions
from nmt.corpus.batches import Batch, Sentences
from nmt.decoding.engine import Hypothesis, Query, length_limit
from nmt.decoding.engines.pytorch import PyTorchEngine
from nmt.model.family import TranslationModel
from nmt.scoring.metrics import sentence_bleu
from nmt.training.objective import Scales
from nmt.training.phases.phase import Phase

SEARCH = SearchOptions(beam_size=5, n_best=5, length_penalty=0.0)  # 0: scores are log-probabilities
WEIGHT = 2.0  # of the risk, relative to the cross-entropy of the reference


class MinimumRisk(Phase):
    """Trains on the pairs of another phase, and on hypotheses for their sources."""

    note = "it learns from its own translations too; one takes several times as long"
    cost = 7.3  # measured: docs/decisions/minimum-risk.md
    targets_per_source = 1 + SEARCH.n_best

    def __init__(self, phase: Phase) -> None:
        self.phase, self.any_piece = phase, phase.any_piece

    def batches(self, batches: Sequence[Batch], random: np.random.Generator) -> Sequence[Batch]:
        return self.phase.batches(batches, random)

    def targets(self, model: TranslationModel) -> Callable[[Batch], tuple[Sentences, Scales]]:
        return partial(with_hypotheses, PyTorchEngine.of(model, (), model.output_weight.device))


def with_hypotheses(engine: PyTorchEngine, batch: Batch) -> tuple[Sentences, npt.NDArray[np.float32]]:
    """The targets of each source, first its reference and then hypotheses, and the factors of their losses.

    The factor of a reference is 1. The model searches without dropout. A hypothesis that is missing, or that has not
    ended within the length limit, is replaced by an empty one with factor 0.
    """
    queries, references = [Query(ids.tolist()) for ids in batch.sources], [ids.tolist() for ids in batch.targets]
    targets, scales = [], []
    for query, reference, hypotheses in zip(queries, references, engine.search_batch(queries, SEARCH), strict=True):
        limit = length_limit(len(query.pieces), SEARCH.max_length_factor)
        ended = [hypothesis for hypothesis in hypotheses if len(hypothesis.pieces) < limit]
        missing = SEARCH.n_best - len(ended)
        targets += [reference, *(hypothesis.pieces for hypothesis in ended), *([[]] * missing)]
        scales += [1.0, *risk_scales(ended, reference), *([0.0] * missing)]
    return [np.asarray(target, np.int64) for target in targets], np.asarray(scales, np.float32)


def risk_scales(hypotheses: Sequence[Hypothesis], reference: Sequence[int]) -> npt.NDArray[np.float64]:
    """Factors (H,) of the hypotheses' cross-entropies that give the gradient of the expected risk. Their sum is 0.

    The risk of a sentence counts as many tokens as its reference has.
    """
    risk = np.array([1.0 - sentence_bleu(hypothesis.pieces, reference) for hypothesis in hypotheses])
    score = np.array([hypothesis.score for hypothesis in hypotheses])
    probability = np.exp(score - score.max(initial=-np.inf))
    probability /= probability.sum()
    return WEIGHT * (len(reference) + 1) * probability * (probability @ risk - risk)
