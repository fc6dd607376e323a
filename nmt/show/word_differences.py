"""Which words of two texts differ, and whether a third has them. Knows words; no HTML, no file."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

from nmt.text.words import UNSPACED

_TOKEN = re.compile(rf"\s+|[{UNSPACED}]|[^\W\d_{UNSPACED}]+|\d+|.", re.DOTALL)


Kind = Literal["same", "hit", "miss"]
"""In both texts, or only in this one; then, whether the reference has it."""


class Part(NamedTuple):
    """Some text of one kind."""

    text: str
    kind: Kind


def differences(ours: str, theirs: str, reference: str) -> list[Part]:
    """``ours`` in parts, which join to it. Words are compared with their case, in order with ``theirs``.

    A word that the reference has once is a hit once, and not if a word that both texts have used it up.
    """
    left, right = ([token for token in tokens(side) if not token.isspace()] for side in (ours, theirs))
    same: set[int] = set()
    for block in SequenceMatcher(None, left, right, autojunk=False).get_matching_blocks():
        same.update(range(block.a, block.a + block.size))
    wanted = Counter(token for token in tokens(reference) if not token.isspace())
    wanted.subtract(left[place] for place in same)
    kinds: list[Kind] = []
    for place, token in enumerate(left):
        if place in same:
            kinds.append("same")
        else:
            kinds.append("hit" if wanted[token] > 0 else "miss")
            wanted[token] -= 1
    return list(joined(tokens(ours), kinds))


def tokens(text: str) -> list[str]:
    """The words, numbers, marks and spaces of a text, which join to it; each letter of a script without spaces."""
    return _TOKEN.findall(text)


def joined(found: Sequence[str], kinds: Sequence[Kind]) -> Iterator[Part]:
    """The tokens, neighbours of one kind together, with the spaces between them; other spaces are the same in both."""
    waiting = iter(kinds)
    marked: list[Kind | None] = [None if token.isspace() else next(waiting) for token in found]
    text, kind = "", marked[0] if marked else None
    for place, token in enumerate(found):
        own = marked[place]
        if own is None:
            before = marked[place - 1] if place else None
            after = marked[place + 1] if place + 1 < len(marked) else None
            own = before if before == after else None
        own = own or "same"
        if own != kind and text:
            yield Part(text, kind or "same")
            text = ""
        text, kind = text + token, own
    if text:
        yield Part(text, kind or "same")
