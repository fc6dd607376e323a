"""Windows of lines, translated by the workers of a cluster; a job sees no difference to a ``Translator``."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from nmt.config import EngineOptions, SearchOptions
from nmt.decoding.remarks import Remarks
from nmt.decoding.translation import Translation
from nmt.decoding.translator import Translator
from nmt.decoding.usable import Judge, Usable
from nmt.decoding.windows import WINDOW, Window
from nmt.disk.locks import in_turn
from nmt.spread.cluster import joined
from nmt.spread.pool import About, Pool
from nmt.store.cache import private_folder
from nmt.store.model_folder import ModelFolder
from nmt.store.shipped import Shipped
from nmt.text.progress import Progress, Silent
from nmt.text.terms import Glossary
from nmt.version import __version__


class Heard(Silent):
    """Progress that keeps what is said, to be said elsewhere."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.warnings: list[str] = []

    def note(self, line: str) -> None:
        self.notes.append(line)

    def warn(self, line: str) -> None:
        self.warnings.append(line)


class Done(NamedTuple):
    """What a worker sends back of a window."""

    translations: list[Translation]
    heard: Heard
    remarks: Remarks


Windows = Pool[Window, Done]


@dataclass
class Translates:
    """The work of a worker: to get the model, and translate windows with it."""

    models: Sequence[Shipped]  # the first, and those of the ensemble
    options: SearchOptions
    wanted: EngineOptions
    terms: Mapping[str, Sequence[str]] | None
    to: str  # the language to translate into, of models of several
    _translator: Translator | None = field(default=None, init=False)

    def begin(self) -> About:
        """See ``Work``. Raises what loading raises."""
        with in_turn(private_folder("models") / "lock"):  # workers of a machine begin at once
            first, *more = (ModelFolder.open(model.unpack()).toward(self.to) for model in self.models)
            languages = first.source_language, first.target_language
            glossary = None if self.terms is None else Glossary.of(self.terms, *languages)
            self._translator = Translator.of(first, self.options, self.wanted, more, glossary)
        return {**self._translator.about(), "nmt": __version__}

    def __call__(self, item: Window) -> Done:
        """See ``Work``."""
        assert self._translator, "begin comes first"
        heard = Heard()
        translations = self._translator.translate_window(item.lines, item.before, heard)
        without = [replace(translation, judge=None) for translation in translations]
        return Done(without, heard, self._translator.rewriter.remarks.take())


def load_over(
    stack: ExitStack,
    address: str,
    models: Sequence[Path],
    options: SearchOptions,
    wanted: EngineOptions,
    glossary: Path | None,
    to: str,
    progress: Progress,
) -> "ClusterTranslator":
    """Start workers on the cluster at ``address``, which is left when the ``stack`` is closed.

    ``models`` are the first and those of the ensemble, ``to`` is a language of models of several. Raises what
    ``joined`` and loading raise.
    """
    folders = [ModelFolder.open(model) for model in models]
    shipped = [Shipped.pack(folder) for folder in folders]
    first = folders[0].toward(to)
    terms = Glossary.of(glossary, first.source_language, first.target_language).terms if glossary else None
    by_term = {term.source: term.targets for term in terms} if terms is not None else None
    cores = max(1, wanted.threads)
    wanted = replace(wanted, threads=cores)
    work = Translates(shipped, options, wanted, by_term, to)
    cluster = stack.enter_context(joined(address))
    pool: Windows = Pool(work, cluster.workers(cores), progress, cores, int(cluster.gpus > 0))
    stack.enter_context(pool)
    usable = None if len(models) > 1 else Usable.read(first.manifest, str(first.folder))
    judge = Judge.of(usable, first.target_language, options)
    return ClusterTranslator(pool, judge, terms is not None)


class ClusterTranslator:
    """Translates windows by a pool of workers, each of which has the model."""

    window = WINDOW

    def __init__(self, pool: Windows, judge: Judge | None, has_terms: bool) -> None:
        self._pool, self._judge, self.has_terms = pool, judge, has_terms
        self._remarks = Remarks()

    def about(self) -> dict[str, str | int | float]:
        """See ``Translator.about``: the same on one machine and on many."""
        return {name: value for name, value in self._pool.about().items() if name != "nmt"}

    def translated(self, each: Iterable[Window], progress: Progress) -> Iterator[list[Translation]]:
        """The translations of each window, in order; windows are read ahead as far as there are workers."""
        for translations, heard, remarks in self._pool.map(iter(each), named):
            self._remarks.add_all(remarks)
            for line in heard.notes:
                progress.note(line)
            for line in heard.warnings:
                progress.warn(line)
            progress.advance(len(translations))
            yield [replace(translation, judge=self._judge) for translation in translations]

    def warn(self, progress: Progress) -> None:
        """See ``Translator.warn``; tells of workers that were lost, too."""
        self._remarks.warn(progress)
        if lost := self._pool.lost:
            progress.note(f"{lost} worker{' was' if lost == 1 else 's were'} lost, and others did what they had")


def named(window: Window) -> str:
    """A window in the words of an error."""
    return f"translating lines {window.before + 1:,} to {window.before + len(window.lines):,}"
