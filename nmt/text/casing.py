"""Lines in capitals and in title case, and how they are written otherwise. Knows letters; no language.

A model that has hardly seen such lines takes them for other words, so they are translated as a sentence is written.
"""

import re

CAPITALS, TITLE = "capitals", "title"

TITLE_WORDS = 4  # with a capital from which a line is in title case: New York Times is a name
SHORT = 4  # letters below which a word of a title may be small: of, the, and

_WORD = re.compile(r"[^\W\d_]{2,}")


def case_of(text: str) -> str:
    """``CAPITALS``, ``TITLE``, or "" for a text that is neither."""
    if text.islower():
        return ""
    if text.isupper():
        return CAPITALS if _WORD.search(text) else ""
    capitalised = 0
    for word in map(re.Match.group, _WORD.finditer(text)):
        if word[0].isupper():
            capitalised += 1
        elif word[0] != word[0].upper() and len(word) >= SHORT:
            return ""
    return TITLE if capitalised >= TITLE_WORDS else ""


def in_capitals(text: str) -> str:
    """The text in capitals; that of ß is ẞ, so that small letters give the word again."""
    return text.replace("ß", "ẞ").upper()


def as_sentence(text: str) -> str:
    """The text in small letters but for the first one."""
    small = text.lower()
    first = next((place for place, letter in enumerate(small) if letter.isalpha()), 0)
    return small[:first] + small[first : first + 1].upper() + small[first + 1 :]
