"""Both passes over the text that judge: of several directions, the pairs of each are judged by rules of its own.

What is held out is kept out of the pairs of all directions. Knows directions and stages; no rule, no pieces, no output.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from heapq import nsmallest
from operator import add
from typing import Any

import numpy as np

from nmt.config import PrepareOptions
from nmt.corpus.balance import balanced, repeated
from nmt.corpus.cleaning import cleaning_facts, settings_facts
from nmt.corpus.findings import SHOWN, Collected, Findings, Late
from nmt.corpus.judge import Judge, learnt_from
from nmt.corpus.lexicon import Translated, count_lexicon
from nmt.corpus.many import toward
from nmt.corpus.means import Means
from nmt.corpus.parallel import Corpus, Pair
from nmt.corpus.rules.model import PairModel
from nmt.corpus.scan import CorpusReport, Scan, Scanned, scanned_of
from nmt.corpus.survey import Survey, survey
from nmt.text.directions import Direction, spoken
from nmt.text.normal import normal

ELSEWHERE = "elsewhere"
"""The role of training corpora of other directions, while one is judged."""


@dataclass(frozen=True)
class JudgedText:
    """What is known of the text once it is judged."""

    directions: Sequence[Direction]
    scanned: list[Scanned]
    facts: dict[str, Any]  # for a report
    surveys: Sequence[Survey]  # of each direction
    judges: Sequence[Judge]  # likewise
    translations: list[tuple[str, str]]  # words that translate each other; of several directions none are told

    def of(self, direction: Direction) -> list[Scanned]:
        """The training corpora of a direction."""
        return [entry for entry in self.scanned if entry.role == "train" and self._is_of(entry, direction)]

    def _is_of(self, entry: Scanned, direction: Direction) -> bool:
        return len(self.directions) == 1 or entry.corpus.languages == direction

    def sample(self, direction: Direction) -> list[Pair]:
        """The pairs of the sample of a direction that were kept."""
        seen = self.surveys[self.directions.index(direction)]
        return seen.sample.kept(np.concatenate([entry.verdicts for entry in self.of(direction)]))

    def lexicon(self) -> dict[str, Translated]:
        """The lexicon of one direction, counted in as many pairs as the rules learn from."""
        if not self.translations:
            return {}
        pairs = learnt_from(self.sample(self.directions[0]))
        return count_lexicon(self.translations, [(normal(source), normal(target)) for source, target in pairs])

    def weights(self, temperature: float) -> list[float]:
        """How often an epoch sees the pairs of each direction, beside the weights of their corpora; 1 of one alone."""
        if len(self.directions) == 1:
            return [1.0]
        each = [sum(entry.kept * entry.corpus.weight for entry in self.of(one)) for one in self.directions]
        return balanced(each, temperature)

    def reports(self, temperature: float) -> list[CorpusReport]:
        """The report of each corpus, with its weight when directions are balanced."""
        weights = dict(zip(self.directions, self.weights(temperature), strict=True))
        return [entry.report(weights.get(entry.corpus.languages, 1.0)) for entry in self.scanned]

    def balanced_sample(self, temperature: float) -> list[Pair]:
        """Kept pairs of all samples, of each direction as many as training sees of it."""
        if len(self.directions) == 1:
            return self.sample(self.directions[0])
        weighted = zip(self.directions, self.weights(temperature), strict=True)
        return [pair for direction, weight in weighted for pair in repeated(self.sample(direction), weight)]


def judge_text(
    corpora: Sequence[tuple[str, Corpus]],
    directions: Sequence[Direction],
    options: PrepareOptions,
    means: Means,
    model: PairModel | None = None,
) -> JudgedText:
    """Judge all training pairs. Raises what ``scan`` raises; DataError also when no pair of a direction is left."""
    several = len(directions) > 1
    surveys = []
    for direction in directions:
        own = [(role, corpus) for role, corpus in corpora if not several or corpus.languages == direction]
        surveys.append(survey(own, direction, options.max_length, means.progress, len(directions)))
    scans, views = [], []
    for number, direction in enumerate(directions):
        view, seen = _view(corpora, directions, surveys, number) if several else (list(corpora), surveys[0])
        its_means = replace(means, scratch=means.scratch.part(letters(number))) if several else means
        judge = _learn(view, seen, direction, options, its_means)
        for doubt in judge.doubts:
            means.progress.warn(f"{spoken([direction])}: {doubt}" if several else doubt)
        scans.append(Scan(view, judge, seen, options, its_means, model))
        views.append(seen)
    _drop_near(scans, directions, means)
    collected = together([scan.collected() for scan in scans]) if several else scans[0].collected()
    of_corpora = [scans[directions.index(corpus.languages) if several else 0] for _, corpus in corpora]
    scanned = scanned_of(corpora, of_corpora, views[0], collected)
    judges = [scan.judge for scan in scans]
    counted = [(entry.role, entry.corpus.name, len(entry.verdicts)) for entry in scanned]
    facts = cleaning_facts(judges, collected, counted)
    facts["settings"] = settings_facts(options, model.name if model else "")
    return JudgedText(directions, scanned, facts, surveys, judges, [] if several else judges[0].translations)


def letters(number: int) -> str:
    """A name of small letters for a number: a, b, … z, ba, bb."""
    more, last = divmod(number, 26)
    return (letters(more) if more else "") + chr(ord("a") + last)


def _learn(
    corpora: Sequence[tuple[str, Corpus]], seen: Survey, direction: Direction, options: PrepareOptions, means: Means
) -> Judge:
    pairs = sum(count for (role, _), count in zip(corpora, seen.pairs, strict=True) if role == "train")
    learn = partial(Judge.learn, learnt_from(seen.sample.pairs), direction, options, seen.held_out)
    return means.apart(pairs, "learning what is usual", learn)


def _view(
    corpora: Sequence[tuple[str, Corpus]], directions: Sequence[Direction], surveys: Sequence[Survey], number: int
) -> tuple[list[tuple[str, Corpus]], Survey]:
    """All corpora as one direction sees them: no training pairs of others, and what any holds out."""
    wanted = directions[number]
    view = [(ELSEWHERE if role == "train" and corpus.languages != wanted else role, corpus) for role, corpus in corpora]
    left = [(iter(one.pairs), {role: iter(pairs) for role, pairs in one.held_out.items()}) for one in surveys]
    seen = Survey(surveys[number].sample)
    for role, corpus in corpora:
        counts, held_out = left[directions.index(corpus.languages)]
        seen.pairs.append(next(counts))
        if role != "train":
            pairs = [next(held_out[role]) for _ in range(seen.pairs[-1])]
            seen.held_out[role] += toward(pairs, corpus.languages, wanted)
    return view, seen


def _drop_near(scans: Sequence[Scan], directions: Sequence[Direction], means: Means) -> None:
    """Drop pairs that are near-copies of those that any direction has drawn for validation."""
    drawn = [scan.drawn() for scan in scans]
    for wanted, scan in zip(directions, scans, strict=True):
        near = [
            pair
            for languages, pairs in zip(directions, drawn, strict=True)
            for pair in (toward(pairs, languages, wanted) if len(directions) > 1 else pairs)
        ]
        scan.drop_near(near, means)


def together(parts: Sequence[Collected]) -> Collected:
    """What was collected of several directions, as of one corpus."""
    plain = reduce(add, parts)
    late: dict[str, Late] = {}
    for part in parts:
        for found in part.late:
            before = late.get(found.rule.name)
            findings = _sum(before.findings, found.findings) if before else found.findings
            late[found.rule.name] = replace(before or found, findings=findings)
    return replace(plain, late=list(late.values()), same_source=sum(part.same_source for part in parts))


def _sum(left: Findings, right: Findings) -> Findings:
    """The findings on the pairs of both, with the better near-copies of those that are shown."""
    plain = left + right
    if not (left.near and right.near):
        return plain
    sides = []
    for side, name in enumerate(("victims", "survivors")):
        shown = [*getattr(left, name), *getattr(right, name)]
        better = [*left.near[side], *right.near[side]]
        sides.append(nsmallest(SHOWN, zip(shown, better, strict=True)))
    (victims, survivors) = ([pair[0] for pair in side] for side in sides)
    near = ([pair[1] for pair in sides[0]], [pair[1] for pair in sides[1]])
    return replace(plain, victims=victims, survivors=survivors, near=near)
