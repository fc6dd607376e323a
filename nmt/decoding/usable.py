"""How probable it is that a translation is usable: that its chrF, if there were a reference, is above a bound.

A logistic regression on what is known of a translation anyway, so that it costs no second look of the model.
``nmt.scoring.usable`` fits it on the validation set, and the model's manifest holds it. Knows no model and no search.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log
from typing import Any, Protocol, Self

from nmt.config import SearchOptions
from nmt.decoding.checks import Checks
from nmt.errors import DataError, shown

VERSION = 1  # of the features: what another version fitted counts nothing here

FEATURES = ("doubt", "length", "ratio", "spelling", "checks")
"""What is known of a translation, as ``features`` computes it; docs/experiments/usable.md has what others would add."""

SURE = 0.02
"""Mean log-probability, but for its sign, below which translations are equally sure."""

FARTHEST = 4.0
"""Standard deviations from the validation set's mean, beyond which a feature counts no more: nothing was seen there."""

_LARGEST = 1e6  # of the numbers of a manifest


class Translated(Protocol):
    """A translated line, as the features see it."""

    @property
    def source(self) -> str: ...

    @property
    def text(self) -> str: ...

    @property
    def score(self) -> float: ...

    @property
    def source_pieces(self) -> int: ...

    @property
    def target_pieces(self) -> int: ...

    @property
    def checks(self) -> Sequence[str] | None: ...


def features(translation: Translated, checks: Checks, length_penalty: float = 1.0) -> list[float]:
    """The features of a translation that has pieces on both sides; ``length_penalty`` is that of its score.

    They are the logarithm of a piece's mean log-probability, but for its sign; the number of pieces, their ratio to
    those of the source, and to the characters (rare words and nonsense are spelt in small pieces); and whether a check
    fails.
    """
    length = translation.target_pieces + 1
    mean = translation.score * length ** (length_penalty - 1)
    pieces = translation.source_pieces, translation.target_pieces
    fails = bool(translation.checks or checks.failed(translation.source, translation.text, pieces))
    return [
        log(SURE + max(0.0, -mean)),
        log(length),
        log(length / (translation.source_pieces + 1)),
        log(translation.target_pieces / max(1, len(translation.text))),
        float(fails),
    ]


@dataclass(frozen=True)
class Usable:
    """The regression of a model: features in, probability out."""

    bound: float  # chrF of a line above which it is usable
    lines: int  # on which it was fitted
    intercept: float
    means: Sequence[float]  # of each feature
    scales: Sequence[float]  # by which it is divided
    weights: Sequence[float]

    @classmethod
    def read(cls, manifest: Mapping[str, Any], name: str) -> Self | None:
        """Read the regression in a manifest; None where there is none, or one of another version.

        Raises DataError, calling the model ``name``, for invalid numbers.
        """
        facts = manifest.get("usable")
        if facts is None or (isinstance(facts, dict) and facts.get("version") != VERSION):
            return None
        try:
            columns = [facts["features"][name] for name in FEATURES]
            means, scales, weights = zip(*columns, strict=True)
            usable = cls(facts["bound"], facts["lines"], facts["intercept"], means, scales, weights)
            is_sound = len(facts["features"]) == len(FEATURES) and usable._is_sound()
        except (KeyError, TypeError, ValueError):
            is_sound = False
        if not is_sound:
            raise DataError(f"{name} has an invalid regression of what is usable: {shown(facts)}", "restore the model")
        return usable

    def facts(self) -> dict[str, Any]:
        """The regression as a manifest holds it, for ``read``."""
        columns = zip(self.means, self.scales, self.weights, strict=True)
        return {
            "version": VERSION,
            "bound": self.bound,
            "lines": self.lines,
            "intercept": self.intercept,
            "features": {name: list(column) for name, column in zip(FEATURES, columns, strict=True)},
        }

    def probability(self, values: Sequence[float]) -> float:
        """The probability that a translation with these ``features`` is usable."""
        columns = zip(values, self.means, self.scales, self.weights, strict=True)
        logit = self.intercept + sum(
            weight * max(-FARTHEST, min(FARTHEST, (value - mean) / scale)) for value, mean, scale, weight in columns
        )
        # exp of a large number overflows.
        return 1 / (1 + exp(-logit)) if logit > 0 else 1 - 1 / (1 + exp(max(logit, -700.0)))

    def _is_sound(self) -> bool:
        numbers = [self.intercept, *self.means, *self.scales, *self.weights]
        return (
            all(type(number) in (int, float) and abs(number) <= _LARGEST for number in numbers)
            and all(scale >= 1 / _LARGEST for scale in self.scales)
            and type(self.bound) in (int, float)
            and 0 < self.bound < 100
            and type(self.lines) is int
            and 0 < self.lines < 1 << 53
        )


@dataclass(frozen=True)
class Judge:
    """Says of translations into one language how probably they are usable."""

    usable: Usable
    checks: Checks
    length_penalty: float = SearchOptions.length_penalty

    @classmethod
    def of(cls, usable: Usable | None, checks: Checks, options: SearchOptions) -> Self | None:
        """The judge of what a search with ``options`` finds; None without a regression, or where scores mean another
        thing than those it was fitted on: of samples, and of what ``mbr`` chose.
        """
        if usable is None or options.sample is not None or options.mbr is not None:
            return None
        return cls(usable, checks, options.length_penalty)

    def probability(self, translation: Translated) -> float:
        """The probability that a translation is usable; 1 for a blank line, whose translation is as blank."""
        if not translation.source_pieces:
            return 1.0
        if not translation.target_pieces:
            return 0.0
        return self.usable.probability(features(translation, self.checks, self.length_penalty))
