"""Words as numbers, and pairs of words in tables of fixed size: what the rules that learn from words share."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self
from zlib import crc32

import numpy as np
import numpy.typing as npt

from nmt.text.words import stem

Ids = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

SEEN = 2  # occurrences below which nothing is known about a word
KEPT_WORDS = 1 << 18  # words whose stems are remembered
LONGEST = 100  # words of a side that are looked at


@dataclass(frozen=True)
class Flat:
    """The words of many lines one after another, as numbers; line n begins at ``starts[n]``."""

    words: Ids  # -1: a word that is not in the vocabulary
    lengths: Ids
    starts: Ids

    @classmethod
    def of(cls, lines: Sequence[Sequence[int]]) -> Self:
        lengths = np.fromiter(map(len, lines), np.int64, len(lines))
        flat = np.fromiter((word for line in lines for word in line), np.int64, int(lengths.sum()))
        return cls(flat, lengths, np.cumsum(lengths) - lengths)

    @property
    def line(self) -> Ids:
        """The number of the line of each word."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    def mean(self, values: npt.NDArray[np.float64], counted: Mask) -> tuple[npt.NDArray[np.float64], Ids]:
        """The mean of the counted words' values by line, 0.0 where none is counted, and how many are counted."""
        sums = np.bincount(self.line, np.where(counted, values, 0.0), len(self.lengths))
        counts = np.bincount(self.line[counted], minlength=len(self.lengths))
        return sums / np.maximum(counts, 1), counts


class Lexicon:
    """Numbers of the stems that occur in a text at least twice."""

    def __init__(self, lines: Sequence[Sequence[str]]) -> None:
        counts: dict[str, int] = {}
        for line in lines:
            for word in line[:LONGEST]:
                counts[word] = counts.get(word, 0) + 1
        stems: dict[str, int] = {}
        for word, count in counts.items():
            key = stem(word)
            stems[key] = stems.get(key, 0) + count
        self._numbers = _Numbers(
            {word: number for number, word in enumerate(w for w, count in stems.items() if count >= SEEN)}
        )

    def __len__(self) -> int:
        return len(self._numbers.stems)

    def __iter__(self) -> Iterator[str]:
        """The stems in the order of their numbers."""
        return iter(self._numbers.stems)

    def flat(self, lines: Sequence[Sequence[str]]) -> Flat:
        """The lines as numbers of their stems."""
        number = self._numbers.__getitem__
        return Flat.of([list(map(number, line[:LONGEST])) for line in lines])


class _Numbers(dict[str, int]):
    """Numbers of words by their stems; each word is cut once, unless there are too many."""

    def __init__(self, stems: dict[str, int]) -> None:
        self.stems = stems

    def __missing__(self, word: str) -> int:
        number = self.stems.get(stem(word), -1)
        if len(self) < KEPT_WORDS:
            self[word] = number
        return number


class PairTable:
    """Values of pairs of numbers in 4 million slots: 12 MiB, however many pairs there are.

    A pair that was never stored is told by a fingerprint of 8 bits; the few that share slot and fingerprint get a
    wrong value.
    """

    SLOTS = 1 << 22

    def __init__(self, keys: Ids, values: npt.NDArray[np.float64]) -> None:
        """Store the values; of pairs in one slot, the largest."""
        order = np.argsort(values, kind="stable")
        slots, prints = self._places(keys[order])
        self._values = np.zeros(self.SLOTS, np.float16)
        self._prints = np.zeros(self.SLOTS, np.uint8)
        self._values[slots] = values[order]
        self._prints[slots] = prints

    def look_up(self, keys: Ids) -> npt.NDArray[np.float64]:
        """The values of the pairs; 0.0 for a pair that is not stored."""
        slots, prints = self._places(keys)
        return np.where(self._prints[slots] == prints, self._values[slots], 0.0).astype(np.float64)

    def _places(self, keys: Ids) -> tuple[Ids, npt.NDArray[np.uint8]]:
        mixed = mix(keys)
        slots = (mixed & np.uint64(self.SLOTS - 1)).astype(np.int64)
        return slots, (mixed >> np.uint64(56)).astype(np.uint8)


def mix(keys: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    """Numbers spread evenly over 64 bits: the finishing steps of SplitMix64 (Steele, Lea and Flood 2014)."""
    mixed = keys.astype(np.uint64)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def fold_of(lines: Sequence[str]) -> Mask:
    """Which half of the corpus a pair is of, by its source: bool (pairs,).

    A rule that learns from the corpus judges each half by what it learnt from the other: no pair speaks for itself, and
    neither do its copies.
    """
    return np.fromiter((crc32(line.encode("utf-8", "surrogatepass")) & 1 for line in lines), bool, len(lines))
