"""The profile of training text (lengths, sentences, final marks), by which translation shapes its input.

Knows lines and counts; no model and no files.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from nmt.errors import DataError, shown
from nmt.text.casing import CAPITALS, TITLE, case_of
from nmt.text.mistyped import KnownWords
from nmt.text.reserved import SLOTS
from nmt.text.sentences import MARKS, final_mark, split_sentences
from nmt.text.verbatim import Grammar
from nmt.text.verbatim_forms import KINDS

RARE = 0.001
"""Share of the lines below which something counts as never seen."""

OUTLIER = 1.25
"""A line longer than this times the length that 1 line in 1,000 reaches is ignored."""

_LARGEST = 10**6  # pieces or sentences of a line; no line of a dataset has more


@dataclass(frozen=True)
class Profile:
    """Facts about the training pairs of a dataset."""

    longest: int  # pieces of the longest source, without outliers
    sentences: int  # the most sentences that at least 1 source in 1,000 has
    final: float  # share of sources that end in a final mark, such as a full stop
    source_mark: str  # the most frequent final mark of sources; "" if none has any
    target_mark: str  # the same of targets
    capitals: float = 1.0  # share of sources in capitals; 1: unknown
    titles: float = 1.0  # and in title case
    slots: int = 0  # reserved pieces that training showed often enough to stand for what stays as it is
    kinds: Sequence[str] = ()  # of ``nmt.text.verbatim``, for which they stand
    patterns: Mapping[str, str] = field(default_factory=dict)  # and those of its own
    terms: bool = False  # whether training showed sources with translations of terms in them
    ratio: float = 1.0  # pieces of targets, for each piece of a source
    words: KnownWords | None = field(default=None, compare=False, repr=False)  # of the sources, from a file of its own

    @property
    def grammar(self) -> Grammar:
        """What slots stand for; nothing where training showed none. Raises SettingsError for an invalid pattern."""
        return Grammar(self.kinds, self.patterns) if self.slots else Grammar(())

    @classmethod
    def read(cls, manifest: Mapping[str, Any], name: str) -> Self | None:
        """Read the profile in a manifest; None if an older nmt wrote the manifest.

        Raises DataError, calling the manifest ``name``, for invalid facts.
        """
        if "profile" not in manifest:
            return None
        facts = manifest["profile"]
        try:
            profile = cls(**facts)
        except TypeError:
            profile = None
        if not profile or not profile._is_sound():
            raise DataError(f"{name} has an invalid profile: {shown(facts)}", "restore the file")
        return profile

    def facts(self) -> dict[str, Any]:
        """The profile as a manifest holds it, for ``read``."""
        facts = asdict(replace(self, words=None))
        del facts["words"]
        return facts

    def _is_sound(self) -> bool:
        counts = all(type(count) is int and 0 <= count <= _LARGEST for count in (self.longest, self.sentences))
        share = all(map(_is_share, (self.final, self.capitals, self.titles)))
        slots = type(self.slots) is int and 0 <= self.slots <= SLOTS
        kinds = isinstance(self.kinds, list | tuple) and all(kind in KINDS for kind in self.kinds)
        patterns = isinstance(self.patterns, dict) and all(isinstance(text, str) for text in self.patterns.values())
        marks = all(mark == "" or mark in [*MARKS] for mark in (self.source_mark, self.target_mark))
        lists = slots and kinds and patterns and type(self.terms) is bool and self.words is None
        ratio = isinstance(self.ratio, int | float) and 0 < self.ratio <= _LARGEST
        return counts and share and ratio and lists and marks and bool(self.source_mark or not self.final)


@dataclass
class ProfileCounter:
    """Counts the facts of a Profile, pair by pair, of sources in a language ("": unknown)."""

    language: str = ""
    pieces: Counter[int] = field(default_factory=Counter)
    target_pieces: Counter[int] = field(default_factory=Counter)
    sentences: Counter[int] = field(default_factory=Counter)
    cases: Counter[str] = field(default_factory=Counter)
    source_marks: Counter[str] = field(default_factory=Counter)
    target_marks: Counter[str] = field(default_factory=Counter)

    def add(self, pairs: Iterable[tuple[str, str]], pieces: Iterable[int], target_pieces: Iterable[int]) -> None:
        """Count pairs of source and target, with the lengths of the sources and of the targets in pieces."""
        self.pieces.update(pieces)
        self.target_pieces.update(target_pieces)
        for source, target in pairs:
            self.sentences[len(split_sentences(source, self.language))] += 1
            self.cases[case_of(source)] += 1
            self.source_marks[final_mark(source)] += 1
            self.target_marks[final_mark(target)] += 1

    def state(self) -> dict[str, Any]:
        """What was counted so far, for JSON and ``restore``."""
        return {name: list(counts.items()) for name, counts in vars(self).items() if isinstance(counts, Counter)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Add what another counter had counted."""
        for name, counts in state.items():
            getattr(self, name).update(dict(counts))

    def profile(self) -> Profile:
        """The profile of the pairs counted so far, at least one."""
        lines = self.source_marks.total()
        final = round(1 - self.source_marks[""] / lines, 6)
        source_mark, target_mark = map(_most_common, (self.source_marks, self.target_marks))
        longest = min(max(self.pieces), int(OUTLIER * _usual_most(self.pieces)))
        capitals, titles = (round(self.cases[case] / lines, 6) for case in (CAPITALS, TITLE))
        ratio = round(_total(self.target_pieces) / max(1, _total(self.pieces)), 6) or 1.0
        facts = longest, _usual_most(self.sentences), final, source_mark, target_mark, capitals, titles
        return Profile(*facts, ratio=ratio)


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and type(value) is not bool and 0 <= value <= 1


def _total(lengths: Counter[int]) -> int:
    return sum(length * count for length, count in lengths.items())


def _usual_most(counts: Counter[int]) -> int:
    """The largest number that at least a share of RARE of the lines reaches."""
    reached = 0
    for number in sorted(counts, reverse=True):
        reached += counts[number]
        if reached >= RARE * counts.total():
            return number
    return 0


def _most_common(marks: Counter[str]) -> str:
    counted = [(count, mark) for mark, count in marks.items() if mark]
    return max(counted, default=(0, ""))[1]
