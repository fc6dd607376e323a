"""What makes a corpus doubtful and no rule drops: swapped sides, a header, test sources that stand in training.

Each is said in one warning. Holds counts and sixteen bytes a test line. Knows pairs and hashes; no files.
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

LOOKED_AT = 1000  # pairs of a corpus, for their scripts
MOSTLY = 0.7  # share of a side's letters: names and terms may be in another script
_HEADINGS = {"source", "src", "target", "tgt", "trg", "text", "translation", "sentence", "translated"}
_ENDING = re.compile(r"[\W_]+$")


class Sides:
    """Whether the two sides of a corpus are in the two languages, as far as their scripts tell, and its first line."""

    def __init__(self, languages: tuple[str, str]) -> None:
        self._languages = languages
        self._scripts = [script_of(language) for language in languages]
        self._letters: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
        self._left = LOOKED_AT
        self._header: tuple[str, ...] = ()

    def add(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Look at the next pairs of the corpus."""
        if self._left == LOOKED_AT and pairs and self._is_header(pairs[0]):
            self._header = pairs[0]
        for pair in pairs[: self._left]:
            for text, letters in zip(pair, self._letters, strict=True):
                letters.update(script_of_letter(character) for character in text if character.isalpha())
        self._left = max(0, self._left - len(pairs))

    def warn(self, name: str, progress: Progress) -> None:
        """Say what is doubtful of the corpus ``name``."""
        if self._header:
            cells = " and ".join(repr(printable(cell.strip())) for cell in self._header)
            progress.warn(f"{name} line 1 looks like a header, {cells}, and is taken for a pair; remove that line")
        source, target = self._languages
        if self._is_mostly(0, self._scripts[1]) and self._is_mostly(1, self._scripts[0]):
            progress.warn(
                f"{name}: the {source} side is in the letters of {target}, and the {target} side in those of {source}; "
                "swap the sides of the corpus, or the languages"
            )

    def _is_header(self, pair: tuple[str, str]) -> bool:
        names = {name.lower() for code in self._languages for name in (code, language_name(code) or code)}
        return all(cell.strip().lower() in names | _HEADINGS for cell in pair)

    def _is_mostly(self, side: int, script: frozenset[str]) -> bool:
        if self._scripts[0] & self._scripts[1]:
            return False  # nothing can be told
        letters = self._letters[side]
        return sum(letters[name] for name in script) > MOSTLY * letters.total()


class Leaks:
    """Test sources that stand in training beside another target, or but for case and the marks at the end."""

    def __init__(self) -> None:
        self._tests: list[tuple[str, Hashes]] = []
        self._sources = self._pairs = self._met = np.zeros(0, np.uint64)

    def hold(self, name: str, sources: Hashes, pairs: Hashes) -> None:
        """Take the hashes of a test corpus: of its sources by ``hash_sources``, and of its pairs."""
        self._tests.append((name, sources))
        self._sources, self._pairs = np.union1d(self._sources, sources), np.union1d(self._pairs, pairs)

    def look(self, pairs: Sequence[tuple[str, str]], hashes: Hashes) -> None:
        """Look through training pairs and their hashes; pairs that are those of a test are dropped anyway."""
        if len(self._sources):
            others = hash_sources(pairs)[~np.isin(hashes, self._pairs)]
            self._met = np.union1d(self._met, np.intersect1d(others, self._sources))

    def warn(self, progress: Progress) -> None:
        for name, sources in self._tests:
            if met := int(np.isin(sources, self._met).sum()):
                progress.warn(
                    f"{name}: {met:,} of {len(sources):,} sources stand in training too, with another translation "
                    "or other marks at the end; such lines tell little of how good a model is"
                )


def hash_sources(pairs: Sequence[tuple[str, str]]) -> Hashes:
    """A hash of each source without its case and what is no letter or digit at its end."""
    texts = (normal(source).casefold() for source, _ in pairs)
    digests = (blake2b((_ENDING.sub("", text) or text).encode(), digest_size=8).digest() for text in texts)
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)
