"""The one path of every translation: lines → segments → batches → engine → lines. Knows no tensor and no file.

Lines are gathered into windows, sorted by length, translated in batches of little padding and returned in their own
order, so memory depends on the window and not on the file.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Never, Self

from nmt.config import EngineOptions, SearchOptions
from nmt.decoding.arguments import check_arguments, checked_lines, checked_options
from nmt.decoding.assembling import Assembler
from nmt.decoding.batching import Batches
from nmt.decoding.checking import Checking
from nmt.decoding.checks import Checks
from nmt.decoding.consensus import Consensus
from nmt.decoding.details import Details
from nmt.decoding.engine import MAX_PIECES, Aligner, Engine, Hypothesis
from nmt.decoding.loaded import Loaded
from nmt.decoding.lost_slots import LostSlots
from nmt.decoding.phrases import Phrasebook
from nmt.decoding.placing import Placing
from nmt.decoding.request import Line, Request, text_of
from nmt.decoding.rewriting import Rewriter
from nmt.decoding.second_search import WIDER, SecondSearch
from nmt.decoding.segments import Segment, twins_of
from nmt.decoding.shaping import Shaper
from nmt.decoding.terms import Terms
from nmt.decoding.tokenizers import SourceTokenizer, TargetTokenizer
from nmt.decoding.translation import Translation
from nmt.decoding.usable import Judge, Usable
from nmt.decoding.windows import WINDOW, Window, about_windows, windows
from nmt.errors import BusyError, SettingsError
from nmt.text.directions import chosen_target
from nmt.text.lines import Pause
from nmt.text.machine import check_threads
from nmt.text.profile import Profile
from nmt.text.progress import Progress, Silent
from nmt.text.terms import Glossary

if TYPE_CHECKING:
    from nmt.store.model_folder import ModelFolder

BATCH_TOKENS = EngineOptions.batch_tokens
"""Padded source tokens of a batch: rows × (longest source + 1)."""


class Translator:
    """Translates lines with any engine. Raises SettingsError when the engine cannot search with ``options``."""

    model = ""  # SHA-256 of the manifest of the model folder that was loaded, or of each with a space between
    loaded: Loaded | None = None  # what translators into other languages of the model are made of
    undecided = False  # whether each translation has to say into which language

    def __init__(
        self,
        engine: Engine,
        source_tokenizer: SourceTokenizer,
        target_tokenizer: TargetTokenizer,
        options: SearchOptions | None = None,
        batch_tokens: int = BATCH_TOKENS,
        window: int = WINDOW,
        profile: Profile | None = None,
        aligner: Aligner | None = None,
        target_language: str = "",
        source_language: str = "",
        sources: Sequence[str] = (),
        usable: Usable | None = None,
        glossary: Glossary | None = None,
    ) -> None:
        self.target_language = target_language
        self.others: dict[str, Self] = {}  # by language
        self.engine = engine
        self.source_tokenizer, self.target_tokenizer = source_tokenizer, target_tokenizer
        self.options, self.batch_tokens, self.window = options or SearchOptions(), batch_tokens, window
        languages, words = (source_language, target_language), glossary.has_word if glossary else None
        self.rewriter = Rewriter(source_tokenizer, profile, languages, self.options.whole_lines, words, sources)
        self.shaper = Shaper(source_tokenizer, self.rewriter, glossary)
        self.phrasebook = Phrasebook(target_tokenizer, self.rewriter.find, self.rewriter.remarks)
        self.checks = checks = Checks.of(target_language, profile)
        self.assembler = Assembler(target_tokenizer, self.rewriter, Judge.of(usable, checks, self.options))
        self.terms = Terms(glossary, self.phrasebook, self.assembler) if glossary else None
        tell = self.terms.tell_again if self.terms else None
        self.placing = Placing(self.assembler.texts, self.options.length_penalty, tell)
        # Samples are many rows of a sentence at once; the usual beam has this many.
        self.asked = replace(self.options, n_best=self.options.hypotheses, mbr=None, candidates=None)
        self.consensus = Consensus(self.options.mbr, target_tokenizer.decode) if self.options.mbr else None
        rows = 1 if self.options.sample is None else max(1.0, self.asked.n_best / SearchOptions.beam_size)
        self.batches = Batches(max(1, int(batch_tokens / rows)), engine.workers)
        self.wide_batches = Batches(max(1, batch_tokens // WIDER), engine.workers)
        if reason := engine.supports(self.options):
            raise SettingsError(reason, "leave that option out")
        self.checking = Checking(checks, self.assembler, source_tokenizer, self.options) if self.options.check else None
        self.second = SecondSearch.of(self.checking, self.options) if self.checking else None
        self.lost_slots = LostSlots.of(engine, target_tokenizer, profile, self.options.length_penalty)
        both = source_tokenizer, target_tokenizer
        self.details = Details.of(engine, aligner, self.assembler, both, batch_tokens, self.options)

    def __reduce__(self) -> Never:
        raise TypeError("a Translator cannot be copied or sent to another process: load it in each process")

    @classmethod
    def load(
        cls,
        path: str | Path,
        options: SearchOptions | None = None,
        batch_tokens: int = BATCH_TOKENS,
        device: str = "auto",
        threads: int = 0,
        engine: str = "auto",
        compute_type: str = "float32",
        ensemble: Sequence[str | Path] = (),
        glossary: str | Path | Mapping[str, str | Sequence[str]] | None = None,
        to: str | None = None,
        **unknown: Never,
    ) -> Self:
        """The translator of a model folder, or of the training run that holds one.

        ``engine`` is torch, ctranslate2 or auto, the faster of those that can do what is asked; ``device`` auto, cpu,
        cuda or mps; ``threads`` of the CPU 0 for as many as there are cores; ``compute_type`` float32 or int8, which is
        faster on processors with instructions for it, and a little worse. ``ensemble`` are more models of the same
        direction and vocabulary: the search takes the mean of the probabilities of all. ``glossary`` is a file of
        terms, or maps terms to their translations. ``to`` is the language, of a model of several; left out, each call
        of ``translate`` names it. Raises MissingInputError or DataError for a model or a glossary that is missing or
        unsound, SettingsError for what an engine or a device cannot do, models that do not go together, or a bad value.
        """
        check_arguments(cls.load, unknown)
        options = checked_options(options)
        wanted = EngineOptions(batch_tokens, device, threads, engine, compute_type)
        check_threads(threads, "`threads`")
        from nmt.store.model_folder import ModelFolder

        models = [ModelFolder.open(Path(each)) for each in (path, *ensemble)]
        if to is not None:
            models = [model.toward(to) for model in models]
        terms = None if glossary is None else partial(Glossary.of, glossary)
        translator = cls.made(Loaded.of(models, options, wanted, terms), models[0].targets[0])
        translator.undecided = len(models[0].targets) > 1
        return translator

    @classmethod
    def of(
        cls,
        model: "ModelFolder",
        options: SearchOptions,
        wanted: EngineOptions,
        ensemble: Sequence["ModelFolder"] = (),
        glossary: Glossary | None = None,
    ) -> Self:
        """The translator of an opened model folder, or of several, for one language. Raises what ``load`` raises."""
        terms = (lambda *_: glossary) if glossary else None
        return cls.made(Loaded.of([model, *ensemble], options, wanted, terms), "")

    @classmethod
    def made(cls, loaded: Loaded, to: str) -> Self:
        """The translator into a language, by what was loaded."""
        translator = cls(**loaded.arguments(to))
        translator.loaded, translator.model = loaded, " ".join(each.digest for each in loaded.models)
        return translator

    def toward(self, to: str = "") -> Self:
        """The translator into a language of the model. Raises SettingsError for one that it does not have."""
        if not (to or self.undecided):
            return self
        loaded = self.loaded
        targets, name = (loaded.targets, loaded.name) if loaded else ([self.target_language], "this translator")
        target = chosen_target(targets, to, name)
        if not loaded or target == self.target_language:
            return self
        if target not in self.others:
            self.others[target] = self.made(loaded, target)
        return self.others[target]

    @property
    def has_terms(self) -> bool:
        """Whether it has a glossary."""
        return self.terms is not None

    def about(self) -> dict[str, str | int | float]:
        """All that its translations and the bounds of its windows depend on besides the lines, by name."""
        import sentencepiece  # loaded already by the tokenizers; importlib.metadata would cost 15 ms

        return {
            "model": self.model,
            "sentencepiece": sentencepiece.__version__,
            **self.engine.about(),
            **self.rewriter.about(),
            **(self.terms.glossary.about() if self.terms else {}),
            **{name.replace("_", " "): value for name, value in self.options.in_force().items()},
            "batch tokens": self.batch_tokens,
            **about_windows(self.window),
            "longest line": MAX_PIECES,
        }

    def translate(
        self,
        lines: Iterable[Line],
        progress: Progress | None = None,
        at_once: bool = False,
        to: str = "",
        **unknown: Never,
    ) -> Iterator[Translation]:
        """The translation of each line, in order; at most a window of lines is read ahead.

        A line is a str, or a ``Request`` with what its translation begins with, must have and must not have.
        ``at_once`` translates each line before the next is read, for lines that come slowly. ``to`` is the language, of
        a model of several. A blank line has an empty translation. ``progress`` is advanced line by line and gets
        warnings, of over-long lines for example; the caller starts and finishes its stage. Raises TypeError for what is
        not lines, SettingsError for a language that the model does not have; while iterating, TypeError for an item
        that is not a line, BusyError for a line that does not fit into memory.
        """
        check_arguments(self.translate, unknown)
        return self.toward(to).translations(checked_lines(lines, at_once), progress or Silent())

    def translations(self, lines: Iterable[Line | Pause], progress: Progress) -> Iterator[Translation]:
        """``translate`` for lines with pauses among them."""
        yield from chain.from_iterable(self.translated(windows(lines, self.window), progress))
        self.warn(progress)

    def translated(self, each: Iterable[Window], progress: Progress) -> Iterator[list[Translation]]:
        """The translations of each window, in order; a window is read when the one before it is done."""
        for before, lines in each:
            yield self.translate_window(lines, before, progress)

    def warn(self, progress: Progress) -> None:
        """Warn of lines that the model may not translate well, and of translations that are not as asked."""
        self.rewriter.remarks.warn(progress)

    def translate_window(self, lines: Sequence[Line], before: int, progress: Progress) -> list[Translation]:
        """The translations of the lines of a window; ``before`` lines came before them."""
        texts = list(map(text_of, lines))
        told = {place: line for place, line in enumerate(lines) if isinstance(line, Request)}
        segments = list(self.shaper.segments(texts, before, progress))
        asked = self.phrasebook.tell(segments, told, before, progress) if told else []
        asked += self.terms.tell(segments) if self.terms else []
        waiting = Counter(segment.line for segment in segments)  # segments of each line that are not translated yet
        progress.advance(len(lines) - len(waiting))
        for batch in self.search(segments, before, progress):
            done = 0
            for segment in batch:
                waiting[segment.line] -= 1
                done += waiting[segment.line] == 0
            progress.advance(done)
        if asked:
            self.placing.place(asked, segments, lambda some: [*self.search(some, before, Silent())])
        judged = self.checking.judge(texts, segments) if self.checking else []
        if self.second:
            self.second.mend(judged, asked, lambda some, how: [*self.search(some, before, Silent(), how)])
            segments = [segment for each in judged for segment in each.segments]
        translations = self.assembler.translations(texts, segments, self.checking is not None)
        if self.terms:
            translations = self.terms.described(translations, segments)
        if self.checking:
            translations = self.checking.described(translations, judged, told)
        if told:
            self.phrasebook.check(told, [translation.text for translation in translations], before)
        if self.details:
            translations = self.details.added(translations, segments, before)
        return translations

    def search(
        self, segments: list[Segment], before: int, progress: Progress, options: SearchOptions | None = None
    ) -> Iterator[list[Segment]]:
        """Give the segments their hypotheses; yields each batch that is done. ``options`` are those of a wider search.

        Segments that ask for the same are searched once, and those with nothing to translate are copied.
        If a batch does not fit into memory, it and all that follow in this window are halved. The longest segments come
        first, so that this happens early. Raises BusyError when a segment does not fit even alone.
        """

        def work(batch: list[Segment]) -> list[list[Hypothesis]]:
            queries = [segment.query((before + segment.line) << 20 | segment.part) for segment in batch]
            found = self.engine.search(queries, options or self.asked)
            if self.lost_slots:
                found = self.lost_slots.complete(queries, found)
            if not self.consensus:
                return found
            return [self.consensus.ordered(hypotheses)[: self.options.n_best] for hypotheses in found]

        def alone(segment: Segment) -> BusyError:
            line = before + segment.line + 1
            return BusyError(f"line {line} does not fit into memory even alone", "use a smaller `beam_size`")

        if copied := self.assembler.copy(segments):
            yield copied
            segments = [segment for segment in segments if not segment.is_copied]
        batches = self.wide_batches if options else self.batches
        # What is drawn depends on the line's number too.
        groups = twins_of(segments) if self.options.sample is None else [[segment] for segment in segments]
        alike = {id(group[0]): group for group in groups}
        for batch, results in batches.run([group[0] for group in groups], work, alone, progress):
            for segment, hypotheses in zip(batch, results, strict=True):
                for twin in alike[id(segment)]:
                    twin.hypotheses = list(hypotheses)
            yield [twin for segment in batch for twin in alike[id(segment)]]
