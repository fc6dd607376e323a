"""A glossary: terms of source languages with their translations, found in texts by any inflected or cased form.

The source may be in one of several languages: which one a line is in, nobody says, so each one's forms are looked for
(``nmt.text.term_forms``). Knows texts; no pieces and no model.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Self

from nmt.disk.files import open_binary
from nmt.errors import DataError, shown
from nmt.text.compounds import has_compounds, is_compound_of
from nmt.text.edges import has_words
from nmt.text.lines import read_lines
from nmt.text.normal import normal
from nmt.text.slots import typed
from nmt.text.stems import algorithm, inflection, stemmer, stems_by
from nmt.text.term_forms import Forms, Term, Word, are_forms, goes_on, stemmed, words_of

LONGEST = 200  # characters of a term, or of its translation
_MEND = "write in each line a term, a tab and its translation"


class Found(NamedTuple):
    """A term in a text, from ``start`` to before ``end``, in characters; ``words`` are those of the text."""

    start: int
    end: int
    term: Term
    words: str

    @property
    def targets(self) -> tuple[str, ...]:
        """The translations of which any one will do."""
        return self.term.targets or (self.words,)


def read_glossary(path: Path) -> list[Term]:
    """The terms of a file: ``source TAB target[ TAB target …]``, where an empty target leaves the term as it is.

    Blank lines are skipped, and so are empty targets beside others. Raises MissingInputError, or DataError with file
    and line.
    """
    found: dict[str, Term] = {}
    with open_binary(path) as file:
        for number, line in enumerate(read_lines(file, str(path)), start=1):
            if not line.strip():
                continue
            source, *targets = map(normal, typed(line).split("\t"))
            where = f"{path} line {number}"
            if not targets:
                raise DataError(f"{where} has no tab: {shown(line)}", _MEND)
            if not source:
                raise DataError(f"{where} has no term before its tab", _MEND)
            if longest := next((text for text in (source, *targets) if len(text) > LONGEST), ""):
                raise DataError(f"{where} has a term of {len(longest):,} characters", f"write at most {LONGEST}")
            _add(found, Term(source, tuple(filter(None, targets))))
    return list(found.values())


def _add(found: dict[str, Term], term: Term) -> None:
    """Add a term; one that was there gets its translations, too."""
    before = found.get(term.source, term)
    found[term.source] = Term(term.source, tuple(dict.fromkeys((*before.targets, *term.targets))))


class Glossary:
    """Finds terms in texts of some languages, and their translations in texts of another, all in normal form.

    A text may be in any of ``sources``; without them it has whole words alone, as in a language without rules.
    """

    def __init__(self, terms: Iterable[Term], sources: tuple[str, ...] = (), target_language: str = "") -> None:
        self.terms = list(terms)
        self._sources, self._target_language = sources or ("",), target_language
        by_rules = {algorithm(language): language for language in self._sources}
        self._forms = [Forms(self.terms, language) for language in by_rules.values()]
        self._stem_target, self._target_forms = stemmer(target_language), inflection(target_language)
        self._has_compounds = has_compounds(target_language)
        self._target_words = lru_cache(1 << 11)(lambda text: stemmed(text, self._stem_target))

    @classmethod
    def of(
        cls, given: "str | Path | Mapping[str, str | Sequence[str]]", sources: tuple[str, ...], target_language: str
    ) -> Self:
        """The glossary of a file, or of a mapping from terms to translations. Raises what ``read_glossary`` raises."""
        if isinstance(given, str | Path):
            return cls(read_glossary(Path(given)), sources, target_language)
        found: dict[str, Term] = {}
        for source, targets in given.items():
            each = [normal(typed(target)) for target in ([targets] if isinstance(targets, str) else targets)]
            if name := normal(typed(source)):
                _add(found, Term(name, tuple(filter(None, each))))
        return cls(found.values(), sources, target_language)

    def about(self) -> dict[str, str]:
        """What translations depend on: a digest of the terms, and how stems are found."""
        digest = hashlib.sha256(json.dumps(self.terms).encode()).hexdigest()
        rules = [*dict.fromkeys(map(stems_by, self._sources)), stems_by(self._target_language)]
        return {"glossary": digest, "stems": ", ".join(rules)}

    def has_word(self, word: str) -> bool:
        """Whether a word, in any form, is one of a term."""
        return any(forms.has_word(word) for forms in self._forms)

    def find(self, text: str, any_case: bool = False) -> list[Found]:
        """The terms in a text, leftmost first, of those the longest; none overlap.

        ``any_case`` finds words in capitals in small letters, too: the text has lost its case.
        """
        words = list(words_of(text))
        stems = [[forms.stem(word.text) for word in words] for forms in self._forms]
        found, place = [], 0
        while place < len(words):
            each = (
                forms.longest(text, words, own, place, any_case) for forms, own in zip(self._forms, stems, strict=True)
            )
            hit = max(filter(None, each), key=lambda hit: hit.rank(text), default=None)
            if hit:
                found.append(Found(hit.start, hit.end, hit.term, text[hit.start : hit.end]))
            place += hit.length if hit else 1
        return found

    def form_in(self, found: Found, text: str) -> str:
        """The translation of a term as it stands in a text, inflected or not; "" if it lacks all translations.

        In German a compound that has it at one end will do. What stays as it is must be there to the letter.
        """
        if not found.term.targets:
            capitals = found.words.upper() if text.isupper() else found.words
            return next((words for words in (found.words, capitals) if has_words(text, words)), "")
        there, stems = self._target_words(text)
        for target in found.term.targets:
            if form := self._form(*self._target_words(target), text, there, stems):
                return form
        if self._has_compounds:
            nouns = [target for target in found.term.targets if len(self._target_words(target)[0]) == 1]
            compounds = (
                word.text for word in there for noun in nouns if is_compound_of(word.text, noun, self._stem_target)
            )
            return next(compounds, "")
        return ""

    def _form(
        self,
        own: Sequence[Word],
        own_stems: Sequence[str],
        text: str,
        there: Sequence[Word],
        stems: Sequence[str],
    ) -> str:
        """The first place of a text whose stems are those of a translation, as it is written there."""
        count = len(own)
        for place in range(len(there) - count + 1 if count else 0):
            if there[place].goes_on or list(own_stems[:-1]) != list(stems[place : place + count - 1]):
                continue
            last = there[place + count - 1]
            follows = own[-1].is_korean and last.text != own[-1].text and last.text.startswith(own[-1].text)
            is_form = stems[place + count - 1] == own_stems[-1] and not goes_on(text, last)
            if (follows or is_form) and are_forms(own, there[place : place + count], self._target_forms):
                return text[there[place].start : last.start + len(own[-1].text) if follows else last.end]
        return ""
