"""BLEU, chrF and TER of a corpus, all computed by sacreBLEU (Post 2018). Knows no file and no model.

A metric is counted line by line first and added up later, so that intervals, tests, single lines and groups of lines
come from the same counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from nmt.errors import DataError, UsageError, nearest
from nmt.scoring.significance import RESAMPLES, SEED, Counts, interval
from nmt.scoring.words import Cutting, cutting

References = Sequence[Sequence[str]]
"""A list of lines for each reference file; every list has a line for each hypothesis."""

NAMES = {"bleu": "BLEU", "chrf": "chrF", "chrf++": "chrF++", "ter": "TER", "comet": "COMET"}  # key and printed name
LONGEST_NGRAM = 4  # words, in BLEU
LONGEST_FOR_TER = 10_000  # characters; in Chinese they are as many words, which take 0.6 GB
LINES_FOR_CONFIDENCE = 10  # fewer are not a sample: one line, resampled, gives an interval of 0.0


@dataclass(frozen=True)
class Score:
    """One metric of one corpus, in points of 100; high BLEU, chrF and COMET are good, and low TER."""

    score: float
    low: float | None  # bounds of the 95% bootstrap interval (Koehn 2004), if it was computed
    high: float | None
    signature: str  # sacreBLEU's


class Measure(Protocol):
    """A metric with the references of a test set, which it compares translations with."""

    bounds: tuple[float, float]  # the lowest and the highest score that there can be

    def counts(self, outputs: Sequence[Sequence[str]]) -> list[Counts]:
        """For each list of hypotheses its counts: float64 (lines, counts); those of several lines are their sum."""

    def score(self, counts: Counts) -> float:
        """The score of all lines together, from the sum of their counts (counts,)."""

    def line_score(self, counts: Counts) -> float:
        """The score of a single line, from its counts (counts,)."""

    def signature(self, confidence: bool) -> str:
        """How the score is computed, with the bootstrap if there is an interval."""


def check_counts(hypotheses: int, references: int, hypothesis_name: str, reference_name: str) -> None:
    """Raise DataError when the numbers of hypotheses and references differ, or are 0.

    sacreBLEU itself scores 1 hypothesis against 2 references without an error.
    """
    if hypotheses != references:
        raise DataError(
            f"{hypothesis_name} has {hypotheses} lines and {reference_name} has {references}",
            "give files whose lines belong together",
        )
    if not hypotheses:
        raise DataError(f"{hypothesis_name} has no lines", "there is nothing to score; check the file")


def score_corpus(
    hypotheses: Sequence[str],
    references: References,
    target_language: str,
    metrics: Sequence[str] = ("bleu", "chrf"),
    confidence: bool = True,
) -> dict[str, Score]:
    """The score of the hypotheses by each metric, in the order of ``metrics``.

    Scores have no interval without ``confidence``, or when the lines are too few. Raises DataError for different
    numbers of lines or an empty corpus, UsageError for an unknown metric.
    """
    found = measures(metrics, references, target_language, [hypotheses])
    confident = confidence and len(hypotheses) >= LINES_FOR_CONFIDENCE
    return {name: score_of(measure, measure.counts([hypotheses])[0], confident) for name, measure in found.items()}


def measures(
    names: Sequence[str], references: References, target_language: str, outputs: Sequence[Sequence[str]]
) -> dict[str, Measure]:
    """The metrics of sacreBLEU by name, with the references that ``outputs`` are compared with.

    Raises DataError for different numbers of lines, an empty corpus or a line too long for TER, and UsageError for an
    unknown metric.
    """
    for hypotheses in outputs:
        for stream in references:
            check_counts(len(hypotheses), len(stream), "the hypotheses", "the references")
        if "ter" in names:
            _check_for_ter(hypotheses, references)
    cut = cutting(target_language, references[0])
    return {name: SacreMeasure(name, cut, references) for name in names}


def score_of(measure: Measure, counts: Counts, confidence: bool) -> Score:
    """The score of all lines, from the counts of each; with its interval if there should be one."""
    low, high = interval(measure.score, counts, measure.bounds) if confidence else (None, None)
    return Score(measure.score(counts.sum(0)), low, high, measure.signature(confidence))


def _check_for_ter(hypotheses: Sequence[str], references: References) -> None:
    """Raise DataError for a line so long that counting its edits would take gigabytes and hours."""
    for what, lines in (("hypothesis", hypotheses), *(("reference", stream) for stream in references)):
        for number, line in enumerate(lines, start=1):
            if len(line) > LONGEST_FOR_TER:
                most = f"TER is for lines of at most {LONGEST_FOR_TER:,}"
                raise DataError(
                    f"{what} {number} has {len(line):,} characters, and {most}",
                    "leave ter out of `metrics`, or put a sentence on each line",
                )


def corpus_scores(hypotheses: Sequence[str], references: Sequence[str], target_language: str) -> tuple[float, float]:
    """(BLEU, chrF) without intervals, for validation in training."""
    scores = score_corpus(hypotheses, [references], target_language, confidence=False)
    return scores["bleu"].score, scores["chrf"].score


def decisive_metric(references: Sequence[str], target_language: str) -> str:
    """``"bleu"``, or ``"chrf"`` when most references are shorter than BLEU's 4-grams.

    Measured on systems with 20% and 30% of the words of 100 references wrong: when at least 20% of the references have
    4 tokens, both metrics always rank the systems correctly; below that, BLEU is wrong in 2 to 10% of the draws and
    chrF in 0 to 3%.
    """
    return "bleu" if 2 * with_4_grams(references, target_language) >= len(references) else "chrf"


def with_4_grams(references: Sequence[str], target_language: str) -> int:
    """The number of references that are at least as long as BLEU's longest n-grams."""
    tokenize = _metric("bleu", cutting(target_language, references)).tokenizer
    return sum(len(tokenize(reference.strip()).split()) >= LONGEST_NGRAM for reference in references)


def sentence_bleu(hypothesis: Sequence[int], reference: Sequence[int]) -> float:
    """BLEU of one sentence's pieces, from 0 to 1, with 1 added to the counts of longer n-grams (Lin and Och 2004)."""
    texts = [" ".join(map(str, pieces)) for pieces in (hypothesis, reference)]
    return float(_piece_bleu().sentence_score(texts[0], [texts[1]]).score) / 100


@cache
def _piece_bleu() -> Any:
    from sacrebleu.metrics.bleu import BLEU

    return BLEU(tokenize="none", smooth_method="add-k", smooth_value=1, effective_order=True, force=True)


class SacreMeasure:
    """A metric of sacreBLEU as a Measure."""

    def __init__(self, name: str, cut: Cutting, references: References) -> None:
        self.metric = _metric(name, cut)
        self.line_metric = _metric(name, cut, for_lines=True)
        self.references = references
        self.bounds = (0.0, float("inf") if name == "ter" else 100.0)

    def counts(self, outputs: Sequence[Sequence[str]]) -> list[Counts]:
        import numpy as np

        # The references are cut once for all outputs; their n-grams take a gigabyte where there are 30,000 lines.
        self.metric._ref_cache = self.metric._cache_references(self.references)
        found = [self.metric._extract_corpus_statistics(list(hypotheses), None) for hypotheses in outputs]
        self.metric._ref_cache = None
        return [np.array(lines, dtype=np.float64) for lines in found]

    def score(self, counts: Counts) -> float:
        return float(self.metric._compute_score_from_stats(list(counts)).score)

    def line_score(self, counts: Counts) -> float:
        return float(self.line_metric._compute_score_from_stats(list(counts)).score)

    def signature(self, confidence: bool) -> str:
        self.metric.n_bootstrap, self.metric.seed = (RESAMPLES, SEED) if confidence else (None, None)
        return str(self.metric.get_signature().format())


def _metric(name: str, cut: Cutting, for_lines: bool = False) -> Any:
    """The metric of sacreBLEU; BLEU ``for_lines`` leaves out n-grams that a short line does not have."""
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF
    from sacrebleu.metrics.ter import TER

    if name == "bleu":
        # force: no warning about text that looks tokenized; nmt.scoring.evaluate has its own.
        return BLEU(tokenize=cut.tokenizer, force=True, effective_order=for_lines)
    if name == "chrf":
        return CHRF()
    if name == "chrf++":
        return CHRF(word_order=2)
    if name == "ter":
        return TER(**cut.ter)
    raise UsageError(f"there is no metric {name!r}", nearest(name, [known for known in NAMES if known != "comet"]))
