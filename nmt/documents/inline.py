"""A run of text with inline markup, as one line with codes, and back. Knows spans of a file; no format."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, count
from typing import Literal, NamedTuple

from nmt.documents.document import Edit, Span
from nmt.documents.kept import CODE

BLANK = " \t\n\r\f"
_BLANKS = re.compile(f"[{BLANK}]+")


class Text(NamedTuple):
    """A span of text, as the file writes it; ``says`` is the text that it means, if not the style tells it."""

    start: int
    end: int
    says: str | None = None


class Code(NamedTuple):
    """A span of markup: one that opens or closes another's, one that is empty, or one that stands for a word."""

    start: int
    end: int
    kind: Literal["open", "close", "empty", "word"]
    name: str = ""  # by which one that closes finds the one that opens
    writes: str = ""  # what stands in its place when the text is another one; "": the span itself


Piece = Text | Code


class Style(NamedTuple):
    """How a format writes text: what its spelling says, how a text is spelled, and how a line is broken, if it is."""

    decode: Callable[[str], str] = str
    escape: Callable[[str], str] = str
    wrap: Callable[[str], Sequence[str]] | None = None
    newline: str = "\n"  # between the lines that ``wrap`` makes


class Run:
    """A unit of one segment: text with codes. Made by ``run_of``."""

    __slots__ = ("_codes", "_style", "end", "start", "texts")

    def __init__(self, pieces: Sequence[Piece], source: str, style: Style) -> None:
        self.start, self.end = pieces[0].start, pieces[-1].end
        self._style = style
        decoded = [said(each, source, style) for each in pieces]
        taken = {int(found["number"]) for found in CODE.finditer("".join(decoded))}  # by text that looks like a code
        free = (number for number in count(1) if number not in taken)
        self._codes: dict[str, Code] = {}
        pairs = paired(pieces)
        closing: dict[int, int] = {}
        for place, piece in enumerate(pieces):
            if isinstance(piece, Code):
                if place in pairs:
                    number = next(free)
                    closing[pairs[place]] = number
                    decoded[place] = f"<g{number}>"
                elif place in closing:
                    decoded[place] = f"</g{closing[place]}>"
                else:
                    decoded[place] = f"<x{next(free)}/>"
                self._codes[decoded[place]] = piece
        self.texts = [_BLANKS.sub(" ", "".join(decoded)).strip(" ")]

    def problem(self, translations: Sequence[str]) -> str:
        """See ``nmt.documents.document.Unit``."""
        return ""

    def edits(self, translations: Sequence[str]) -> list[Edit]:
        """See ``nmt.documents.document.Unit``; what is translated by itself stays byte for byte."""
        if list(translations) == self.texts:
            return []
        return [Edit(self.start, self.end, self.parts(translations[0]))]

    def parts(self, translation: str, style: Style | None = None) -> list[str | Span]:
        """A translation as the file has it: texts, and the spans of its markup; in another ``style`` if given."""
        style = style or self._style
        lines = style.wrap(translation) if style.wrap else [translation]
        made: list[str | Span] = []
        for number, line in enumerate(lines):
            made += [style.newline] * (number > 0)
            last = 0
            for found in CODE.finditer(line):
                if code := self._codes.get(found[0]):
                    made += [style.escape(line[last : found.start()]), code.writes or Span(code.start, code.end)]
                    last = found.end()
            made.append(style.escape(line[last:]))
        return made


def run_of(pieces: Iterable[Piece], source: str, style: Style) -> Run | None:
    """The run of what is to translate in pieces, without what can stay around it; None where there is no word."""
    left = _trimmed(list(pieces), source)
    return Run(left, source, style) if any(any(map(str.isalpha, said(each, source, style))) for each in left) else None


def said(piece: Piece, source: str, style: Style) -> str:
    """The text that a piece means; "" for markup."""
    if isinstance(piece, Code):
        return ""
    return style.decode(source[piece.start : piece.end]) if piece.says is None else piece.says


def paired(pieces: Sequence[Piece]) -> dict[int, int]:
    """The place of each code that opens, with that of its end. Pairs do not cross; what has no partner is left out."""
    opened: list[tuple[int, str]] = []
    names: Counter[str] = Counter()
    pairs: dict[int, int] = {}
    for place, piece in enumerate(pieces):
        if isinstance(piece, Text):
            continue
        if piece.kind == "open":
            opened.append((place, piece.name))
            names[piece.name] += 1
        elif piece.kind == "close" and names[piece.name]:
            start, name = -1, ""
            while name != piece.name:
                start, name = opened.pop()
                names[name] -= 1
            pairs[start] = place
    return pairs


def _trimmed(pieces: list[Piece], source: str) -> list[Piece]:
    """The pieces without blanks, empty markup and pairs around the whole at both ends."""
    pairs = paired(pieces)
    ends = {end: start for start, end in pairs.items()}
    first, last = 0, len(pieces) - 1

    def is_empty(place: int) -> bool:
        piece = pieces[place]
        if isinstance(piece, Text):
            return not (source[piece.start : piece.end] if piece.says is None else piece.says).strip(BLANK)
        return piece.kind == "empty" or (piece.kind != "word" and place not in pairs and place not in ends)

    blank = list(map(is_empty, range(len(pieces))))
    # How many pieces that are something stand before each place: a look into each pair would be quadratic.
    solid = [0, *accumulate(not (blank[at] or at in pairs or at in ends) for at in range(len(pieces)))]

    def is_bare(start: int, end: int) -> bool:
        """Whether a pair has nothing in it."""
        return solid[start + 1] == solid[end]

    def writes(place: int) -> str:
        piece = pieces[place]
        return piece.writes if isinstance(piece, Code) else ""

    while first <= last:
        if blank[first]:
            first += 1
        elif blank[last]:
            last -= 1
        elif pairs.get(first) == last and not writes(last):
            first, last = first + 1, last - 1
        elif first in pairs and is_bare(first, pairs[first]):
            first = pairs[first] + 1
        elif last in ends and is_bare(ends[last], last):
            last = ends[last] - 1
        else:
            break
    left = pieces[first : last + 1]
    for place, strip in ((0, str.lstrip), (-1, str.rstrip)):
        if left and isinstance(text := left[place], Text):
            start, end, says = text
            shorter = len(strip(source[start:end], BLANK))
            start, end = (end - shorter, end) if place == 0 else (start, start + shorter)
            left[place] = Text(start, end, says and strip(says, BLANK))
    return left
