"""Random lines: mostly sentences, and also titles, single words and quotations. Knows no files and no sets."""

from dataclasses import replace

from . import english, hangul, lexicon
from .korean import Stem, attributive
from .lexicon import Noun
from .phrases import FAMILY, NAMES, PEOPLE
from .sampling import ADVERBS, FURNITURE, MARKS, OPENERS, POSITIONS, SMALL, TENSES, Sampler
from .sentences import Clause, Fragment, Phrase, Quotation, Sentence

Line = Sentence | Quotation | Fragment

KINDS = {  # weights by the number of clauses; titles and words count as one clause
    1: {"sentence": 0.81, "title": 0.14, "word": 0.05},
    2: {"sentence": 0.91, "quotation": 0.09},
    3: {"sentence": 0.91, "quotation": 0.09},
}
TITLES = {"described": 0.35, "placed": 0.2, "thing": 0.15, "person": 0.15, "two": 0.15}
FRAGMENT_MARKS = {"": 0.85, ".": 0.07, "?": 0.04, "!": 0.04}
QUOTES = {'""': 0.75, "“”": 0.25}
SAY, ASK = (Stem("말하"), "say"), (Stem("묻", "ㄷ"), "ask")


def single_words() -> list[Phrase]:
    """All words that may be a line by themselves: 사과, 선생님, 민수, 도서관, 내일, 천천히, 네."""
    english_of = {noun.ko: noun.bare() for noun in lexicon.ALL_NOUNS}
    english_of |= {word.ko: english.article(word.en) for word in PEOPLE}
    english_of |= {word.ko: word.en for word in FAMILY + NAMES + ADVERBS}
    for place in lexicon.ALL_PLACES:
        name = place.at.split(" ", 1)[1].removeprefix("the ")
        english_of.setdefault(place.ko, name if place.kind == "city" else english.article(name))
    english_of |= {time.ko: time.en for times in lexicon.ALL_TIMES.values() for time in times if " " not in time.ko}
    english_of |= {manner.ko: manner.en for verb in lexicon.ALL_VERBS for manner in verb.manners}
    english_of |= {word.ko: word.en for word in OPENERS}
    return [Phrase(ko, en, frozenset({ko})) for ko, en in english_of.items()]


WORDS = single_words()
ANSWERS = [phrase for phrase in WORDS if phrase.ko in {word.ko for word in OPENERS}]


class Lines(Sampler):
    """Draws lines of every kind."""

    def line(self, clauses: int) -> Line:
        """A line with this number of clauses."""
        kind = self.dice.weighted(KINDS.get(clauses, {"sentence": 1.0}))
        if kind == "sentence":
            return self.sentence(clauses)
        if kind == "quotation":
            return self.quotation(clauses)
        return Fragment(self.title() if kind == "title" else self.word(), self.dice.weighted(FRAGMENT_MARKS))

    def quotation(self, clauses: int) -> Quotation:
        """A sentence with direct speech: 민수가 "나는 집에 간다."라고 말했다 (Minsu said, "I go home.")."""
        sentence = self.sentence(clauses - 1)
        said: Sentence | Fragment = replace(sentence, mark="?") if sentence.question else sentence
        if not sentence.question and self.dice.chance(0.12):
            said = Fragment(self.dice.pick(ANSWERS), self.dice.weighted(MARKS))
        stem, verb = ASK if sentence.question else SAY
        style = self.speak()
        subject = self.someone()
        speaker = Clause(subject, self.dice.weighted(TENSES), "", stem, verb, "", subject.words | {stem.text + "다"})
        return Quotation(speaker, said, self.dice.weighted(QUOTES), style, "." if self.dice.chance(0.75) else "")

    def word(self) -> Phrase:
        return self.dice.pick(ANSWERS if self.dice.chance(0.1) else WORDS)

    def title(self) -> Phrase:
        """A noun phrase of at least two words."""
        self.speak()
        while True:
            title = self.noun_phrase()
            if " " in title.ko:
                return title

    def noun_phrase(self) -> Phrase:
        """A noun phrase: 예쁜 꽃, 책상 위의 사과, 사과 3개, 친절한 의사, 빵과 우유."""
        kind = self.dice.weighted(TITLES)
        if kind == "person":
            return self.kind_person() if self.dice.chance(0.5) else self.described(bare=0)
        if kind == "two":
            first, second = self.dice.pick(SMALL), self.dice.pick(SMALL)
            return self.both(first, second) if first != second else self.noun_phrase()
        if kind == "placed":
            return self.placed()
        return self.thing(self.dice.pick(lexicon.ALL_NOUNS), "any", 1.0 if kind == "described" else 0.2)

    def kind_person(self) -> Phrase:
        adjective = self.dice.pick([word for word in lexicon.ALL_ADJECTIVES if word.people])
        person = self.dice.pick(PEOPLE)
        en = english.article(f"{adjective.en} {person.en}")
        return Phrase(f"{attributive(adjective.stem)} {person.ko}", en, frozenset({adjective.ko, person.ko}))

    def placed(self) -> Phrase:
        where, position = self.dice.pick(FURNITURE), self.dice.pick(POSITIONS)
        what = self.thing(self.dice.pick(SMALL), "indefinite")
        ko = f"{where.ko} {position.ko.removesuffix('에')}의 {what.ko}"
        return Phrase(ko, f"{what.en} {position.en} the {where.en}", what.words | {where.ko})

    def both(self, first: Noun, second: Noun) -> Phrase:
        left, right = self.thing(first, "indefinite"), self.thing(second, "indefinite")
        return Phrase(f"{hangul.with_and(left.ko)} {right.ko}", f"{left.en} and {right.en}", left.words | right.words)
