"""Warnings about an evaluation: scores that mean little, and texts that look wrong. Knows lines; no file, no model."""

from collections.abc import Sequence

from nmt.scoring.metrics import LINES_FOR_CONFIDENCE, LONGEST_NGRAM, with_4_grams
from nmt.scoring.significance import COUNTS, differing, smallest_p
from nmt.scoring.systems import Texts
from nmt.text.normal import is_composed, normal

COPIES_WORTH_A_WARNING = 0.1  # share of the lines; names and numbers are rightly left unchanged
TOKENIZED_WORTH_A_WARNING = 0.5  # share of the lines that end in " ."
TOKENIZED_LINES_WORTH_A_WARNING = 100  # or their number: sacreBLEU's rule


def limits(texts: Texts, metrics: Sequence[str], confidence: bool) -> list[str]:
    """Warnings of scores that mean little because the lines are few or short."""
    first, *others = texts.systems
    lines, warnings = len(texts.references[0]), []
    long_enough = lines
    if "bleu" in metrics:
        long_enough = max(with_4_grams(stream, texts.language) for stream in texts.references)
    if 2 * long_enough < lines:
        count = f"only {long_enough:,} of {lines:,} references have" if long_enough else "no reference has"
        warnings.append(f"{count} the {LONGEST_NGRAM} words that BLEU compares, so it says little: use chrF")
    if confidence and lines < LINES_FOR_CONFIDENCE:
        warnings.append(f"fewer than {LINES_FOR_CONFIDENCE} lines are too few for an interval")
    for system in others:
        differ = len(differing(first.outputs, system.outputs))
        if smallest_p(differ) >= COUNTS:
            few = "too few for a significant difference"
            warnings.append(f"{differ} of {lines} lines differ from {system.name}'s: {few}")
    return warnings


def doubts(texts: Texts) -> list[str]:
    """Warnings of texts that make the scores doubtful."""
    hypotheses, references = texts.systems[0].outputs[0], texts.references
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
