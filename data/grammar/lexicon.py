"""The words of the tables as objects: what each may stand with, and its English."""

from dataclasses import dataclass, field

from .english import article, plural
from .korean import Stem
from .tables import ADJECTIVES, MANNERS, NOUNS, PLACES, TIMES, VERBS

NEGATIVES = {"알": Stem("모르", "르"), "있": Stem("없", kind="adjective")}  # know and be there


@dataclass(frozen=True)
class Noun:
    ko: str
    en: str
    kind: str
    number: str = "count"  # or "mass", "plural", "the", "bare"
    counter: str = ""

    def bare(self, adjective: str = "", generic: bool = False) -> str:
        """The English of the noun without a determiner."""
        phrase = f"{adjective} {self.en}".strip()
        if self.number == "count":
            return plural(phrase) if generic else article(phrase)
        return f"the {phrase}" if self.number == "the" else phrase


@dataclass(frozen=True)
class Place:
    ko: str
    kind: str
    to: str  # to the park, to school, home
    at: str  # in the park, at school, at home


@dataclass(frozen=True)
class Word:
    """An adverbial: the same few letters in each language."""

    ko: str
    en: str


@dataclass(frozen=True)
class Verb:
    stem: Stem
    en: str
    frame: str
    objects: tuple[Noun, ...]
    people: bool  # may the object be a person?
    places: tuple[Place, ...]
    marks: frozenset[str] = field(default_factory=frozenset)
    manners: tuple[Word, ...] = ()

    @property
    def ko(self) -> str:
        return self.stem.text + "다"


@dataclass(frozen=True)
class Adjective:
    stem: Stem
    en: str
    nouns: tuple[Noun, ...]  # that may be called so
    people: bool
    weather: bool
    before: frozenset[str]  # nouns that it may stand before

    @property
    def ko(self) -> str:
        return self.stem.text + "다"


def pairs(text: str) -> list[Word]:
    """'사과=apple 책=book' -> words; an underscore stands for a space."""
    return [Word(*item.replace("_", " ").split("=")) for item in text.split()]


def rows(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()]


def stem(cell: str, kind: str) -> Stem:
    form, _, irregular = cell.partition(":")
    return Stem(form.removesuffix("다"), irregular, kind)


def read_nouns() -> list[Noun]:
    numbers = {"*": "mass", "+": "plural", "!": "the", "~": "bare"}
    nouns = []
    for line in NOUNS.strip().splitlines():
        kind, items = line.split(maxsplit=1)
        for word in pairs(items):
            en, _, counter = word.en.partition("/")
            number = numbers.get(en[-1], "count")
            nouns.append(Noun(word.ko, en.rstrip("*+!~"), kind, number, counter))
    return nouns


def read_places() -> list[Place]:
    places = []
    for line in PLACES.strip().splitlines():
        kind, items = line.split(maxsplit=1)
        for word in pairs(items):
            preposition, the, name = word.en.replace("+", "|the |").replace("-", "||").split("|")
            to = "home" if name == "home" else f"to {the}{name}"
            places.append(Place(word.ko, kind, to, f"{preposition} {the}{name}"))
    return places


def read_times() -> dict[str, list[Word]]:
    times: dict[str, list[Word]] = {}
    for line in TIMES.strip().splitlines():
        tense, items = line.split(maxsplit=1)
        times.setdefault(tense, []).extend(pairs(items))
    return times


def read_verbs() -> list[Verb]:
    manners: dict[str, list[Word]] = {}
    for line in MANNERS.strip().splitlines():
        manner, *verbs = line.split()
        for verb in verbs:
            manners.setdefault(verb, []).extend(pairs(manner))
    found = []
    for form, en, frame, objects, where, *marks in rows(VERBS):
        found.append(
            Verb(
                stem(form, "verb"),
                en,
                frame,
                tuple(noun for noun in ALL_NOUNS if {noun.kind, noun.ko} & set(objects.split())),
                "person" in objects.split(),
                tuple(place for place in ALL_PLACES if {place.kind, place.ko} & set(where.split())),
                frozenset(" ".join(marks).split()),
                tuple(manners.get(form.partition(":")[0], ())),
            )
        )
    return found


def read_adjectives() -> list[Adjective]:
    found = []
    for form, en, kinds, *before in rows(ADJECTIVES):
        named = set(kinds.split())
        ahead = set(" ".join(before).split())
        found.append(
            Adjective(
                stem(form, "adjective"),
                en,
                tuple(noun for noun in ALL_NOUNS if {noun.kind, noun.ko} & named),
                "person" in named,
                "weather" in named,
                frozenset(noun.ko for noun in ALL_NOUNS if {noun.kind, noun.ko} & ahead),
            )
        )
    return found


ALL_NOUNS = read_nouns()
ALL_PLACES = read_places()
ALL_TIMES = read_times()
ALL_VERBS = read_verbs()
ALL_ADJECTIVES = read_adjectives()
