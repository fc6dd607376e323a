"""Windows of lines, translated by the workers of a cluster; a job sees no difference to a ``Translator``."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from nmt.config import EngineOptions, SearchOptions
from nmt.decoding.checks import Checks
from nmt.decoding.remarks import Remarks
from nmt.decoding.translation import Translation
from nmt.decoding.translator import Translator
from nmt.decoding.usable import Judge, Usable
from nmt.decoding.windows import WINDOW, Window
from nmt.spread.cluster import Cluster
from nmt.spread.pool import About, Pool
from nmt.spread.sent import Heard, Sent, of_workers, one_at_a_time, pool_of, with_version, without_version
from nmt.store.model_folder import ModelFolder
from nmt.text.progress import Progress
from nmt.text.terms import Glossary


class Done(NamedTuple):
    """What a worker sends back of a window."""

    translations: list[Translation]
    heard: Heard
    remarks: Remarks


Windows = Pool[Window, Done]


@dataclass
class Translates:
    """The work of a worker: to get the model, and translate windows with it."""

    models: Sequence[Sent]  # the first, and those of the ensemble
    options: SearchOptions
    wanted: EngineOptions
    terms: Mapping[str, Sequence[str]] | None
    _translator: Translator | None = field(default=None, init=False)

    def begin(self) -> About:
        """See ``Work``. Raises what loading raises."""
        with one_at_a_time():
            first, *more = (model.open() for model in self.models)
            glossary = None if self.terms is None else Glossary.of(self.terms, first.sources, first.target_language)
            self._translator = Translator.of(first, self.options, self.wanted, more, glossary)
        return with_version(self._translator.about())

    def __call__(self, item: Window) -> Done:
        """See ``Work``."""
        assert self._translator, "begin comes first"
        heard = Heard()
        translations = self._translator.translate_window(item.lines, item.before, heard)
        without = [replace(translation, judge=None) for translation in translations]
        return Done(without, heard, self._translator.rewriter.remarks.take())


@contextmanager
def translators(
    cluster: Cluster,
    models: Sequence[ModelFolder],
    options: SearchOptions,
    wanted: EngineOptions,
    glossary: Glossary | None,
    progress: Progress,
) -> Iterator["ClusterTranslator"]:
    """Within the block, workers of the cluster translate by opened ``models``: the first, and those of the ensemble.

    Raises DataError unless the models' files have their hashes, SettingsError when no machine has enough cores.
    """
    terms = None if glossary is None else {term.source: term.targets for term in glossary.terms}
    own = of_workers(wanted)
    first = models[0]
    checks = Checks.of(first.target_language, first.profile)
    usable = None if len(models) > 1 else Usable.read(first.manifest, str(first.folder))
    with pool_of(Translates([*map(Sent.of, models)], options, own, terms), cluster, own, progress) as pool:
        yield ClusterTranslator(pool, Judge.of(usable, checks, options), terms is not None)


class ClusterTranslator:
    """Translates windows by a pool of workers, each of which has the model."""

    window = WINDOW

    def __init__(self, pool: Windows, judge: Judge | None, has_terms: bool) -> None:
        self._pool, self._judge, self.has_terms = pool, judge, has_terms
        self._remarks = Remarks()

    def about(self) -> dict[str, str | int | float]:
        """See ``Translator.about``: the same on one machine and on many."""
        return without_version(self._pool.about())

    def translated(self, each: Iterable[Window], progress: Progress) -> Iterator[list[Translation]]:
        """The translations of each window, in order; windows are read ahead as far as there are workers."""
        for translations, heard, remarks in self._pool.map(iter(each), named):
            self._remarks.add_all(remarks)
            heard.say(progress)
            progress.advance(len(translations))
            yield [replace(translation, judge=self._judge) for translation in translations]

    def warn(self, progress: Progress) -> None:
        """See ``Translator.warn``; tells of workers that were lost, too."""
        self._remarks.take().warn(progress)
        self._pool.warn()


def named(window: Window) -> str:
    """A window in the words of an error."""
    return f"translating lines {window.before + 1:,} to {window.before + len(window.lines):,}"
