"""How improbable a trained model finds the translations: the numbers of ``nmt score``, compared with exchanged targets.

Where more pairs are as improbable as exchanged ones than right pairs explain, the threshold is the score at which a
wrong pair is likelier than a right one; else nothing is dropped. Knows no model: a scorer is handed down.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np

from nmt.corpus.rules.evidence import Evidence, exchanged
from nmt.corpus.rules.rule import SIDES, Chunk, Scores, unknown
from nmt.text.progress import Progress

COMPARED = 5_000  # pairs, and as many with exchanged targets
LOOK_WRONG = 0.02  # share of right pairs that the model finds as improbable as exchanged ones
SEPARATED = 0.75  # probability that a pair is likelier than an exchanged one, below which the model says nothing
NOTHING = 1_000.0  # the threshold where nothing is dropped
Pairs = Sequence[tuple[str, str]]


class PairModel(Protocol):
    """A model that scores pairs of one direction, as a command hands it down."""

    @property
    def name(self) -> str:
        """The folder of the model, as printable text."""

    @property
    def digest(self) -> str:
        """A hash that tells the model from any other."""

    def about(self) -> Mapping[str, str | int]:
        """All that its scores depend on besides the pairs; the model is loaded."""

    def score(self, pairs: Pairs, progress: Progress) -> Sequence[float]:
        """The mean log-probability of a piece of each target, given its source; NaN where there is none."""


class ModelRule:
    """The rule ``model``: by how many nats a piece the target is improbable, given the source."""

    name = "model"
    about = "is as improbable by the given model as pairs whose targets were exchanged"
    unit = "nats a piece, the number of nmt score without its sign"
    normal, strict = 0.5, 0.2  # the probability of a wrong pair, from which the threshold of scores follows
    highest = 10.0

    def __init__(self, score: Callable[[Pairs], Scores] | None = None) -> None:
        self._score = score
        self._evidence: Evidence | None = None
        self.separation = 1.0  # probability that a pair of the sample is likelier than with an exchanged target

    def learn(self, sample: Chunk) -> None:
        if not self._score or not len(sample):
            return
        order = exchanged([np.array([len(pair[side]) for pair in sample.pairs]) for side in SIDES])
        wrong = [(source, sample.pairs[other][1]) for (source, _), other in zip(sample.pairs, order, strict=True)]
        scores = np.stack([self._score(pairs).astype(np.float64) for pairs in (sample.pairs, wrong)])
        ours, theirs = scores[:, ~np.isnan(scores).any(0)]
        self._evidence = Evidence.learn(ours, theirs, LOOK_WRONG)
        if self._evidence:
            self.separation = float(np.mean(ours > theirs))

    def threshold(self, probability: float) -> float:
        """The score over which a pair is wrong with more than this probability."""
        if not self._evidence or self.separation < SEPARATED:
            return NOTHING
        return min(NOTHING, -self._evidence.limit(probability))

    def judge(self, chunk: Chunk) -> Scores:
        return -self._score(chunk.pairs) if self._score and len(chunk) else unknown(len(chunk))
