"""What translates windows by a model, within a block: here it is a ``Translator`` of this process. Knows no cluster."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from nmt.config import EngineOptions, SearchOptions
from nmt.decoding.job import WindowTranslator
from nmt.decoding.translator import Translator
from nmt.text.progress import Progress
from nmt.text.terms import Glossary

if TYPE_CHECKING:
    from nmt.store.model_folder import ModelFolder

Load = Callable[
    [Sequence["ModelFolder"], SearchOptions, EngineOptions, Glossary | None, Progress],
    AbstractContextManager[WindowTranslator],
]
"""Loads opened models, the first and those of its ensemble, for as long as a block lasts."""


@contextmanager
def load_here(
    models: Sequence["ModelFolder"],
    search: SearchOptions,
    engine: EngineOptions,
    glossary: Glossary | None,
    progress: Progress,
) -> Iterator[WindowTranslator]:
    """A translator in this process; see ``Load``. Raises what ``Translator.of`` raises."""
    yield Translator.of(models[0], search, engine, models[1:], glossary)
