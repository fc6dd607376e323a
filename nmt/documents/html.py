"""HTML: the text of blocks, with inline elements as codes, and attributes that people read. Knows elements; no file."""

import html
import re
from collections.abc import Iterator, Sequence

from nmt.documents.document import Edit, Unit
from nmt.documents.html_tokens import Attribute, Foreign, Token, tokens
from nmt.documents.inline import BLANK, Code, Piece, Style, Text, run_of
from nmt.documents.references import unescaped


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


INLINE = _names(
    "a abbr acronym b bdi bdo big cite data del dfn em font i ins label mark nobr q rb rp rt s small span strike "
    "strong sub sup time tt u"
)
EMPTY = _names("br img wbr")
VOID = EMPTY | _names("area base col embed frame hr input keygen link meta param source track")
WORDS = _names("code kbd math ruby samp svg var")
"""Elements that stay as they are, with all in them."""
FOREIGN = _names("math svg")
_ROWS = _names("tbody tfoot thead")
_ENDED = {
    "p": _names(
        "address article aside blockquote body caption center dd details dialog dir div dl dt fieldset figcaption "
        "figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr html li listing main menu nav ol p plaintext pre search "
        "section summary table tbody td tfoot th thead tr ul xmp"
    ),
    "li": _names("li"),
    **dict.fromkeys(("dd", "dt"), _names("dd dt")),
    "optgroup": _names("optgroup"),
    "option": _names("optgroup option"),
    **dict.fromkeys(_ROWS, _ROWS),
    "tr": _names("tr") | _ROWS,
    **dict.fromkeys(("td", "th"), _names("td th tr") | _ROWS),
}
"""Elements that may end without an end tag, each with the elements that end it where they begin."""
ENDED_BY = {
    name: [ended for ended in _ENDED if name in _ENDED[ended]] for name in sorted(frozenset().union(*_ENDED.values()))
}
WITHIN = {
    "p": _names("button caption object table td template th"),
    "li": _names("dir menu ol table ul"),
    **dict.fromkeys(("dd", "dt"), _names("dl table")),
    **dict.fromkeys(("optgroup", "option"), _names("datalist select")),
    **dict.fromkeys(("td", "th", "tr", *_ROWS), _names("table")),
}
"""What keeps an element from being ended by what is in it; a ``dl`` and the like do so for start tags alone."""
SOFT = _names("datalist dl select")
SKIPPED = _names("iframe noembed noframes pre script style textarea xmp")
"""Elements whose text is not translated, and stands between blocks."""

READ = ("alt", "title", "placeholder", "aria-label")
DESCRIPTIONS = _names(
    "description og:title og:description og:image:alt twitter:title twitter:description twitter:image:alt"
)
BUTTONS = frozenset(("button", "reset", "submit"))
_SPACE = re.compile(f"[{BLANK}]+")


def escaped(text: str) -> str:
    """A text as HTML spells it outside tags."""
    return html.escape(text, quote=False)


def read(text: str, name: str) -> Iterator[Unit]:
    """The units of a page or a part of one. Raises DataError, see ``nmt.documents.html_tokens``."""
    style = Style(unescaped, escaped)
    every = list(tokens(text, name))
    ends = ends_of(every)
    pieces: list[Piece] = []
    place = 0
    while place < len(every):
        token = every[place]
        end = ends.get(place, place + 1)
        if not (place in ends and is_kept(token)):
            yield from attributes_of(token)
        piece = piece_of(token, every[end - 1].end, text)
        if not piece or (token.name == "br" and ends_in_break(pieces, text)):
            if run := run_of(pieces, text, style):
                yield run
            pieces = []
        if piece:
            pieces.append(piece)
        place = end
    if run := run_of(pieces, text, style):
        yield run


def stays(token: Token) -> bool:
    """Whether an element stays as it is, with all in it."""
    return token.kind == "start" and (token.name in WORDS or token.name in SKIPPED or is_kept(token))


def piece_of(token: Token, end: int, text: str) -> Piece | None:
    """The piece that a token is in its block, up to ``end`` if it stands for its element; None between blocks."""
    if token.kind == "text":
        return Text(token.start, token.end)
    if token.kind == "other":
        return Code(token.start, token.end, "empty") if text.startswith("<!--", token.start) else None
    if token.name not in INLINE | EMPTY | WORDS:
        return None
    if token.name in EMPTY or token.name == "svg":
        return Code(token.start, end, "empty", token.name)
    if stays(token):
        return Code(token.start, end, "word" if end > token.end else "empty")
    if token.name in WORDS:  # the end of what never began
        return None
    return Code(token.start, token.end, "open" if token.kind == "start" else "close", token.name)


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


class Opened:
    """The blocks that are open at a place of a page, the innermost last."""

    def __init__(self) -> None:
        self.ends: dict[int, int] = {}  # the place of each that has ended, with that after its last token
        self._places: list[tuple[str, int]] = []
        self._depths: dict[str, list[int]] = {}

    def start(self, name: str, at: int) -> None:
        """Open one, and end those that it ends."""
        for ended in ENDED_BY.get(name, ()):
            self._end(ended, at, WITHIN[ended])
        self._depths.setdefault(name, []).append(len(self._places))
        self._places.append((name, at))

    def end(self, name: str, at: int) -> None:
        """End one that is open, if there is one, and those in it."""
        if ended := self._end(name, at, WITHIN.get(name, frozenset()) - SOFT):
            self.ends[ended[0]] = at + 1

    def end_all(self, at: int) -> None:
        """End those that have no end."""
        self.ends.update((place, at) for _, place in self._places)

    def _end(self, name: str, at: int, within: frozenset[str]) -> list[int]:
        depth = self._depth(name)
        if depth < max(map(self._depth, within), default=-1):
            return []
        ended = [place for _, place in self._places[depth:]] if depth >= 0 else []
        for _ in ended:
            last, place = self._places.pop()
            self._depths[last].pop()
            self.ends[place] = at
        return ended

    def _depth(self, name: str) -> int:
        depths = self._depths.get(name)
        return depths[-1] if depths else -1


def ends_of(every: Sequence[Token]) -> dict[int, int]:
    """The place of each element that stays as it is, with that after its last token."""
    wanted = {token.name for token in every if stays(token) and not is_block(token) and token.name not in VOID}
    opened: dict[str, list[int]] = {name: [] for name in wanted}
    blocks = Opened()
    ends: dict[int, int] = {}
    foreign = Foreign()
    for at, token in enumerate(every):
        if token.kind not in ("start", "end"):
            continue
        is_foreign = bool(foreign)
        foreign.read(token)
        if token.is_alone and (is_foreign or token.name in FOREIGN):
            ends[at] = at + 1
        elif token.name in wanted:
            if token.kind == "start":
                opened[token.name].append(at)
            elif opened[token.name]:
                ends[opened[token.name].pop()] = at + 1
        elif is_block(token):
            if token.kind == "start":
                blocks.start(token.name, at)
            if token.kind == "end" or token.name in VOID:
                blocks.end(token.name, at)
    blocks.end_all(len(every))
    ends |= blocks.ends | {at: at + 1 for places in opened.values() for at in places}  # inline ones may never end
    return {at: end for at, end in ends.items() if stays(every[at])}


def is_block(token: Token) -> bool:
    """Whether a tag begins or ends a block."""
    return token.kind in ("start", "end") and token.name not in INLINE | EMPTY | WORDS


def attributes_of(token: Token) -> Iterator[Unit]:
    """The attributes of a start tag that people read."""
    if token.kind != "start":
        return
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
        if (value := own.get(name)) and any(map(str.isalpha, unescaped(value.value))):
            yield Value(value)


class Value:
    """A unit: the value of an attribute."""

    __slots__ = ("_value", "start", "texts")

    def __init__(self, value: Attribute) -> None:
        self._value = value
        self.start = value.start
        self.texts = [_SPACE.sub(" ", unescaped(value.value)).strip(" ")]

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
