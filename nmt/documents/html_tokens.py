"""Tokens of HTML with their places in the text, as the HTML standard's tokenizer cuts them. Knows signs; no elements.

Parsers in libraries give a tree, and no places of attributes. Tests compare the tokens with lxml's.
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Literal, NamedTuple

from nmt.errors import DataError

RAW = frozenset(("script", "style", "xmp", "iframe", "noembed", "noframes", "title", "textarea"))
"""Elements whose content has no tags."""

_SVG = frozenset(("svg", "math"))
_HTML_WITHIN = frozenset(("foreignobject", "desc", "title", "annotation-xml"))
"""Elements of SVG and MathML in which HTML stands again."""
_HTML_ONLY = frozenset(
    re.findall(
        r"\w+",
        "b big blockquote body br center code dd div dl dt em embed h1 h2 h3 h4 h5 h6 head hr i img li listing menu "
        "meta nobr ol p pre ruby s small span strong strike sub sup table tt u ul var",
    )
)
"""Elements that end SVG and MathML, as the HTML standard lists them."""

MOST = 1 << 19
"""Tags of a text with their attributes, and comments: with what is made of them they take up to half a gigabyte."""
MOST_WITHIN = 1 << 10
"""Attributes of a tag."""

_S = r"\t\n\f\r "
_ATTRIBUTE = re.compile(
    rf"[{_S}/]*+(?:(?P<end>>)|(?P<name>[^{_S}/>][^{_S}/>=]*+)"
    rf"(?P<equals>[{_S}]*+=[{_S}]*+(?:\"(?P<double>[^\"]*+)\"|'(?P<single>[^']*+)'|(?P<bare>[^{_S}>\"'][^{_S}>]*+)?+))?+)"
)
_NAME = re.compile(rf"[A-Za-z][^{_S}/>]*+")
_IN_SCRIPT = re.compile(rf"<!--(?!-?>)|-->|</?script(?=[{_S}/>])", re.IGNORECASE)
_COMMENT_END = re.compile("--!?>")


class Attribute(NamedTuple):
    """An attribute's value, with its place; ``quote`` is the sign around it, "" for none."""

    value: str
    start: int
    end: int
    quote: str


_NONE: dict[str, Attribute] = {}


class Token(NamedTuple):
    """A part of the text: a tag, text, or what is neither. ``name`` is that of a tag, in lower case."""

    kind: Literal["text", "start", "end", "other"]
    start: int
    end: int
    name: str = ""
    attributes: dict[str, Attribute] = _NONE
    is_alone: bool = False  # a start tag that ends with />, which counts in SVG and MathML


class Foreign:
    """Whether what comes next stands in SVG or MathML, where ``/>`` ends an element."""

    def __init__(self) -> None:
        self._opened: list[str] = []
        self._count = Counter[str]()

    def __bool__(self) -> bool:
        return bool(self._opened) and self._opened[-1] in _SVG

    def read(self, token: Token) -> None:
        """Go past a tag."""
        if token.kind == "end":
            while self._count[token.name]:
                if self._pop() == token.name:
                    break
        elif token.kind == "start":
            while self and token.name in _HTML_ONLY:
                self._pop()
            if not token.is_alone and (token.name in _SVG or (self and token.name in _HTML_WITHIN)):
                self._opened.append(token.name)
                self._count[token.name] += 1

    def _pop(self) -> str:
        self._count[self._opened[-1]] -= 1
        return self._opened.pop()


def tokens(text: str, name: str) -> Iterator[Token]:
    """The tokens of a text, one after another, from its start to its end.

    Raises DataError, naming the file ``name`` and the line, for a tag, a comment or an element without tags in it that
    never ends, and for over ``MOST`` tags and attributes.
    """
    place = count = 0
    foreign = Foreign()
    while place < len(text):
        start = _next_markup(text, place)
        if start > place:
            yield Token("text", place, start)
        if start == len(text):
            return
        token = _markup(text, start, name)
        count += 1 + len(token.attributes)
        if count > MOST:
            raise DataError(f"{name} has over {MOST:,} tags and attributes", "cut it into smaller documents")
        yield token
        place = token.end
        foreign.read(token)
        if token.kind == "start" and token.name in RAW and not (foreign and token.is_alone):
            end = _end_of_raw(text, place, token.name)  # what looks like a tag within is text
            if end < 0:
                raise _endless(text, token.start, name, f"<{token.name}>")
            if end > place:
                yield Token("text", place, end)
            place = end
        elif token.kind == "start" and token.name == "plaintext":
            yield Token("other", place, len(text))
            return


def _next_markup(text: str, place: int) -> int:
    """The next place where markup begins, or the end of the text: a < before a space is text."""
    while (place := text.find("<", place)) >= 0:
        sign = text[place + 1 : place + 2]
        if sign in ("!", "?", "/") or (sign.isascii() and sign.isalpha()):
            return place if sign != "/" or place + 2 < len(text) else len(text)
        place += 1
    return len(text)


def _end_of_raw(text: str, place: int, element: str) -> int:
    """The place of the end tag of an element that has no tags; -1 if there is none.

    A script within a comment within a script has an end tag of its own.
    """
    if element != "script":
        found = re.compile(rf"</{element}(?=[{_S}/>])", re.IGNORECASE).search(text, place)
        return found.start() if found else -1
    depth = 0  # 1 in a comment, 2 in a script in it
    for found in _IN_SCRIPT.finditer(text, place):
        if found[0] == "<!--":
            depth = depth or 1
        elif found[0] == "-->":
            depth = 0
        elif found[0][1] == "/":
            if depth < 2:
                return found.start()
            depth = 1
        else:
            depth = 2 if depth else 0
    return -1


def _markup(text: str, start: int, name: str) -> Token:
    """The token of markup that begins at ``start``."""
    if text.startswith("<!--", start):
        for short in ("<!-->", "<!--->"):
            if text.startswith(short, start):
                return Token("other", start, start + len(short))
        found = _COMMENT_END.search(text, start + 4)
        if not found:
            raise _endless(text, start, name, "a comment")
        return Token("other", start, found.end())
    is_end = text[start + 1] == "/"
    tag = _NAME.match(text, start + 1 + is_end)
    if not tag:  # <!doctype …>, <?xml …?>, </ …>
        end = text.find(">", start)
        if end < 0:
            raise _endless(text, start, name, "markup")
        return Token("other", start, end + 1)
    attributes, place = dict[str, Attribute](), tag.end()
    while True:
        found = _ATTRIBUTE.match(text, place)
        if not found or (found["equals"] and text[found.end() : found.end() + 1] in ('"', "'") and not _value(found)):
            raise _endless(text, start, name, "a tag")
        place = found.end()
        if len(attributes) > MOST_WITHIN:
            line = text.count("\n", 0, start) + 1
            what = f"{name} line {line} begins a tag of over {MOST_WITHIN:,} attributes"
            raise DataError(what, "get the file again: a quote may be missing")
        if found["end"]:
            is_alone = not is_end and text[place - 2] == "/" and place - 2 >= found.start()
            return Token("end" if is_end else "start", start, place, tag[0].lower(), attributes or _NONE, is_alone)
        if value := _value(found):
            attributes.setdefault(found["name"].lower(), value)
        else:
            attributes.setdefault(found["name"].lower(), Attribute("", place, place, ""))


def _value(found: "re.Match[str]") -> Attribute | None:
    for group, quote in (("double", '"'), ("single", "'"), ("bare", "")):
        if found[group] is not None:
            return Attribute(found[group], *found.span(group), quote)
    return None


def _endless(text: str, start: int, name: str, what: str) -> DataError:
    line = text.count("\n", 0, start) + 1
    return DataError(f"{name} line {line} begins {what} that never ends", "get the file again: it may be cut off")
