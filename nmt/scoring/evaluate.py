"""The evaluation of test sets, translated by models or read from files. Knows no engine and no tensor."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path

from nmt.config import EngineOptions, SearchOptions
from nmt.corpus.parallel import Corpus, read_pairs
from nmt.decoding.job import WindowTranslator
from nmt.decoding.local import Load, load_here
from nmt.decoding.terms import term_counts, term_summary
from nmt.decoding.translation import Translation
from nmt.decoding.windows import windows
from nmt.disk.files import open_binary
from nmt.errors import DataError, SettingsError
from nmt.scoring.comet import COMMAND, CometMeasure
from nmt.scoring.kept import kept
from nmt.scoring.lint import doubts, limits
from nmt.scoring.metrics import check_counts, measures
from nmt.scoring.odd_input import forms_of, suffered
from nmt.scoring.off_target import off_target, teller_of
from nmt.scoring.reports import SetReport
from nmt.scoring.seeds import common_name, group_by_settings, model_names
from nmt.scoring.systems import Paired, System, Texts, compare
from nmt.scoring.training_text import Seen, look_up
from nmt.scoring.usable import calibration_of
from nmt.scoring.words import cutting
from nmt.store.model_folder import ModelFolder
from nmt.text.directions import Direction, lacking, side_of, spoken
from nmt.text.encodings import refuse_format
from nmt.text.languages import language_of
from nmt.text.lines import read_lines
from nmt.text.progress import Progress
from nmt.text.terms import Glossary
from nmt.text.verbatim import Grammar, LateLines


@dataclass(frozen=True)
class ScoringOptions:
    """What to compute for a test set."""

    metrics: tuple[str, ...] = ("bleu", "chrf")
    confidence: bool = True
    language: str = ""  # of the references; "" when the model or the file's name tells it
    paired: Paired = "ar"  # the test of differences from baselines
    comet: tuple[str, ...] = (COMMAND,)  # the command line of COMET
    grammar: Grammar = field(default_factory=Grammar)  # of what translations keep unchanged
    odd_input: bool = False  # whether models translate the sets as odd input, too


@dataclass(frozen=True)
class Models:
    """Models to evaluate and how they search; the system of the first is compared with the others."""

    opened: Sequence[tuple[Path, ModelFolder]]
    search: SearchOptions
    engine: EngineOptions
    glossary: Path | None = None  # whose terms translations are to have
    load: Load = load_here

    @property
    def pairs(self) -> Sequence[Direction]:
        """The directions of the first model: several where sources may be in any language."""
        return self.opened[0][1].pairs

    @property
    def directions(self) -> Sequence[Direction]:
        """The directions that all models have, in the codes of the first. Raises DataError where there is none."""
        (path, first), *others = self.opened
        common = first.pairs
        for other_path, other in others:
            known = tuple(pair for pair in common if translates(other, pair))
            if not known:
                what = f"{path} translates {spoken(common)}, and {other_path} {spoken(other.pairs)}"
                raise DataError(what, "compare models that have a direction in common")
            common = known
        return common

    @property
    def languages(self) -> tuple[str, str]:
        """Source and target language of those directions. Raises like ``directions``."""
        common = self.directions
        return side_of(common, 0), side_of(common, 1)

    def shared(self, corpora: Sequence[Corpus], progress: Progress) -> list[Corpus]:
        """The corpora, of those found in ``pairs``, that all models translate; warns of directions that are left out.

        Raises DataError for a path that has none of theirs, and like ``directions``.
        """
        common = self.directions
        for path in dict.fromkeys(corpus.path for corpus in corpora):
            found = [corpus.languages for corpus in corpora if corpus.path == path]
            others = [pair for pair in found if pair not in common]
            if others:
                model, own = next((name, model) for name, model in self.opened if not translates(model, others[0]))
                if others == found:
                    what = f"{path} is {spoken(others)}, and {model} translates {spoken(own.pairs)}"
                    raise DataError(what, "leave one of them out")
                progress.warn(f"{path}: {spoken(others)} is left out, for {model} translates {spoken(own.pairs)}")
        return [corpus for corpus in corpora if corpus.languages in common]

    @property
    def names(self) -> list[str]:
        """What tells the models apart."""
        return model_names([path for path, _ in self.opened])

    def translate(self, sources: Sequence[tuple[str, list[str]]], progress: Progress) -> list[list[list[Translation]]]:
        """The translations of each set of named ``sources`` by each model, which is loaded once."""
        names, translated = self.names, []
        for name, (_, folder) in zip(names, self.opened, strict=True):
            by = f" by {name}" if len(names) > 1 else ""
            terms = Glossary.of(self.glossary, folder.sources, self.languages[1]) if self.glossary else None
            with self.load([folder], self.search, self.engine, terms, progress) as translator:
                translated.append(
                    [translate(translator, lines, f"translating {title}{by}", progress) for title, lines in sources]
                )
        return translated

    def systems(self, translations: Sequence[list[Translation]]) -> list[System]:
        """The systems, from the translations of one set by each model: runs that differ only by seed are one."""
        names, systems = self.names, []
        outputs = [[translation.text for translation in one] for one in translations]
        for group in group_by_settings(self.opened):
            runs = [names[index] for index in group]
            systems.append(System(common_name(runs), tuple(runs), tuple(outputs[index] for index in group)))
        return systems


def translates(model: ModelFolder, direction: Direction) -> bool:
    """Whether the model translates in the direction, by its codes or by alike ones."""
    return not lacking([direction], model.pairs, tagged=False)


def translate(translator: WindowTranslator, lines: list[str], what: str, progress: Progress) -> list[Translation]:
    progress.start(what, total=len(lines))
    each = translator.translated(windows(lines, translator.window), progress)
    translations = list(chain.from_iterable(each))
    translator.warn(progress)
    progress.finish()
    if translator.has_terms:
        progress.note(f"{what}: {term_summary(term_counts(translations))}")
    return translations


@dataclass(frozen=True)
class Sets:
    """Test sets, and what goes with them."""

    corpora: Sequence[Corpus]
    references: Sequence[Path] = ()  # further ones, for a single set
    baselines: Sequence[Path] = ()  # other systems' translations of all sets, one after another
    training: Sequence[Corpus] = ()  # the text that the models were trained on, to see what is in it


def evaluate_models(models: Models, sets: Sets, options: ScoringOptions, progress: Progress) -> list[SetReport]:
    """The report of each test set, whose source side is translated and scored against its target side.

    Raises DataError for a broken corpus, or sides with different numbers of lines.
    """
    corpora = sets.corpora
    pairs = [list(zip(*read_pairs(corpus), strict=True)) for corpus in corpora]
    sources = [(name, list(lines)) for name, (lines, _) in zip(set_names(corpora), pairs, strict=True)]
    streams = [[list(targets)] for _, targets in pairs]
    for path in sets.references:
        streams[0].append(read_like(path, corpora[0].path, streams[0][0]))
    others = [(path.name, read_parts(path, [len(lines) for _, lines in sources])) for path in sets.baselines]
    seen = None
    if sets.training:
        texts = [line for _, lines in sources for line in lines], [line for stream in streams for line in stream[0]]
        seen = look_up(sets.training, *texts, progress)
    odd = [forms_of(lines) if options.odd_input else [] for _, lines in sources]
    named = [
        (f"{name} {form.name}", lines) for (name, _), forms in zip(sources, odd, strict=True) for form, lines in forms
    ]
    translated = models.translate([*sources, *named], progress)
    further = count(len(sources))
    reports = []
    for number, (name, lines) in enumerate(sources):
        systems = models.systems([outputs[number] for outputs in translated])
        systems += [System.of(other, parts[number]) for other, parts in others]
        language = options.language or models.languages[1]
        whole = Texts(name, systems, streams[number], language, lines)
        reports.append(score_set(whole, options, seen))
        judged = zip(models.names, [outputs[number] for outputs in translated], strict=True)
        found = (calibration_of(model, one, streams[number], language) for model, one in judged)
        reports[-1].usable.extend(filter(None, found))
        if by := teller_of([model for _, model in models.opened]):
            told = zip(models.names, [outputs[number] for outputs in translated], strict=True)
            reports[-1].off_target.extend(off_target(model, one, by) for model, one in told)
        for form, changed in odd[number]:
            place = next(further)
            again = models.systems([outputs[place] for outputs in translated])
            reports[-1].odd.append(suffered(whole, form, changed, again))
    return reports


def set_names(corpora: Sequence[Corpus]) -> list[str]:
    """What tells the sets apart: file names, of several directions as ``test.hau-en``; paths where those are equal."""
    several = len({corpus.languages for corpus in corpora}) > 1

    def ending(corpus: Corpus) -> str:
        direction = "-".join(corpus.languages)
        return f".{direction}" if several and direction not in corpus.path.name.split(".") else ""

    names = [corpus.path.name + ending(corpus) for corpus in corpora]
    return [
        name if names.count(name) == 1 else f"{corpus.path}{ending(corpus)}"
        for name, corpus in zip(names, corpora, strict=True)
    ]


@dataclass(frozen=True)
class Files:
    """The files of an evaluation without a model."""

    hypothesis: Path
    references: Sequence[Path]
    source: Path | None = None
    baselines: Sequence[Path] = ()  # hypotheses of other systems
    training: Sequence[Corpus] = ()  # the text that the systems were trained on, to see what is in it


def evaluate_files(
    files: Files, options: ScoringOptions, progress: Progress, models: Models | None = None
) -> SetReport:
    """The report of a file of hypotheses, scored against one file of references or several.

    Each of ``baselines`` and ``models``, which translate the source, is compared with the file. When the options have
    no language, the first reference's name tells it, as ``test.ko`` or ``test.ko.gz``. Raises MissingInputError or
    DataError, which name the files, also when their numbers of lines differ.
    """
    first, *more = files.references
    hypotheses, reference = read_file(files.hypothesis), read_file(first)
    check_counts(len(hypotheses), len(reference), str(files.hypothesis), str(first))
    references = [reference, *(read_like(path, first, reference) for path in more)]
    sources = read_like(files.source, files.hypothesis, hypotheses) if files.source else None
    systems = [System.of(files.hypothesis.name, hypotheses)]
    systems += [System.of(path.name, read_like(path, first, reference)) for path in files.baselines]
    if models and files.source and sources is not None:
        translated = models.translate([(files.source.name, sources)], progress)
        systems += models.systems([outputs[0] for outputs in translated])
    texts = Texts(files.hypothesis.name, systems, references, options.language or language_of(first), sources)
    seen = look_up(files.training, sources or [], reference, progress) if files.training else None
    return score_set(texts, options, seen)


def read_parts(path: Path, lengths: Sequence[int]) -> list[list[str]]:
    """The lines of a file, cut into parts of given lengths. Raises DataError when it has more or fewer."""
    lines = read_file(path)
    if len(lines) != sum(lengths):
        raise DataError(
            f"{path} has {len(lines)} lines and the test sets have {sum(lengths)}",
            "give the translations of all sets in their order, one after another",
        )
    starts = [sum(lengths[:place]) for place in range(len(lengths))]
    return [lines[start : start + length] for start, length in zip(starts, lengths, strict=True)]


def read_like(path: Path, first: Path, first_lines: Sequence[str]) -> list[str]:
    """The lines of a file, which must have as many lines as the file ``first``. Raises DataError."""
    lines = read_file(path)
    check_counts(len(lines), len(first_lines), str(path), str(first))
    return lines


def score_set(texts: Texts, options: ScoringOptions, seen: Seen | None = None) -> SetReport:
    """The report of a test set: scores, the comparison with each baseline, and warnings."""
    cut, metrics = cutting(texts.language, texts.references[0]), options.metrics
    if cut.is_fallback:  # chrF needs no words: it comes first where BLEU cuts them badly
        metrics = tuple(sorted(metrics, key=lambda metric: metric == "bleu"))
    outputs = [lines for system in texts.systems for lines in system.outputs]
    found = measures([name for name in metrics if name != "comet"], texts.references, texts.language, outputs)
    if "comet" in metrics:
        if texts.sources is None:
            raise SettingsError("COMET compares with the source, and there is none", "name its file with `src`")
        found["comet"] = CometMeasure(options.comet, texts.sources, texts.references[0])
    measured = {name: found[name] for name in metrics}
    systems = compare(measured, texts.systems, options.confidence, options.paired)
    warnings = [*cut.notes] if "bleu" in metrics else []
    if "ter" in metrics and cut.has_no_words_for_ter:
        warnings.append("TER finds words by their spaces, and this language writes none: use chrF")
    warnings += [*limits(texts, metrics, options.confidence), *doubts(texts, seen)]
    late = LateLines()
    found_kept = kept(texts, options.grammar, late)
    warnings += filter(None, [late.warning()])
    return SetReport(texts, systems, warnings, measured, seen, found_kept)


def read_file(path: Path) -> list[str]:
    with open_binary(path) as file:
        refuse_format(path, also=("tsv",))
        return list(read_lines(file, str(path)))
