"""BLEU, chrF and TER of a corpus, computed by sacreBLEU (Post 2018) and nobody else. Knows no file and no model."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from nmt.errors import DataError, UsageError, nearest
from nmt.scoring.significance import differing, p_value
from nmt.scoring.words import Cutting, cutting

References = Sequence[Sequence[str]]  # a list for each file of them, a line for each hypothesis

NAMES = {"bleu": "BLEU", "chrf": "chrF", "chrf++": "chrF++", "ter": "TER"}  # as people write them
LONGEST_NGRAM = 4  # of BLEU
LONGEST_FOR_TER = 10_000  # characters: as many words, as in Chinese, take 0.6 GB, and memory grows with them
LINES_FOR_CONFIDENCE = 10  # fewer are no sample of a text: one line resampled is that line, with an interval of 0.0
RESAMPLES = 1000  # of the bootstrap; sacreBLEU's default, like the seed that it sets


@dataclass(frozen=True)
class Score:
    """One metric of one corpus, in points of 100; BLEU and chrF are better high, TER low."""

    score: float
    low: float | None  # the 95% interval of the bootstrap (Koehn 2004), when one was asked for
    high: float | None
    signature: str


def check_counts(hypotheses: int, references: int, hypothesis_name: str, reference_name: str) -> None:
    """Raise DataError unless there are equally many hypotheses and references, and some.

    sacreBLEU's own functions score 1 hypothesis against 2 references as if nothing were wrong.
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
    """Score ``hypotheses`` against one reference each, or several; the metrics in the order in which they are named.

    Without ``confidence``, and where lines are too few for it, the scores have no interval. Raises DataError for
    unequal counts or an empty corpus, UsageError for an unknown metric.
    """
    _check(hypotheses, references)
    if "ter" in metrics:
        _check_for_ter(hypotheses, references)
    cut = cutting(target_language, references[0])
    confident = confidence and len(hypotheses) >= LINES_FOR_CONFIDENCE
    return {name: _score(_metric(name, cut), hypotheses, references, confident) for name in metrics}


def _check_for_ter(hypotheses: Sequence[str], references: References) -> None:
    """Raise DataError for a line whose edits would take gigabytes and hours to be counted."""
    for what, lines in (("hypothesis", hypotheses), *(("reference", some) for some in references)):
        for number, line in enumerate(lines, start=1):
            if len(line) > LONGEST_FOR_TER:
                most = f"TER is for lines of at most {LONGEST_FOR_TER:,}"
                raise DataError(
                    f"{what} {number} has {len(line):,} characters, and {most}",
                    "leave ter out, or put a sentence on each line",
                )


def p_values(
    hypotheses: Sequence[str],
    baseline: Sequence[str],
    references: References,
    target_language: str,
    metrics: Sequence[str] = ("bleu", "chrf"),
) -> dict[str, float]:
    """For each metric, how probable so large a difference of the two systems is if chance alone made it."""
    _check(hypotheses, references)
    cut, lines = cutting(target_language, references[0]), differing(hypotheses, baseline)
    found = {}
    for name in metrics:
        metric = _metric(name, cut)
        ours, theirs = (metric._extract_corpus_statistics(list(side), references) for side in (hypotheses, baseline))
        found[name] = p_value(metric, ours, theirs, lines)
    return found


def corpus_scores(hypotheses: Sequence[str], references: Sequence[str], target_language: str) -> tuple[float, float]:
    """BLEU and chrF without confidence, for validation while training."""
    scores = score_corpus(hypotheses, [references], target_language, confidence=False)
    return scores["bleu"].score, scores["chrf"].score


def decisive_metric(references: Sequence[str], target_language: str) -> str:
    """``"bleu"``, or ``"chrf"`` where most references are shorter than BLEU's 4-grams.

    Systems that spoil 20% and 30% of the words of 100 such references are never ranked wrongly by either where at least
    20% of them have 4 tokens; below that, BLEU errs in 2 to 10% of the draws and chrF in 0 to 3%.
    """
    return "bleu" if 2 * with_4_grams(references, target_language) >= len(references) else "chrf"


def with_4_grams(references: Sequence[str], target_language: str) -> int:
    """How many references have as many words as BLEU's longest n-grams."""
    tokenize = _metric("bleu", cutting(target_language, references)).tokenizer
    return sum(len(tokenize(reference.strip()).split()) >= LONGEST_NGRAM for reference in references)


def sentence_bleu(hypothesis: Sequence[int], reference: Sequence[int]) -> float:
    """BLEU of one sentence's pieces, 0 to 1; 1 is added to the counts of longer n-grams (Lin and Och 2004)."""
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
        # force: silence about text that looks tokenized; nmt.scoring.evaluate warns in its own words.
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

        # As corpus_score(n_bootstrap=…) does, whose mean fails where some resamples score a plain 0.0 (sacreBLEU 2.6).
        statistics = metric._extract_corpus_statistics(list(hypotheses), references)
        metric.n_bootstrap = RESAMPLES
        metric.seed, resamples = _bootstrap_resample(statistics, metric, RESAMPLES)
        mean, half = estimate_ci(array([float(one.score) for one in resamples]))
        # The interval is centred on the mean of the resamples, and may stand out beyond what a score can be.
        largest = math.inf if result.name == "TER" else 100.0
        low, high = (min(max(float(mean + side * half), 0.0), largest) for side in (-1, 1))
    return Score(float(result.score), low, high, metric.get_signature().format())
