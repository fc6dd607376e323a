"""What must be the same on both sides, and is not: numbers, placeholders, tags, addresses.

Each kind is found by the one grammar of it, in numerals.py or verbatim.py, written in one form and compared as
a bag: order is free. Knows characters; no language.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nmt.corpus.rules.rule import Chunk, Scores
from nmt.text.numerals import differing_numbers
from nmt.text.verbatim import alike, find

SMALL = 31  # numbers up to this may be days, months or hours, which languages count differently
SMALL_WEIGHT = 0.5


@dataclass(frozen=True)
class Differing:
    """A rule about one kind of things that a translation keeps: how many of them differ."""

    name: str
    about: str
    count: Callable[[str, str], float]
    normal: float
    strict: float
    unit: str = "differing items"
    highest: float = 10.0

    def learn(self, sample: Chunk) -> None:
        pass

    def judge(self, chunk: Chunk) -> Scores:
        return np.fromiter((self.count(*pair) for pair in chunk.pairs), np.float32, len(chunk))


def _numbers(source: str, target: str) -> float:
    """How many numbers of one side have another number in their place; a small one counts half.

    A number of one side alone may be spelt out on the other ("two", "2").
    """
    missing, added = differing_numbers(source, target)
    return min(sum(map(_weight, side.elements())) for side in (missing, added))


def _weight(number: str) -> float:
    return SMALL_WEIGHT if len(number) < 3 and int(number) <= SMALL else 1.0


# Translators write other dates ("%I:%M %p") and leave a variable out ("%1 video": "Ein Video").
_PLACEHOLDERS = ("printf", "field")
_ESCAPE = re.compile("%[0-9A-F]{2}", re.IGNORECASE)
_WITHOUT_END = {"br", "hr", "img", "p", "li"}  # tags of HTML
_COMPARED = re.compile(r"(?:https?|ftp)://.|[^/]*@", re.IGNORECASE)  # others are examples: file:///C:/Dokumente
_LOCAL = re.compile(r"^\w+://(?:www\.)?(?P<language>[a-z]{2,3}(?:-[a-z]{2,4})?\.(?=[^/]*\.))?", re.IGNORECASE)


def _items(text: str, *kinds: str) -> list[tuple[str, str]]:
    """The parts of a line that are of given kinds, each with its kind."""
    return [(text[start:end], kind) for start, end, kind in find(text, kinds)]


def _placeholders(source: str, target: str) -> float:
    return _differ(_placeholders_of(source), _placeholders_of(target))


def _placeholders_of(text: str) -> Counter[str]:
    """The placeholders of a line, also those of its addresses, in which %20 is none."""
    items = []
    for item, kind in _items(text, "address", *_PLACEHOLDERS):
        items += _items(_ESCAPE.sub("", item), *_PLACEHOLDERS) if kind == "address" else [(item, kind)]
    return Counter(alike(item, kind) for item, kind in items if item != "%%")


def _tags(source: str, target: str) -> float:
    return _differ(_tags_of(source), _tags_of(target))


def _tags_of(text: str) -> Counter[str]:
    return Counter(filter(None, (_tag(item) for item, _ in _items(text, "tag"))))


def _tag(item: str) -> str:
    """A closing or empty tag, or one of HTML that needs no end, in the form in which it is compared; "" for others.

    <file> alone may be a word to be translated.
    """
    name = item.strip("<> ").split()[0].casefold()
    return name.rstrip("/") if item.endswith("/>") or name[0] == "/" or name in _WITHOUT_END else ""


def _addresses(source: str, target: str) -> float:
    """Replaced addresses; http for https, and another language's subdomain or page, make no difference."""
    left, right = _addresses_of(source), _addresses_of(target)
    missing, added = left - right, right - left
    for address in list(missing):  # a/b is a page of a
        part = next((other for other in added if f"{other}/".startswith(f"{address}/")), None)
        if part:
            missing[address] -= 1
            added[part] -= 1
            missing, added = +missing, +added
    return float(min(missing.total(), added.total()))


def _addresses_of(text: str) -> Counter[str]:
    return Counter(_address(item) for item, _ in _items(text, "address") if _COMPARED.match(item))


def _address(text: str) -> str:
    """An address in the form in which it is compared; of one with a language's subdomain, the rest of the host."""
    local = _LOCAL.match(text)
    address = _LOCAL.sub("", text).rstrip("/").casefold()
    return address.partition("/")[0] if local and local["language"] else address


def _differ(left: Counter[str], right: Counter[str]) -> float:
    return float(max((left - right).total(), (right - left).total()))


NUMBERS = Differing(
    "numbers", "has a number on one side in whose place the other has a different one", _numbers, 0.5, 0.0
)
PLACEHOLDERS = Differing(
    "placeholders", "has different placeholders, such as %s, %(name)d or {0}, on its sides", _placeholders, 0.0, 0.0
)
TAGS = Differing("tags", "has different tags, such as </b> or <br/>, on its sides", _tags, 0.0, 0.0)
ADDRESSES = Differing(
    "addresses", "has a web or e-mail address in whose place the other side has a different one", _addresses, 0.0, 0.0
)
