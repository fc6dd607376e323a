"""The scores of test sets: translated and scored, or files scored as they are. Knows no engine and no tensor."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from nmt.corpus.parallel import Corpus, read_pairs
from nmt.decoding.translator import Translator
from nmt.scoring.metrics import Score, bleu_tokenizer, check_counts, p_values, score_corpus
from nmt.text.encodings import refuse_format
from nmt.text.files import open_binary
from nmt.text.languages import language_of
from nmt.text.lines import read_lines
from nmt.text.normal import is_composed, normal
from nmt.text.progress import Progress

COPIES_WORTH_A_WARNING = 0.1  # share of the lines; names and numbers are rightly left as they are
TOKENIZED_WORTH_A_WARNING = 0.5


@dataclass(frozen=True)
class ScoringOptions:
    """What is computed of a test set."""

    metrics: tuple[str, ...] = ("bleu", "chrf")
    confidence: bool = True


@dataclass(frozen=True)
class Baseline:
    """Another system's translations of a test set, and how sure it is that their scores are others."""

    name: str
    scores: dict[str, Score]
    p_values: dict[str, float]


@dataclass(frozen=True)
class SetReport:
    """What is known of one test set once it is scored."""

    name: str
    scores: dict[str, Score]
    warnings: list[str]
    hypotheses: list[str]
    baseline: Baseline | None = None

    def to_json(self) -> dict[str, Any]:
        """The entry of ``evaluate --json``."""
        scores = {name: rounded(score) for name, score in self.scores.items()}
        entry = {"name": self.name, "lines": len(self.hypotheses), **scores, "warnings": self.warnings}
        if self.baseline:
            theirs = self.baseline
            compared = {
                name: {**rounded(score), "p_value": theirs.p_values[name]} for name, score in theirs.scores.items()
            }
            entry["baseline"] = {"name": theirs.name, **compared}
        return entry


def evaluate_corpus(
    translator: Translator, corpus: Corpus, target_language: str, options: ScoringOptions, progress: Progress
) -> SetReport:
    """Translate the source side of a test set and score it against the target side.

    Raises DataError for a broken corpus or sides of unequal length.
    """
    pairs = list(read_pairs(corpus))
    sources, references = [source for source, _ in pairs], [target for _, target in pairs]
    name = corpus.path.name
    progress.start(f"translating {name}", total=len(pairs))
    hypotheses = [translation.text for translation in translator.translate(sources, progress)]
    progress.finish()
    return score_set(name, hypotheses, references, sources, target_language, options)


def evaluate_files(
    hypothesis: Path, reference: Path, source: Path | None, options: ScoringOptions, baseline: Path | None = None
) -> SetReport:
    """Score a file of hypotheses against a file of references; the source serves warnings alone.

    With a ``baseline``, another system's hypotheses, the two are compared.

    The target language is read off the reference's name, as in ``test.ko`` or ``test.ko.gz``. Raises MissingInputError
    or DataError, naming the files, also when their line counts differ.
    """
    hypotheses, references = read_file(hypothesis), read_file(reference)
    check_counts(len(hypotheses), len(references), str(hypothesis), str(reference))
    sources = read_file(source) if source else None
    if source and sources is not None:
        check_counts(len(hypotheses), len(sources), str(hypothesis), str(source))
    language = language_of(reference)
    theirs = read_file(baseline) if baseline else None
    if baseline and theirs is not None:
        check_counts(len(theirs), len(references), str(baseline), str(reference))
    report = score_set(hypothesis.name, hypotheses, references, sources, language, options)
    if baseline and theirs is not None:
        scores = score_corpus(theirs, references, language, options.metrics, options.confidence)
        compared = p_values(hypotheses, theirs, references, language, options.metrics)
        report = replace(report, baseline=Baseline(baseline.name, scores, compared))
    return report


def score_set(
    name: str,
    hypotheses: list[str],
    references: list[str],
    sources: list[str] | None,
    target_language: str,
    options: ScoringOptions,
) -> SetReport:
    """Score one set and look for what makes its scores doubtful."""
    scores = score_corpus(hypotheses, references, target_language, options.metrics, options.confidence)
    warnings = doubts(hypotheses, references, sources)
    note = bleu_tokenizer(target_language)[1] if "bleu" in options.metrics else None
    return SetReport(name, scores, [note, *warnings] if note else warnings, hypotheses)


def doubts(hypotheses: Sequence[str], references: Sequence[str], sources: Sequence[str] | None) -> list[str]:
    """What a person should know before believing the scores."""
    lines, found = len(hypotheses), []
    empty = sum(not ours.strip() and bool(theirs.strip()) for ours, theirs in zip(hypotheses, references, strict=True))
    if empty:
        found.append(f"{empty} of {lines} hypotheses are empty")
    blank = sum(not reference.strip() for reference in references)
    if blank:
        found.append(f"{blank} of {lines} references are empty")
    decomposed = sum(not is_composed(reference) for reference in references)
    if decomposed:
        found.append(f"{decomposed} of {lines} references are not in Unicode's NFC, the form of what models write")
    copies = sum(normal(ours) == normal(theirs) for ours, theirs in zip(hypotheses, sources or [], strict=False))
    if copies > COPIES_WORTH_A_WARNING * lines:
        found.append(f"{copies} of {lines} hypotheses are the source unchanged")
    if sum(reference.endswith(" .") for reference in references) > TOKENIZED_WORTH_A_WARNING * lines:
        found.append("the references look tokenized (' .'), so BLEU does not compare with others'")
    return found


def read_file(path: Path) -> list[str]:
    with open_binary(path) as file:
        refuse_format(path, also=("tsv",))
        return list(read_lines(file, str(path)))


def rounded(score: Score) -> dict[str, Any]:
    """A score for JSON: what lies beyond the sixth decimal is noise of floating-point sums."""
    return {key: round(value, 6) if isinstance(value, float) else value for key, value in asdict(score).items()}
