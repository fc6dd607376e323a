"""Slots: what of a text stays as it is passes a model as a reserved piece, and is put back unchanged.

In texts a slot is a sign, one of 16 noncharacters, which ``Tokenizer`` turns into a reserved piece and back. One that
somebody typed is no slot: a line that has one gets no slots, and elsewhere it becomes U+FFFD. Knows characters; no
pieces and no model.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple
from zlib import crc32

from nmt.text.edges import JOINED, edge
from nmt.text.reserved import SIGNS, SLOTS, TERM_SIGNS
from nmt.text.verbatim import Match, alike

_SIGN = re.compile(f"[{SIGNS}]")
_LOOSE = re.compile(f" ?[{SIGNS}]")
_TYPED = re.compile(f"[{SIGNS}{TERM_SIGNS}]")

Find = Callable[[str], Sequence[Match]]


class Slotted(NamedTuple):
    """A text with a sign in place of each item: sign number k stands for ``items[k]``."""

    text: str
    items: tuple[str, ...] = ()


def without_signs(text: str) -> str:
    """The text without signs, also those of ``nmt.text.annotations``."""
    return _TYPED.sub("", text)


def typed(text: str) -> str:
    """A text that is asked of a translation or looked for in a slotted line: signs in it become U+FFFD."""
    return _TYPED.sub("\ufffd", text)


def slotted(text: str, find: Find, most: int = SLOTS) -> Slotted:
    """Put slots in place of the first ``most`` matches that ``find`` finds; others stay in the text."""
    matches = find(text)[:most]
    if not matches or _SIGN.search(text):
        return Slotted(text)
    items = tuple(text[start:end] for start, end, _ in matches)
    return Slotted(_replaced(text, zip(matches, SIGNS, strict=False)), items)


def filled(text: str, items: Sequence[str]) -> str:
    """Put the items back in the place of their signs, each once; further signs and those of no item are removed."""
    if not items or not _SIGN.search(text):
        return text
    seen: set[int] = set()

    def item(match: re.Match[str]) -> str:
        slot = SIGNS.index(match[0][-1])
        if slot >= len(items) or slot in seen:
            return ""
        seen.add(slot)
        return match[0][:-1] + items[slot]

    return _LOOSE.sub(item, text)


def spaced(text: str, source: str) -> str:
    """A translation whose signs are apart from letters beside them, where they stand apart from all in the source.

    Hangul and scripts without spaces may follow a sign at once.
    """

    def apart(match: re.Match[str]) -> str:
        sign, at = match[0], source.find(match[0])
        if at < 0:
            return sign
        before, after = source[:at][-1:].strip(), source[at + 1 : at + 2].strip()
        left = " " if not before and edge(text[: match.start()][-1:]) == JOINED else ""
        right = " " if not after and edge(text[match.end() : match.end() + 1]) == JOINED else ""
        return f"{left}{sign}{right}"

    return _SIGN.sub(apart, text)


def spelled_out(pieces: Sequence[bytes], items: Sequence[str]) -> list[bytes]:
    """The spellings of pieces, those of slots being the items."""
    spelling = dict(zip(map(str.encode, SIGNS), map(str.encode, items), strict=False))
    return [spelling.get(piece, piece) for piece in pieces] if items else list(pieces)


def matched(text: str, items: Sequence[str], find: Find) -> str:
    """A text with the signs of those ``items`` of another text that it has too, each once."""
    return _replaced(text, _common(text, items, find)) if items and not _SIGN.search(text) else text


def slotted_pair(source: str, target: str, find: Find, most: int = SLOTS, vary: bool = False) -> tuple[str, str]:
    """Both sides of a pair with slots for the items that both have, at most the first ``most``; others stay.

    Slots are numbered as they stand in the source. With ``vary`` every other pair begins at any number, so that
    training shows all slots; the choice depends on the source alone.
    """
    matches = find(source)[:most]
    if not matches or _SIGN.search(source + target):
        return source, target
    common = _common(target, [source[start:end] for start, end, _ in matches], find)
    wanted = sorted(SIGNS.index(sign) for _, sign in common)
    number = crc32(source.encode("utf-8", "surrogatepass")) if vary else 1
    first = 0 if number & 1 else (number >> 1) % (most - len(wanted) + 1)
    signs = {old: SIGNS[first + new] for new, old in enumerate(wanted)}
    left = ((matches[old], sign) for old, sign in signs.items())
    right = ((match, signs[SIGNS.index(sign)]) for match, sign in common)
    return _replaced(source, left), _replaced(target, right)


def kept_kinds(source: str, target: str, find: Find) -> list[tuple[str, bool]]:
    """The kind of each of the first items of a source, and whether the target has it."""
    matches = find(source)[:SLOTS]
    common = _common(target, [source[start:end] for start, end, _ in matches], find) if matches else []
    there = {SIGNS.index(sign) for _, sign in common}
    return [(match.kind, place in there) for place, match in enumerate(matches)]


def _common(text: str, items: Sequence[str], find: Find) -> list[tuple[Match, str]]:
    """The matches of a text that are ``items``, in order, each with the sign of its item.

    Equal texts come first, then tags that differ in their attributes, and list marks that differ in the white space
    before them; of several the first that is left.
    """
    matches, signs = list(find(text)) if items else [], dict[Match, str]()
    left = dict(zip(SIGNS, items, strict=False))
    for form in (str, _loosely):
        for match in matches:
            wanted = form(text[match.start : match.end])
            sign = next((sign for sign, item in left.items() if form(item) == wanted), "")
            if sign and match not in signs:
                signs[match] = sign
                del left[sign]
    return [(match, signs[match]) for match in matches if match in signs]


def _loosely(item: str) -> str:
    return alike(item, "tag") if item.startswith("<") else item.lstrip()


def _replaced(text: str, places: Iterable[tuple[Match, str]]) -> str:
    """The text with signs in place of matches, which come in order."""
    parts, end = [], 0
    for match, sign in places:
        parts += [text[end : match.start], sign]
        end = match.end
    return "".join([*parts, text[end:]])
