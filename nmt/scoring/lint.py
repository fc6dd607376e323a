"""Warnings about an evaluation: scores that mean little, and texts that look wrong. Knows lines; no file, no model."""

import re
from collections import Counter
from collections.abc import Sequence
from statistics import fmean

from nmt.scoring.metrics import LINES_FOR_CONFIDENCE, LONGEST_NGRAM, References, with_4_grams
from nmt.scoring.significance import COUNTS, differing, smallest_p
from nmt.scoring.systems import Texts
from nmt.scoring.training_text import Seen
from nmt.text.languages import script_of_letter
from nmt.text.normal import is_composed, normal
from nmt.text.words import words

COPIES_WORTH_A_WARNING = 0.1  # share of the lines; names and numbers are rightly left unchanged
TOKENIZED_WORTH_A_WARNING = 0.5  # share of the lines that end in " ."
TOKENIZED_LINES_WORTH_A_WARNING = 100  # or their number: sacreBLEU's rule
PIECES_WORTH_A_WARNING = 0.1  # share of the lines that have a mark of a tokenizer
PIECES = {"@@ ": re.compile(r"\w@@ "), "▁": re.compile("▁"), "@-@": re.compile(" @-@ "), "&apos;": re.compile("&apos;")}
GAIN = 0.15  # overlap that a line must gain by being shifted
SHIFTED_WORTH_A_WARNING = 2.0  # sum of what lines gain beyond that; eight lines of a good translation have it
SWAPPED_WORTH_A_WARNING = 0.2  # overlap with the source beyond that with the reference
OTHER_LANGUAGE = 0.3  # overlap of texts in different scripts, which may have marks and numbers in common
LOOKED_AT = 1000  # lines whose letters are counted
MOSTLY = 0.7  # share of the letters


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


def doubts(texts: Texts, seen: Seen | None = None) -> list[str]:
    """Warnings of texts that make the scores doubtful."""
    hypotheses, references = texts.systems[0].outputs[0], texts.references
    warnings = [*gaps(hypotheses, references), *tokenized(hypotheses, references)]
    shift = shifted(hypotheses, references[0])
    warnings += [shift] if shift else swapped(texts)
    return warnings + (leaked(texts, seen) if seen else [])


def gaps(hypotheses: Sequence[str], references: References) -> list[str]:
    """Warnings of lines that are empty, and of references in another normal form."""
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
    return warnings


def tokenized(hypotheses: Sequence[str], references: References) -> list[str]:
    """Warnings of text that a tokenizer has cut: words by spaces, or pieces with their marks."""
    warnings = []
    for what, streams in (("hypotheses", [hypotheses]), ("references", references)):
        if mark := next((found for stream in streams if (found := mark_of_pieces(stream))), ""):
            warnings.append(f"the {what} have {mark!r}, which a tokenizer writes: join the pieces to text")
    if look_tokenized(hypotheses):
        warnings.append("the hypotheses look tokenized (' .'), which costs points: detokenize them")
    if any(look_tokenized(stream) for stream in references):
        warnings.append("the references look tokenized (' .'), so BLEU is not comparable with other results")
    return warnings


def mark_of_pieces(lines: Sequence[str]) -> str:
    """The mark of subword-nmt, SentencePiece or Moses that many lines have; "" if there is none."""
    for mark, pattern in PIECES.items():
        if sum(bool(pattern.search(line)) for line in lines) > PIECES_WORTH_A_WARNING * len(lines):
            return mark
    return ""


def look_tokenized(lines: Sequence[str]) -> bool:
    """Whether so many lines have a space before the final stop that a tokenizer must have put it there."""
    found = sum(line.rstrip().endswith(" .") for line in lines)
    return found >= TOKENIZED_LINES_WORTH_A_WARNING or found > TOKENIZED_WORTH_A_WARNING * len(lines)


def shifted(hypotheses: Sequence[str], references: Sequence[str]) -> str:
    """A warning of a stretch of lines that fit the reference of a line before or after better than their own.

    It is the stretch with the largest sum of gains in overlap, each less GAIN, so that noise adds up to nothing. Lines
    that equal their neighbours gain nothing.
    """
    ours, theirs = ([Counter(words(line)) for line in side] for side in (hypotheses, references))
    own = [overlap(left, right) for left, right in zip(ours, theirs, strict=True)]
    for step, where in ((1, "after"), (-1, "before")):
        gains = [
            overlap(ours[line], theirs[line + step]) - own[line] - GAIN if 0 <= line + step < len(own) else -GAIN
            for line in range(len(own))
        ]
        start, stop, gain = best_stretch(gains)
        if gain > SHIFTED_WORTH_A_WARNING:
            return (
                f"hypotheses {start + 1} to {stop} fit the references of the line {where} them: "
                f"has one of the files a line too many or too few near line {start + 1}?"
            )
    return ""


def best_stretch(gains: Sequence[float]) -> tuple[int, int, float]:
    """Start, end and sum of the stretch with the largest sum (Kadane's algorithm)."""
    best, start, total = (0, 0, 0.0), 0, 0.0
    for place, gain in enumerate(gains):
        if total <= 0:
            start, total = place, 0.0
        total += gain
        if total > best[2]:
            best = (start, place + 1, total)
    return best


def overlap(left: Counter[str], right: Counter[str]) -> float:
    """F1 of the words of two lines, from 0 to 1."""
    common = sum(min(count, right[word]) for word, count in left.items())
    return 2 * common / max(1, left.total() + right.total())


def swapped(texts: Texts) -> list[str]:
    """Warnings of hypotheses that look like the source, or are in another script than the references."""
    hypotheses, references, sources = texts.systems[0].outputs[0], texts.references[0], texts.sources
    lines = len(hypotheses)
    if sources is not None:
        copies = sum(normal(ours) == normal(line) for ours, line in zip(hypotheses, sources, strict=True))
        if copies > COPIES_WORTH_A_WARNING * lines:
            return [f"{copies} of {lines} hypotheses are the source unchanged"]
        to_source, to_reference = (mean_overlap(hypotheses, side) for side in (sources, references))
        if to_source > SWAPPED_WORTH_A_WARNING + to_reference:
            return [
                f"the hypotheses have {to_source:.0%} of their words from the source and {to_reference:.0%} from the "
                "reference: are the two files swapped?"
            ]
    ours, theirs = (main_script(side) for side in (hypotheses, references))
    if ours and theirs and ours != theirs and mean_overlap(hypotheses, references) < OTHER_LANGUAGE:
        return [f"the hypotheses are written in {ours} and the references in {theirs}: is one of the files the source?"]
    return []


def mean_overlap(hypotheses: Sequence[str], lines: Sequence[str]) -> float:
    """The mean F1 of the words of lines that belong together."""
    return fmean(
        overlap(Counter(words(ours)), Counter(words(line))) for ours, line in zip(hypotheses, lines, strict=True)
    )


def main_script(lines: Sequence[str]) -> str:
    """The script of most letters, as script_of_letter names it; "" where none has most."""
    letters = Counter(script_of_letter(sign) for line in lines[:LOOKED_AT] for sign in line if sign.isalpha())
    script, count = letters.most_common(1)[0] if letters else ("", 0)
    return script if count > MOSTLY * letters.total() else ""


def leaked(texts: Texts, seen: Seen) -> list[str]:
    """A warning of test lines that the training text has."""
    sources, targets, pairs = seen.leaks(texts.sources, texts.references[0])
    if not sources and not targets:
        return []
    lines = len(texts.references[0])
    sides = f"{sources:,} sources and {targets:,}" if texts.sources is not None else f"{targets:,}"
    both = f", {pairs:,} as the same pair" if texts.sources is not None else ""
    return [f"{sides} references of {lines:,} lines are in the training text{both}: scores on them are too high"]
