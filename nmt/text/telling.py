"""Tells the languages of a model apart, by their most frequent pieces. Knows counts of pieces; no model and no files.

Identifiers of languages know a hundred, and not those for which a model of several languages is most wanted. A model
need only tell its own apart, and it has learnt pieces of all of them: the probability of a text is the product of its
pieces' shares, by the language in whose training text they were counted (naive Bayes).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log
from typing import Any, Self

from nmt.config import is_name
from nmt.errors import DataError, shown
from nmt.text.directions import MOST

TOLD = 1000  # pieces of a language that are told
MARGIN = 3.0  # by how much the logarithm of a text's probability must be higher in another language
_MOST_COUNT = 1 << 53


@dataclass(frozen=True)
class Frequencies:
    """How often the most frequent pieces of a language occur, of ``total`` pieces."""

    counts: Mapping[int, int]
    total: int

    def facts(self) -> dict[str, Any]:
        """The counts as a manifest holds them, in one short text."""
        return {"total": self.total, "pieces": " ".join(f"{id} {count}" for id, count in self.counts.items())}

    @classmethod
    def read(cls, facts: Any) -> Self | None:
        """What gave the facts; None for facts that nothing could have given."""
        try:
            numbers = list(map(int, facts["pieces"].split()))
            counts, total = dict(zip(numbers[::2], numbers[1::2], strict=True)), facts["total"]
        except (KeyError, TypeError, ValueError, AttributeError):
            return None
        is_sound = (
            type(total) is int
            and 0 < total <= _MOST_COUNT
            and 0 < len(counts) <= TOLD
            and min(counts) >= 0
            and min(counts.values()) > 0
            and sum(counts.values()) <= total
        )
        return cls(counts, total) if is_sound else None


def frequencies_of(counts: Mapping[int, int]) -> Frequencies:
    """The most frequent of the pieces."""
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:TOLD]
    return Frequencies(dict(most), max(1, sum(counts.values())))


@dataclass(frozen=True)
class Telling:
    """Tells languages apart by the frequencies of each."""

    languages: Mapping[str, Frequencies]

    @classmethod
    def read(cls, manifest: Mapping[str, Any], name: str) -> Self | None:
        """Read what a manifest has; None where it has nothing. Raises DataError, calling it ``name``."""
        facts = manifest.get("frequencies")
        if facts is None:
            return None
        read = (
            {language: Frequencies.read(own) for language, own in facts.items()}
            if isinstance(facts, dict) and len(facts) <= MOST and all(map(is_name, facts))
            else {}
        )
        if not read or None in read.values():
            raise DataError(f"{name} has invalid frequencies: {shown(facts)}", "restore the file")
        return cls({language: own for language, own in read.items() if own})

    def facts(self) -> dict[str, Any]:
        """What ``read`` reads."""
        return {language: own.facts() for language, own in self.languages.items()}

    def likely(self, pieces: Iterable[int], expected: str) -> str:
        """The language of a text: the ``expected`` one unless another is much more probable."""
        scores = self._scores(pieces)
        best = max(scores, key=lambda language: (scores[language], language == expected))
        return best if scores[best] > scores.get(expected, float("inf")) + MARGIN else expected

    def probabilities(self, pieces: Iterable[int]) -> dict[str, float]:
        """The probability of each language for a text, all being as frequent: equal where no piece is known."""
        scores = self._scores(pieces)
        most = max(scores.values())
        shares = {language: exp(score - most) for language, score in scores.items()}
        total = sum(shares.values())
        return {language: share / total for language, share in shares.items()}

    def _scores(self, pieces: Iterable[int]) -> dict[str, float]:
        """The logarithm of the text's probability in each language, of the pieces that any of them has."""
        known = [piece for piece in pieces if any(piece in own.counts for own in self.languages.values())]
        return {language: _log_probability(known, own) for language, own in self.languages.items()}


def _log_probability(pieces: Sequence[int], own: Frequencies) -> float:
    # A piece that is not among the told ones is rarer than all of them; where all are told, it was never seen.
    least = min(own.counts.values()) / 2 if len(own.counts) == TOLD else 0.5
    return sum(log(own.counts.get(piece, least) / own.total) for piece in pieces)
