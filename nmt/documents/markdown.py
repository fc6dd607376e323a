"""Markdown: the text of paragraphs, headings and cells, with emphasis, links and code as codes. Knows blocks; no file.

markdown-it-py says where blocks are and what is in them, and reads each translation again: one that would become other
markup is escaped, and left out if that does not help.
"""

import re
from bisect import bisect_left, bisect_right
from collections import ChainMap, Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from nmt.documents.document import Edit, Span, Unit
from nmt.documents.inline import Piece, Run, Style, Text, run_of
from nmt.documents.kept import CODE
from nmt.documents.markdown_inline import Laid, Unlike
from nmt.documents.wrapping import width_of, wrapped
from nmt.errors import DataError, SettingsError, missing_extra

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_FRONT = re.compile(r"\ufeff?(?P<mark>---|\+\+\+)[ \t]*\r?\n.*?^(?P=mark)[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_SPECIAL = re.compile(r"[\\`*_\[\]<>~&|]|^(?:[#+=-]|\d+(?=[.)]))|(?<=^\d)[.)]|(?<=^\d\d)[.)]|!(?=\[)")
_MARK = re.compile(r"[\n\r|*_~`\[\\<&]")
MOST = 1 << 17
"""Signs of a text that may be markup, and line ends: what the library and we make of each takes up to 2 KB."""
_DEEPEST = 100
_FLOW, _ALONE = "\0", "# \0"
"""What makes a block of a text, NUL: a paragraph; a heading or a cell, which has no lines that begin a block."""


def read(text: str, name: str) -> Iterator[Unit]:
    """The units of a text: a paragraph, a heading or a cell each. Raises SettingsError without markdown-it-py."""
    try:
        parser = _parser()
    except ImportError:
        raise SettingsError(f"{name}: to read it takes markdown-it-py", missing_extra("formats")) from None
    if sum(1 for _ in _MARK.finditer(text)) > MOST:
        raise DataError(f"{name} has over {MOST:,} line ends and signs of markup", "cut it into smaller documents")
    front = _FRONT.match(text)
    body = front.end() if front else len(text) - len(text.removeprefix("\ufeff"))
    lines = [(found.start(), found[0].rstrip("\r\n")) for found in _LINE.finditer(text, body)]
    env: dict[str, Any] = {}
    try:
        tokens = parser.parse("\n".join(line for _, line in lines), env)
    except RecursionError:
        raise DataError(f"{name} is nested too deep", "write it flatter") from None
    library = Library(parser, env)
    row = cursor = 0  # the line of a table, and the place in it
    for before, token in pairwise(tokens):
        if token.type == "tr_open" and token.map:
            row, cursor = token.map[0], 0
        if token.type != "inline" or not any(map(str.isalpha, token.content)):
            continue
        if before.type in ("th_open", "td_open"):
            block = Block.of_cell(token.content, lines[row], cursor)
            cursor = block.end - lines[row][0] if block else cursor
        else:
            block = Block.of_lines(token, before, lines)
        try:
            unit = _unit(block, token, before, text, library)
        except Unlike:
            unit = Unread(lines[token.map[0] if token.map else row][0])
        if unit:
            yield unit


@cache
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"maxNesting": _DEEPEST}).enable(["table", "strikethrough"])


class Library(NamedTuple):
    """A parser of markdown-it-py, and the names of links in a file."""

    parser: "MarkdownIt"
    env: dict[str, Any]

    def says(self, text: str, frame: str) -> tuple[Counter[str], Counter[str]] | None:
        """The signs of the block that ``frame`` makes of a text, and its markup; None where it becomes another."""
        names: Mapping[str, Any] = self.env.get("references", {})
        tokens = self.parser.parse(frame.replace("\0", text), {"references": ChainMap({}, names)})  # type: ignore[arg-type]
        kind = "paragraph" if frame == _FLOW else "heading"
        if [token.type for token in tokens] != [f"{kind}_open", "inline", f"{kind}_close"]:
            return None
        children = tokens[1].children or []
        signs = signs_of("".join(token.content for token in children if token.type == "text"))
        others = [token for token in children if token.type not in ("text", "softbreak")]
        return signs, Counter(f"{token.type} {token.attrs} {token.content}" for token in others)


class Block:
    """The places of a block's lines in the file."""

    def __init__(self, raw: str, starts: Sequence[int]) -> None:
        self.raw = raw
        self._starts = starts  # in the file, of each line of the raw text without the blanks before it
        self._begins = [0, *(found.end() for found in re.finditer("\n", raw))]
        self._blank = [len(line) - len(line.lstrip(" \t")) for line in raw.split("\n")]
        self.end = self.place(len(raw))

    @classmethod
    def of_lines(cls, token: "Token", before: "Token", lines: Sequence[tuple[int, str]]) -> "Block | None":
        """The block of a paragraph or a heading; None where the lines do not have its text."""
        first = token.map[0] if token.map else len(lines)
        starts = []
        for number, part in enumerate(token.content.split("\n"), start=first):
            start, line = lines[number] if number < len(lines) else (0, "")
            text = part.strip(" \t")
            if before.type == "heading_open" and before.markup.startswith("#"):
                column = line.find(text, line.find(before.markup) + len(before.markup))
            else:
                column = len(line.rstrip(" \t")) - len(text)
            if column < 0 or line[column : column + len(text)] != text:
                return None
            starts.append(start + column)
        return cls(token.content, starts)

    @classmethod
    def of_cell(cls, content: str, line: tuple[int, str], cursor: int) -> "Block | None":
        """The block of a table's cell, which begins at ``cursor`` of the line or later."""
        start, text = line
        for raw in (content, content.replace("|", "\\|")):
            if (column := text.find(raw, cursor)) >= 0:
                return cls(raw, [start + column])
        return None

    def place(self, at: int) -> int:
        """The character of the file for one of the raw text."""
        line = bisect_right(self._begins, at) - 1
        return self._starts[line] + at - self._begins[line] - self._blank[line]


def _unit(block: Block | None, token: "Token", before: "Token", text: str, library: Library) -> Unit | None:
    if not block:
        raise Unlike
    laid = Laid(block.raw, token.children or [], library.parser, library.env).pieces
    pieces = [piece._replace(start=block.place(piece.start), end=block.place(piece.end)) for piece in laid]
    written = [text[piece.start : piece.end].lstrip(" \t") for piece in pieces if isinstance(piece, Text)]
    newlines = {each for each in written if each.startswith(("\r", "\n"))}
    style = Style()
    if len(newlines) == 1:
        width = max(map(width_of, block.raw.split("\n")))
        style = Style(wrap=partial(wrapped, width=width, balanced=False), newline=newlines.pop())
    run = run_of(pieces, text, style)
    return Paragraph(run, style, Context(block.raw, laid, pieces, before, library)) if run else None


class Unread:
    """A unit without segments: what the library reads in another way."""

    texts: Sequence[str] = ()

    def __init__(self, start: int) -> None:
        self.start = start

    def problem(self, translations: Sequence[str]) -> str:
        """See ``nmt.documents.document.Unit``."""
        return "its markup is not understood"

    def edits(self, translations: Sequence[str]) -> list[Edit]:
        """See ``nmt.documents.document.Unit``."""
        return []


def signs_of(text: str) -> Counter[str]:
    """The signs of a text and how often it has them, without codes and blanks."""
    return Counter("".join(CODE.sub("", text).split()))


@dataclass(frozen=True)
class Context:
    """A block's text, and the pieces in it and in the file."""

    raw: str
    laid: Sequence[Piece]
    pieces: Sequence[Piece]
    before: "Token"  # which opens the block
    library: Library

    @property
    def is_cell(self) -> bool:
        """Whether a | would begin another cell."""
        return self.before.type in ("th_open", "td_open")

    @property
    def frame(self) -> str:
        """What makes such a block of a text."""
        if self.before.type == "paragraph_open":
            return _FLOW
        is_underlined = self.before.type == "heading_open" and self.before.markup in ("=", "-")
        return f"{_FLOW}\n{self.before.markup * 3}" if is_underlined else _ALONE

    def spelled(self, span: Span) -> str:
        """The block's text of a piece's span of the file."""
        laid = self.laid[bisect_left(self.pieces, span.start, key=lambda piece: piece.start)]
        return self.raw[laid.start : laid.end]

    def says_with(self, run: Run, parts: Sequence[str | Span], translation: str, newline: str) -> bool:
        """Whether the block says ``translation``, with the same markup, when its ``parts`` stand in the run's place."""
        start, end = self._raw(run.start), self._raw(run.end)
        spelled = "".join(
            part.replace(newline, "\n") if isinstance(part, str) else self.spelled(part) for part in parts
        )
        before = self.said
        now = self.library.says(self.raw[:start] + spelled + self.raw[end:], self.frame)
        if not before or not now or before[1] != now[1]:
            return False
        return before[0] - signs_of(run.texts[0]) + signs_of(translation) == now[0]

    @cached_property
    def said(self) -> tuple[Counter[str], Counter[str]] | None:
        """What the block says as it is."""
        return self.library.says(self.raw, self.frame)

    def _raw(self, place: int) -> int:
        """The place in the block's text of a character of the file."""
        at = bisect_left(self.pieces, place, key=lambda piece: piece.end)
        if at == len(self.pieces) or place < self.pieces[at].start:
            raise Unlike
        return self.laid[at].start + place - self.pieces[at].start


class Paragraph:
    """A unit: a run of a block's text."""

    def __init__(self, run: Run, style: Style, context: Context) -> None:
        self._run, self._style, self._context = run, style, context
        self.start, self.texts = run.start, run.texts

    def problem(self, translations: Sequence[str]) -> str:
        """See ``nmt.documents.document.Unit``."""
        return "" if self._parts(translations[0]) else "its translation would become other markup"

    def edits(self, translations: Sequence[str]) -> list[Edit]:
        """See ``nmt.documents.document.Unit``; what is translated by itself stays byte for byte."""
        if list(translations) == self.texts:
            return []
        return [Edit(self.start, self._run.end, self._parts(translations[0]))]

    def _parts(self, translation: str) -> list[str | Span]:
        """The translation as Markdown that says the same; empty where there is no such spelling."""
        if translation == self.texts[0]:
            return [translation]
        plain = _in_cell if self._context.is_cell else str
        for wrap in dict.fromkeys((self._style.wrap, None)):
            for escape in (plain, _escaped):
                parts = self._run.parts(translation, self._style._replace(escape=escape, wrap=wrap))
                if self._context.says_with(self._run, parts, translation, self._style.newline):
                    return parts
        return []


def _in_cell(text: str) -> str:
    return text.replace("|", "\\|")


def _escaped(text: str) -> str:
    return _SPECIAL.sub(lambda sign: sign[0] if sign[0].isdigit() else f"\\{sign[0]}", text)
