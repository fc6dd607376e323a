"""Numbers written in digits, in a form in which both sides of a pair can be compared. Knows characters; no language."""

import re
from collections import Counter
from typing import Final

_POWERS: Final = "천백만억조千百万億兆萬"
# 1억2000만 and 8만1000 are numbers as wholes.
_NUMBER: Final = re.compile(rf"\d(?:[\d.,:/'’\u00a0\u202f–-]*\d)?(?:[{_POWERS}]\s?\d(?:[\d.,]*\d)?)*[{_POWERS}]?")
_NO_DIGIT: Final = re.compile(r"\D")
_POWER: Final = re.compile(f"[{_POWERS}]")
_TIME: Final = re.compile(r"(\d{1,2})[:.](\d\d)")
_APART: Final = re.compile("[:/–-]")
_GROUPED: Final = re.compile(r"\d{1,3}(?:[.,'’\u00a0\u202f]\d{3})+(?:[.,]\d+)?")
_DECIMALS: Final = re.compile(r"[.,](?:\d{1,2}|\d{4,})$")
_THOUSANDS: Final = 3  # zeros, of which a word like million stands for some times as many
_NOON: Final = 12
MOST: Final = 64  # different numbers of a side that are compared in pairs, whose count is the square


def differing_numbers(source: str, target: str) -> tuple[Counter[str], Counter[str]]:
    """The numbers that only the source has, and those that only the target has, as their digits.

    Separators and words for powers of ten make no difference: 81,000, 8만1000 and 81 thousand are the same number. So
    are a rounded one, 6.84 and 6.8, an hour of the afternoon, 3 and 15, and the parts of a date, 03.05.2024 and May 3,
    2024. The parts of a decimal are not: 69.41 is not 69 and 41.
    """
    numbers = [_NUMBER.findall(text) for text in (source, target)]
    if not any(numbers):
        return Counter(), Counter()
    left, right = (Counter(map(_digits, some)) for some in numbers)
    if left == right:
        return Counter(), Counter()
    missing, added = _unlike(*numbers)
    if missing and added:
        lacking, new = _unlike(*([part for number in some for part in _parts(number)] for some in (missing, added)))
        if not (lacking and new):
            missing, added = lacking, new
    return Counter(map(_digits, missing)), Counter(map(_digits, added))


def _unlike(source: list[str], target: list[str]) -> tuple[list[str], list[str]]:
    """Numbers of either side without an equal one on the other, and then without one that may mean the same."""
    missing, added = _left(source, target), _left(target, source)
    if max(len(missing), len(added)) > MOST:
        return missing, added
    left = []
    for number in missing:
        place = next((place for place, other in enumerate(added) if _may_be_same(number, other)), None)
        if place is None:
            left.append(number)
        else:
            del added[place]
    return left, added


def _left(numbers: list[str], others: list[str]) -> list[str]:
    """The numbers that have no equal among others, each of which counts once."""
    there, left = Counter(map(_digits, others)), []
    for number in numbers:
        digits = _digits(number)
        if there[digits]:
            there[digits] -= 1
        else:
            left.append(number)
    return left


def _parts(number: str) -> list[str]:
    """The parts of a date, a list, a range or a fraction; any other number by itself."""
    parts = [part for part in _NO_DIGIT.split(number) if part]
    is_list = len(parts) > 2 and not _GROUPED.fullmatch(number)
    return parts if is_list or _APART.search(number) or ".." in number else [number]


def _digits(number: str) -> str:
    return _NO_DIGIT.sub("", number).lstrip("0") or "0"


def _may_be_same(number: str, other: str) -> bool:
    """Whether two numbers whose digits differ are one, written with words, rounded, or by another clock."""
    short, long = sorted((_digits(number), _digits(other)), key=len)
    has_power = bool(_POWER.search(number) or _POWER.search(other))
    has_decimals = bool(_DECIMALS.search(number) or _DECIMALS.search(other))
    if short.rstrip("0") == long.rstrip("0"):
        return has_power or has_decimals or (len(long) - len(short)) % _THOUSANDS == 0
    if (has_power or has_decimals) and len(short) > 1 and long.startswith(short.rstrip("0")):
        return True
    times = _TIME.fullmatch(number), _TIME.fullmatch(other)
    if times[0] and times[1] and times[0][2] == times[1][2]:
        short, long = times[0][1], times[1][1]
    return len(long) <= 2 and abs(int(long) - int(short)) == _NOON and int(long) <= 2 * _NOON
