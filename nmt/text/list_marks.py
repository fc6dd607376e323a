"""The mark of a list item in front of a line: ``-``, ``•``, ``1.``, ``(2)``, ``a)``. Knows characters; no model.

In languages whose ordinals have a dot (German ``1. Mai``), a number with a dot is no mark; Korean dates do not count.
"""

import re

from nmt.text.abbreviations import words_of
from nmt.text.languages import base_language
from nmt.text.verbatim import Match

VERSION = 1
"""Of these rules: a journal of another version is not resumed."""

_SIGNS = "[-–—•·*+‣⁃◦▪▫●○■□►▶→※]"
_BRACKETED = r"\(?(?:\d{1,3}|[^\W\d_]|[ivxIVX]{2,4})\)|[①-⑳]"
_DOTTED = r"\d{1,3}(?:\.\d{1,3})*\.(?=\s+[^\s\d])"  # 3. 5. is a date
_MARK = re.compile(rf"(?:{_SIGNS}|#{{1,6}}|>{{1,3}}|{_BRACKETED}|{_DOTTED})(?=\s+\S)")


def with_list_mark(matches: list[Match], text: str, language: str = "") -> list[Match]:
    """The ``matches`` of a text, in order, with the mark of a list item in front of them, unless one of them has it."""
    mark = list_mark(text, language)
    begins_later = not matches or matches[0].start >= len(mark)
    return [Match(0, len(mark), "list"), *matches] if mark and begins_later else matches


def list_mark(text: str, language: str = "") -> str:
    """The mark with which a text of a language begins and after which white space and a text follow; "" without one."""
    found = _MARK.match(text)
    if not found:
        return ""
    has_ordinals = words_of(language).ordinals and base_language(language) != "ko"
    return "" if has_ordinals and found[0].endswith(".") else found[0]
