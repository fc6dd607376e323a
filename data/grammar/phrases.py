"""Random noun phrases: 나, 내 친구, 그 예쁜 꽃, 사과 두 개. Knows no predicates."""

from typing import NamedTuple

from . import english, lexicon, tables
from .dice import Dice
from .english import words
from .korean import attributive
from .lexicon import Noun, Word
from .sentences import Phrase


class Pronoun(NamedTuple):
    """A pronoun in both languages, as subject, object and owner."""

    ko: str
    en: str
    en_object: str
    ko_owner: str
    en_owner: str
    agreement: str
    speech: str  # its styles of speech: plain (나는 간다), casual (나는 가요), polite (저는 가요)


PRONOUNS = [
    Pronoun(*line.split())
    for line in """
    나   I    me   내     my    I        plain,casual
    저   I    me   제     my    I        polite
    너   you  you  네     your  you      plain
    당신 you  you  당신의 your  you      casual,polite
    그   he   him  그의   his   singular plain,casual,polite
    그녀 she  her  그녀의 her   singular plain,casual,polite
    우리 we   us   우리   our   plural   plain,casual,polite
    그들 they them 그들의 their plural   plain,casual,polite
    """.strip().splitlines()
]
FIRST_PERSON = {"나", "저", "우리"}
NAMES, JOBS, FAMILY = (lexicon.pairs(text) for text in (tables.NAMES, tables.JOBS, tables.FAMILY))
PEOPLE = JOBS + lexicon.pairs(tables.PEOPLE)
OWNED = [person for person in PEOPLE if person.ko in tables.OWNED]
RELATED = {  # relations of "he" and of "she" to another person
    "he": [*OWNED, *(person for person in FAMILY if person.en.endswith(("father", "brother", "son")))],
    "she": [*OWNED, *(person for person in FAMILY if not person.en.endswith(("father", "brother", "son")))],
}
DETERMINERS = {
    "any": {"bare": 0.5, "the": 0.15, "this": 0.1, "owner": 0.2, "number": 0.1},
    "generic": {"bare": 0.6, "the": 0.15, "this": 0.1, "owner": 0.15},
    "definite": {"the": 0.4, "this": 0.25, "owner": 0.35},
    "indefinite": {"bare": 0.6, "number": 0.4},
}
THE, THIS, THESE = Phrase("그", "the"), Phrase("이", "this"), Phrase("이", "these")
NUMBERS = lexicon.pairs("한=one 두=two 세=three 네=four 다섯=five")


class Phrases:
    """Draws noun phrases; ``speech`` is the style of speech, which limits the pronouns."""

    def __init__(self, dice: Dice) -> None:
        self.dice = dice
        self.speech = "plain"

    def pronoun(self, avoid: str = "") -> Pronoun:
        """A pronoun of the current style of speech, other than ``avoid``; with 'I', neither 'me' nor 'us'."""
        barred = FIRST_PERSON if avoid in FIRST_PERSON else {avoid}
        return self.dice.pick(
            [pronoun for pronoun in PRONOUNS if self.speech in pronoun.speech.split(",") and pronoun.ko not in barred]
        )

    def owner(self) -> Phrase:
        """An owner: 내 / my, 민수의 / Minsu's."""
        if self.dice.chance(0.25):
            name = self.named()
            return Phrase(f"{name.ko}의", f"{name.en}'s", name.words)
        pronoun = self.pronoun()
        return Phrase(pronoun.ko_owner, pronoun.en_owner)

    def named(self, avoid: str = "") -> Phrase:
        """A person by name, other than ``avoid``."""
        name = self.dice.pick([name for name in NAMES if name.ko != avoid])
        return Phrase(name.ko, name.en, frozenset({name.ko}))

    def described(self, bare: float) -> Phrase:
        """A person by role: 그 선생님, 내 친구, 그의 어머니; ``bare`` is the weight of phrases without a determiner."""
        if self.dice.chance(0.3):
            person, first = self.dice.pick(FAMILY), self.owner()
        else:
            person = self.dice.pick(PEOPLE)
            owned = 0.6 if person.ko in tables.OWNED else 0
            choice = self.dice.weighted({"bare": bare, "the": 0.5, "this": 0.15, "owner": owned})
            if choice == "bare":
                return Phrase(person.ko, english.article(person.en), frozenset({person.ko}))
            first = {"the": THE, "this": THIS}.get(choice) or self.owner()
        return Phrase(f"{first.ko} {person.ko}", f"{first.en} {person.en}", first.words | {person.ko})

    def someone(self) -> Phrase:
        """A person as a subject."""
        choice = self.dice.weighted({"pronoun": 0.45, "name": 0.3, "described": 0.25})
        if choice == "pronoun":
            pronoun = self.pronoun()
            return Phrase(pronoun.ko, pronoun.en, frozenset({pronoun.ko}), pronoun.agreement)
        return self.named() if choice == "name" else self.described(bare=0)

    def someone_else(self, subject: Phrase) -> Phrase:
        """A person as an object, other than the subject."""
        choice = self.dice.weighted({"pronoun": 0.3, "name": 0.35, "described": 0.35})
        if choice == "pronoun":
            pronoun = self.pronoun(avoid=subject.ko)
            return Phrase(pronoun.ko, pronoun.en_object, frozenset({pronoun.ko}))
        return self.named(avoid=subject.ko) if choice == "name" else self.described(bare=0.4)

    def number(self, low: int = 1, common: int = 12, high: int = 99) -> int:
        """A number to be written in digits, from ``low`` to ``common`` in most cases and else to ``high``."""
        return low + int(self.dice.random() * ((common if self.dice.chance(0.7) else high) - low + 1))

    def thing(self, noun: Noun, manner: str = "any", described: float = 0.2) -> Phrase:
        """A noun with determiner, adjective or number: 책, 그 예쁜 꽃, 민수의 가방, 사과 두 개, 사과 3개.

        manner is any, definite (그 책), indefinite (책, 책 두 권), or generic, where 사과 is 'apples'.
        described is the probability of an adjective, if the noun may have one.
        """
        used = frozenset({noun.ko})
        if noun.number == "bare":
            return Phrase(noun.ko, noun.en, used)
        ko, en, adjective = noun.ko, noun.en, ""
        agreement = "plural" if noun.number == "plural" else "singular"
        before = [word for word in lexicon.ALL_ADJECTIVES if noun.ko in word.before]
        if before and manner not in ("definite", "generic") and self.dice.chance(described):
            chosen = self.dice.pick(before)
            ko, adjective, used = f"{attributive(chosen.stem)} {ko}", chosen.en, used | {chosen.ko}
        choice = self.dice.weighted(DETERMINERS[manner])
        if choice == "number" and noun.counter:
            digits = str(self.number()) if self.dice.chance(0.6) else ""
            count = Word(digits, digits) if digits else self.dice.pick(NUMBERS)
            single = count.en in ("one", "1")
            en = words(count.en, adjective, en if single else english.plural(en))
            counted = f"{ko} {count.ko}{'' if digits else ' '}{noun.counter}"
            return Phrase(counted, en, used, agreement if single else "plural")
        if choice in ("bare", "number"):
            return Phrase(ko, noun.bare(adjective, manner == "generic"), used, agreement)
        this = THESE if agreement == "plural" else THIS
        first = {"the": THE, "this": this}.get(choice) or self.owner()
        return Phrase(f"{first.ko} {ko}", words(first.en, adjective, en), used | first.words, agreement)
