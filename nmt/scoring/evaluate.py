"""The evaluation of test sets, translated by a model or read from files. Knows no engine and no tensor."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nmt.corpus.parallel import Corpus, read_pairs
from nmt.decoding.translator import Translator
from nmt.disk.files import open_binary
from nmt.scoring.metrics import (
    LINES_FOR_CONFIDENCE,
    LONGEST_NGRAM,
    References,
    Score,
    check_counts,
    p_values,
    score_corpus,
    with_4_grams,
)
from nmt.scoring.significance import COUNTS, differing, smallest_p
from nmt.scoring.words import cutting
from nmt.text.encodings import refuse_format
from nmt.text.languages import language_of
from nmt.text.lines import read_lines
from nmt.text.normal import is_composed, normal
from nmt.text.progress import Progress

COPIES_WORTH_A_WARNING = 0.1  # share of the lines; names and numbers are rightly left unchanged
TOKENIZED_WORTH_A_WARNING = 0.5  # share of the lines that end in " ."
TOKENIZED_LINES_WORTH_A_WARNING = 100  # or their number: sacreBLEU's rule


@dataclass(frozen=True)
class ScoringOptions:
    """What to compute for a test set."""

    metrics: tuple[str, ...] = ("bleu", "chrf")
    confidence: bool = True
    language: str = ""  # of the references; "" when the model or the file's name tells it


@dataclass(frozen=True)
class Baseline:
    """The scores of another system on a test set, and the p-values of the differences."""

    name: str
    scores: dict[str, Score]
    p_values: dict[str, float]
    may_count: bool  # whether enough lines differ for a difference to be significant at all


@dataclass(frozen=True)
class SetReport:
    """The scores of one test set, with warnings and the translations."""

    name: str
    scores: dict[str, Score]
    warnings: list[str]
    hypotheses: list[str]
    baselines: tuple[Baseline, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The set as an entry of ``evaluate``'s JSON."""
        scores = {name: rounded(score) for name, score in self.scores.items()}
        entry = {"name": self.name, "lines": len(self.hypotheses), **scores, "warnings": self.warnings}
        if self.baselines:
            entry["baselines"] = [
                {
                    "name": baseline.name,
                    **{
                        name: {**rounded(score), "p_value": baseline.p_values[name]}
                        for name, score in baseline.scores.items()
                    },
                }
                for baseline in self.baselines
            ]
        return entry


@dataclass(frozen=True)
class Texts:
    """The texts of a test set, line by line."""

    name: str
    hypotheses: list[str]
    references: References
    language: str  # of the references; "" when unknown
    sources: list[str] | None = None
    baselines: Sequence[tuple[str, list[str]]] = ()  # name and hypotheses of each


def evaluate_corpus(
    translator: Translator, corpus: Corpus, target_language: str, options: ScoringOptions, progress: Progress
) -> SetReport:
    """The report of a test set whose source side is translated and scored against its target side.

    Raises DataError for a broken corpus, or sides with different numbers of lines.
    """
    pairs = list(read_pairs(corpus))
    sources, references = [source for source, _ in pairs], [target for _, target in pairs]
    name = corpus.path.name
    progress.start(f"translating {name}", total=len(pairs))
    hypotheses = [translation.text for translation in translator.translate(sources, progress)]
    progress.finish()
    return score_set(Texts(name, hypotheses, [references], options.language or target_language, sources), options)


def evaluate_files(
    hypothesis: Path,
    references: Sequence[Path],
    source: Path | None,
    options: ScoringOptions,
    baselines: Sequence[Path] = (),
) -> SetReport:
    """The report of a file of hypotheses, scored against one file of references or several.

    ``source`` is used for warnings only. Each of ``baselines``, hypotheses of other systems, is compared with the file.
    When the options have no language, the first reference's name tells it, as ``test.ko`` or ``test.ko.gz``. Raises
    MissingInputError or DataError, which name the files, also when their numbers of lines differ.
    """
    first, *more = references
    hypotheses, reference = read_file(hypothesis), read_file(first)
    check_counts(len(hypotheses), len(reference), str(hypothesis), str(first))
    texts = Texts(
        hypothesis.name,
        hypotheses,
        [reference, *(read_like(path, first, reference) for path in more)],
        options.language or language_of(first),
        read_like(source, hypothesis, hypotheses) if source else None,
        [(path.name, read_like(path, first, reference)) for path in baselines],
    )
    return score_set(texts, options)


def read_like(path: Path, first: Path, first_lines: Sequence[str]) -> list[str]:
    """The lines of a file, which must have as many lines as the file ``first``. Raises DataError."""
    lines = read_file(path)
    check_counts(len(lines), len(first_lines), str(path), str(first))
    return lines


def score_set(texts: Texts, options: ScoringOptions) -> SetReport:
    """The report of a test set: its scores, the comparison with each baseline, and warnings."""
    hypotheses, references, language = texts.hypotheses, texts.references, texts.language
    cut, metrics = cutting(language, references[0]), options.metrics
    if cut.is_fallback:  # chrF needs no words: it comes first where BLEU cuts them badly
        metrics = tuple(sorted(metrics, key=lambda metric: metric == "bleu"))
    scores = score_corpus(hypotheses, references, language, metrics, options.confidence)
    compared = []
    for name, lines in texts.baselines:
        baseline_scores = score_corpus(lines, references, language, metrics, options.confidence)
        p = p_values(hypotheses, lines, references, language, metrics)
        may_count = smallest_p(len(differing(hypotheses, lines))) < COUNTS
        compared.append(Baseline(name, baseline_scores, p, may_count))
    warnings = [*cut.notes] if "bleu" in metrics else []
    if "ter" in metrics and cut.has_no_words_for_ter:
        warnings.append("TER finds words by their spaces, and this language writes none: use chrF")
    warnings += [*limits(texts, options), *doubts(texts)]
    return SetReport(texts.name, scores, warnings, hypotheses, tuple(compared))


def limits(texts: Texts, options: ScoringOptions) -> list[str]:
    """Warnings of scores that mean little because the lines are few or short."""
    lines, warnings = len(texts.hypotheses), []
    long_enough = lines
    if "bleu" in options.metrics:
        long_enough = max(with_4_grams(stream, texts.language) for stream in texts.references)
    if 2 * long_enough < lines:
        count = f"only {long_enough:,} of {lines:,} references have" if long_enough else "no reference has"
        warnings.append(f"{count} the {LONGEST_NGRAM} words that BLEU compares, so it says little: use chrF")
    if options.confidence and lines < LINES_FOR_CONFIDENCE:
        warnings.append(f"fewer than {LINES_FOR_CONFIDENCE} lines are too few for an interval")
    for name, baseline in texts.baselines:
        differ = len(differing(texts.hypotheses, baseline))
        if smallest_p(differ) >= COUNTS:
            warnings.append(f"{differ} of {lines} lines differ from {name}'s: too few for a significant difference")
    return warnings


def doubts(texts: Texts) -> list[str]:
    """Warnings of texts that make the scores doubtful."""
    hypotheses, references = texts.hypotheses, texts.references
    lines, warnings = len(hypotheses), []
    empty = sum(not ours.strip() and bool(line.strip()) for ours, line in zip(hypotheses, references[0], strict=True))
    if empty:
        warnings.append(f"{empty} of {lines} hypotheses are empty")
    for stream in references:
        blank = sum(not reference.strip() for reference in stream)
        if blank:
            warnings.append(f"{blank} of {lines} references are empty")
        decomposed = sum(not is_composed(reference) for reference in stream)
        if decomposed:
            warnings.append(f"{decomposed} of {lines} references are not in Unicode's NFC, as translations are")
    copies = sum(normal(ours) == normal(line) for ours, line in zip(hypotheses, texts.sources or [], strict=False))
    if copies > COPIES_WORTH_A_WARNING * lines:
        warnings.append(f"{copies} of {lines} hypotheses are the source unchanged")
    if look_tokenized(hypotheses):
        warnings.append("the hypotheses look tokenized (' .'), which costs points: detokenize them")
    if any(look_tokenized(stream) for stream in references):
        warnings.append("the references look tokenized (' .'), so BLEU is not comparable with other results")
    return warnings


def look_tokenized(lines: Sequence[str]) -> bool:
    """Whether so many lines have a space before the final stop that a tokenizer must have put it there."""
    tokenized = sum(line.rstrip().endswith(" .") for line in lines)
    return tokenized >= TOKENIZED_LINES_WORTH_A_WARNING or tokenized > TOKENIZED_WORTH_A_WARNING * len(lines)


def read_file(path: Path) -> list[str]:
    with open_binary(path) as file:
        refuse_format(path, also=("tsv",))
        return list(read_lines(file, str(path)))


def rounded(score: Score) -> dict[str, Any]:
    """A score for JSON, with six decimals: the others are noise of floating-point sums."""
    return {key: round(value, 6) if isinstance(value, float) else value for key, value in asdict(score).items()}
