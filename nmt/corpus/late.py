"""Rules that judge when all pairs have been judged: they read once more what the others keep.

A model, whose scores take most of the time, so they survive a kill; and near-copies of the pairs that are drawn for
validation, for nobody knows these before. Knows rules and rows; nothing of a model.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nmt.corpus.again import Part, Reader
from nmt.corpus.findings import Findings, Late
from nmt.corpus.judge import NEVER, Judge, nearness
from nmt.corpus.ledger import Ledger
from nmt.corpus.means import Means
from nmt.corpus.rules.held_out import IN_VALID, HeldOut
from nmt.corpus.rules.line_hashes import Rows
from nmt.corpus.rules.model import COMPARED, SEPARATED, ModelRule, PairModel
from nmt.corpus.rules.rule import AT_A_TIME, Chunk, Rule, Scores
from nmt.corpus.verdicts import HELD_OUT, KEPT
from nmt.disk.scratch import Stage
from nmt.text.ahead import ahead
from nmt.text.normal import normal
from nmt.text.progress import Progress

Pair = tuple[str, str]
SCORES = "scored-scores.bin"
HERE = 0  # pairs that others than this process work on: a model is loaded once
DIGITS = 6  # of a score behind the point, as nmt score writes them


def drop_improbable(
    ledger: Ledger, judge: Judge, reader: Reader, sample: Sequence[Pair], model: PairModel, means: Means
) -> list[Late]:
    """Drop the kept pairs that the model finds as improbable as wrong ones; ``sample`` are kept pairs."""
    probability, verdict = judge.late[ModelRule.name]
    if probability == NEVER:
        return []
    with means.scratch.stage("scored") as stage:
        rule = ModelRule(_Stored(stage, model, means.progress).score)
        few = sample[:: -(-len(sample) // COMPARED) or 1]
        means.progress.start("comparing by the model", total=2 * len(few), unit="pairs")
        rule.learn(Chunk([(normal(source), normal(target)) for source, target in few]))
        means.progress.finish()
        if rule.separation < SEPARATED:
            means.progress.warn(
                f"{model.name} finds only {rule.separation:.0%} of the training pairs likelier than exchanged ones: "
                "it drops none; give a model that knows such text"
            )
        late = _LateRule(rule, rule.threshold(probability), verdict)
        return [late.drop(ledger, reader.kept(ledger.verdicts), "scoring by the model", means, HERE)]


class _Stored:
    """Scores by a model, of which those that an earlier process was given are read from a file, in the same order."""

    def __init__(self, stage: Stage, model: PairModel, progress: Progress) -> None:
        self._stage, self._model, self._progress = stage, model, progress
        self._file = stage.append(SCORES)
        self._known = np.fromfile(stage.path(SCORES), np.float32, stage.value or 0)

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """The score of each pair, float32 (pairs,)."""
        return np.concatenate(
            [self._window(pairs[start : start + AT_A_TIME]) for start in range(0, len(pairs), AT_A_TIME)]
        )

    def _window(self, pairs: Sequence[Pair]) -> Scores:
        scores, self._known = self._known[: len(pairs)], self._known[len(pairs) :]
        if not len(scores):
            scores = np.array(self._model.score(pairs, self._progress)).round(DIGITS).astype(np.float32)
            self._file.write(scores)
            self._stage.note(self._file.size // scores.itemsize)
        return scores


def drawn_pairs(ledger: Ledger, reader: Reader) -> list[Pair]:
    """The pairs that were drawn for validation."""
    return [pair for _, pairs in reader.read(np.flatnonzero(ledger.verdicts == HELD_OUT)) for pair in pairs]


def drop_near_drawn(ledger: Ledger, judge: Judge, reader: Reader, drawn: Sequence[Pair], means: Means) -> list[Late]:
    """Drop the kept pairs that are near-copies of those ``drawn`` for validation."""
    threshold, verdict = judge.late[IN_VALID]
    if threshold == NEVER or not drawn:
        return []
    rule = HeldOut(IN_VALID, "the validation set", drawn)
    rule.learn(Chunk([]))
    late = _LateRule(rule, threshold, verdict)
    what, pairs = "comparing with validation pairs", len(ledger.verdicts)
    return [late.drop(ledger, reader.kept(ledger.verdicts), what, means, pairs)]


@dataclass(frozen=True)
class _LateRule:
    """A rule that has learnt, its threshold, and the verdict that it gives."""

    rule: Rule
    threshold: float
    verdict: int

    def judge(self, part: Part) -> tuple[Rows, Scores, Findings]:
        """The rows of a part with their scores, and the findings on them."""
        pairs = [(normal(source), normal(target)) for source, target in part.pairs]
        scores = self.rule.judge(Chunk(pairs))
        return part.rows, scores, Findings.of(self.rule.highest, self.threshold, scores, pairs, part.places)

    def drop(self, ledger: Ledger, kept: Iterator[Part], what: str, means: Means, pairs: int) -> Late:
        """Drop the ``kept`` pairs whose score is over the threshold; ``what`` names the stage of so many ``pairs``."""
        findings = Findings.of(self.rule.highest, self.threshold, np.zeros(0, np.float32), [], [])
        means.progress.start(what, total=int(np.count_nonzero(ledger.verdicts == KEPT)), unit="pairs")
        with means.mapped(self.judge, pairs) as judge_all:
            for rows, scores, found in judge_all(ahead(kept)):
                over = scores > self.threshold
                ledger.drop(rows[over], scores[over], self.verdict)
                ledger.worst[rows] = np.fmax(ledger.worst[rows], nearness(scores, self.threshold))
                findings += found
                means.progress.advance(len(rows))
        means.progress.finish()
        return Late(self.rule, self.threshold, findings)
