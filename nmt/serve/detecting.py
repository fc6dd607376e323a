"""Tells the language of a text, where the extra ``clean`` is installed. Knows codes and texts; no request."""

from collections.abc import Iterable
from functools import cached_property
from importlib.util import find_spec

LEAST = 0.01  # of a probability that is told
MOST = 3  # languages that are told


class Detector:
    """Tells languages apart. ``languages`` are those of the service, by whose codes they are told.

    The first text takes a second, in which the model is loaded.
    """

    def __init__(self, languages: Iterable[str]) -> None:
        self.languages = list(languages)

    @classmethod
    def load(cls, languages: Iterable[str]) -> "Detector | None":
        """The detector; None without the extra."""
        if find_spec("py3langid") is None:
            return None
        return cls(languages)

    def detect(self, text: str) -> list[tuple[str, float]]:
        """The most probable languages of a text, with their probabilities, most probable first."""
        likely = sorted(self._probabilities(text).items(), key=lambda item: -item[1])
        return [each for number, each in enumerate(likely[:MOST]) if number == 0 or each[1] >= LEAST]

    def choose(self, text: str, among: Iterable[str]) -> tuple[str, float] | None:
        """The most probable of some languages; None where it knows none of them."""
        probabilities = self._probabilities(text)
        known = [(code, probabilities[code]) for code in among if code in probabilities]
        return max(known, key=lambda item: item[1], default=None)

    def _probabilities(self, text: str) -> dict[str, float]:
        from nmt.corpus.rules.languages import probabilities

        return {self._codes.get(label, label): value for label, value in probabilities(text).items()}

    @cached_property
    def _codes(self) -> dict[str, str]:
        """The service's code of each language, by that of the library."""
        from nmt.corpus.rules.languages import label_of

        labels = [(label_of(code), code) for code in self.languages]
        return {label: code for label, code in reversed(labels) if label}
