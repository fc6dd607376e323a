"""XLIFF 1.2 and 2.0: units without a translation get one, and a state that asks for review. Knows elements; no file."""

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple
from xml.sax.saxutils import escape

from nmt.documents.document import Edit, Span, Unit
from nmt.documents.inline import Code, Piece, Run, Style, Text, paired, run_of
from nmt.documents.kept import CODE
from nmt.documents.references import unescaped
from nmt.documents.xml_events import Element, each_of
from nmt.errors import DataError, shown
from nmt.text.lines import one_line

if TYPE_CHECKING:
    from nmt.documents import Asked

OPEN = frozenset(("new", "needs-translation", "initial"))
"""States of units that wait for a translation; "initial" is that of 2.0."""

UNITS = frozenset(("trans-unit", "unit"))
PAIRS = frozenset(("g", "mrk", "pc"))
STARTS, ENDS = frozenset(("bpt", "bx", "sc", "sm")), frozenset(("ept", "ex", "ec", "em"))
STYLE = Style(unescaped, escape)

# A target that a model made: the attributes of 1.2, and those of a segment of 2.0.
MADE = {"state": "needs-review-translation", "state-qualifier": "mt-suggestion"}
MADE_2 = {"state": "translated", "subState": "nmt:needs-review"}

_ATTRIBUTE = re.compile(r"(?P<before>\s)(?P<name>[^\s=\"'<>/]+)\s*=\s*(?:\"[^\"]*\"|'[^']*')")
_BREAK = re.compile(r"[\r\n]|&#(?:0*1[03]|[xX]0*[aAdD]);")


def read(text: str, name: str, asked: "Asked") -> list[Unit]:
    """The units of a file: a trans-unit of 1.2 or a segment of 2.0 each. Raises DataError for what is no XLIFF."""
    units: list[Unit] = []

    def take(unit: Element) -> None:
        if is_kept(unit):
            return
        for holder in unit.all("segment") if unit.name == "unit" else [unit]:
            source, target = holder.first("source"), holder.first("target")
            if source and (asked.again or waits(holder, target, text)):
                translated = Target(holder, source, target, text)
                if translated.texts:
                    units.append(translated)

    outermost = each_of(text, name, UNITS, take).name
    if outermost != "xliff":
        raise DataError(f"{name} is XML, but its outermost element is {shown(outermost)}", "name it by its format")
    return units


def is_kept(unit: Element) -> bool:
    """Whether a unit, or what it is in, says that it is not translated."""
    element: Element | None = unit
    while element:
        if said := element.attributes.get("translate"):
            return said == "no"
        element = element.parent
    return False


def is_preserved(element: Element | None) -> bool:
    """Whether an element, or what it is in, says that its blanks and line breaks have a meaning."""
    while element:
        if said := element.attributes.get("xml:space"):
            return said == "preserve"
        element = element.parent
    return False


def waits(holder: Element, target: Element | None, text: str) -> bool:
    """Whether a target is empty, or in a state that comes before a translation."""
    state = holder.attributes.get("state") or (target.attributes.get("state") if target else None)
    return state in OPEN or target is None or not text[target.inner : target.close].strip()


class Tag(NamedTuple):
    """The places of an element's tags: all that is kept of it."""

    start: int
    inner: int
    close: int
    end: int


def _tag(element: Element) -> Tag:
    return Tag(element.start, element.inner, element.close, element.end)


class Target:
    """A unit: what stands in the source, in parts if it is segmented, becomes the target."""

    __slots__ = ("_after", "_cut", "_problem", "_runs", "_segment", "_source", "_target", "_text", "start", "texts")

    def __init__(self, holder: Element, source: Element, target: Element | None, text: str) -> None:
        after = holder.first("seg-source") or source
        self._source, self._after, self._text = _tag(source), _tag(after), text
        self._target = _tag(target) if target else None
        self._segment = _tag(holder) if holder.name == "segment" else None  # of 2.0
        self.start = source.start
        marks = [mark for mark in after.descendants("mrk") if mark.attributes.get("mtype") == "seg"]
        self._runs: list[Run] = []
        self._cut: list[bool] = []  # of each run, whether the partner of a code is in another line
        keeps_lines = is_preserved(after)
        self._problem = ""
        for part in marks or [after]:
            pieces = list(pieces_of(part))
            if keeps_lines and any(isinstance(each, Text) and _BREAK.search(each.says or "") for each in pieces):
                self._problem = "its line breaks are in CDATA"
            for line in lines_of(pieces, text) if keeps_lines else [pieces]:
                if run := run_of(line, text, STYLE):
                    self._runs.append(run)
                    inner = [each for each in line if run.start <= each.start < run.end]
                    self._cut.append(keeps_lines and is_cut(inner))
        self.texts = [one_line(run.texts[0]) for run in self._runs]

    def problem(self, translations: Sequence[str]) -> str:
        """See ``nmt.documents.document.Unit``."""
        for text, translation, cut in zip(self.texts, translations, self._cut, strict=True):
            if cut and CODE.findall(text) != CODE.findall(translation):
                return "its translation moves tags that begin or end in another line"
        return self._problem

    def _content(self, translations: Sequence[str]) -> list[str | Span]:
        content: list[str | Span] = []
        place = self._after.inner
        for run, translation in zip(self._runs, translations, strict=True):
            content += [Span(place, run.start), *run.parts(translation)]
            place = run.end
        return [*content, Span(place, self._after.close)]

    def edits(self, translations: Sequence[str]) -> list[Edit]:
        """See ``nmt.documents.document.Unit``; a translation that is there already is left as it is."""
        content = self._content(translations)
        target, segment = self._target, self._segment
        if target and self._spelled(content) == self._text[target.inner : target.close]:
            return []
        marks = "" if segment else "".join(f' {name}="{value}"' for name, value in MADE.items())
        prefix = self._text[self._source.start + 1 : self._source.inner].partition("source")[0]
        made = []
        if target:
            tag = self._text[target.start : target.inner].removesuffix("/>").removesuffix(">").rstrip()
            tag = (tag if segment else marked(tag, MADE)) + ">"
            made.append(Edit(target.start, target.end, [tag, *content, f"</{prefix}target>"]))
        else:
            gap = self._blanks_before(self._source.start)
            made.append(
                Edit(
                    self._after.end, self._after.end, [f"{gap}<{prefix}target{marks}>", *content, f"</{prefix}target>"]
                )
            )
        if segment:
            tag = self._text[segment.start : segment.inner].removesuffix(">").rstrip()
            made.append(Edit(segment.start, segment.inner, [marked(tag, MADE_2) + ">"]))
        return made

    def _blanks_before(self, end: int) -> str:
        start = end
        while start and self._text[start - 1].isspace():
            start -= 1
        return self._text[start:end]

    def _spelled(self, parts: Sequence[str | Span]) -> str:
        return "".join(part if isinstance(part, str) else self._text[part.start : part.end] for part in parts)


def marked(tag: str, attributes: dict[str, str]) -> str:
    """A start tag, but for its end, with attributes in the place of those of the same names."""
    left = dict(attributes)

    def replaced(found: re.Match[str]) -> str:
        value = left.pop(found["name"], None)
        return found[0] if value is None else f'{found["before"]}{found["name"]}="{value}"'

    tag = _ATTRIBUTE.sub(replaced, tag)
    return tag + "".join(f' {name}="{value}"' for name, value in left.items())


def lines_of(pieces: Sequence[Piece], text: str) -> list[list[Piece]]:
    """The pieces of each line: texts are cut at line breaks, which are in none of the lines."""
    lines: list[list[Piece]] = [[]]
    for piece in pieces:
        if isinstance(piece, Text) and piece.says is None:
            place = piece.start
            for found in _BREAK.finditer(text, piece.start, piece.end):
                lines[-1].append(Text(place, found.start()))
                lines.append([])
                place = found.end()
            piece = Text(place, piece.end)
        lines[-1].append(piece)
    return lines


def is_cut(pieces: Sequence[Piece]) -> bool:
    """Whether a code that opens or closes lacks its partner."""
    return 2 * len(paired(pieces)) < sum(isinstance(each, Code) and each.kind in ("open", "close") for each in pieces)


def pieces_of(element: Element) -> Iterator[Piece]:
    """The text within an element, and the codes in it."""
    for child in element.children:
        if isinstance(child, Text):
            yield child
        elif child.name in PAIRS and child.close < child.end:
            identity = f"{child.name} {child.start}"
            if child.attributes.get("translate") == "no" or child.attributes.get("mtype") == "protected":
                yield Code(child.start, child.end, "word")
                continue
            yield Code(child.start, child.inner, "open", identity)
            yield from pieces_of(child)
            yield Code(child.close, child.end, "close", identity)
        else:
            kind: Literal["open", "close", "word"] = (
                "open" if child.name in STARTS else "close" if child.name in ENDS else "word"
            )
            about = child.attributes
            yield Code(child.start, child.end, kind, about.get("startRef") or about.get("rid") or about.get("id") or "")
