"""Translations of terms written into a source, each after its term, between two reserved pieces (Dinu et al. 2019).

In texts those are signs, two noncharacters: ``Open the menu⟨ Menü⟩ here``. A model that training showed such sources
translates the term so, and inflects it. Knows characters; no glossary and no model.
"""

import re
from collections.abc import Iterable, Sequence

from nmt.text.reserved import TERM_SIGNS
from nmt.text.slots import without_signs

_BEGIN, _END = TERM_SIGNS[0], TERM_SIGNS[1]
_SIGN = re.compile(f"[{TERM_SIGNS}]")
_ADDED = re.compile(f"{_BEGIN}[^{TERM_SIGNS}]*{_END}")


def annotated(text: str, places: Iterable[tuple[int, str]]) -> str:
    """The text with translations at their places, which come in order; a text that has such signs stays as it is."""
    if _SIGN.search(text):
        return text
    parts, before = [], 0
    for place, translation in places:
        parts += [text[before:place], f"{_BEGIN} {without_signs(translation)}{_END}"]
        before = place
    return "".join([*parts, text[before:]])


def without_added(text: str) -> str:
    """The text without what ``annotated`` added."""
    return _SIGN.sub("", _ADDED.sub("", text))


def are_added(pieces: Sequence[bytes]) -> list[bool]:
    """Whether each piece of an annotated text, given by its spelling, is part of what was added."""
    begin, end = _BEGIN.encode(), _END.encode()
    found, inside = [], False
    for piece in pieces:
        inside = inside or piece == begin
        found.append(inside)
        inside = inside and piece != end
    return found
