"""The inline markup of Markdown with its places: markdown-it-py's tokens laid along the text. Knows one block's text.

markdown-it-py gives tokens in order, without places. Here each is found where the one before it ends.
"""

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nmt.documents.html import VOID
from nmt.documents.inline import Code, Piece, Text

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_ESCAPED = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_ENTITY = re.compile(r"&(?:#[xX][0-9a-fA-F]{1,6}|#[0-9]{1,7}|[A-Za-z][A-Za-z0-9]{1,31});")
_SOFT, _HARD = re.compile(r"[ \t]*\n[ \t]*"), re.compile(r"(?:[ \t]{2,}|\\)\n[ \t]*")
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9-]*)[^>]*?(/?)>", re.DOTALL)
# What stands in text for other programs: footnotes, boxes of tasks, kinds of notes, attributes of headings.
_WORDS = re.compile(r"\[\^[^\]\s]{1,80}\](?::(?=[ ]))?|\{[#.:%][^{}\n]{0,200}\}")
_FIRST = re.compile(r"\[[ xX]\](?= )|\[![A-Za-z]{1,20}\]")


class Unlike(Exception):  # noqa: N818  # no error: the caller leaves the block
    """The tokens are not those of the text."""


class Laid:
    """The pieces of a block's text ``raw``, with places in it, by the tokens that markdown-it-py ``found``."""

    def __init__(self, raw: str, found: Sequence["Token"], parser: "MarkdownIt", env: Mapping[str, Any]) -> None:
        self._raw, self._parser, self._env = raw, parser, env
        self._at = 0
        self.pieces: list[Piece] = []
        tokens = iter(found)
        links: list[tuple[str, int]] = []  # addresses, and where their texts begin
        for token in tokens:
            self._lay(token, tokens, links)
        if raw[self._at :].strip():
            raise Unlike

    def _lay(self, token: "Token", rest: Iterator["Token"], links: list[tuple[str, int]]) -> None:
        kind, _, side = token.type.rpartition("_")
        if token.type == "text":
            self._text(token.content)
        elif token.type in ("softbreak", "hardbreak"):
            found = (_HARD if token.type == "hardbreak" else _SOFT).match(self._raw, self._at)
            if not found:
                raise Unlike
            if token.type == "hardbreak":
                self._code(found.end(), "empty", "br")
            else:
                self.pieces.append(Text(self._at, found.end(), " "))
                self._at = found.end()
        elif token.type == "code_inline":
            marks = len(token.markup)
            ends = re.compile(rf"(?<!`)`{{{marks}}}(?!`)").search(self._raw, self._at + marks)
            self._code(ends.end() if ends and self._begins(token.markup) else -1, "word")
        elif token.type == "html_inline":
            tag = _TAG.fullmatch(token.content)
            end = self._at + len(token.content) if self._begins(token.content) else -1
            if not tag or tag[3] or tag[2].lower() in VOID:
                self._code(end, "empty")
            else:
                self._code(end, "close" if tag[1] else "open", f"<{tag[2].lower()}")
        elif token.type == "link_open" and token.markup == "autolink":
            self._code(self._raw.find(">", self._at) + 1 if self._begins("<") else -1, "word")
            while next(rest).type != "link_close":
                pass
        elif token.type == "link_open" and (end := self._note_end(str(token.attrs.get("href", "")))):
            self._code(end, "word")
            while next(rest).type != "link_close":
                pass
        elif token.type == "link_open":
            links.append((str(token.attrs.get("href", "")), self._at + 1))
            self._code(self._at + 1 if self._begins("[") else -1, "open", "link")
        elif token.type == "link_close":
            href, start = links.pop()
            end = self._link_end(self._at, href)
            is_name = self._raw[self._at : end] in ("]", "][]")  # the text is the link's name, which must stay
            name = " ".join(self._raw[start : self._at].split())
            self._code(end, "close", "link", f"][{name}]" if is_name else "")
        elif token.type == "image":
            label = _label_end(self._raw, self._at + 2) if self._begins("![") else -1
            self._code(self._link_end(label, str(token.attrs.get("src", ""))), "word")
        elif side in ("open", "close"):
            end = self._at + len(token.markup) if self._begins(token.markup) else -1
            self._code(end, "open" if side == "open" else "close", kind)
        else:
            raise Unlike

    def _begins(self, markup: str) -> bool:
        return bool(markup) and self._raw.startswith(markup, self._at)

    def _code(self, end: int, kind: Any, name: str = "", writes: str = "") -> None:
        if end <= self._at:
            raise Unlike
        self.pieces.append(Code(self._at, end, kind, name, writes))
        self._at = end

    def _text(self, says: str) -> None:
        """Lay text, which may be escaped; what other programs read in it is a code."""
        place, words = 0, [found.span() for found in _WORDS.finditer(says)]
        if not self.pieces and (first := _FIRST.match(says)):
            words.insert(0, first.span())
        for start, end in words:
            self._plain(says[place:start])
            self._code(self._along(says[start:end]), "empty" if not self.pieces else "word")
            place = end
        self._plain(says[place:])

    def _plain(self, says: str) -> None:
        if says:
            end = self._along(says)
            self.pieces.append(Text(self._at, end, says))
            self._at = end

    def _along(self, says: str) -> int:
        """The place after the spelling of a text."""
        raw, at, said = self._raw, self._at, 0
        while said < len(says):
            sign, following = raw[at : at + 1], raw[at + 1 : at + 2]
            entity = _ENTITY.match(raw, at) if sign == "&" else None
            if sign == "\\" and following in _ESCAPED and says[said] == following:
                at, said = at + 2, said + 1
            elif entity and says.startswith(meant := html.unescape(entity[0]), said):
                at, said = entity.end(), said + len(meant)
            elif sign == says[said]:
                at, said = at + 1, said + 1
            else:
                raise Unlike
        return at

    def _note_end(self, href: str) -> int:
        """The place after a footnote's mark, which the library takes for a link if its note is one word; or 0."""
        end = _label_end(self._raw, self._at + 1) if self._begins("[^") else -1
        return end + 1 if end >= 0 and self._link_end(end, href) == end + 1 else 0

    def _link_end(self, at: int, href: str) -> int:
        """The place after the address or the name that follows the text of a link, which ends at ``at``."""
        from markdown_it.common.utils import normalizeReference

        raw, helpers = self._raw, self._parser.helpers
        if at < 0 or raw[at : at + 1] != "]":
            raise Unlike
        following = raw[at + 1 : at + 2]
        if following == "(":
            start = _skip(raw, at + 2)
            found = helpers.parseLinkDestination(raw, start, len(raw))
            if (raw[start : start + 1] == ")" and not href) or (
                found.ok and self._parser.normalizeLink(found.str) == href
            ):
                end = _skip(raw, found.pos if found.ok else start)
                title = helpers.parseLinkTitle(raw, end, len(raw))
                end = _skip(raw, title.pos) if title.ok else end
                if raw[end : end + 1] == ")":
                    return end + 1
        if following == "[":
            end = _label_end(raw, at + 2)
            name = normalizeReference(raw[at + 2 : end]) if end >= 0 else ""
            if end == at + 2 or (name and name in self._env.get("references", {})):
                return end + 1
        return at + 1


def _skip(raw: str, at: int) -> int:
    while raw[at : at + 1] in (" ", "\t", "\n"):
        at += 1
    return at


def _label_end(raw: str, at: int) -> int:
    """The place of the bracket that closes a label which begins at ``at``; -1 if there is none."""
    depth = 0
    while at < len(raw):
        if raw[at] == "\\":
            at += 1
        elif raw[at] == "[":
            depth += 1
        elif raw[at] == "]":
            if not depth:
                return at
            depth -= 1
        at += 1
    return -1
