"""Random clauses and sentences, drawn from the grammar. Knows frequencies; writes no text."""

from dataclasses import replace

from . import english, hangul, lexicon, tables
from .english import words
from .korean import Stem
from .lexicon import Adjective, Verb, Word
from .phrases import JOBS, OWNED, PRONOUNS, RELATED, Phrases
from .sentences import Clause, Phrase, Sentence, Unit

ADVERBS = lexicon.pairs(tables.ADVERBS)
POSITIONS = lexicon.pairs("위에=on 아래에=under 옆에=next_to")
FURNITURE = [noun for noun in lexicon.ALL_NOUNS if noun.kind == "furniture"]
SMALL = [noun for noun in lexicon.ALL_NOUNS if noun.kind in ("thing", "food", "text") and noun.counter]
WEATHER = Phrase("날씨", "the weather", frozenset({"날씨"}), impersonal=True)
RAIN = Phrase("비가", "it", frozenset({"비"}), particle=False, impersonal=True)
SNOW = Phrase("눈이", "it", frozenset({"눈"}), particle=False, impersonal=True)
WHO = Phrase("누가", "who", particle=False)
BE_THERE, COME, BECOME = Stem("있", kind="adjective"), Stem("오"), Stem("되")

# Styles of speech, which decide pronouns and final endings: 나는 간다, 나는 가요, 저는 가요, 저는 갑니다.
SPEECHES = {"plain": 0.54, "casual": 0.08, "polite": 0.24, "formal": 0.14}
# Final marks. Lines that people write often end without a mark.
MARKS = {".": 0.69, "": 0.27, "!": 0.04}
UNASKED = 0.27  # share of questions without a question mark, where the words already show the question
OPENERS = lexicon.pairs(tables.OPENERS)

# Weights of the kinds of clauses, by tense and by place in the sentence.
TENSES = {"present": 0.4, "past": 0.38, "future": 0.22}
PRESENT = {"verb": 0.7, "copula": 0.08, "adjective": 0.1, "exist": 0.04, "located": 0.04, "rain": 0.02}
KINDS = {
    "present": PRESENT,
    "past": PRESENT | {"become": 0.02},
    "future": {"verb": 0.9, "located": 0.04, "become": 0.04, "rain": 0.02},
}
LINKS = {"because": 0.3, "if": 0.25, "when": 0.25, "then": 0.2}
SHARED = {  # with one subject for both clauses; 'because' only has states, as 집에 가서 잔다 is 'goes home and sleeps'
    "because": {"adjective": 0.7, "copula": 0.15, "located": 0.15},
    "if": {"verb": 0.7, "adjective": 0.2, "located": 0.1},
    "when": {"verb": 0.7, "adjective": 0.2, "copula": 0.1},
}
SIDES = {
    "because": {"verb": 0.45, "adjective": 0.3, "copula": 0.08, "located": 0.07, "rain": 0.1},
    "if": {"verb": 0.6, "adjective": 0.2, "copula": 0.05, "rain": 0.15},
    "when": {"verb": 0.7, "adjective": 0.12, "copula": 0.06, "rain": 0.12},
}


class Sampler(Phrases):
    """Draws clauses and sentences."""

    # clauses

    def clause(self, kinds: dict[str, float], tense: str, subject: Phrase | None = None) -> Clause:
        """A clause without time, adverb or negation."""
        kind = self.dice.weighted(kinds)
        if kind == "adjective":
            return self.adjective(subject, tense)
        if kind == "exist":
            return self.exist(tense)
        if kind == "rain":
            return self.rain(tense)
        personal = {"verb": self.verb, "copula": self.copula, "become": self.become, "located": self.located}
        return personal[kind](subject or self.someone(), tense)

    def verb(self, subject: Phrase, tense: str, asked: str = "") -> Clause:
        """A clause with a verb, its object, place and manner; ``asked`` is the part replaced by a question word."""
        verb = self.dice.pick(lexicon.ALL_VERBS)
        while not can_ask(verb, asked) or (tense == "future" and "now" in verb.marks):
            verb = self.dice.pick(lexicon.ALL_VERBS)
        ko, en, used = "", "", frozenset({verb.ko}) | subject.words
        if asked in ("what", "who"):
            ko = hangul.object_({"what": "무엇", "who": "누구"}[asked])
        elif verb.objects or verb.people:
            if verb.people and (not verb.objects or self.dice.chance(0.5)):
                phrase = self.someone_else(subject)
            else:
                phrase = self.thing(self.dice.pick(verb.objects), "generic" if "many" in verb.marks else "any")
            ko, en, used = hangul.object_(phrase.ko), phrase.en, used | phrase.words
        if verb.frame in ("give", "get"):
            person = self.someone_else(subject)
            particle, preposition = {"give": ("에게", "to"), "get": ("에게서", "from")}[verb.frame]
            ko, en = f"{person.ko}{particle} {ko}", f"{en} {preposition} {person.en}"
            used |= person.words
        manner = self.dice.pick(verb.manners) if verb.manners and self.dice.chance(0.3) else None
        if manner and verb.frame != "go":
            en = words(en, manner.en)
        if asked == "where":
            ko = words("어디에" if verb.frame == "go" else "어디에서", ko)
        elif verb.places and (verb.frame == "go" or "place" in verb.marks or self.dice.chance(0.3)):
            place, going = self.dice.pick(verb.places), verb.frame == "go"
            ko, en = words(place.ko + ("에" if going else "에서"), ko), words(en, place.to if going else place.at)
            used |= {place.ko}
        if manner:
            ko, en = words(ko, manner.ko), words(en, manner.en) if verb.frame == "go" else en
        if asked in ("when", "why"):
            ko = words({"when": "언제", "why": "왜"}[asked], ko)
        return Clause(subject, tense, ko, verb.stem, verb.en, en, used, asked=asked, origin=verb, positive=bool(manner))

    def copula(self, subject: Phrase, tense: str) -> Clause:
        """A clause with a noun as predicate: 학생이다, 내 친구다, 20살이다 (a student, my friend, 20 years old)."""
        if self.dice.chance(0.08):
            age = self.number(5, 30, 90)
            return Clause(subject, tense, f"{age}살", None, "be", f"{age} years old", subject.words)
        if self.dice.chance(0.3):
            person, owner = self.dice.pick(RELATED.get(subject.en, OWNED)), self.owner()
            ko, en = f"{owner.ko} {person.ko}", f"{owner.en} {plural_if(subject, person.en)}"
            return Clause(subject, tense, ko, None, "be", en, subject.words | owner.words | {person.ko})
        person = self.dice.pick(JOBS)
        en = a_or_plural(subject, person.en)
        return Clause(subject, tense, person.ko, None, "be", en, subject.words | {person.ko})

    def become(self, subject: Phrase, tense: str) -> Clause:
        job = self.dice.pick(JOBS)
        en = a_or_plural(subject, job.en)
        ko = hangul.subject(job.ko)
        return Clause(subject, tense, ko, BECOME, "become", en, subject.words | {job.ko, "되다"})

    def adjective(self, subject: Phrase | None, tense: str) -> Clause:
        word = self.dice.pick(lexicon.ALL_ADJECTIVES)
        while subject and not word.people:
            word = self.dice.pick(lexicon.ALL_ADJECTIVES)
        if word.weather:
            subject = WEATHER
        elif not subject:
            person = word.people and (not word.nouns or self.dice.chance(0.5))
            subject = self.someone() if person else self.thing(self.dice.pick(word.nouns), "definite")
        return Clause(subject, tense, "", word.stem, "be", word.en, subject.words | {word.ko}, origin=word)

    def located(self, subject: Phrase, tense: str) -> Clause:
        place = self.dice.pick(lexicon.ALL_PLACES)
        return Clause(subject, tense, f"{place.ko}에", BE_THERE, "be", place.at, subject.words | {place.ko})

    def exist(self, tense: str) -> Clause:
        """A clause of existence: 책상 위에 책이 있다 (there is a book on the desk)."""
        where, position = self.dice.pick(FURNITURE), self.dice.pick(POSITIONS)
        what, stem = self.thing(self.dice.pick(SMALL), "indefinite"), BE_THERE
        if self.dice.chance(0.2):
            noun, stem = self.dice.pick(SMALL), lexicon.NEGATIVES[BE_THERE.text]
            what = Phrase(noun.ko, f"no {noun.en}", frozenset({noun.ko}))
        subject = Phrase(f"{where.ko} {position.ko}", "there", what.words | {where.ko}, what.agreement, False, True)
        rest = f"{what.en} {position.en} the {where.en}"
        ko = hangul.subject(what.ko)
        return Clause(subject, tense, ko, stem, "be", rest, subject.words, positive=True)

    def rain(self, tense: str) -> Clause:
        subject, verb = self.dice.pick([(RAIN, "rain"), (SNOW, "snow")])
        return Clause(subject, tense, "", COME, verb, "", subject.words | {"오다"})

    def dress(self, clause: Clause, times: tuple[str, ...] = (), role: str = "main") -> Clause:
        """Add negation, progressive, time or adverb to a clause, where they are possible."""
        event = clause.verb in ("rain", "snow") or (
            isinstance(clause.origin, Verb) and "state" not in clause.origin.marks
        )
        future, present = clause.tense == "future", clause.tense == "present"
        if role not in ("then", "question") and not clause.positive and self.dice.chance(0.15):
            clause = self.negated(clause)
        if event and role not in ("then", "when") and not future and self.dice.chance(0.12):
            clause = replace(clause, progressive=True)
        if present and times and (clause.progressive or not event):
            times = ("now",) if role in ("main", "question") and changes(clause) else ()
        elif not event and not future and times:
            times = ("past",) if clause.stem else ()
        if clause.asked != "when" and times and self.dice.chance(0.4 if event else 0.25):
            return replace(clause, time=self.time(times))
        simple = not future and not clause.negation and not clause.progressive and not clause.asked
        if event and simple and clause.origin and role in ("main", "because") and self.dice.chance(0.14):
            return replace(clause, adverb=self.dice.pick(ADVERBS))
        return clause

    def time(self, kinds: tuple[str, ...]) -> Word:
        """An adverbial of time: 어제, 3시에 (yesterday, at 3 o'clock)."""
        if "any" in kinds and self.dice.chance(0.12):
            hour = self.number(1, 12, 12)
            return Word(f"{hour}시에", f"at {hour} o'clock")
        return self.dice.pick([time for kind in kinds for time in lexicon.ALL_TIMES[kind]])

    def negated(self, clause: Clause) -> Clause:
        """The clause, negated: 안 간다, 가지 않는다, 학생이 아니다, 없다, 모른다."""
        stem = clause.stem
        if stem == BECOME:  # 안 된다 is 'must not'
            return clause
        if stem and stem.text in lexicon.NEGATIVES:
            return replace(clause, stem=lexicon.NEGATIVES[stem.text], negation="not")
        marked = isinstance(clause.origin, Verb) and "long" in clause.origin.marks
        long = stem is None or marked or len(stem.text) > 2 or stem.text.endswith("하") or self.dice.chance(0.5)
        return replace(clause, negation="long" if long else "short")

    # sentences

    def sentence(self, clauses: int) -> Sentence:
        """A sentence with this number of clauses."""
        style = self.speak()
        tense = self.dice.weighted(TENSES)
        question = self.dice.chance(0.2)
        units: list[Unit] = []
        joints: list[str] = []
        while clauses:
            size = 2 if clauses > 1 and self.dice.chance(0.55) else 1
            clauses -= size
            asking = question and not clauses and joints[-1:] != ["and"]
            unit = self.unit(size, tense, asking)
            while (units and unit.main.subject == units[-1].main.subject) or (asking and unit.main.subject.en == "I"):
                unit = self.unit(size, tense, asking)
            units.append(unit)
            if clauses:
                joints.append(self.dice.weighted({"and": 0.35, "but": 0.3, "also": 0.15, "next": 0.2}))
                if joints[-1] != "and" and self.dice.chance(0.4):
                    tense = self.dice.weighted(TENSES)
        opener = self.dice.pick(OPENERS) if not question and self.dice.chance(0.05) else None
        return Sentence(tuple(units), tuple(joints), style, asking, self.mark(style, asking, unit.main), opener)

    def speak(self) -> str:
        """Choose the style of speech; return the style of the final endings."""
        speech = self.dice.weighted(SPEECHES)
        self.speech = "polite" if speech == "formal" else speech
        return "polite" if speech == "casual" else speech

    def mark(self, style: str, asking: bool, last: Clause) -> str:
        """The final mark; 민수는 가요 is a question only with a mark, 민수는 가니 and 누가 가요 without one, too."""
        if not asking:
            return self.dice.weighted(MARKS)
        evident = style != "polite" or last.asked
        return "" if evident and self.dice.chance(UNASKED) else "?"

    def unit(self, clauses: int, tense: str, question: bool) -> Unit:
        role = "question" if question else "main"
        times = (tense, "any")
        if clauses == 1:
            if question and self.dice.chance(0.5):
                return Unit(self.dress(self.wh_question(tense), times, role))
            return Unit(self.dress(self.clause(KINDS[tense], tense), times, role))
        link = self.dice.weighted(LINKS | ({"if": 0} if tense == "past" else {}))
        if link == "then":
            subject = self.someone()
            first = self.dress(self.verb(subject, tense), times, link)
            return Unit(self.verb(subject, tense), link, first, shared=True)
        side_tense = "past" if tense == "past" else "present"
        main = self.clause(KINDS[tense], tense)
        shared = main.subject.ko in {pronoun.ko for pronoun in PRONOUNS} and self.dice.chance(0.5)
        kinds = SHARED[link] if shared else SIDES[link]
        if side_tense == "present" and link == "when":
            kinds = kinds | {"copula": 0}  # not: when I am a student
        side = self.clause(kinds, side_tense, main.subject if shared else None)
        while not shared and side.subject == main.subject:
            side = self.clause(kinds, side_tense)
        timed = link != "because" and self.dice.chance(0.3)
        side_times = {"if": ("any",), "when": ("past", "any") if tense == "past" else ("any",)}.get(link, ())
        side = self.dress(side, side_times if timed else (), link)
        return Unit(self.dress(main, () if timed else times, role), link, side, shared)

    def wh_question(self, tense: str) -> Clause:
        asked = self.dice.weighted({"what": 0.25, "where": 0.25, "when": 0.15, "why": 0.15, "whom": 0.1, "who": 0.1})
        if asked == "who":
            return replace(self.verb(WHO, tense), asked="who")
        return self.verb(self.someone(), tense, asked.removesuffix("m"))


def plural_if(subject: Phrase, noun: str) -> str:
    return english.plural(noun) if subject.agreement == "plural" else noun


def a_or_plural(subject: Phrase, noun: str) -> str:
    return english.plural(noun) if subject.agreement == "plural" else english.article(noun)


def changes(clause: Clause) -> bool:
    """Whether a clause may have 'now': he is busy now, he is reading now; but not: the book is long now."""
    if isinstance(clause.origin, Adjective):
        return clause.origin.people or clause.origin.weather
    return clause.progressive or clause.origin is None


def can_ask(verb: Verb, asked: str) -> bool:
    """Whether the verb can have the part that is asked for."""
    what = bool(verb.objects) and "told" not in verb.marks
    return {"what": what, "who": verb.people, "where": bool(verb.places)}.get(asked, True)
