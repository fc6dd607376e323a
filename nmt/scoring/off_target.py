"""Off-target translations: in another language of the model than the one that was asked for, or in another script.

Words that the source has, too, tell nothing: names stay as they are. Knows pieces and letters; no model.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from nmt.corpus.rules.languages import Script
from nmt.corpus.rules.rule import Chunk
from nmt.decoding.translation import Translation
from nmt.store.model_folder import ModelFolder
from nmt.text.telling import Telling
from nmt.text.tokenizer import Tokenizer

OTHER_SCRIPT = "another script"
_WORD = re.compile(r"\S+")


@dataclass(frozen=True)
class OffTarget:
    """How many lines of a set a system translated into each other language."""

    name: str  # of the model
    lines: int
    languages: Mapping[str, int]

    @property
    def count(self) -> int:
        """All of them."""
        return sum(self.languages.values())

    def to_json(self) -> dict[str, Any]:
        """The counts."""
        return {"name": self.name, "lines": self.count, "languages": dict(self.languages)}


class Teller(NamedTuple):
    """What tells the languages of a model apart, by its pieces and its codes."""

    telling: Telling
    tokenizer: Tokenizer
    target: str  # the language that was asked for


def teller_of(models: Sequence[ModelFolder]) -> Teller | None:
    """The one of the first model of several directions; None if there is none. Raises DataError."""
    for model in models:
        if telling := Telling.read(model.manifest, str(model.folder)) if model.directions else None:
            return Teller(telling, model.tokenizers[1], model.target_language)
    return None


def off_target(name: str, translations: Sequence[Translation], by: Teller) -> OffTarget:
    """Count the translations that are not in the language that was asked for, by the language that they are in."""
    telling, tokenizer, target = by
    script = Script(("", target))
    pairs = [(translation.source, translation.text) for translation in translations]
    wrong = script.judge(Chunk(pairs)) > script.normal
    own = [without_shared(*pair) for pair in pairs]
    likely = [telling.likely(pieces, target) for pieces in tokenizer.encode(own)]
    found = [OTHER_SCRIPT if is_wrong else language for is_wrong, language in zip(wrong, likely, strict=True)]
    counts = Counter(language for language in found if language != target)
    return OffTarget(name, len(pairs), dict(counts.most_common()))


def without_shared(source: str, hypothesis: str) -> str:
    """The hypothesis without words that the source has."""
    there = set(_WORD.findall(source))
    return " ".join(word for word in _WORD.findall(hypothesis) if word not in there)
