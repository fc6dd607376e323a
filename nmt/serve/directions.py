"""What a service translates: its directions, with the translators of each. Knows no request."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nmt.config import EngineOptions, SearchOptions
from nmt.decoding.translator import Translator
from nmt.errors import SettingsError
from nmt.store.model_folder import ModelFolder
from nmt.text.directions import Direction, languages_of, same_direction, spoken
from nmt.text.languages import language_name, sides_of

LONGEST_CODE = 32  # characters of the name of a language


@dataclass(frozen=True)
class Served:
    """A direction, and what translates it: plainly, or with an n-best list of the whole beam."""

    source: str
    target: str
    plain: Translator
    n_best: Translator


class Directions:
    """All directions of a service."""

    def __init__(self, served: Sequence[Served]) -> None:
        self.served = served

    @classmethod
    def load(
        cls, paths: Sequence[Path], options: SearchOptions, engine: EngineOptions, glossary: Path | None
    ) -> "Directions":
        """The directions of all models. Raises what ``Translator.load`` does; SettingsError if one comes twice."""
        pairs = [pair for path in paths for pair in ModelFolder.open(path).pairs]
        check_different(pairs)
        if glossary and len(pairs) > 1:
            raise SettingsError("a `glossary` is of one direction", "serve one, or leave it out")
        how = engine.batch_tokens, engine.device, engine.threads, engine.engine, engine.compute_type
        served: list[Served] = []
        for path in paths:
            translator = Translator.load(path, options, *how, glossary=glossary)
            loaded = translator.loaded
            assert loaded, "a translator that was loaded"
            several = replace(loaded, options=replace(loaded.options, n_best=loaded.options.beam_size))
            for target in loaded.targets:
                plain, n_best = translator.toward(target), Translator.made(several, target)
                served += [Served(*pair, plain, n_best) for pair in loaded.models[0].pairs if pair[1] == target]
        return cls(served)

    @property
    def workers(self) -> int:
        """Number of windows that are translated at once."""
        return max(each.plain.engine.workers for each in self.served)

    @property
    def alternatives(self) -> int:
        """The largest number of alternatives to a translation."""
        return self.served[0].plain.options.beam_size - 1

    @property
    def codes(self) -> list[str]:
        """All languages."""
        return languages_of((each.source, each.target) for each in self.served)

    def find(self, source: str, target: str) -> Served | None:
        """The direction that two codes name; None where there is none, or not one alone."""
        found = self.named(source, target)
        return found[0] if len(found) == 1 else None

    def named(self, source: str, target: str) -> list[Served]:
        """The directions that two codes name: several where a code is of several languages here, as zh may be."""
        if max(len(source), len(target)) > LONGEST_CODE:
            return []
        exact = [each for each in self.served if (each.source, each.target) == (source, target)]
        return exact or [each for each in self.served if same_direction((each.source, each.target), (source, target))]

    def into(self, target: str) -> list[Served]:
        """The directions into a language."""
        codes = [each.target for each in self.served]
        return [self.served[place] for place in sides_of(target, codes)] if len(target) <= LONGEST_CODE else []

    def languages(self) -> list[dict[str, Any]]:
        """Each language with its English name, and the languages that it is translated into."""
        return [
            {
                "code": code,
                "name": language_name(code) or code,
                "targets": [each.target for each in self.served if each.source == code],
            }
            for code in self.codes
        ]

    def described(self) -> str:
        """The directions for a person, with the engines."""
        engines = dict.fromkeys(str(each.plain.engine.about().get("engine")) for each in self.served)
        return f"{spoken((each.source, each.target) for each in self.served)} with {', '.join(engines)}"


def check_different(pairs: Iterable[Direction]) -> None:
    """Raise SettingsError for a direction that comes twice."""
    seen: list[Direction] = []
    for pair in pairs:
        if any(same_direction(pair, other) for other in seen):
            raise SettingsError(
                f"two models translate {spoken([pair])}", "serve one of them, or each on its own `port`"
            )
        seen.append(pair)
