"""The ends of words, and whether a text has given words. Knows characters; no language and no pieces.

A word ends before a space, a mark, or a letter of a script without spaces (Han, Kana, Thai and their neighbours). A
Korean word also ends where Hangul follows, because particles are written together with it; it begins like any other.
"""

import re
import unicodedata

from nmt.text.words import UNSPACED

OPEN, JOINED, KOREAN = 0, 1, 2
"""Edges: what cannot continue a word; letters, digits and their marks; Hangul, which does so only on its left."""

_UNSPACED = re.compile(f"[{UNSPACED}]")
_HANGUL = re.compile("[\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff]")


def edge(character: str) -> int:
    """The edge that a character makes; "" is ``OPEN``."""
    if not character or _UNSPACED.match(character):
        return OPEN
    if _HANGUL.match(character):
        return KOREAN
    # A combining mark belongs to the letter before it.
    is_part = character.isalnum() or character == "_" or unicodedata.category(character).startswith("M")
    return JOINED if is_part else OPEN


def joins(before: str, after: str) -> bool:
    """Whether a word goes on from one character to the next, when the word before is what was looked for."""
    return edge(before) != OPEN and edge(after) == JOINED


def has_words(text: str, words: str) -> bool:
    """Whether ``words``, as they are written, stand in ``text`` and are no part of longer words."""
    start = text.find(words) if words else -1
    while start >= 0:
        end = start + len(words)
        inside = start > 0 and edge(text[start - 1]) != OPEN and edge(words[0]) != OPEN
        if not inside and not joins(words[-1], text[end : end + 1]):
            return True
        start = text.find(words, start + 1)
    return False
