"""Rules that judge when all pairs have been judged: they read once more what the others keep.

Knows rules and rows; what such a rule compares with is told from outside.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nmt.corpus.again import Part
from nmt.corpus.findings import Findings, Late
from nmt.corpus.ledger import Ledger
from nmt.corpus.means import Means
from nmt.corpus.rules.line_hashes import Rows
from nmt.corpus.rules.rule import Chunk, Rule, Scores
from nmt.corpus.verdicts import KEPT
from nmt.text.ahead import ahead
from nmt.text.normal import normal
from nmt.text.processes import in_processes


@dataclass(frozen=True)
class LateRule:
    """A rule that has learnt, its threshold, and the verdict that it gives."""

    rule: Rule
    threshold: float
    verdict: int

    def judge(self, part: Part) -> tuple[Rows, Scores, Findings]:
        """The rows of a part with their scores, and the findings on them."""
        pairs = [(normal(source), normal(target)) for source, target in part.pairs]
        scores = self.rule.judge(Chunk(pairs))
        return part.rows, scores, Findings.of(self.rule.highest, self.threshold, scores, pairs, part.places)

    def drop(self, ledger: Ledger, kept: Iterator[Part], what: str, means: Means) -> Late:
        """Drop the ``kept`` pairs whose score is over the threshold; ``what`` names the stage."""
        total = len(ledger.verdicts)
        findings = Findings.of(self.rule.highest, self.threshold, np.zeros(0, np.float32), [], [])
        means.progress.start(what, total=int(np.count_nonzero(ledger.verdicts == KEPT)), unit="pairs")
        with in_processes(self.judge, means.processes(total)) as judge_all:
            for rows, scores, found in judge_all(ahead(kept)):
                over = scores > self.threshold
                ledger.drop(rows[over], scores[over], self.verdict)
                findings += found
                means.progress.advance(len(rows))
        means.progress.finish()
        return Late(self.rule, self.threshold, findings)
