"""Whether a translation kept the codes and placeholders of its source. Knows lines; no document.

Inline markup stands in a line as a code: ``<g1>…</g1>`` around words, ``<x2/>`` alone. All codes of a line differ.
"""

import re
from collections import Counter
from functools import cache

from nmt.text.verbatim import Grammar, alike
from nmt.text.verbatim_forms import KINDS

CODE = re.compile(r"<(?P<close>/?)(?P<name>[gx])(?P<number>[0-9]{1,6})(?P<alone>/?)>")
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
    return "" if is_nested(target) or not is_nested(source) else "its translation crosses tags"


def is_nested(line: str) -> bool:
    """Whether each code that opens is closed, in the opposite order."""
    opened: list[str] = []
    for code in CODE.finditer(line):
        if code["alone"] or code["name"] == "x":
            continue
        if not code["close"]:
            opened.append(code["number"])
        elif not opened or opened.pop() != code["number"]:
            return False
    return not opened


def _items(line: str) -> Counter[str]:
    return Counter(alike(line[start:end], kind) for start, end, kind in _grammar().find(line))


@cache
def _grammar() -> Grammar:
    return Grammar(kind for kind in KINDS if kind not in FREE)


def _listed(items: Counter[str]) -> str:
    return ", ".join(item[:40] for item in list(items)[:3])
