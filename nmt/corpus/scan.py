"""Second pass over the text: a verdict and a score for every pair, by the rules and by comparing pairs.

Pairs over the length limit are found later, by the tokenizer. Keeps some bytes for each pair, never the text. Knows
corpora and verdicts; no pieces.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nmt.config import LARGEST_WEIGHT, PrepareOptions
from nmt.corpus.again import Reader
from nmt.corpus.findings import Collected, Late
from nmt.corpus.judge import NEVER, Judge, Task
from nmt.corpus.late import drawn_pairs, drop_improbable, drop_near_drawn
from nmt.corpus.ledger import COLUMNS, Ledger
from nmt.corpus.means import Means
from nmt.corpus.near_copies import drop_near_copies
from nmt.corpus.parallel import Corpus, Pair, read_chunks
from nmt.corpus.rules.duplicate import Duplicate
from nmt.corpus.rules.model import PairModel
from nmt.corpus.rules.rule import AT_A_TIME
from nmt.corpus.survey import Survey
from nmt.corpus.verdicts import EMPTY, KEPT, Scores, VerdictNames, Verdicts
from nmt.errors import DataError
from nmt.text.ahead import ahead


@dataclass(frozen=True)
class CorpusReport:
    """Counts of one corpus: ``pairs`` = ``kept`` + the sum of ``dropped``, by rule. A test corpus drops no pair."""

    role: str
    path: str
    pairs: int
    kept: int
    dropped: dict[str, int]
    weight: float = 1.0  # how often an epoch sees each pair
    near: int = 0  # pairs of a test or validation corpus that had a near-copy among the training pairs


@dataclass
class Scanned:
    """A corpus in its role (train, valid or test) with a verdict and a score for each pair."""

    role: str
    corpus: Corpus
    names: VerdictNames
    verdicts: Verdicts
    scores: Scores  # of dropped pairs, by the rule that dropped them
    near: int = 0  # pairs of a test or validation corpus that had a near-copy among the training pairs

    @property
    def kept(self) -> int:
        """Number of kept pairs."""
        return int(np.count_nonzero(self.verdicts == KEPT))

    def report(self, balance: float = 1.0) -> CorpusReport:
        """Count the verdicts; ``balance`` is the weight of the direction."""
        dropped = self.names.count(self.verdicts)
        weight = min(self.corpus.weight * balance, LARGEST_WEIGHT) if self.role == "train" else self.corpus.weight
        return CorpusReport(self.role, self.corpus.name, len(self.verdicts), self.kept, dropped, weight, self.near)


class Scan:
    """The training pairs of one direction, judged by the rules and by comparing; those of others are in no role."""

    def __init__(
        self,
        corpora: Sequence[tuple[str, Corpus]],
        judge: Judge,
        seen: Survey,
        options: PrepareOptions,
        means: Means,
        model: PairModel | None = None,
    ) -> None:
        """Judge; without a validation set, draw one.

        Raises what ``read_pairs`` raises, and BusyError when a process is killed.
        """
        self.judge = judge
        counts = [count if role == "train" else 0 for (role, _), count in zip(corpora, seen.pairs, strict=True)]
        self.starts: list[int] = np.cumsum([0, *counts]).tolist()
        means.progress.start("cleaning", total=self.starts[-1], unit="pairs")
        self.ledger, self._collected = _judge_all(corpora, self.starts[-1], judge, means)
        self._reader, self._late = Reader(corpora, self.starts), list[Late]()
        if model:
            sample = seen.sample.kept(self.ledger.verdicts)
            self._late += drop_improbable(self.ledger, judge, self._reader, sample, model, means)
        if judge.duplicate < NEVER:
            read, place = self._reader.read, self._reader.place
            found = drop_near_copies(self.ledger, judge.duplicate, read, place, means.scratch.folder)
            self._late.append(Late(Duplicate(), judge.duplicate, found))
        means.progress.finish()
        self.draws = not any(role == "valid" for role, _ in corpora)
        if self.draws:
            self.ledger.hold_out(options.seed)

    def drawn(self) -> list[Pair]:
        """The pairs that were drawn for validation."""
        return drawn_pairs(self.ledger, self._reader) if self.draws else []

    def drop_near(self, drawn: Sequence[Pair], means: Means) -> None:
        """Drop the pairs that are near-copies of those ``drawn`` for validation."""
        if self.draws:
            self._late += drop_near_drawn(self.ledger, self.judge, self._reader, drawn, means)

    def collected(self) -> Collected:
        """What was collected, when all is judged."""
        return replace(self._collected, late=self._late, same_source=self.ledger.same_source())


def scanned_of(
    corpora: Sequence[tuple[str, Corpus]], scans: Sequence[Scan], seen: Survey, collected: Collected
) -> list[Scanned]:
    """The corpora in their order, with their verdicts: those of training corpora are in the scan of each corpus.

    A person chose the pairs of valid and test: from valid only empty pairs are dropped, which cannot be scored, from
    test none. Raises DataError when no pair is left.
    """
    reached = {rule.name: found.reached for rule, found in zip(scans[0].judge.rules, collected.rules, strict=False)}
    before = Counter[str]()  # pairs of each role in the corpora before
    scanned = []
    for number, (role, corpus) in enumerate(corpora):
        judge, ledger, starts = scans[number].judge, scans[number].ledger, scans[number].starts
        here = range(before[role], before[role] + seen.pairs[number])
        if role == "train":
            rows = slice(starts[number], starts[number + 1])
            verdicts, scores = ledger.verdicts[rows], ledger.scores[rows]
        else:
            empty = role == "valid"
            verdicts = _empty(seen.held_out[role][here.start : here.stop]) if empty else np.zeros(len(here), np.uint8)
            scores = verdicts.astype(np.float32)
        before[role] += len(here)
        near = sum(row in here for row in reached.get(f"in-{role}", ()))
        scanned.append(Scanned(role, corpus, judge.names, verdicts, scores, near))
    refuse_nothing_left(scanned)
    return scanned


def _judge_all(
    corpora: Sequence[tuple[str, Corpus]], total: int, judge: Judge, means: Means
) -> tuple[Ledger, Collected]:
    """Judge all training pairs that no earlier process has judged, in processes if these are worth starting."""
    with means.scratch.stage("judged") as stage:
        done, collected = 0, Collected()
        if stage.value:
            done, collected = stage.value["pairs"], Collected.restored(stage.value["collected"])
            means.progress.advance(done)
        columns = [stage.append(name) for name in COLUMNS]
        with means.mapped(judge.judge, total - done) as judge_all:
            for judged in judge_all(ahead(_tasks(corpora, done))) if done < total else ():
                for column, values in zip(columns, judged.columns(), strict=True):
                    column.write(values)
                done += len(judged.verdicts)
                collected += judged.collected
                stage.note({"pairs": done, "collected": collected.state()})
                means.progress.advance(len(judged.verdicts))
        return Ledger.read([stage.path(name) for name in COLUMNS]), collected


def _tasks(corpora: Sequence[tuple[str, Corpus]], done: int) -> Iterator[Task]:
    """The chunks of the training corpora without the first ``done`` pairs."""
    for number, (role, corpus) in enumerate(corpora):
        first = 1
        for chunk in read_chunks(corpus) if role == "train" else ():
            skipped = min(done, len(chunk))
            for start in range(skipped, len(chunk), AT_A_TIME):
                yield Task(chunk[start : start + AT_A_TIME], number, first + start)
            done -= skipped
            first += len(chunk)


def _empty(pairs: Sequence[Pair]) -> Verdicts:
    """EMPTY for a pair with an empty side, else KEPT."""
    empty = (not source.strip() or not target.strip() for source, target in pairs)
    return np.fromiter(empty, bool, len(pairs)) * np.uint8(EMPTY)


def refuse_nothing_left(scanned: Sequence[Scanned]) -> None:
    """Raise DataError, with the counts by rule, when no training pair is left, or no pair of a given validation set.

    Of several directions, each must have some.
    """
    groups = dict.fromkeys((entry.role, entry.corpus.languages) for entry in scanned)
    for group in sorted(groups, key=lambda group: ("train", "valid", "test").index(group[0])):
        corpora = [entry for entry in scanned if (entry.role, entry.corpus.languages) == group]
        if group[0] != "test" and not any(entry.kept for entry in corpora):
            paths = ", ".join(str(entry.corpus.path) for entry in corpora)
            dropped = corpora[0].names.count(np.concatenate([entry.verdicts for entry in corpora]))
            reasons = ", ".join(f"{rule} {count:,}" for rule, count in dropped.items())
            raise DataError(
                f"no pair of {paths} is left, from {corpora[0].corpus.files[0]} line 1 on (dropped: {reasons})",
                "give sentence pairs that the cleaning rules keep",
            )
