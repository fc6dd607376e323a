"""BLEU, chrF and TER of a corpus, all computed by sacreBLEU (Post 2018). Knows no file and no model."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from nmt.errors import DataError, UsageError, nearest
from nmt.scoring.significance import differing, p_value
from nmt.scoring.words import Cutting, cutting

References = Sequence[Sequence[str]]
"""A list of lines for each reference file; every list has a line for each hypothesis."""

NAMES = {"bleu": "BLEU", "chrf": "chrF", "chrf++": "chrF++", "ter": "TER"}  # key and printed name
LONGEST_NGRAM = 4  # words, in BLEU
LONGEST_FOR_TER = 10_000  # characters; in Chinese they are as many words, which take 0.6 GB
LINES_FOR_CONFIDENCE = 10  # fewer are not a sample: one line, resampled, gives an interval of 0.0
RESAMPLES = 1000  # of the bootstrap: sacreBLEU's default, as is its seed


@dataclass(frozen=True)
class Score:
    """One metric of one corpus, in points of 100; high BLEU and chrF are good, and low TER."""

    score: float
    low: float | None  # bounds of the 95% bootstrap interval (Koehn 2004), if it was computed
    high: float | None
    signature: str  # sacreBLEU's


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
    _check(hypotheses, references)
    if "ter" in metrics:
        _check_for_ter(hypotheses, references)
    cut = cutting(target_language, references[0])
    confident = confidence and len(hypotheses) >= LINES_FOR_CONFIDENCE
    return {name: _score(_metric(name, cut), hypotheses, references, confident) for name in metrics}


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


def p_values(
    hypotheses: Sequence[str],
    baseline: Sequence[str],
    references: References,
    target_language: str,
    metrics: Sequence[str] = ("bleu", "chrf"),
) -> dict[str, float]:
    """The p-value of the difference between two systems, for each metric."""
    _check(hypotheses, references)
    cut, lines = cutting(target_language, references[0]), differing(hypotheses, baseline)
    p = {}
    for name in metrics:
        metric = _metric(name, cut)
        ours, theirs = (metric._extract_corpus_statistics(list(side), references) for side in (hypotheses, baseline))
        p[name] = p_value(metric, ours, theirs, lines)
    return p


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


def _check(hypotheses: Sequence[str], references: References) -> None:
    for stream in references:
        check_counts(len(hypotheses), len(stream), "the hypotheses", "the references")


def _metric(name: str, cut: Cutting) -> Any:
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF
    from sacrebleu.metrics.ter import TER

    if name == "bleu":
        # force: no warning about text that looks tokenized; nmt.scoring.evaluate has its own.
        return BLEU(tokenize=cut.tokenizer, force=True)
    if name == "chrf":
        return CHRF()
    if name == "chrf++":
        return CHRF(word_order=2)
    if name == "ter":
        return TER(**cut.ter)
    raise UsageError(f"there is no metric {name!r}", nearest(name, NAMES))


def _score(metric: Any, hypotheses: Sequence[str], references: References, confidence: bool) -> Score:
    result = metric.corpus_score(list(hypotheses), references)
    low = high = None
    if confidence:
        from numpy import array
        from sacrebleu.significance import _bootstrap_resample, estimate_ci

        # corpus_score(n_bootstrap=…) does the same, but fails when some resamples score exactly 0 (sacreBLEU 2.6).
        statistics = metric._extract_corpus_statistics(list(hypotheses), references)
        metric.n_bootstrap = RESAMPLES
        metric.seed, resamples = _bootstrap_resample(statistics, metric, RESAMPLES)
        mean, half = estimate_ci(array([float(resample.score) for resample in resamples]))
        # The interval is centred on the mean of the resamples, and may exceed what a score can be.
        largest = math.inf if result.name == "TER" else 100.0
        low, high = (min(max(float(mean + side * half), 0.0), largest) for side in (-1, 1))
    return Score(float(result.score), low, high, metric.get_signature().format())
