"""Numbers written in digits, in a form in which both sides of a pair can be compared. Knows characters; no language."""

import re
from collections import Counter
from typing import Final

# 1억2000만 and 8만1000 are numbers as wholes.
_NUMBER: Final = re.compile(r"\d(?:[\d.,'’\u00a0\u202f]*\d)?(?:[천백만억조千百万億兆萬]\s?\d(?:[\d.,]*\d)?)*")
_NO_DIGIT: Final = re.compile(r"\D")


def differing_numbers(source: str, target: str) -> tuple[Counter[str], Counter[str]]:
    """The numbers that only the source has, and those that only the target has.

    Separators, zeros at the ends and words for powers of ten make no difference: 81,000, 8만1000 and 81 thousand are
    "81". A rounded number is the same number: 6.84 and 6.8.
    """
    numbers = [_NUMBER.findall(text) for text in (source, target)]
    if not any(numbers):
        return Counter(), Counter()
    left, right = (Counter(map(_significant, some)) for some in numbers)
    missing, added = left - right, right - left
    for number in list(missing) if added else ():
        near = next((other for other in added if _is_rounded(number, other)), None)
        if near:
            missing[number] -= 1
            added[near] -= 1
            missing, added = +missing, +added
    return missing, added


def _significant(number: str) -> str:
    return _NO_DIGIT.sub("", number).strip("0") or "0"


def _is_rounded(number: str, other: str) -> bool:
    short, long = sorted((number, other), key=len)
    return len(short) > 1 and long.startswith(short)
