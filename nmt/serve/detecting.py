"""Tells the language of a text, where the extra ``clean`` is installed. Knows what is served and texts; no request.

A model of several languages tells its own apart (``nmt.text.telling``), also those that py3langid does not know. What
several models translate, py3langid tells.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib.util import find_spec

from nmt.serve.directions import Served
from nmt.text.directions import languages_of
from nmt.text.telling import Telling

LEAST = 0.01  # of a probability that is told
MOST = 3  # languages that are told
UNLIKELY = 0.01  # of the most probable language's probability; that of a short text is small in all languages
LOOKED_AT = 1_000  # characters of a text, by a model


class Detector:
    """Tells languages apart, by the codes of what is ``served``. Raises DataError for a model's invalid frequencies.

    The first text takes a second, in which py3langid's model is loaded.
    """

    def __init__(self, served: Sequence[Served]) -> None:
        self.languages = languages_of((each.source, each.target) for each in served)
        self._tellings = {each.plain.model: _telling_of(each) for each in served}

    @classmethod
    def load(cls, served: Sequence[Served]) -> "Detector | None":
        """The detector; None without the extra."""
        if find_spec("py3langid") is None:
            return None
        return cls(served)

    def detect(self, text: str) -> list[tuple[str, float]]:
        """The most probable languages of a text, with their probabilities, most probable first."""
        from nmt.corpus.rules.languages import probabilities

        told = {self._codes.get(label, label): value for label, value in probabilities(text).items()}
        likely = sorted(told.items(), key=lambda item: -item[1])
        return [each for number, each in enumerate(likely[:MOST]) if number == 0 or each[1] >= LEAST]

    def choose(self, text: str, among: Sequence[Served]) -> tuple[Served, float] | None:
        """The direction whose source the text most probably is in, with that probability; None where nothing tells it.

        Of several nothing tells it either where another language than theirs is far more probable.
        """
        likely = self._by_model(text, among) or _by_identifier(text, among)
        if not likely:
            return None
        best = max(among, key=lambda each: likely[each.source])
        is_likely = len(among) == 1 or likely[best.source] >= UNLIKELY * max(likely.values())
        return (best, likely[best.source]) if is_likely else None

    def _by_model(self, text: str, among: Sequence[Served]) -> Mapping[str, float]:
        """The probability of each language of the one model of directions; {} where it cannot tell all their sources.

        Models cannot be compared: each knows its own languages alone.
        """
        models = {each.plain.model for each in among}
        telling = self._tellings[models.pop()] if len(models) == 1 else None
        if not telling or any(each.source not in telling.languages for each in among):
            return {}
        (pieces,) = among[0].plain.target_tokenizer.encode([text[:LOOKED_AT]])
        return telling.probabilities(pieces)

    @cached_property
    def _codes(self) -> dict[str, str]:
        """The service's code of each language, by that of the library."""
        from nmt.corpus.rules.languages import label_of

        labels = [(label_of(code), code) for code in self.languages]
        return {label: code for label, code in reversed(labels) if label}


def _telling_of(served: Served) -> Telling | None:
    """What tells the languages of a direction's model apart, by pieces of its targets; None where nothing does."""
    model = served.plain.loaded and served.plain.loaded.models[0]
    return Telling.read(model.manifest, str(model.folder)) if model else None


def _by_identifier(text: str, among: Sequence[Served]) -> Mapping[str, float]:
    """The probability of each language that py3langid knows; {} where it does not tell all sources of directions."""
    from nmt.corpus.rules.languages import label_of, probabilities

    labels = {each.source: label_of(each.source) for each in among}
    if None in labels.values() or len(set(labels.values())) < len(labels):
        return {}
    likely = probabilities(text)
    return {**likely, **{source: likely[label] for source, label in labels.items() if label}}
