"""What was loaded of a model: its engine, from which translators of each of its directions are made.

Knows models and engines; no line and no search.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from nmt.config import EngineOptions, SearchOptions
from nmt.decoding.directed import directed, directed_aligner
from nmt.decoding.engine import Aligner, FullEngine
from nmt.decoding.usable import Usable
from nmt.text.terms import Glossary

if TYPE_CHECKING:
    from nmt.store.model_folder import ModelFolder

Terms = Callable[[tuple[str, ...], str], Glossary]
"""The glossary for source languages and a target language."""


@dataclass(frozen=True)
class Loaded:
    """A model, or an ensemble whose first it is, and what searches with them."""

    models: Sequence["ModelFolder"]
    options: SearchOptions
    wanted: EngineOptions
    terms: Terms | None
    engine: FullEngine
    aligner: Aligner | None

    @classmethod
    def of(
        cls, models: Sequence["ModelFolder"], options: SearchOptions, wanted: EngineOptions, terms: Terms | None
    ) -> Self:
        """Load the engine of opened models. Raises what ``load_engine`` raises."""
        model, *ensemble = models
        for target in model.targets:
            read_all(model.toward(target))
        if terms:
            terms(model.sources, model.targets[0])

        # Not before the model has been checked: the import of an engine may take seconds.
        from nmt.decoding.loading import load_aligner, load_engine

        options = replace(options, phrases=True) if terms else options
        engine = load_engine(model, options, wanted, ensemble)
        aligner = load_aligner(model, None if ensemble else engine, wanted) if options.alignments else None
        return cls(models, options, wanted, terms, engine, aligner)

    @property
    def name(self) -> str:
        """What errors call the model."""
        return str(self.models[0].folder)

    @property
    def targets(self) -> list[str]:
        """The languages that its translators translate into."""
        return self.models[0].targets

    def arguments(self, to: str) -> dict[str, Any]:
        """What makes a ``Translator`` into a language, by name. Raises SettingsError for one that is not there."""
        model, *ensemble = (each.toward(to) for each in self.models)
        languages = model.source_language, model.target_language
        source, target = model.tokenizers
        return {
            "engine": directed(self.engine, model.tag),
            "source_tokenizer": source,
            "target_tokenizer": target,
            "options": self.options,
            "batch_tokens": self.wanted.batch_tokens,
            "profile": model.profile,
            "aligner": directed_aligner(self.aligner, model.tag),
            "target_language": languages[1],
            "source_language": languages[0],
            "sources": model.sources,
            "usable": None if ensemble else Usable.read(model.manifest, str(model.folder)),
            "glossary": self.terms(model.sources, languages[1]) if self.terms else None,
        }


def read_all(model: "ModelFolder") -> tuple[Any, Any, Any]:
    """What a translator needs of a model besides its weights: tokenizers, profile and regression. Raises DataError."""
    return model.tokenizers, model.profile, Usable.read(model.manifest, str(model.folder))
