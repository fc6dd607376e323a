"""Scores of groups of lines: by length, and by words that training never had. Knows counts; no file, no model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from nmt.scoring.metrics import Measure
from nmt.scoring.systems import SystemReport, Texts
from nmt.scoring.training_text import Seen
from nmt.text.words import words

LENGTHS = (5, 10, 20, 40)  # words: the most that a bucket has; then one without end
UNSEEN = ("all seen", "1 unseen", "2 or more unseen")


@dataclass(frozen=True)
class Bucket:
    """Some lines of a test set."""

    name: str
    lines: list[int]  # indices

    def scores(self, entry: SystemReport, measures: Mapping[str, Measure]) -> dict[str, float]:
        """The score of these lines by each metric; of several runs the mean."""
        return {
            metric: fmean(measure.score(counts[self.lines].sum(0)) for counts in entry.counts[metric])
            for metric, measure in measures.items()
        }


def by_length(texts: Texts) -> list[Bucket]:
    """The lines by the number of words in their first reference; buckets without a line are left out."""
    lowest = [0, *(most + 1 for most in LENGTHS)]
    names = [f"up to {LENGTHS[0]}"] + [f"{low} to {high}" for low, high in zip(lowest[1:], LENGTHS[1:], strict=False)]
    names.append(f"over {LENGTHS[-1]}")
    lengths = [len(words(line)) for line in texts.references[0]]
    return filled(names, [sum(length > most for most in LENGTHS) for length in lengths])


def by_unseen_words(texts: Texts, seen: Seen) -> list[Bucket]:
    """The lines by how many words of the source, else of the first reference, training never had."""
    lines, known = texts.references[0], seen.target_words
    if texts.sources is not None:
        lines, known = texts.sources, seen.source_words
    return filled(UNSEEN, [min(len(set(words(line)) - known), len(UNSEEN) - 1) for line in lines])


def filled(names: Sequence[str], places: Sequence[int]) -> list[Bucket]:
    """The buckets that hold a line; ``places`` has the bucket of each line."""
    buckets = [Bucket(name, []) for name in names]
    for number, place in enumerate(places):
        buckets[place].lines.append(number)
    return [bucket for bucket in buckets if bucket.lines]
