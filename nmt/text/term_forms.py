"""Forms of terms: which words of a text are those of a term, inflected as one language does it, or cased otherwise.

Terms are sequences of stems in one dictionary, so the time for a line does not grow with their number. A term begins
and ends where words do (``nmt.text.edges``): a Korean particle may follow, and scripts without spaces have no longer
words. A word in capitals, such as US, is not found where the text has it in small letters. Knows words and one
language; no translations.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from nmt.text.edges import JOINED, KOREAN, OPEN, edge, joins
from nmt.text.stems import Stem, inflection, stemmer
from nmt.text.words import UNSPACED

LONGEST_KOREAN = 32  # syllables of a word that particles may follow
SHORTER = 2  # letters that a form of a word lacks at most: fewer are another word
_HANGUL = "\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff"
_WORD = re.compile(rf"[{_HANGUL}]+|[{UNSPACED}]|[^\W{_HANGUL}{UNSPACED}]+|[^\w\s]")


class Term(NamedTuple):
    """A term of the source language, and translations of which any one will do; none: it stays as it is."""

    source: str
    targets: tuple[str, ...] = ()


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


class Hit(NamedTuple):
    """A term in a text, from ``start`` to before ``end``, in characters; ``length`` is its number of words."""

    start: int
    end: int
    length: int
    term: Term

    def rank(self, text: str) -> tuple[int, int, bool, bool]:
        """The higher, the better of those that begin at one place: longer, or more like what the text has."""
        return self.length, self.end, *likeness(self.term, text[self.start : self.end])


class Forms:
    """Terms by the stems of their words in a language ("": unknown)."""

    def __init__(self, terms: Iterable[Term], language: str) -> None:
        self.stem, self._inflected = stemmer(language), inflection(language)
        self.by_stems: dict[tuple[str, ...], list[Entry]] = {}
        self._stems: set[str] = set()
        counts: dict[str, set[int]] = {}
        for term in terms:
            words, stems = stemmed(term.source, self.stem)
            self._stems.update(stems)
            self.by_stems.setdefault(tuple(stems), []).append((term, words))
            counts.setdefault(stems[0], set()).add(len(stems))
        # For each first stem the numbers of words of terms that begin with it, most first.
        self._counts = {stem: sorted(numbers, reverse=True) for stem, numbers in counts.items()}

    def has_word(self, word: str) -> bool:
        """Whether a word, in any form, is one of a term."""
        return self.stem(word) in self._stems

    def longest(self, text: str, words: Sequence[Word], stems: Sequence[str], place: int, any_case: bool) -> Hit | None:
        """The longest term that begins with the word at ``place`` of a text's ``words`` with their ``stems``."""
        first = words[place]
        counts = [] if first.goes_on else self._counts.get(stems[place], [])
        if first.is_korean and not first.goes_on and 1 not in counts:
            counts = [*counts, 1]
        for count in counts:
            if place + count > len(words):
                continue
            last, before = words[place + count - 1], tuple(stems[place : place + count - 1])
            ends = [] if goes_on(text, last) else [(last.end, stems[place + count - 1])]
            if last.is_korean:  # a particle may follow
                ends += [
                    (last.start + length, last.text[:length])
                    for length in range(min(len(last.text) - 1, LONGEST_KOREAN), 0, -1)
                ]
            for end, stem in ends:
                entries = self.by_stems.get((*before, stem))
                if entries and (
                    term := self._chosen(entries, text[first.start : end], words[place : place + count], any_case)
                ):
                    return Hit(first.start, end, count, term)
        return None

    def _chosen(self, entries: Sequence[Entry], written: str, words: Sequence[Word], any_case: bool) -> Term | None:
        """The term among those of one stem that is written so, or so but for case, or else the first."""
        terms = [term for term, own in entries if are_forms(own, words, self._inflected, any_case)]
        return max(terms, key=lambda term: likeness(term, written), default=None)


def likeness(term: Term, written: str) -> tuple[bool, bool]:
    """Whether a term is written so, and whether it is but for case."""
    return term.source == written, term.source.casefold() == written.casefold()


def are_forms(
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


def goes_on(text: str, word: Word) -> bool:
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
