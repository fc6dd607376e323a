"""Lines in capitals and in title case, and how they are written otherwise. Knows letters, not words.

A model that has hardly seen such lines takes them for other words, so they are translated as a sentence is written.
"""

import re
from collections.abc import Callable, Iterable

from nmt.text.languages import base_language

CAPITALS, TITLE = "capitals", "title"

TITLE_WORDS = 4  # with a capital from which a line is in title case: New York Times is a name
SHORT = 4  # letters below which a word of a title may be small: of, the, and

_WORD = re.compile(r"[^\W\d_]{2,}")
_WHOLE = re.compile(r"(?<!\w)[^\W\d_]+(?!\w)")  # not the letters of AgNO3 and 221B
_DOTTED = ("tr", "az")  # languages in which i and ı are two letters
_NO_CAPITALS = ("ka",)  # Unicode has Georgian capitals, which nobody writes and few fonts have


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


def in_capitals(text: str, language: str = "") -> str:
    """The text in capitals of a language; that of ß is ẞ, so that small letters give the word again."""
    base = base_language(language)
    if base in _NO_CAPITALS:
        return text
    return (text.replace("i", "İ") if base in _DOTTED else text).replace("ß", "ẞ").upper()


def in_small_letters(text: str, language: str = "") -> str:
    """The text in small letters of a language."""
    if base_language(language) in _DOTTED:
        text = text.replace("I", "ı").replace("İ", "i")
    return text.lower()


def cased_apart(languages: Iterable[str]) -> list[str]:
    """The languages whose small letters differ, each the first of those with the same."""
    first: dict[tuple[bool, bool], str] = {}
    for language in languages:
        base = base_language(language)
        first.setdefault((base in _DOTTED, base in _NO_CAPITALS), language)
    return list(first.values())


def as_sentence(text: str, language: str = "", is_name: Callable[[str], bool] | None = None) -> str:
    """The text in small letters but for the first one.

    In one that is not in capitals throughout, words that ``is_name`` knows, and those with a capital or a digit inside,
    as USB, iPhone and 221B, are kept as they are.
    """

    def small(match: re.Match[str]) -> str:
        word = match[0]
        is_mixed = len(word) > 1 and not word[1:].islower()
        is_kept = is_mixed or (is_name is not None and is_name(word))
        return word if is_kept else in_small_letters(word, language)

    written = in_small_letters(text, language) if text.isupper() else _WHOLE.sub(small, text)
    first = next((place for place, letter in enumerate(written) if letter.isalpha()), 0)
    return written[:first] + in_capitals(written[first : first + 1], language) + written[first + 1 :]
