"""The mark of a list item in front of a line: ``-``, ``•``, ``1.``, ``(2)``, ``a)``. Knows characters; no model.

It may be indented, and stand behind tags. In languages whose ordinals have a dot (German ``1. Mai``), a number with a
dot is no mark; Korean dates do not count.
"""

import re
from collections.abc import Iterable

from nmt.text.abbreviations import words_of
from nmt.text.languages import base_language
from nmt.text.verbatim import Match

VERSION = 2
"""Of these rules: a journal of another version is not resumed."""

_SIGNS = "[-–—•·*+‣⁃◦▪▫●○■□►▶→※]"
_BRACKETED = r"\(?(?:\d{1,3}|[^\W\d_]|[ivxIVX]{2,4})\)|[①-⑳]"
_DOTTED = r"\d{1,3}(?:\.\d{1,3})*\.(?=\s+[^\s\d])"  # 3. 5. is a date
_UNSEEN = "[\u00ad\u200b-\u200f\u2060\ufeff]"  # a byte-order mark, say, where files were joined
_MARK = re.compile(
    rf"(?:\s*+{_UNSEEN})*+(?P<item>\s*+(?P<mark>{_SIGNS}|#{{1,6}}|>{{1,3}}|{_BRACKETED}|{_DOTTED}))(?=\s+\S)"
)


def has_dotted_marks(languages: Iterable[str]) -> bool:
    """Whether a number with a dot is a mark, in a text that may be in any of some languages."""
    return not any(words_of(each).ordinals and base_language(each) != "ko" for each in languages)


def with_list_mark(matches: list[Match], text: str, dotted: bool = True) -> list[Match]:
    """The ``matches`` of a text, in order, with the mark of a list item in front of it, unless one of them has it.

    The white space and the tags before the mark are part of it: models put two slots in front of a text apart.
    """
    start = behind = 0
    for match in matches:  # a dash behind a name that is a placeholder is none of a list
        if match.kind not in ("tag", "entity") or text[start : match.start].strip():
            break
        start, behind = match.end, behind + 1
    found = _MARK.match(text, start)
    if not found or (found["mark"].endswith(".") and not dotted):
        return matches
    mark = Match(0 if behind else found.start("item"), found.end(), "list")
    is_free = behind == len(matches) or matches[behind].start >= mark.end
    return [mark, *matches[behind:]] if is_free else matches
