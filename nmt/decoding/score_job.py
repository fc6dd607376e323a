"""Scoring corpora: windows of pairs go through the models into a sink, so that a killed job resumes.

A window of pairs is the unit, as a window of lines is in nmt.decoding.job. Knows no flag, no model and no format of a
journal.
"""

import json
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from math import exp, fsum, isnan
from pathlib import Path
from typing import BinaryIO, Protocol

from nmt.corpus.parallel import Corpus, count_pairs, read_pairs
from nmt.decoding.engine import MAX_PIECES, NEVER_SEEN, Hypothesis
from nmt.decoding.forced import PairWindow, ScoredPair, windows
from nmt.decoding.formats import ScoreFormat
from nmt.decoding.job import Tally
from nmt.decoding.sinks import open_sink
from nmt.disk.files import written_directly
from nmt.errors import UsageError
from nmt.store.journal import Sums, beside
from nmt.text.progress import Progress
from nmt.text.tokenizer import Tokenizer
from nmt.version import __version__

PREFIXES = {"forward": "", "reverse": "reverse "}  # of the names of sums


class PairScoring(Protocol):
    """What a job needs of ``Scoring``; others may score windows elsewhere, several at once."""

    @property
    def tokenizers(self) -> Sequence[Tokenizer]:
        """The tokenizers of what each model predicts."""

    def about(self) -> Mapping[str, str | int | float]:
        """All that scores and the bounds of windows depend on besides the pairs, by name."""

    def scored(self, each: Iterable[PairWindow], progress: Progress) -> Iterator[list[ScoredPair]]:
        """The pairs of each window with their scores, in order."""

    def warn(self, progress: Progress) -> None:
        """Warn of pairs that were not read as asked."""


@dataclass(frozen=True)
class ScoreReport:
    """What a job did: the counts and times of this process, and sums over the whole output."""

    tally: Tally
    sums: Mapping[str, float]
    pairs: int  # in the whole output

    def perplexity(self, direction: str = "forward") -> float | None:
        """The perplexity over the pieces of all pairs; None where no pair has a score."""
        prefix = PREFIXES[direction]
        pieces = self.sums.get(f"{prefix}pieces", 0)
        return exp(-self.sums[f"{prefix}log probability"] / pieces) if pieces else None

    def figures(self) -> dict[str, float | None]:
        """The figures by name: those of ``nmt translate``, and of the whole output what the scores say."""
        reverse = {"reverse_perplexity": self.perplexity("reverse")} if "reverse pieces" in self.sums else {}
        return {
            **self.tally.figures(),
            "pairs": self.pairs,
            "without_score": self.sums.get("without score", 0),
            "with_unseen_pieces": self.sums.get("never seen", 0),
            "perplexity": self.perplexity(),
            **reverse,
        }


class ScoreJob:
    """Corpora to score, one after another, and the one output that they become.

    ``output`` is a file, or None for standard output; ``resume`` keeps what an earlier process left of the same job.
    """

    def __init__(self, corpora: Sequence[Corpus], output: str | None, format: ScoreFormat, resume: bool = True) -> None:
        if output == "":
            raise UsageError("`output` is empty", "name a file")
        self.corpora, self.format, self.resume = corpora, format, resume
        self.output = Path(output) if output else None

    def inputs(self) -> list[Path]:
        """The files that the job reads."""
        return [file for corpus in self.corpora for file in corpus.files]

    def outputs(self) -> Iterator[tuple[str, Path]]:
        """(name in errors, path) of each file that the job writes, FILE.partial and FILE.journal included."""
        yield ("`output`", self.output) if self.output else ("standard output", Path("/dev/stdout"))
        if self.output and not written_directly(self.output):
            partial, journal = beside(self.output)
            yield "FILE.partial of `output`", partial
            yield "FILE.journal of `output`", journal

    def total(self) -> int | None:
        """The number of pairs in all corpora, or None when it is unknown before they are read."""
        totals = [count_pairs(corpus) for corpus in self.corpora]
        return None if None in totals else sum(total or 0 for total in totals)

    def run(
        self, load: Callable[[], PairScoring], progress: Progress, stdout: Callable[[], BinaryIO], total: int | None
    ) -> ScoreReport:
        """Score all pairs; ``total`` is their number that ``progress`` shows, or None.

        The output is locked before ``load`` is called, for loading takes seconds. Raises BusyError for an output that
        another process writes, CannotCreateError or StorageError when it fails, and what ``read_pairs`` and the engine
        raise. An error says after which line the same job resumes.
        """
        tally, pairs = Tally(), 0
        with open_sink(self.output, stdout, keep_journal=False) as sink:
            scoring = load()
            tally.ready = time.monotonic()
            progress.start("scoring", total, "pairs")
            sink.begin({"nmt": __version__, **scoring.about(), **self.format.about()}, self.resume, progress)
            asked: deque[tuple[int, list[str]]] = deque()  # of each window the pairs before it, and its lines

            def lacking() -> Iterator[PairWindow]:
                """The windows that the output lacks."""
                nonlocal pairs
                for window in windows(chain.from_iterable(map(read_pairs, self.corpora))):
                    pairs += len(window.pairs)
                    lines = [json.dumps(pair) for pair in window.pairs]
                    if sink.find(lines):
                        progress.advance(len(lines))
                    else:
                        asked.append((window.before, lines))
                        yield window

            tokenizers = scoring.tokenizers
            for scored in scoring.scored(lacking(), progress):
                before, lines = asked.popleft()
                records = [self.format.record(*each, tokenizers) for each in enumerate(scored, start=before)]
                sink.add(lines, records, sums_of(scored, len(tokenizers)))
                tally.add(scored)
            sink.finish(pairs)
        progress.finish()
        warn(sink.sums, progress)
        scoring.warn(progress)
        return ScoreReport(tally, sink.sums, pairs)


def sums_of(scored: Sequence[ScoredPair], models: int) -> Sums:
    """What is counted over all windows, of one model or of two."""
    directions: dict[str, list[Hypothesis]] = {"forward": [pair.forward for pair in scored if pair.forward]}
    if models > 1:
        directions["reverse"] = [pair.reverse for pair in scored if pair.reverse]
    sums: Sums = {
        "without score": sum(isnan(pair.score) for pair in scored),
        "never seen": sum(has_unseen(pair.forward) or has_unseen(pair.reverse) for pair in scored),
    }
    for name, hypotheses in directions.items():
        scores = [score for hypothesis in hypotheses for score in hypothesis.token_scores or []]
        sums[f"{PREFIXES[name]}pieces"] = len(scores)
        sums[f"{PREFIXES[name]}log probability"] = fsum(scores)
    return sums


def has_unseen(hypothesis: Hypothesis | None) -> bool:
    """Whether a piece is one that no target of training had."""
    return hypothesis is not None and NEVER_SEEN in (hypothesis.token_scores or [])


def warn(sums: Mapping[str, float], progress: Progress) -> None:
    """Warn of pairs whose score is missing or says little."""
    if without := sums.get("without score", 0):
        pairs = "1 pair has" if without == 1 else f"{without:,} pairs have"
        progress.warn(f"{pairs} a side that is blank or has over {MAX_PIECES} pieces: the score is nan")
    if unseen := sums.get("never seen", 0):
        pairs = "1 pair has" if unseen == 1 else f"{unseen:,} pairs have"
        progress.warn(f"{pairs} pieces that no target of training had: each counts {NEVER_SEEN:.0f}")
