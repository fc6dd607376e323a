"""The words of a line, by which lines are compared: in lower case, with numbers, marks and letters apart.

Scripts without spaces (Han, Kana, Thai and their neighbours) are cut into overlapping pairs of characters. Knows
characters; no language, no files.
"""

import re
from unicodedata import normalize

STEM = 5  # letters: words that begin with the same five are taken for forms of one word
SYLLABLES = 2  # of a Korean word that are its stem: particles and endings follow them
_WORD = re.compile(r"[^\W\d_]+|\d+|[^\w\s]|_+")
UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
"""Letters of scripts without spaces, as ranges of a regular expression's class."""

_UNSPACED = re.compile(f"[{UNSPACED}]")
_MARKS = re.compile(r"[\W_]+")


def words(text: str) -> list[str]:
    """The words, numbers and marks of a line, in lower case and in order."""
    found = _WORD.findall(text.lower())
    if not _UNSPACED.search(text):
        return found
    cut: list[str] = []
    for word in found:
        if _UNSPACED.match(word):
            cut.extend(word[start : start + 2] for start in range(max(1, len(word) - 1)))
        else:
            cut.append(word)
    return cut


def stem(word: str) -> str:
    """The beginning of a word, which its inflected forms have in common: five letters, or two Hangul syllables."""
    return word[:SYLLABLES] if "가" <= word[0] <= "힣" else word[:STEM]


def stems_of(text: str) -> list[tuple[int, int, str]]:
    """The words of letters in a line, in order: where each begins and ends, in characters, and its stem.

    Of a script without spaces each pair of neighbouring characters is one.
    """
    found = []
    for match in _WORD.finditer(text):
        start, end = match.span()
        if not match[0][0].isalpha():
            continue
        if _UNSPACED.match(match[0]):
            found += [(at, min(at + 2, end), text[at : at + 2]) for at in range(start, max(start + 1, end - 1))]
        else:
            found.append((start, end, stem(match[0].lower())))
    return found


def bare(text: str) -> str:
    """What is left of a line without case, marks and spaces; a line of marks alone is left as it is.

    Lines that differ in nothing else are copies of each other.
    """
    return _MARKS.sub("", normalize("NFKC", text).casefold()) or text
