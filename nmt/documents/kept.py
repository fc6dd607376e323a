"""Whether a translation kept the codes and placeholders of its source. Knows lines; no document.

Inline markup stands in a line as a code: ``<g1>…</g1>`` around words, ``<x2/>`` alone. All codes of a line differ.
"""

import re
from collections import Counter
from collections.abc import Iterator, Set
from functools import cache

from nmt.text.verbatim import Grammar, alike
from nmt.text.verbatim_forms import KINDS

CODE = re.compile(r"<(?P<close>/?)(?P<name>[gx])(?P<number>[0-9]{1,6})(?P<alone>/?)>")
_PARTS = re.compile(r"(</?g[0-9]{1,6}>|<x[0-9]{1,6}/>)")
FREE = {"emoji", "number", "date"}
"""Kinds of nmt.text.verbatim that no program reads: a translation may write them in another way."""


def lost(source: str, target: str) -> str:
    """What a translation lacks or has too much of, in words; "" for nothing."""
    if source.strip() and not target.strip():
        return "its translation is empty"
    wanted, there = _items(source), _items(target)
    if lacking := wanted - there:
        return f"its translation lacks {_listed(lacking)}"
    if more := there - wanted:
        return f"its translation adds {_listed(more)}"
    pairs = _pairs(source)
    if not is_nested(source, pairs):  # text that looks like codes crosses codes
        return "" if _sides(source, pairs) == _sides(target, pairs) else "its translation moves tags"
    if not is_nested(target, pairs):
        return "its translation crosses tags"
    if empty := _filled(source, pairs) - _filled(target, pairs):
        return f"its translation has nothing in {', '.join(sorted(empty))}"
    return ""


def tidied(source: str, target: str) -> str:
    """A translation without blanks at the inner side of pairs that have none there in the source."""
    parts = _PARTS.split(target)
    tight = {code for code, before, after in _beside(source) if not (before if code[1] == "/" else after).isspace()}
    for place in range(1, len(parts), 2):
        if parts[place] not in tight:
            continue
        before, after = parts[place - 1], parts[place + 1]
        if parts[place][1] != "/" and after.startswith(" "):
            parts[place + 1] = after.lstrip(" ")
            parts[place - 1] += " " if before.strip(" ") == before != "" else ""
        elif parts[place][1] == "/" and before.endswith(" "):
            parts[place - 1] = before.rstrip(" ")
            parts[place + 1] = f" {after}" if after[:1].isalnum() else after
    return "".join(parts).strip(" ")


def is_nested(line: str, pairs: Set[str]) -> bool:
    """Whether each code of the numbers ``pairs`` that opens is closed, in the opposite order."""
    opened: list[str] = []
    for close, number in _sides(line, pairs):
        if not close:
            opened.append(number)
        elif not opened or opened.pop() != number:
            return False
    return not opened


def _pairs(line: str) -> set[str]:
    """The numbers of codes that are opened once, and closed once after it: text may look like others."""
    sides: dict[str, str] = {}
    for close, number in _sides(line):
        sides[number] = sides.get(number, "") + (close or "<")
    return {number for number, there in sides.items() if there == "</"}


def _sides(line: str, pairs: Set[str] | None = None) -> list[tuple[str, str]]:
    """What opens or closes in a line, of all or of some numbers, in order: "/" for what closes, and the number."""
    found = (
        (code["close"], code["number"]) for code in CODE.finditer(line) if code["name"] == "g" and not code["alone"]
    )
    return [side for side in found if pairs is None or side[1] in pairs]


def _beside(line: str) -> Iterator[tuple[str, str, str]]:
    """The codes of pairs, each with the signs before and after it; "" at the ends of the line."""
    for found in CODE.finditer(line):
        if found["name"] == "g":
            yield found[0], line[max(0, found.start() - 1) : found.start()], line[found.end() : found.end() + 1]


def _filled(line: str, pairs: Set[str]) -> set[str]:
    """The opening codes of pairs with letters in them, or with codes that stand alone. The line is nested."""
    opened: list[str] = []
    filled: set[str] = set()
    for place, part in enumerate(_PARTS.split(line)):
        is_pair = place % 2 == 1 and "g" in part and part.strip("</g>") in pairs
        if is_pair and part.startswith("</"):
            inner = opened.pop()
            if opened and inner in filled:
                filled.add(opened[-1])
        elif is_pair:
            opened.append(part)
        elif opened and (place % 2 or any(map(str.isalnum, part))):
            filled.add(opened[-1])
    return filled


def _items(line: str) -> Counter[str]:
    return Counter(alike(line[start:end], kind) for start, end, kind in _grammar().find(line))


@cache
def _grammar() -> Grammar:
    return Grammar(kind for kind in KINDS if kind not in FREE)


def _listed(items: Counter[str]) -> str:
    return ", ".join(item[:40] for item in list(items)[:3])
