"""What the lines that a model was trained on looked like, so that others can be given to it in that shape."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from nmt.errors import DataError, shown
from nmt.text.sentences import MARKS, final_mark, split_sentences

RARE = 0.001
"""Share of the lines under which something is as good as never seen."""

OUTLIER = 1.25
"""Times the length that 1 line of 1,000 reaches, beyond which a line says nothing about the others."""

_LARGEST = 10**6  # pieces or sentences; no line of a dataset has more


@dataclass(frozen=True)
class Profile:
    """Facts about the training pairs of a dataset."""

    longest: int  # pieces of the longest source, outliers aside
    sentences: int  # that a source has, or more, in 1 line of 1,000: more were as good as never seen
    final: float  # share of sources that end in a mark such as a full stop
    source_mark: str  # the most common of these marks; "" when there is none
    target_mark: str

    @classmethod
    def read(cls, manifest: Mapping[str, Any], name: str) -> Self | None:
        """The profile in a manifest; None in one of an older version.

        Raises DataError, naming the manifest as ``name``, for facts that are not what they should be.
        """
        if "profile" not in manifest:
            return None
        facts = manifest["profile"]
        try:
            profile = cls(**facts)
        except TypeError:
            profile = None
        if not profile or not profile._is_sound():
            raise DataError(f"{name} has a profile that cannot be: {shown(facts)}", "restore the file")
        return profile

    def facts(self) -> dict[str, Any]:
        """As ``read`` takes it."""
        return asdict(self)

    def _is_sound(self) -> bool:
        counts = all(type(count) is int and 0 <= count <= _LARGEST for count in (self.longest, self.sentences))
        share = type(self.final) in (int, float) and 0 <= self.final <= 1
        marks = all(mark == "" or mark in [*MARKS] for mark in (self.source_mark, self.target_mark))
        return counts and share and marks and bool(self.source_mark or not self.final)


@dataclass
class ProfileCounter:
    """Counts what a Profile says, pair by pair."""

    pieces: Counter[int] = field(default_factory=Counter)
    sentences: Counter[int] = field(default_factory=Counter)
    source_marks: Counter[str] = field(default_factory=Counter)
    target_marks: Counter[str] = field(default_factory=Counter)

    def add(self, pairs: Iterable[tuple[str, str]], pieces: Iterable[int]) -> None:
        """Count pairs of source and target; ``pieces`` are those of the sources."""
        self.pieces.update(pieces)
        for source, target in pairs:
            self.sentences[len(split_sentences(source))] += 1
            self.source_marks[final_mark(source)] += 1
            self.target_marks[final_mark(target)] += 1

    def profile(self) -> Profile:
        """The profile of at least one pair."""
        lines = self.source_marks.total()
        final = round(1 - self.source_marks[""] / lines, 6)
        marks = [_most_common(counts) for counts in (self.source_marks, self.target_marks)]
        longest = min(max(self.pieces), int(OUTLIER * _usual_most(self.pieces)))
        return Profile(longest, _usual_most(self.sentences), final, *marks)


def _usual_most(counts: Counter[int]) -> int:
    """The largest number that at least a share of RARE reaches."""
    reached = 0
    for number in sorted(counts, reverse=True):
        reached += counts[number]
        if reached >= RARE * counts.total():
            return number
    return 0


def _most_common(marks: Counter[str]) -> str:
    counted = [(count, mark) for mark, count in marks.items() if mark]
    return max(counted, default=(0, ""))[1]
