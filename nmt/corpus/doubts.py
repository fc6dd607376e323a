"""Warnings about a corpus for problems that no rule drops: swapped sides, a header line. Knows pairs; no files."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from nmt.corpus.formats import format_of
from nmt.text.languages import language_name, script_of, script_of_letter
from nmt.text.lines import printable
from nmt.text.progress import Progress

LOOKED_AT = 1000  # pairs of a corpus whose scripts are counted
MOSTLY = 0.7  # share of a side's letters; not all, as names and terms may be in another script
_HEADINGS = {"source", "src", "target", "tgt", "trg", "text", "translation", "sentence", "translated"}


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
            form = format_of(Path(name))
            mend = "name the columns with `columns`" if form and form.is_table else "remove that line"
            progress.warn(f"{name} line 1 looks like a header, {cells}, but is read as a pair; {mend}")
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
