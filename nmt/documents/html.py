"""HTML: the text of blocks, with inline elements as codes, and attributes that people read. Knows elements; no file."""

import html
import re
from collections.abc import Iterator, Sequence

from nmt.documents.document import Edit, Unit
from nmt.documents.html_tokens import Attribute, Token, tokens
from nmt.documents.inline import BLANK, Code, Piece, Style, Text, run_of

INLINE = frozenset(
    "a abbr acronym b bdi bdo big cite data del dfn em font i ins label mark nobr q rb rp rt s small span strike strong "
    "sub sup time tt u".split()
)
EMPTY = frozenset(("br", "img", "wbr"))
VOID = EMPTY | frozenset("area base col embed frame hr input keygen link meta param source track".split())
WORDS = frozenset("code kbd math ruby samp svg var".split())
"""Elements that stay as they are, with all in them."""
SKIPPED = frozenset("iframe noembed noframes pre script style textarea xmp".split())
"""Elements whose text is not translated, and stands between blocks."""

READ = ("alt", "title", "placeholder", "aria-label")
DESCRIPTIONS = frozenset(
    "description og:title og:description og:image:alt twitter:title twitter:description twitter:image:alt".split()
)
BUTTONS = frozenset(("button", "reset", "submit"))
_SPACE = re.compile(f"[{BLANK}]+")


def escaped(text: str) -> str:
    """A text as HTML spells it outside tags."""
    return html.escape(text, quote=False)


def read(text: str, name: str) -> Iterator[Unit]:
    """The units of a page or a part of one. Raises DataError, see ``nmt.documents.html_tokens``."""
    style = Style(html.unescape, escaped)
    pieces: list[Piece] = []
    every = list(tokens(text, name))
    place = 0

    def flush() -> Iterator[Unit]:
        if pieces and (run := run_of(pieces, text, style)):
            yield run
        pieces.clear()

    while place < len(every):
        token = every[place]
        place += 1
        if token.kind == "text":
            pieces.append(Text(token.start, token.end))
        elif token.kind == "other":
            if text.startswith("<!--", token.start):
                pieces.append(Code(token.start, token.end, "empty"))
            else:
                yield from flush()
        elif token.kind == "end":
            if token.name in INLINE:
                pieces.append(Code(token.start, token.end, "close", token.name))
            elif token.name not in EMPTY:
                yield from flush()
        elif is_kept(token) or token.name in WORDS or token.name in SKIPPED:
            end = end_of(every, place - 1)
            if token.name in SKIPPED or token.name not in INLINE | WORDS | EMPTY:
                yield from flush()
                if not is_kept(token):
                    yield from attributes_of(token)
            else:
                kind = "empty" if token.name in ("svg", *EMPTY) else "word"
                pieces.append(Code(token.start, every[end - 1].end, kind))  # type: ignore[arg-type]
            place = end
        else:
            yield from attributes_of(token)
            if token.name in INLINE:
                pieces.append(Code(token.start, token.end, "open", token.name))
            elif token.name not in EMPTY:
                yield from flush()
            else:
                if token.name == "br" and ends_in_break(pieces, text):
                    yield from flush()
                pieces.append(Code(token.start, token.end, "empty", token.name))
    yield from flush()


def ends_in_break(pieces: Sequence[Piece], text: str) -> bool:
    """Whether a line break comes last, but for blanks: with another one a paragraph ends."""
    for piece in reversed(pieces):
        if isinstance(piece, Code):
            return piece.name == "br"
        if text[piece.start : piece.end].strip(BLANK):
            return False
    return False


def is_kept(token: Token) -> bool:
    """Whether an element says that it is not translated."""
    translate, classes = token.attributes.get("translate"), token.attributes.get("class")
    return bool(
        (translate and translate.value.strip().lower() == "no") or (classes and "notranslate" in classes.value.split())
    )


def end_of(every: Sequence[Token], place: int) -> int:
    """The place after the last token of the element that begins at ``place``."""
    first = every[place]
    if first.name in VOID:
        return place + 1
    depth = 0
    for at in range(place, len(every)):
        token = every[at]
        if token.name == first.name:
            depth += {"start": 1, "end": -1}.get(token.kind, 0)
            if not depth:
                return at + 1
        elif first.name == "p" and token.kind == "start" and at > place and token.name not in INLINE | EMPTY | WORDS:
            return at  # another block ends a paragraph
    return len(every)


def attributes_of(token: Token) -> Iterator[Unit]:
    """The attributes of a tag that people read."""
    names = list(READ)
    own = token.attributes
    if token.name == "meta":
        about = own.get("name") or own.get("property")
        names = ["content"] if about and about.value.strip().lower() in DESCRIPTIONS else []
    elif token.name == "input" and (kind := own.get("type")) and kind.value.strip().lower() in BUTTONS:
        names.append("value")
    elif token.name in ("optgroup", "option", "track"):
        names.append("label")
    for name in names:
        if (value := own.get(name)) and any(map(str.isalpha, html.unescape(value.value))):
            yield Value(value)


class Value:
    """A unit: the value of an attribute."""

    def __init__(self, value: Attribute) -> None:
        self._value = value
        self.start = value.start
        self.texts = [_SPACE.sub(" ", html.unescape(value.value)).strip(" ")]

    def problem(self, translations: Sequence[str]) -> str:
        """See ``nmt.documents.document.Unit``."""
        return ""

    def edits(self, translations: Sequence[str]) -> list[Edit]:
        """See ``nmt.documents.document.Unit``."""
        if list(translations) == self.texts:
            return []
        quote = self._value.quote
        new = escaped(translations[0]).replace(quote or '"', "&#39;" if quote == "'" else "&quot;")
        return [Edit(self.start, self._value.end, [new if quote else f'"{new}"'])]
