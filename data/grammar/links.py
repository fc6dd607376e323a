"""Word links of a line: which Korean word became which English word. Draws nothing at random.

A line is rendered once more with a mark on each word, which says what part of which clause it is; inside a part, the
tables say which words translate each other. Words are numbered from 0, as spaces separate them. A link is sure where
both languages have words for the same entry of the tables, ending or particle. It is possible where one language needs
a word for which the other has none: articles, do, empty it and there, be before adjectives, counters, a subject that
Korean leaves out; and between auxiliaries and the verbs beside them.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from itertools import product
from typing import NamedTuple

from . import lexicon, phrases, sampling
from .english import plural
from .korean import attributive
from .lines import WORDS, Line
from .sentences import Clause, Fragment, Phrase, Quotation, Sentence, Unit

SUBJECT, REST, TIME, ADVERB, LINK, VERB = range(6)  # parts of a clause
BETWEEN = 9  # in place of a clause's number, for words between units
FIRST = 0xE000  # private characters: FIRST + 6 × clause + part
MARK = re.compile("[\ue000-\uf8ff]")
PARTICLE = re.compile("은|는|이|가|을|를|에|에서|에게|에게서|의|과|와|")
SIGNS = re.compile(r"[.,?!\"“”]")
ARTICLES = {"a", "an", "the"}
BE = {"be", "am", "is", "are", "was", "were"}
ASKED = {"where": "어디", "when": "언제", "what": "무엇", "who": "누", "why": "왜"}


@dataclass(frozen=True)
class Word:
    """A word of a line."""

    place: int
    text: str  # without punctuation, in lower case


class Link(NamedTuple):
    """A Korean and an English word, by their places."""

    ko: int
    en: int


@dataclass(frozen=True)
class Links:
    """The links of a line; no link is in both sets."""

    sure: frozenset[Link]
    possible: frozenset[Link]

    def __str__(self) -> str:
        """As word aligners' references are written: ``0-0`` is sure, ``1p2`` possible."""
        signs = [(link, "-" if link in self.sure else "p") for link in sorted(self.sure | self.possible)]
        return " ".join(f"{link.ko}{sign}{link.en}" for link, sign in signs)


# marks


def marked(text: str, clause: int, part: int) -> str:
    """The text with a mark before each word that has none."""
    sign = chr(FIRST + 6 * clause + part)
    return " ".join(word if MARK.search(word) else sign + word for word in text.split())


def marked_phrase(phrase: Phrase, clause: int) -> Phrase:
    en = phrase.en if phrase == sampling.WHO else marked(phrase.en, clause, SUBJECT)  # sentences compares it
    return replace(phrase, ko=marked(phrase.ko, clause, SUBJECT), en=en)


@dataclass(frozen=True)
class MarkedClause(Clause):
    """A clause that marks the words it writes."""

    number: int = 0

    def korean(self, ending: str, subject: str = "topic", tense: str = "") -> str:
        return marked(super().korean(ending, subject, tense), self.number, VERB)

    def english(self, question: bool = False, subject: bool = True, base: bool = False) -> str:
        return marked(super().english(question, subject, base), self.number, VERB)


@dataclass(frozen=True)
class MarkedUnit(Unit):
    """A unit that marks the word between its clauses as the side's."""

    def english(self, question: bool) -> str:
        return marked(super().english(question), getattr(self.side, "number", 0), LINK)


@dataclass(frozen=True)
class MarkedSentence(Sentence):
    """A sentence that marks its words outside of units."""

    def render(self) -> tuple[str, str]:
        ko, en = super().render()
        return marked(ko, BETWEEN, LINK), marked(en, BETWEEN, LINK)


def marked_clause(clause: Clause, number: int) -> MarkedClause:
    def word(given: lexicon.Word | None, part: int) -> lexicon.Word | None:
        return given and lexicon.Word(marked(given.ko, number, part), marked(given.en, number, part))

    values = {field.name: getattr(clause, field.name) for field in fields(Clause)} | {
        "subject": marked_phrase(clause.subject, number),
        "before": marked(clause.before, number, REST),
        "rest": marked(clause.rest, number, REST),
        "time": word(clause.time, TIME),
        "adverb": word(clause.adverb, ADVERB),
    }
    return MarkedClause(**values, number=number)


def marked_line(line: Line) -> Line:
    """The line with marks; its clauses are numbered as in ``line.clauses``."""
    if isinstance(line, Quotation):
        return replace(line, speaker=marked_clause(line.speaker, 0), said=marked_said(line.said, 1))
    return marked_said(line, 0)


def marked_said(line: Sentence | Fragment, first: int) -> Sentence | Fragment:
    """A line without a speaker, with marks."""
    if isinstance(line, Fragment):
        return replace(line, phrase=marked_phrase(line.phrase, first))
    units = []
    for unit in line.units:
        side = unit.side and marked_clause(unit.side, first)
        first += side is not None
        units.append(MarkedUnit(marked_clause(unit.main, first), unit.link, side, unit.shared))
        first += 1
    values = {field.name: getattr(line, field.name) for field in fields(Sentence)}
    return MarkedSentence(**values | {"units": tuple(units)})


# words of parts


class Side:
    """The words of a line in one language, by clause and part."""

    def __init__(self, text: str, plain: str) -> None:
        self.parts: dict[tuple[int, int], list[Word]] = {}
        for place, (word, shown) in enumerate(zip(text.split(), plain.split(), strict=True)):
            part = divmod(ord(MARK.findall(word)[0]) - FIRST, 6)
            self.parts.setdefault(part, []).append(Word(place, SIGNS.sub("", shown).lower()))

    def part(self, clause: int, part: int) -> list[Word]:
        return self.parts.get((clause, part), [])

    def last(self, clause: int) -> Word:
        """The word that has the ending of a Korean clause: its verb, or its noun before the copula."""
        return (self.part(clause, VERB) or self.part(clause, REST))[-1]


class Linker:
    """Collects the links of a line."""

    def __init__(self, line: Line) -> None:
        self.line = line
        texts = zip(marked_line(line).render(), line.render(), strict=True)
        self.ko, self.en = (Side(*both) for both in texts)
        self.sure: set[Link] = set()
        self.possible: set[Link] = set()

    def links(self) -> Links:
        """All links. Raises ValueError when a word has none, or a word of the tables could be two."""
        quoted = isinstance(self.line, Quotation)
        inner = self.line.said if isinstance(self.line, Quotation) else self.line
        if isinstance(self.line, Quotation):
            self.clause(0, self.line.speaker)
        if isinstance(inner, Fragment):
            ko, en = (side.part(int(quoted), SUBJECT) for side in (self.ko, self.en))
            whole = any((inner.phrase.ko, inner.phrase.en) == (phrase.ko, phrase.en) for phrase in WORDS)
            self.entry(ko, en) if whole else self.nouns(ko, en)
        else:
            self.sentence(inner, int(quoted))
        self.check()
        return Links(frozenset(self.sure), frozenset(self.possible - self.sure))

    def check(self) -> None:
        words = (link for link in self.sure | self.possible)
        ko, en = (set(places) for places in zip(*words, strict=True))
        texts = self.line.render()
        if len(ko) != len(texts[0].split()) or len(en) != len(texts[1].split()):
            raise ValueError(f"a word has no link: {texts}, {sorted(self.sure | self.possible)}")

    def add(self, ko: Iterable[Word], en: Iterable[Word], sure: bool = True) -> None:
        links = {Link(left.place, right.place) for left, right in product(ko, en)}
        (self.sure if sure else self.possible).update(links)

    def entry(self, ko: Sequence[Word], en: Sequence[Word]) -> None:
        """Link the words of one entry of the tables: one to one if they are equally many, else all with all."""
        content = [word for word in en if word.text not in ARTICLES] or en
        if len(ko) == len(content):
            for left, right in zip(ko, content, strict=True):
                self.add([left], [right])
        else:
            self.add(ko, content)
        self.add(ko[-1:], [word for word in en if word not in content], sure=False)

    # clauses

    def sentence(self, sentence: Sentence, first: int) -> None:
        """Link a sentence whose clauses are numbered from ``first``, and the words between its units."""
        spare_ko, spare_en = (iter(side.part(BETWEEN, LINK)) for side in (self.ko, self.en))
        if sentence.opener:
            self.add([next(spare_ko)], [next(spare_en)])
        for unit, joint in zip(sentence.units, (*sentence.joints, ""), strict=True):
            side, main = first, first + (unit.side is not None)
            if unit.side:
                self.clause(side, unit.side)
                self.add([self.ko.last(side)], self.en.part(side, LINK))
            self.clause(main, unit.main)
            if unit.shared:
                self.add(self.ko.part(side, SUBJECT), self.en.part(main, SUBJECT), sure=False)
            if unit.link == "then":  # both verbs share the auxiliary, which only the last Korean one has
                auxiliaries = [word for word in self.en.part(side, VERB) if word.text in ("will", "do", "does", "did")]
                self.auxiliaries(self.ko.part(main, VERB), auxiliaries[:1])
            if joint:
                ko = [next(spare_ko)] if joint == "also" else [self.ko.last(main)]
                self.add(ko, [next(spare_en)] if joint != "next" else [])
            first = main + 1

    def clause(self, number: int, clause: Clause) -> None:
        """Link the words of one clause."""
        (ko_subject, en_subject), (ko_rest, en_rest), ko_en_time, ko_en_adverb = (
            (self.ko.part(number, part), self.en.part(number, part)) for part in (SUBJECT, REST, TIME, ADVERB)
        )
        for ko, en in (ko_en_time, ko_en_adverb):
            if ko:
                self.entry(ko, en)
        verb, en_verb = self.ko.part(number, VERB), self.en.part(number, VERB)
        if clause.asked:
            words = [word for word in (*ko_subject, *ko_rest) if word.text.startswith(ASKED[clause.asked])]
            self.add(words, en_verb[:1])
            en_verb = en_verb[1:]
            ko_rest = [word for word in ko_rest if word not in words]
        exists = clause.subject.en == "there"
        adjective = isinstance(clause.origin, lexicon.Adjective)
        if exists:
            self.nouns([*ko_subject, *ko_rest], [word for word in en_rest if word.text != "no"])
            self.add(verb[-1:], en_subject, sure=False)
            self.add(verb[-1:], [word for word in en_rest if word.text == "no"])
        elif en_subject and ko_subject:
            self.subject(clause, ko_subject, en_subject)
        if adjective:
            self.add(stem_words(verb), en_rest)
            self.add(verb, en_rest, sure=False)
        elif not exists:
            self.nouns(ko_rest, en_rest, ends=clause.stem is None)
        self.predicate(clause, verb or ko_rest[-1:], en_verb)
        if clause.subject in (sampling.RAIN, sampling.SNOW):
            self.add(ko_subject, en_verb[-1:])

    def subject(self, clause: Clause, ko: list[Word], en: list[Word]) -> None:
        if clause.subject in (sampling.RAIN, sampling.SNOW):
            self.add(ko, en, sure=False)
        elif len(ko) == 1:
            self.entry(ko, en)
        else:
            self.nouns(ko, en)

    def predicate(self, clause: Clause, ko: list[Word], en: list[Word]) -> None:
        """Link a verb with its auxiliaries and negation."""
        count = 0 if clause.verb == "be" else len(clause.verb.split())
        main = en[len(en) - count :]
        self.add(stem_words(ko), main)
        others = en[: len(en) - count]
        self.auxiliaries(ko, [word for word in others if word.text in ("will", "do", "does", "did")])
        self.add(negation_words(clause, ko), [word for word in others if word.text == "not"])
        be = [word for word in others if word.text in BE]
        if clause.progressive:
            self.add([word for word in ko if word.text.startswith("있")][-1:], be)
        elif not isinstance(clause.origin, lexicon.Adjective):
            self.add(ko[-1:] if clause.stem is None else stem_words(ko), be)
        self.add(ko, en, sure=False)

    def auxiliaries(self, ko: list[Word], en: list[Word]) -> None:
        """Link will with 것이다; do has no counterpart of its own."""
        self.add([word for word in ko if word.text[0] in "거것겁"], [word for word in en if word.text == "will"])
        self.add(ko, en, sure=False)

    # noun phrases

    def nouns(self, ko: list[Word], en: list[Word], ends: bool = False) -> None:
        """Link noun phrases, places and manners; with ``ends`` the last word has the copula."""
        free = {word.place: word for word in en}
        heads = [self.head(word, free, ends and word is ko[-1]) for word in ko]
        before = [list(takewhile_free(head, free)) for head in heads]
        for index in range(len(ko)):
            if heads[index] is None:
                self.modifier(index, ko, heads, before)
        free = {place: word for place, word in free.items() if place not in {link.en for link in self.sure}}
        for index, word in enumerate(ko):
            if heads[index] is None and word.place not in {link.ko for link in self.sure}:
                self.pronoun(word, free)
        for word in free.values():
            self.leftover(word, ko, heads)

    def head(self, word: Word, free: dict[int, Word], copula: bool) -> list[Word] | None:
        """The English words of a noun, place, name or manner, which are then taken; None for other words."""
        found: dict[tuple[int, ...], tuple[int, int]] = {}
        for ko, phrase in entries():
            if word.text.startswith(ko) and (copula or PARTICLE.fullmatch(word.text[len(ko) :])):
                for places in occurrences(phrase, free):
                    found[places] = max(found.get(places, (0, 0)), (len(ko), len(places)))
        if age := re.match(r"(\d+)살", word.text):
            found.update(dict.fromkeys(occurrences((age[1], "years", "old"), free), (9, 9)))
        if not found:
            return None
        best = max(found.values())
        chosen = [places for places, quality in found.items() if quality == best]
        if len(chosen) > 1:
            raise ValueError(f"{word.text} may be two words: {free}")
        taken = [free.pop(place) for place in chosen[0]]
        self.entry([word], taken)
        return taken

    def modifier(self, index: int, ko: list[Word], heads: list[list[Word] | None], before: list[list[Word]]) -> None:
        """Link a determiner, owner, adjective, number or counter with a word before its noun's English."""
        text, left = ko[index].text, ko[index - 1].text if index else ""

        def english_number(written: str, noun: int) -> list[Word]:
            return [word for word in before[noun] if word.text == numbers().get(written)] if noun >= 0 else []

        if digits := re.match(r"\d+", text):
            self.add([ko[index]], [word for word in before[index - 1] if word.text == digits[0]])
        elif number := english_number(text, index - 1):
            self.add([ko[index]], number)
        elif number := english_number(left, index - 2):
            self.add([ko[index]], [*number, *(heads[index - 2] or [])], sure=False)
        else:
            noun = next((place for place in range(index, len(ko)) if heads[place]), index)
            self.add([ko[index]], [word for word in before[noun] if word.text in modifiers().get(text, set())])

    def pronoun(self, word: Word, free: dict[int, Word]) -> None:
        """Link an object that is a pronoun."""
        for pronoun in phrases.PRONOUNS:
            if word.text.startswith(pronoun.ko) and PARTICLE.fullmatch(word.text[len(pronoun.ko) :]):
                places = [place for place, en in free.items() if en.text == pronoun.en_object]
                if len(places) > 1:
                    raise ValueError(f"{word.text} may be two words: {free}")
                for place in places:
                    self.add([word], [free.pop(place)])

    def leftover(self, word: Word, ko: list[Word], heads: list[list[Word] | None]) -> None:
        """Link an article with its noun, to and from with the person, and with the word before it."""
        if word.text in ARTICLES:
            after = [(head[0].place, left) for left, head in zip(ko, heads, strict=True) if head]
            _, noun = min((item for item in after if item[0] > word.place), key=lambda item: item[0])
            self.add([noun], [word], sure=False)
        endings = {"to": ("에게",), "from": ("에게서",), "and": ("과", "와")}.get(word.text, ())
        self.add([left for left in ko if left.text.endswith(endings)] if endings else [], [word])


def takewhile_free(head: list[Word] | None, free: dict[int, Word]) -> Iterator[Word]:
    """The words of no other noun that stand before a noun, from the nearest on."""
    place = head[0].place - 1 if head else -1
    while place in free:
        yield free[place]
        place -= 1


def stem_words(ko: list[Word]) -> list[Word]:
    """The word with the stem of a predicate: the first that is not 안."""
    return [word for word in ko if word.text != "안"][:1]


def negation_words(clause: Clause, ko: list[Word]) -> list[Word]:
    """The word that negates a predicate."""
    starts = {"short": "안", "long": "아니" if clause.stem is None else "않"}.get(clause.negation)
    return [word for word in ko if word.text.startswith(starts)][-1:] if starts else stem_words(ko)


def occurrences(phrase: tuple[str, ...], free: dict[int, Word]) -> Iterator[tuple[int, ...]]:
    """The places where the words of a phrase stand side by side."""
    for place in free:
        places = tuple(range(place, place + len(phrase)))
        if all(at in free and free[at].text == word for at, word in zip(places, phrase, strict=True)):
            yield places


@cache
def entries() -> list[tuple[str, tuple[str, ...]]]:
    """(Korean, English words) of all nouns, people, places and manners, with plurals."""
    people = [(word.ko, word.en) for word in (*phrases.PEOPLE, *phrases.FAMILY, *phrases.NAMES)]
    nouns = [*((noun.ko, noun.en) for noun in lexicon.ALL_NOUNS), *people]
    found = [(ko, form) for ko, en in nouns for form in (en, plural(en))]
    found += [(place.ko, form) for place in lexicon.ALL_PLACES for form in (place.to, place.at)]
    found += [(manner.ko, manner.en) for verb in lexicon.ALL_VERBS for manner in verb.manners]
    found += [(position.ko.removesuffix("에"), position.en) for position in sampling.POSITIONS]
    found += [("날씨", "weather")]
    return [(ko, tuple(en.lower().split())) for ko, en in dict.fromkeys(found)]


@cache
def modifiers() -> dict[str, set[str]]:
    """Determiners, owners and adjectives before nouns, with their English."""
    found = {"그": {"the"}, "이": {"this", "these"}}
    found |= {pronoun.ko_owner: {pronoun.en_owner} for pronoun in phrases.PRONOUNS}
    found |= {f"{name.ko}의": {f"{name.en}'s".lower()} for name in phrases.NAMES}
    return found | {attributive(word.stem): {word.en} for word in lexicon.ALL_ADJECTIVES}


@cache
def numbers() -> dict[str, str]:
    return {number.ko: number.en for number in phrases.NUMBERS}


def links(line: Line) -> Links:
    """The word links of a line, from Korean to English."""
    return Linker(line).links()
