"""The scores of test sets: translated and scored, or files scored as they are. Knows no engine and no tensor."""

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

COPIES_WORTH_A_WARNING = 0.1  # share of the lines; names and numbers are rightly left as they are
TOKENIZED_WORTH_A_WARNING = 0.5  # share of the lines that end in " .", or so many of them:
TOKENIZED_LINES_WORTH_A_WARNING = 100  # sacreBLEU's own rule


@dataclass(frozen=True)
class ScoringOptions:
    """What is computed of a test set."""

    metrics: tuple[str, ...] = ("bleu", "chrf")
    confidence: bool = True
    language: str = ""  # of the references, where not the model or the file's name says it


@dataclass(frozen=True)
class Baseline:
    """Another system's translations of a test set, and how sure it is that their scores are others."""

    name: str
    scores: dict[str, Score]
    p_values: dict[str, float]
    may_count: bool  # whether so few differing lines can be more than chance at all


@dataclass(frozen=True)
class SetReport:
    """What is known of one test set once it is scored."""

    name: str
    scores: dict[str, Score]
    warnings: list[str]
    hypotheses: list[str]
    baselines: tuple[Baseline, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The entry of ``evaluate --json``."""
        scores = {name: rounded(score) for name, score in self.scores.items()}
        entry = {"name": self.name, "lines": len(self.hypotheses), **scores, "warnings": self.warnings}
        if self.baselines:
            entry["baselines"] = [
                {
                    "name": theirs.name,
                    **{name: {**rounded(one), "p_value": theirs.p_values[name]} for name, one in theirs.scores.items()},
                }
                for theirs in self.baselines
            ]
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
    return score_set(name, hypotheses, [references], sources, options.language or target_language, options)


def evaluate_files(
    hypothesis: Path,
    references: Sequence[Path],
    source: Path | None,
    options: ScoringOptions,
    baselines: Sequence[Path] = (),
) -> SetReport:
    """Score a file of hypotheses against one file of references, or several; the source serves warnings alone.

    Each of ``baselines``, other systems' hypotheses, is compared with the file. The target language is read off the
    first reference's name, as in ``test.ko`` or ``test.ko.gz``, where the options do not say it. Raises
    MissingInputError or DataError, naming the files, also when their line counts differ.
    """
    first, *others = references
    language = options.language or language_of(first)
    hypotheses, reference = read_file(hypothesis), read_file(first)
    check_counts(len(hypotheses), len(reference), str(hypothesis), str(first))
    streams = [reference, *(read_like(path, first, reference) for path in others)]
    sources = read_like(source, hypothesis, hypotheses) if source else None
    others_hypotheses = [(path.name, read_like(path, first, reference)) for path in baselines]
    return score_set(hypothesis.name, hypotheses, streams, sources, language, options, others_hypotheses)


def read_like(path: Path, other: Path, other_lines: Sequence[str]) -> list[str]:
    """The lines of a file that must have as many as another one."""
    lines = read_file(path)
    check_counts(len(lines), len(other_lines), str(path), str(other))
    return lines


def score_set(
    name: str,
    hypotheses: list[str],
    references: References,
    sources: list[str] | None,
    language: str,
    options: ScoringOptions,
    baselines: Sequence[tuple[str, list[str]]] = (),
) -> SetReport:
    """Score one set, compare it with the baselines, and look for what makes the scores doubtful."""
    cut, metrics = cutting(language, references[0]), options.metrics
    if cut.is_fallback:  # chrF needs no words: it comes first where BLEU's are not the right ones
        metrics = tuple(sorted(metrics, key=lambda metric: metric == "bleu"))
    scores = score_corpus(hypotheses, references, language, metrics, options.confidence)
    compared = []
    for theirs, lines in baselines:
        their_scores = score_corpus(lines, references, language, metrics, options.confidence)
        p = p_values(hypotheses, lines, references, language, metrics)
        may_count = smallest_p(len(differing(hypotheses, lines))) < COUNTS
        compared.append(Baseline(theirs, their_scores, p, may_count))
    warnings = [*cut.notes] if "bleu" in metrics else []
    if "ter" in metrics and cut.has_no_words_for_ter:
        warnings.append("TER finds words by their spaces, which this language does not write: go by chrF")
    warnings += [
        *limits(references, language, options, baselines, hypotheses),
        *doubts(hypotheses, references, sources),
    ]
    return SetReport(name, scores, warnings, hypotheses, tuple(compared))


def limits(
    references: References,
    language: str,
    options: ScoringOptions,
    baselines: Sequence[tuple[str, list[str]]],
    hypotheses: Sequence[str],
) -> list[str]:
    """What scores cannot say of so few lines, or of lines so short."""
    lines, found = len(hypotheses), []
    long_enough = max(with_4_grams(stream, language) for stream in references) if "bleu" in options.metrics else lines
    if 2 * long_enough < lines:
        count = f"only {long_enough:,} of {lines:,} references have" if long_enough else "no reference has"
        found.append(f"{count} the {LONGEST_NGRAM} words that BLEU compares, so it says little: go by chrF")
    if options.confidence and lines < LINES_FOR_CONFIDENCE:
        found.append(f"fewer than {LINES_FOR_CONFIDENCE} lines are too few for an interval")
    for name, theirs in baselines:
        differ = len(differing(hypotheses, theirs))
        if smallest_p(differ) >= COUNTS:
            found.append(f"{differ} of {lines} lines differ from {name}'s: too few for a difference that counts")
    return found


def doubts(hypotheses: Sequence[str], references: References, sources: Sequence[str] | None) -> list[str]:
    """What a person should know before believing the scores."""
    lines, found = len(hypotheses), []
    empty = sum(
        not ours.strip() and bool(theirs.strip()) for ours, theirs in zip(hypotheses, references[0], strict=True)
    )
    if empty:
        found.append(f"{empty} of {lines} hypotheses are empty")
    for stream in references:
        blank = sum(not reference.strip() for reference in stream)
        if blank:
            found.append(f"{blank} of {lines} references are empty")
        decomposed = sum(not is_composed(reference) for reference in stream)
        if decomposed:
            found.append(f"{decomposed} of {lines} references are not in Unicode's NFC, the form of what models write")
    copies = sum(normal(ours) == normal(theirs) for ours, theirs in zip(hypotheses, sources or [], strict=False))
    if copies > COPIES_WORTH_A_WARNING * lines:
        found.append(f"{copies} of {lines} hypotheses are the source unchanged")
    if look_tokenized(hypotheses):
        found.append("the hypotheses look tokenized (' .'), which costs points: detokenize them")
    if any(look_tokenized(stream) for stream in references):
        found.append("the references look tokenized (' .'), so BLEU does not compare with others'")
    return found


def look_tokenized(lines: Sequence[str]) -> bool:
    """Whether a space stands before the final stop of so many lines that a tokenizer must have put it there."""
    tokenized = sum(line.rstrip().endswith(" .") for line in lines)
    return tokenized >= TOKENIZED_LINES_WORTH_A_WARNING or tokenized > TOKENIZED_WORTH_A_WARNING * len(lines)


def read_file(path: Path) -> list[str]:
    with open_binary(path) as file:
        refuse_format(path, also=("tsv",))
        return list(read_lines(file, str(path)))


def rounded(score: Score) -> dict[str, Any]:
    """A score for JSON: what lies beyond the sixth decimal is noise of floating-point sums."""
    return {key: round(value, 6) if isinstance(value, float) else value for key, value in asdict(score).items()}
