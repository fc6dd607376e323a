"""Warnings about a corpus for problems that no rule drops: swapped sides, a header line, test sources in training.

Keeps counts, and 16 bytes for each test line. Knows pairs and hashes; no files.
"""

import re
from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

from nmt.corpus.cleaning import Hashes
from nmt.text.languages import language_name, script_of, script_of_letter
from nmt.text.lines import printable
from nmt.text.normal import normal
from nmt.text.progress import Progress

LOOKED_AT = 1000  # pairs of a corpus whose scripts are counted
MOSTLY = 0.7  # share of a side's letters; not all, as names and terms may be in another script
_HEADINGS = {"source", "src", "target", "tgt", "trg", "text", "translation", "sentence", "translated"}
_ENDING = re.compile(r"[\W_]+$")


class Sides:
    """Detects swapped sides, by the scripts of the two languages, and a header in the first line of a corpus."""

    def __init__(self, languages: tuple[str, str]) -> None:
        self._languages = languages
        self._scripts = [script_of(language) for language in languages]
        self._letters: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
        self._left = LOOKED_AT
        self._header: tuple[str, ...] = ()

    def add(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Count the scripts of the next pairs of the corpus."""
        if self._left == LOOKED_AT and pairs and self._is_header(pairs[0]):
            self._header = pairs[0]
        for pair in pairs[: self._left]:
            for text, letters in zip(pair, self._letters, strict=True):
                letters.update(script_of_letter(character) for character in text if character.isalpha())
        self._left = max(0, self._left - len(pairs))

    def warn(self, name: str, progress: Progress) -> None:
        """Warn about the corpus ``name``, if it has a header or swapped sides."""
        if self._header:
            cells = " and ".join(repr(printable(cell.strip())) for cell in self._header)
            progress.warn(f"{name} line 1 looks like a header, {cells}, but is read as a pair; remove that line")
        source, target = self._languages
        if self._is_mostly(0, self._scripts[1]) and self._is_mostly(1, self._scripts[0]):
            progress.warn(
                f"{name}: the {source} side is written in the script of {target}, and the {target} side in that of "
                f"{source}; swap the sides of the corpus, or the languages"
            )

    def _is_header(self, pair: tuple[str, str]) -> bool:
        names = {name.lower() for code in self._languages for name in (code, language_name(code) or code)}
        return all(cell.strip().lower() in names | _HEADINGS for cell in pair)

    def _is_mostly(self, side: int, script: frozenset[str]) -> bool:
        if self._scripts[0] & self._scripts[1]:
            return False  # the scripts cannot tell the languages apart
        letters = self._letters[side]
        return sum(letters[name] for name in script) > MOSTLY * letters.total()


class Leaks:
    """Detects test sources that are also in training, with another target, letter case or final punctuation."""

    def __init__(self) -> None:
        self._tests: list[tuple[str, Hashes]] = []
        self._sources = self._pairs = self._leaked = np.zeros(0, np.uint64)

    def add_test(self, name: str, sources: Hashes, pairs: Hashes) -> None:
        """Add a test corpus: the hashes of its sources, made by ``hash_sources``, and of its pairs."""
        self._tests.append((name, sources))
        self._sources, self._pairs = np.union1d(self._sources, sources), np.union1d(self._pairs, pairs)

    def add_train(self, pairs: Sequence[tuple[str, str]], hashes: Hashes) -> None:
        """Search training pairs, given with their hashes; pairs that equal a test pair are dropped by a rule anyway."""
        if len(self._sources):
            sources = hash_sources(pairs)[~np.isin(hashes, self._pairs)]
            self._leaked = np.union1d(self._leaked, np.intersect1d(sources, self._sources))

    def warn(self, progress: Progress) -> None:
        """Warn about each test corpus that shares sources with training."""
        for name, sources in self._tests:
            if count := int(np.isin(sources, self._leaked).sum()):
                progress.warn(
                    f"{name}: {count:,} of {len(sources):,} sources are in the training text too, with another "
                    "translation or other final punctuation; such lines say little about the quality of a model"
                )


def hash_sources(pairs: Sequence[tuple[str, str]]) -> Hashes:
    """Hashes of the sources, uint64 (pairs,), ignoring letter case and final characters that are not alphanumeric."""
    texts = (normal(source).casefold() for source, _ in pairs)
    digests = (blake2b((_ENDING.sub("", text) or text).encode(), digest_size=8).digest() for text in texts)
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)
