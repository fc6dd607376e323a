"""The words of the tables as objects, each with its English and the words it may be combined with. Knows no clauses."""

from dataclasses import dataclass, field

from .english import article, plural
from .korean import Stem
from .tables import ADJECTIVES, MANNERS, NOUNS, PLACES, TIMES, VERBS

NEGATIVES = {"알": Stem("모르", "르"), "있": Stem("없", kind="adjective")}  # not to know, not to exist


@dataclass(frozen=True)
class Noun:
    """A noun, with its kind, its grammatical number in English and its Korean counter."""

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
    """A place, with its English as a goal and as a location."""

    ko: str
    kind: str
    to: str  # to the park, to school, home
    at: str  # in the park, at school, at home


@dataclass(frozen=True)
class Word:
    """A word or adverbial that is not inflected in either language."""

    ko: str
    en: str


@dataclass(frozen=True)
class Verb:
    """A verb, with the objects, places and manners it may be combined with."""

    stem: Stem
    en: str
    frame: str
    objects: tuple[Noun, ...]
    people: bool  # whether the object may be a person
    places: tuple[Place, ...]
    marks: frozenset[str] = field(default_factory=frozenset)
    manners: tuple[Word, ...] = ()

    @property
    def ko(self) -> str:
        return self.stem.text + "다"


@dataclass(frozen=True)
class Adjective:
    """An adjective, with the subjects and nouns it may be combined with."""

    stem: Stem
    en: str
    nouns: tuple[Noun, ...]  # possible subjects
    people: bool
    weather: bool
    before: frozenset[str]  # nouns that it may precede

    @property
    def ko(self) -> str:
        return self.stem.text + "다"


def pairs(text: str) -> list[Word]:
    """Read words from text like '사과=apple 책=book', where an underscore stands for a space."""
    return [Word(*item.replace("_", " ").split("=")) for item in text.split()]


def rows(table: str) -> list[list[str]]:
    """The cells of each line of a table, which are separated by |."""
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
    all_verbs = []
    for form, en, frame, objects, where, *marks in rows(VERBS):
        all_verbs.append(
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
    return all_verbs


def read_adjectives() -> list[Adjective]:
    adjectives = []
    for form, en, kinds, *before in rows(ADJECTIVES):
        named = set(kinds.split())
        ahead = set(" ".join(before).split())
        adjectives.append(
            Adjective(
                stem(form, "adjective"),
                en,
                tuple(noun for noun in ALL_NOUNS if {noun.kind, noun.ko} & named),
                "person" in named,
                "weather" in named,
                frozenset(noun.ko for noun in ALL_NOUNS if {noun.kind, noun.ko} & ahead),
            )
        )
    return adjectives


ALL_NOUNS = read_nouns()
ALL_PLACES = read_places()
ALL_TIMES = read_times()
ALL_VERBS = read_verbs()
ALL_ADJECTIVES = read_adjectives()
