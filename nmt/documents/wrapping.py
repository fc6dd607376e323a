"""A line broken into lines of about equal width. Knows codes and the width of signs; no format."""

import re
from unicodedata import east_asian_width

from nmt.documents.kept import CODE
from nmt.text.words import UNSPACED

# Between words, and beside each sign of a script without spaces unless a mark follows it.
_PLACES = re.compile(f" +|(?<=[{UNSPACED}])(?=[{UNSPACED}])|(?<=[、。，！？：；」』）】…])(?=[{UNSPACED}「『（【])")


def width_of(text: str) -> int:
    """The columns that a text takes, without codes: two for each wide sign."""
    shown = CODE.sub("", text)
    return len(shown) if shown.isascii() else sum(2 if east_asian_width(sign) in "WF" else 1 for sign in shown)


def wrapped(text: str, width: int, balanced: bool = True) -> list[str]:
    """The text in as few lines of at most ``width`` columns as there can be, about equally wide if ``balanced``.

    It is broken between words, and between letters of scripts without spaces; what has no such place is wider.
    """
    parts = _parts(text)
    lines = _filled(parts, width)
    narrow, wide = 1, width
    while balanced and narrow < wide:
        middle = (narrow + wide) // 2
        if len(_filled(parts, middle)) > len(lines):
            narrow = middle + 1
        else:
            wide = middle
    return _filled(parts, wide) if balanced else lines


def _parts(text: str) -> list[tuple[str, str, int]]:
    """What stays together: the space before it, its text and its width."""
    found, start, gap = [], 0, ""
    for place in _PLACES.finditer(text):
        part = text[start : place.start()]
        found.append((gap, part, width_of(part)))
        start, gap = place.end(), place[0]
    return [*found, (gap, text[start:], width_of(text[start:]))]


def _filled(parts: list[tuple[str, str, int]], width: int) -> list[str]:
    lines: list[list[str]] = []
    used = 0
    for gap, part, own in parts:
        if lines and used + len(gap) + own <= width:
            lines[-1] += [gap, part]
            used += len(gap) + own
        else:
            lines.append([part])
            used = own
    return ["".join(line) for line in lines]
