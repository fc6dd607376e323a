"""Clauses, and sentences of one to five clauses, written in the word order of each language. Draws nothing at random.

A clause holds its meaning once - subject, predicate, tense, negation - with the words of both languages. Clauses are
joined by forms with only one meaning each:

    A-고, B         A, and B            both tenses marked, and the same
    A-지만, B       A, but B
    A. 그리고 B     A. And B
    A. B            A. B
    A-고 B          A and B             one subject; only B has the tense
    A-아서 B        B because A         no tense in A: past if B is past, else present
    A-(으)면 B      if A, B             A is present in English
    A-(으)ㄹ 때 B   when A, B           past is marked: A-았을 때
"""

from dataclasses import dataclass, replace

from . import english, hangul, korean
from .english import words
from .korean import Stem
from .lexicon import Adjective, Verb, Word

ASKING = {"plain": "ask", "polite": "polite", "formal": "formal ask"}  # endings of questions


@dataclass(frozen=True)
class Phrase:
    """A noun phrase in both languages."""

    ko: str
    en: str
    words: frozenset[str] = frozenset()
    agreement: str = "singular"  # or "plural", "I", "you"
    particle: bool = True  # False: ko has its particle already
    impersonal: bool = False  # time precedes it: 어제 비가 왔다

    def topic(self) -> str:
        """The Korean with the topic particle."""
        return hangul.topic(self.ko) if self.particle else self.ko

    def subject(self) -> str:
        """The Korean with the subject particle."""
        return hangul.subject(self.ko) if self.particle else self.ko


@dataclass(frozen=True)
class Clause:
    """A predicate with its subject, object, place, time and adverb, in both languages."""

    subject: Phrase
    tense: str
    before: str  # Korean between the subject and the predicate, without time
    stem: Stem | None  # None: the copula, on the last word of before
    verb: str  # English, uninflected
    rest: str  # English after the verb, without time
    words: frozenset[str]
    time: Word | None = None
    adverb: Word | None = None
    negation: str = ""  # Korean: '', 'short', 'long', or 'not' if the stem itself is negative
    progressive: bool = False
    asked: str = ""  # English: where, when, what, who, why
    origin: Verb | Adjective | None = None
    positive: bool = False  # has a word that must not be negated

    def korean(self, ending: str, subject: str = "topic", tense: str = "") -> str:
        """The clause in Korean; its subject is marked as 'topic' or 'subject', or left out if ''."""
        marked = {"topic": self.subject.topic(), "subject": self.subject.subject(), "": ""}[subject]
        before, tense = self.before, tense or self.tense
        if self.stem is None:
            before, _, noun = f" {before}".rpartition(" ")
            verb = korean.copula(noun, tense, ending, bool(self.negation))
        else:
            negation = self.negation if self.negation != "not" else ""
            verb = korean.predicate(self.stem, tense, ending, negation, self.progressive)
        time = self.time.ko if self.time else ""
        adverb = self.adverb.ko if self.adverb else ""
        first, second = (time, marked) if self.subject.impersonal else (marked, time)
        return words(first, second, adverb, before, verb)

    def english(self, question: bool = False, subject: bool = True, base: bool = False) -> str:
        """The clause in English; with ``base``, only the uninflected verb phrase, as after 'will ... and'."""
        phrase = f"be {english.inflect(self.verb, 'participle')}" if self.progressive else self.verb
        time, adverb = self.time.en if self.time else "", self.adverb.en if self.adverb else ""
        if base:
            return words(phrase, self.rest, time)
        agreement = self.subject.agreement
        auxiliary, group = english.verb_group(phrase, self.tense, agreement, bool(self.negation))
        who = self.subject.en if subject else ""
        if question and self.asked != who:
            if not auxiliary:
                auxiliary, group = english.support(self.tense, agreement), phrase
            return words(self.asked, auxiliary, who, adverb, group, self.rest, time)
        return words(who, auxiliary, adverb, group, self.rest, time)


@dataclass(frozen=True)
class Unit:
    """A main clause, with or without a subordinate clause."""

    main: Clause
    link: str = ""  # '', 'because', 'if', 'when', 'then'
    side: Clause | None = None
    shared: bool = False  # both clauses have the same subject

    def korean(self, ending: str) -> str:
        if self.side is None:
            return self.main.korean(ending)
        if self.link == "then":
            return words(self.side.korean("and", tense="present"), self.main.korean(ending, subject=""))
        side = self.side.korean(self.link, subject="topic" if self.shared else "subject")
        return words(side, self.main.korean(ending, subject="" if self.shared else "topic"))

    def english(self, question: bool) -> str:
        if self.side is None:
            return self.main.english(question)
        if self.link == "then":
            base = question or self.main.tense == "future"
            return f"{self.side.english(question)} and {self.main.english(subject=False, base=base)}"
        if self.link == "because":
            return f"{self.main.english(question)} because {self.side.english()}"
        return f"{self.link} {self.side.english()}, {self.main.english(question)}"


@dataclass(frozen=True)
class Sentence:
    """Units joined to a sentence, or to several sentences on a line."""

    units: tuple[Unit, ...]
    joints: tuple[str, ...]  # between units: 'and', 'but', 'also' (그리고), 'next' (no word)
    style: str  # plain, polite or formal
    question: bool
    mark: str  # the final mark in both languages: . ! ? or none
    opener: Word | None = None  # 네, 나는 간다: Yes, I go

    @property
    def clauses(self) -> list[Clause]:
        return [clause for unit in self.units for clause in (unit.side, unit.main) if clause]

    @property
    def words(self) -> frozenset[str]:
        return frozenset().union(*(clause.words for clause in self.clauses))

    def render(self) -> tuple[str, str]:
        """The sentence in Korean and in English."""
        ko, en, start = "", "", ""
        if self.opener:
            ko, start = f"{self.opener.ko}, ", f"{self.opener.en}, "
        last = len(self.units) - 1
        for index, unit in enumerate(self.units):
            joint = self.joints[index] if index < last else "end"
            question = self.question and index == last
            clause = start + unit.english(question)
            clause = capital(clause) if self.joints[index - 1 : index] == ("next",) else clause
            start = ""
            if joint in ("and", "but"):
                ko += unit.korean(joint) + ", "
                en, start = en + clause + ", ", f"{joint} "
                continue
            mark = self.mark if index == last else "."
            ko += unit.korean(ASKING[self.style] if question else self.style) + mark
            en += clause + mark
            if joint == "also":
                ko, en, start = ko + " 그리고 ", en + " ", "And "
            elif joint == "next":
                ko, en = ko + " ", en + " "
        return ko, capital(en)


@dataclass(frozen=True)
class Quotation:
    """A sentence with direct speech: 민수가 "나는 집에 간다."라고 말했다.

    English has one final mark, Korean may have two: Minsu said, "I go home."
    """

    speaker: Clause  # 말하다 or 묻다, without an object
    said: "Sentence | Fragment"
    quotes: str  # the opening and the closing quotation mark
    style: str
    mark: str  # . or none

    @property
    def clauses(self) -> list["Clause | Fragment"]:
        return [self.speaker, *self.said.clauses]

    @property
    def words(self) -> frozenset[str]:
        return self.speaker.words | self.said.words

    def render(self) -> tuple[str, str]:
        """The sentence in Korean and in English."""
        ko, en = self.said.render()
        opening, closing = self.quotes[0], self.quotes[1]
        speaker = replace(self.speaker, before=f"{opening}{ko}{closing}라고")
        mark = "" if self.said.mark else self.mark
        return (
            speaker.korean(self.style) + self.mark,
            capital(f"{speaker.english()}, {opening}{en}{mark}{closing}"),
        )


@dataclass(frozen=True)
class Fragment:
    """A line that is not a sentence: a title or a single word. Its English begins with a capital only with a mark."""

    phrase: Phrase
    mark: str = ""

    @property
    def words(self) -> frozenset[str]:
        return self.phrase.words

    @property
    def clauses(self) -> list["Fragment"]:
        return [self]

    def render(self) -> tuple[str, str]:
        """The words in Korean and in English."""
        en = capital(self.phrase.en) if self.mark else self.phrase.en
        return self.phrase.ko + self.mark, en + self.mark


def capital(text: str) -> str:
    return text[0].upper() + text[1:]
