"""A glossary: terms of the source language with their translations, found in texts by any inflected or cased form.

Terms are sequences of stems in one dictionary, so the time for a line does not grow with their number. A term begins
and ends where words do (``nmt.text.edges``): a Korean particle may follow, and scripts without spaces have no longer
words. A word in capitals, such as US, is not found where the text has it in small letters. Knows texts; no pieces and
no model.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Self

from nmt.disk.files import open_binary
from nmt.errors import DataError, shown
from nmt.text.compounds import has_compounds, is_compound_of
from nmt.text.edges import JOINED, KOREAN, OPEN, edge, has_words, joins
from nmt.text.lines import read_lines
from nmt.text.normal import normal
from nmt.text.slots import typed
from nmt.text.stems import Stem, inflection, stemmer, stems_by
from nmt.text.words import UNSPACED

LONGEST = 200  # characters of a term, or of its translation
LONGEST_KOREAN = 32  # syllables of a word that particles may follow
SHORTER = 2  # letters that a form of a word lacks at most: fewer are another word
_HANGUL = "\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff"
_WORD = re.compile(rf"[{_HANGUL}]+|[{UNSPACED}]|[^\W{_HANGUL}{UNSPACED}]+|[^\w\s]")
_MEND = "write in each line a term, a tab and its translation"


class Term(NamedTuple):
    """A term of the source language, and translations of which any one will do; none: it stays as it is."""

    source: str
    targets: tuple[str, ...] = ()


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


class Word(NamedTuple):
    """A word or mark of a text. ``goes_on``: no word begins here, as at 는 in NASA는."""

    start: int
    end: int
    text: str
    goes_on: bool

    @property
    def is_korean(self) -> bool:
        """Whether particles may follow within it."""
        return edge(self.text[0]) == KOREAN


Entry = tuple[Term, Sequence[Word]]


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
    """Finds terms in texts of one language, and their translations in texts of another, both in normal form."""

    def __init__(self, terms: Iterable[Term], source_language: str = "", target_language: str = "") -> None:
        self.terms = list(terms)
        self._languages = source_language, target_language
        self._stem_source, self._stem_target = stemmer(source_language), stemmer(target_language)
        self._source_forms, self._target_forms = inflection(source_language), inflection(target_language)
        self._has_compounds = has_compounds(target_language)
        self._by_stems: dict[tuple[str, ...], list[Entry]] = {}
        self._stems: set[str] = set()
        counts: dict[str, set[int]] = {}
        for term in self.terms:
            words = list(words_of(term.source))
            key = tuple(self._stem_source(word.text) for word in words)
            self._stems.update(key)
            self._by_stems.setdefault(key, []).append((term, words))
            counts.setdefault(key[0], set()).add(len(key))
        # For each first stem the numbers of words of terms that begin with it, most first.
        self._counts = {stem: sorted(numbers, reverse=True) for stem, numbers in counts.items()}
        self._target_words = lru_cache(1 << 11)(lambda text: stemmed(text, self._stem_target))

    @classmethod
    def of(
        cls, given: "str | Path | Mapping[str, str | Sequence[str]]", source_language: str, target_language: str
    ) -> Self:
        """The glossary of a file, or of a mapping from terms to translations. Raises what ``read_glossary`` raises."""
        if isinstance(given, str | Path):
            return cls(read_glossary(Path(given)), source_language, target_language)
        found: dict[str, Term] = {}
        for source, targets in given.items():
            each = [normal(typed(target)) for target in ([targets] if isinstance(targets, str) else targets)]
            if name := normal(typed(source)):
                _add(found, Term(name, tuple(filter(None, each))))
        return cls(found.values(), source_language, target_language)

    def about(self) -> dict[str, str]:
        """What translations depend on: a digest of the terms, and how stems are found."""
        digest = hashlib.sha256(json.dumps(self.terms).encode()).hexdigest()
        return {"glossary": digest, "stems": ", ".join(map(stems_by, self._languages))}

    def has_word(self, word: str) -> bool:
        """Whether a word, in any form, is one of a term."""
        return self._stem_source(word) in self._stems

    def find(self, text: str, any_case: bool = False) -> list[Found]:
        """The terms in a text, leftmost first, of those the longest; none overlap.

        ``any_case`` finds words in capitals in small letters, too: the text has lost its case.
        """
        words, stems = stemmed(text, self._stem_source)
        found, place = [], 0
        while place < len(words):
            count, end, term = self._longest(text, words, stems, place, any_case)
            if term:
                start = words[place].start
                found.append(Found(start, end, term, text[start:end]))
            place += count
        return found

    def _longest(
        self, text: str, words: Sequence[Word], stems: Sequence[str], place: int, any_case: bool
    ) -> tuple[int, int, Term | None]:
        """The longest term that begins with a word: its number of words, where it ends in the text, and the term.

        (1, 0, None) if none begins there.
        """
        first = words[place]
        counts = [] if first.goes_on else self._counts.get(stems[place], [])
        if first.is_korean and not first.goes_on and 1 not in counts:
            counts = [*counts, 1]
        for count in counts:
            if place + count > len(words):
                continue
            last, before = words[place + count - 1], tuple(stems[place : place + count - 1])
            ends = [] if _goes_on(text, last) else [(last.end, stems[place + count - 1])]
            if last.is_korean:  # a particle may follow
                ends += [
                    (last.start + length, last.text[:length])
                    for length in range(min(len(last.text) - 1, LONGEST_KOREAN), 0, -1)
                ]
            for end, stem in ends:
                entries = self._by_stems.get((*before, stem))
                if entries and (
                    term := self._chosen(entries, text[first.start : end], words[place : place + count], any_case)
                ):
                    return count, end, term
        return 1, 0, None

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
            is_form = stems[place + count - 1] == own_stems[-1] and not _goes_on(text, last)
            if (follows or is_form) and _are_forms(own, there[place : place + count], self._target_forms):
                return text[there[place].start : last.start + len(own[-1].text) if follows else last.end]
        return ""

    def _chosen(self, entries: Sequence[Entry], written: str, words: Sequence[Word], any_case: bool) -> Term | None:
        """The term among those of one stem that is written so, or so but for case, or else the first."""
        terms = [term for term, own in entries if _are_forms(own, words, self._source_forms, any_case)]
        for form in (str, str.casefold):
            for term in terms:
                if form(term.source) == form(written):
                    return term
        return terms[0] if terms else None


def _are_forms(
    own: Sequence[Word], words: Sequence[Word], inflected: Callable[[str, str], bool], any_case: bool = False
) -> bool:
    """Whether words with the stems of a term's ``own`` may be forms of them, ``inflected`` as the language does it.

    A word in capitals, such as US, is in capitals, or at least its beginning. A much shorter word is another one: set
    of setting.
    """
    for word, other in zip(own, words, strict=True):
        is_initials = len(word.text) > 1 and word.text.isupper()
        if is_initials and not any_case and not other.text[:2].isupper():
            return False
        if len(other.text) < len(word.text) - SHORTER:
            return False
        if not (word.is_korean or inflected(word.text, other.text)):  # what follows a Korean word is a particle
            return False
    return True


def _goes_on(text: str, word: Word) -> bool:
    """Whether a letter follows that is written together with a word and is no particle: A after 가."""
    return joins(text[word.end - 1], text[word.end : word.end + 1])


def stemmed(text: str, stem: Stem) -> tuple[list[Word], list[str]]:
    """The words of a text, and their stems."""
    words = list(words_of(text))
    return words, [stem(word.text) for word in words]


def words_of(text: str) -> Iterator[Word]:
    """The words and marks of a text; Hangul is apart from other letters, and so is each letter without spaces."""
    start = end = 0
    last, goes_on = OPEN, False  # of the word before ``end``
    for match in _WORD.finditer(text):
        this = edge(match[0][0])
        touches = match.start() == end and last != OPEN and this != OPEN
        if touches and last == this == JOINED:  # a combining mark, or what follows one
            end = match.end()
            continue
        if end:
            yield Word(start, end, text[start:end], goes_on)
        (start, end), last, goes_on = match.span(), this, touches
    if end:
        yield Word(start, end, text[start:end], goes_on)
