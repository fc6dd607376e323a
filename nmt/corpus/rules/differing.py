"""What must be the same on both sides, and is not: numbers, placeholders, tags, addresses.

Each kind is found by a regular expression, written in one form, and compared as a bag: order is free. Knows characters;
no language.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nmt.corpus.rules.rule import Chunk, Scores
from nmt.text.numerals import differing_numbers

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


# 100%cotton has none; %1d is Qt's %1 with a unit, and so may %1 and %2 follow each other: %1%2.
_PLACEHOLDER = re.compile(
    r"%%|(?<!\d)%(?:(?P<order>\d+)\$)?(?:\(\w+\))?[-+#0']*(?!1[a-z])\d*(?:\.\d+)?(?:hh|h|ll|l|L|q|j|z|t)?[diouxXeEfFgGcs]"
    r"|\{\w*(?:![rsa])?(?::[^{}]*)?\}|\$\{\w+\}|%[^\W\d]\w*%|@@?[A-Z_]+@"
)
_ORDER = re.compile(r"(?<=%)\d+\$|(?<=\w):[^{}]*(?=\})")
# Closing and empty tags; <file> alone may be a word to be translated.
_TAG = re.compile(r"</[A-Za-z][\w:.-]*\s*>|<[A-Za-z][\w:.-]*(?=[^<>]*/>)|<(?:br|hr|img|p|li)\b", re.IGNORECASE)
# In ASCII alone: Korean particles and Chinese text follow an address without a space.
_ADDRESS = re.compile(
    r"(?:https?|ftp)://[^\s<>\"'()\[\]{}|\u0080-\U0010ffff]*[\w/]|(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+",
    re.IGNORECASE | re.ASCII,
)
_LOCAL = re.compile(r"^\w+://(?:www\.)?(?P<language>[a-z]{2,3}(?:-[a-z]{2,4})?\.(?=[^/]*\.))?", re.IGNORECASE)


def _placeholders(source: str, target: str) -> float:
    return _differ(_PLACEHOLDER, source, target, lambda item: "" if item == "%%" else _ORDER.sub("", item))


def _tags(source: str, target: str) -> float:
    return _differ(_TAG, source, target, lambda item: item.strip("<> ").casefold())


def _addresses(source: str, target: str) -> float:
    """Replaced addresses; http for https, and another language's subdomain or page, make no difference."""
    left, right = (Counter(map(_address, _ADDRESS.findall(text))) for text in (source, target))
    missing, added = left - right, right - left
    for address in list(missing):  # a/b is a page of a
        part = next((other for other in added if f"{other}/".startswith(f"{address}/")), None)
        if part:
            missing[address] -= 1
            added[part] -= 1
            missing, added = +missing, +added
    return float(min(missing.total(), added.total()))


def _address(text: str) -> str:
    """An address in the form in which it is compared; of one with a language's subdomain, the rest of the host."""
    local = _LOCAL.match(text)
    address = _LOCAL.sub("", text).rstrip("/").casefold()
    return address.partition("/")[0] if local and local["language"] else address


def _differ(pattern: re.Pattern[str], source: str, target: str, form: Callable[[str], str]) -> float:
    left, right = (Counter(form(match[0]) for match in pattern.finditer(text)) for text in (source, target))
    if not left and not right:
        return 0.0
    del left[""], right[""]
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
