"""Judging pairs by the rules of cleaning: they learn from a sample of the corpus, then each pair gets a verdict.

A pair is dropped by the first rule whose score for it is over the rule's threshold. Verdicts of different chunks do not
depend on each other, so several processes may judge. Knows texts; no files.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from nmt.config import PrepareOptions
from nmt.corpus.findings import Collected, Findings, count_lengths, length_bins
from nmt.corpus.rules import rules_for
from nmt.corpus.rules.agreement import Agreement
from nmt.corpus.rules.duplicate import Duplicate, keys_of
from nmt.corpus.rules.held_out import IN_TEST, IN_VALID
from nmt.corpus.rules.line_hashes import Hashes
from nmt.corpus.rules.model import ModelRule
from nmt.corpus.rules.rule import AT_A_TIME, Chunk, Compares, Described, Rule, Scores, TellsLanguages
from nmt.corpus.verdicts import EMPTY, FIRST_RULE, KEPT, VerdictNames, Verdicts
from nmt.errors import SettingsError, nearest, shown
from nmt.text.normal import normal

LEARNT_FROM = 100_000  # pairs; more teach the rules nothing new
# Rules that no choice of ``clean`` turns off: without the first scores would lie, and who gives a model wants the last.
ALWAYS = (IN_TEST, IN_VALID, ModelRule.name)
SEPARATED, USUAL = (
    0.85,
    "95%",
)  # of real corpora at least 0.96 of the pairs; of the same, shifted by a line, 0.52 to 0.77
NEVER = float("inf")  # the threshold of a rule that is off
Pair = tuple[str, str]


@dataclass(frozen=True)
class Task:
    """A chunk to be judged: its pairs, the number of its corpus, and the line of the first pair."""

    pairs: Sequence[Pair]
    corpus: int
    first_line: int


@dataclass(frozen=True)
class Judged:
    """What is known about the pairs of a chunk, in their order."""

    verdicts: Verdicts
    scores: Scores  # by the rule that dropped the pair; 1 by another verdict; 0 of a kept pair
    worst: Scores  # the largest score of a kept pair as a share of its threshold: how near it was to being dropped
    keys: Hashes  # of what pairs may have in common, (3, pairs)
    collected: Collected  # for the report

    def columns(self) -> list[npt.NDArray[Any]]:
        """All arrays that have an entry for each pair, as the ledger's files hold them."""
        return [self.verdicts, self.scores, self.worst, *self.keys]


@dataclass(frozen=True)
class Judge:
    """The rules that are on, with their thresholds, after they have learnt."""

    rules: Sequence[Rule]
    thresholds: Sequence[float]
    numbers: Sequence[int]  # the verdict of each rule
    names: VerdictNames
    duplicate: float = NEVER  # the threshold of near-copies, which are found when all pairs have been judged
    late: Mapping[str, tuple[float, int]] = field(
        default_factory=dict
    )  # threshold and verdict of rules that judge then

    @classmethod
    def learn(
        cls,
        sample: Sequence[Pair],
        languages: tuple[str, str],
        options: PrepareOptions,
        held_out: Mapping[str, Sequence[Pair]],
    ) -> Self:
        """Let each rule learn from what the rules before it keep of the sample.

        ``held_out`` are the pairs of the test sets ("test") and of the validation set ("valid"). Raises SettingsError
        for a rule in ``options`` that does not exist.
        """
        every = rules_for(languages, held_out)
        names = [rule.name for rule in every]
        *limits, duplicate = thresholds(every, options)
        late = {}
        for name in [ModelRule.name] + [IN_VALID] * (not held_out["valid"]):  # there is no pair yet to compare with
            place = names.index(name)
            late[name], limits[place] = (limits[place], FIRST_RULE + place), NEVER
        on = [number for number, limit in enumerate(limits) if limit < NEVER]
        rules, numbers = [every[n] for n in on], [FIRST_RULE + n for n in on]
        judge = cls(rules, [limits[n] for n in on], numbers, VerdictNames(names), duplicate, late)
        pairs = [(normal(source), normal(target)) for source, target in learnt_from(sample)]
        left = Chunk([pair for pair in pairs if all(pair)])
        for rule, threshold in zip(judge.rules, judge.thresholds, strict=True):
            rule.learn(left)
            scores = [rule.judge(left.where(_part(len(left), start))) for start in range(0, len(left), AT_A_TIME)]
            left = left.where(~(np.concatenate([np.zeros(0), *scores]) > threshold))
        return judge

    @property
    def translations(self) -> list[tuple[str, str]]:
        """Stems of both languages that translate each other; none where the rule that learns them is off."""
        return [pair for rule in self.rules if isinstance(rule, Agreement) for pair in rule.translations]

    @property
    def doubts(self) -> list[str]:
        """Warnings about the corpus as a whole, in words for a person."""
        low = [rule.separation for rule in self.rules if isinstance(rule, Agreement) and rule.separation < SEPARATED]
        return [
            f"the sides of the training pairs hardly agree: {share:.0%} of them fit better than exchanged ones, "
            f"where {USUAL} and more are usual; do the files belong together, line by line?"
            for share in low
        ]

    def judge(self, task: Task) -> Judged:
        """Judge the pairs of a chunk."""
        pairs = [(normal(source), normal(target)) for source, target in task.pairs]
        count = len(pairs)
        verdicts = np.fromiter((KEPT if all(pair) else EMPTY for pair in pairs), np.uint8, count)
        scores, worst = (verdicts == EMPTY).astype(np.float32), np.zeros(count, np.float32)
        rows = np.flatnonzero(verdicts == KEPT)
        left, findings = Chunk([pairs[row] for row in rows]), []
        judged, lengths = rows, length_bins(pairs)
        for rule, threshold, number in zip(self.rules, self.thresholds, self.numbers, strict=True):
            given = rule.judge(left)
            places = [(task.corpus, task.first_line + row) for row in rows.tolist()]
            over = given > threshold
            findings.append(_findings(rule, threshold, left, given, places))
            verdicts[rows[over]], scores[rows[over]] = number, given[over]
            worst[rows] = np.fmax(worst[rows], nearness(given, threshold))
            rows, left = rows[~over], left.where(~over)
        gone = judged[verdicts[judged] != KEPT]
        collected = Collected(findings, count_lengths(lengths[:, rows]), count_lengths(lengths[:, gone]))
        return Judged(verdicts, scores, worst, keys_of(pairs), collected)


def _findings(
    rule: Rule, threshold: float, chunk: Chunk, scores: Scores, places: Sequence[tuple[int, int]]
) -> Findings:
    """The findings of a rule on the pairs that earlier rules kept, with their places in the corpora."""
    plain = Findings.of(rule.highest, threshold, scores, chunk.pairs, places)
    kinds = Counter(rule.kinds(chunk.where(scores > threshold)) if isinstance(rule, TellsLanguages) else ())
    reached = rule.reached(chunk.where(scores > 0)) if isinstance(rule, Compares) else {}
    return plain.telling(kinds, reached)


def learnt_from(sample: Sequence[Pair]) -> Sequence[Pair]:
    """The pairs of a sample that teach the rules: every n-th."""
    return sample[:: -(-len(sample) // LEARNT_FROM) or 1]


def _part(count: int, start: int) -> npt.NDArray[np.bool_]:
    """Which of ``count`` pairs are the ``AT_A_TIME`` from ``start`` on."""
    rows = np.arange(count)
    return (rows >= start) & (rows < start + AT_A_TIME)


BY_ZERO = 100.0  # what a score weighs by a rule whose threshold is 0


def nearness(scores: Scores, threshold: float) -> Scores:
    """The scores as shares of their threshold: how near the pairs are to being dropped."""
    shares: Scores = scores / max(threshold, 1.0 / BY_ZERO)
    return shares


def thresholds(rules: Sequence[Rule], options: PrepareOptions) -> list[float]:
    """The threshold of each rule and of near-copies; NEVER for a rule that is off.

    From ``options.rules`` or else from ``options.clean``. Raises SettingsError for a rule that does not exist.
    """
    named: list[Described] = [*rules, Duplicate()]
    chosen = dict(rule.partition("=")[::2] for rule in options.rules.split(",") if rule)
    names = [rule.name for rule in named]
    for name, text in chosen.items():
        if text != "off" and not re.fullmatch(r"\d{1,6}(\.\d{1,6})?|\.\d{1,6}", text):
            raise SettingsError(f"the threshold of the rule {shown(name)} is {shown(text)}", "write a number, or off")
        if name not in names:
            raise SettingsError(f"there is no rule {shown(name)}", nearest(name, names))
    limits = []
    for rule in named:
        default = {"normal": rule.normal, "strict": rule.strict, "off": rule.normal if rule.name in ALWAYS else NEVER}
        own = chosen.get(rule.name)
        limits.append(default[options.clean] if own is None else NEVER if own == "off" else float(own))
    return limits
