"""The regression that says how probably a translation is usable: fitted on a validation set, and how right it is.

A line is usable if its chrF is above ``BOUND``. ``nmt.decoding.usable`` has the features and computes with the result.
Knows lines and numbers; no file and no model.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import ceil
from statistics import fmean
from typing import TYPE_CHECKING, Any, TypeAlias

from nmt.decoding.checks import Checks
from nmt.decoding.translation import Translation
from nmt.decoding.usable import FARTHEST, FEATURES, Usable, features
from nmt.scoring.metrics import References, measures

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Numbers: TypeAlias = "npt.NDArray[np.float64]"

BOUND = 50.0
"""chrF above which a line is usable (docs/decisions/usable-above-chrf-50.md)."""

FEWEST, FEWEST_EACH = 200, 20
"""Lines, and lines of either kind, without which nothing is fitted."""

MOST = 2000
"""Lines on which it is fitted, evenly spaced: more take time and change little."""

PRIOR = {"checks": (-2.0, 1.0)}
"""Mean and standard deviation of a weight before any line is seen; (0, 3) of the others.

Validation sets have few lines that fail a check, and odd input has many.
"""

FEWEST_TO_CALIBRATE = 100
"""Lines of a test set, below which the bins are too empty to say anything."""

BINS = 10
LEAST = 0.1
"""Share of the lines that are looked at as the least usable ones."""


def fit(translations: Sequence[Translation], references: Sequence[str], checks: Checks) -> Usable | None:
    """The regression of a model, fitted on its translations, by beam search or greedy, of lines with references.

    None when too few lines are usable, or too few are not.
    """
    import numpy as np

    pairs = [pair for pair in zip(translations, references, strict=True) if pair[0].target_pieces]
    pairs = pairs[:: max(1, ceil(len(pairs) / MOST))]
    if len(pairs) < FEWEST:
        return None
    values = np.array([features(translation, checks) for translation, _ in pairs])
    chrf = line_chrf(
        [translation.text for translation, _ in pairs], [[line for _, line in pairs]], checks.target_language
    )
    usable = np.array(chrf) > BOUND
    if min(usable.sum(), (~usable).sum()) < FEWEST_EACH:
        return None
    means, scales = values.mean(0), np.maximum(values.std(0), 1e-3)
    flag = FEATURES.index("checks")  # hardly ever set, so its deviation says nothing
    means[flag], scales[flag] = 0.0, 1.0
    means, scales = np.round(means, 6), np.round(scales, 6)
    scaled = np.clip((values - means) / scales, -FARTHEST, FARTHEST)
    columns = np.column_stack([np.ones(len(scaled)), scaled])
    intercept, *weights = newton(columns, usable.astype(np.float64), *prior()).round(6).tolist()
    return Usable(BOUND, len(pairs), intercept, means.tolist(), scales.tolist(), weights)


def prior() -> tuple[Numbers, Numbers]:
    """The mean and the precision (1 / variance) of the intercept and of each weight before any line is seen."""
    import numpy as np

    known = [(0.0, 100.0), *(PRIOR.get(name, (0.0, 3.0)) for name in FEATURES)]
    return np.array([mean for mean, _ in known]), np.array([deviation**-2.0 for _, deviation in known])


def newton(columns_NF: Numbers, labels_N: Numbers, mean_F: Numbers, precision_F: Numbers) -> Numbers:
    """The weights (F,) of the most probable logistic regression, under a Gaussian prior: Newton's method.

    The objective is strictly convex, so a step that does not lower it is halved until it does.
    """
    import numpy as np

    def loss(weights_F: Numbers) -> float:
        logit_N = columns_NF @ weights_F
        off_F = weights_F - mean_F
        return float((np.logaddexp(0, logit_N) - labels_N * logit_N).sum() + (precision_F * off_F * off_F).sum() / 2)

    weights_F = mean_F.copy()
    for _ in range(100):
        probability_N = 1 / (1 + np.exp(-columns_NF @ weights_F))
        gradient_F = columns_NF.T @ (probability_N - labels_N) + precision_F * (weights_F - mean_F)
        if np.abs(gradient_F).max() < 1e-9:
            break
        spread_N = probability_N * (1 - probability_N)
        hessian_FF = (columns_NF * spread_N[:, None]).T @ columns_NF + np.diag(precision_F)
        step_F, before = np.linalg.solve(hessian_FF, gradient_F), loss(weights_F)
        while loss(weights_F - step_F) > before and np.abs(step_F).max() > 1e-12:
            step_F /= 2
        weights_F = weights_F - step_F
    return weights_F


@dataclass(frozen=True)
class Calibration:
    """What a model says of the lines of a test set, beside what they are."""

    name: str  # of the model
    bound: float  # chrF of a line above which it is usable
    lines: int
    said: float  # mean probability of being usable
    found: float  # share of lines that are
    error: float  # expected calibration error: mean difference of the two in ten bins, by their lines
    chrf: float  # mean of the lines
    least: float  # mean chrF of the tenth of the lines that is said to be least usable

    def to_json(self) -> dict[str, Any]:
        """The figures by name."""
        return {name: round(value, 6) if type(value) is float else value for name, value in asdict(self).items()}


def calibration_of(
    name: str, translations: Sequence[Translation], references: References, language: str
) -> Calibration | None:
    """The calibration of the model ``name`` by its translations; None if it says nothing of them, or they are few."""
    said = [translation.usable for translation in translations]
    judge = translations[0].judge if len(translations) >= FEWEST_TO_CALIBRATE else None
    if not judge:
        return None
    chrf = line_chrf([translation.text for translation in translations], references, language)
    return calibration(name, [probability or 0.0 for probability in said], chrf, judge.usable.bound)


def calibration(name: str, probabilities: Sequence[float], chrf: Sequence[float], bound: float) -> Calibration:
    """How right the probabilities of some lines are, whose chrF is known."""
    bins: list[list[int]] = [[] for _ in range(BINS)]
    for place, probability in enumerate(probabilities):
        bins[min(BINS - 1, int(probability * BINS))].append(place)
    usable = [value > bound for value in chrf]
    off = (abs(sum(probabilities[place] - usable[place] for place in places)) for places in bins)
    doubted = sorted(range(len(chrf)), key=lambda place: (probabilities[place], place))[: ceil(LEAST * len(chrf))]
    return Calibration(
        name,
        bound,
        len(chrf),
        fmean(probabilities),
        fmean(usable),
        sum(off) / len(chrf),
        fmean(chrf),
        fmean(chrf[place] for place in doubted),
    )


def line_chrf(hypotheses: Sequence[str], references: References, language: str) -> list[float]:
    """The chrF of each line."""
    measure = measures(["chrf"], references, language, [hypotheses])["chrf"]
    return [measure.line_score(counts) for counts in measure.counts([hypotheses])[0]]
