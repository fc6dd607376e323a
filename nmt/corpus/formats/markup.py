"""Units of an XML file, one after another, by lxml: nothing outside the file is read, and memory is bounded.

Entities are not expanded, DTDs not loaded, and units that were read are removed from the tree. Knows elements; not
what they mean.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from nmt.corpus.formats.format import Asked
from nmt.errors import DataError, SettingsError, missing_extra, shown
from nmt.text.encodings import SAMPLE, refuse_binary

LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
LONGEST_UNIT = 1 << 23  # bytes; a tree takes up to thirty times as much memory

# Inline elements of TMX and XLIFF that stand for markup of the original document, not for its text.
_CODES = frozenset(("bpt", "ept", "ph", "it", "ut", "sub", "x", "bx", "ex", "sc", "ec", "cp", "sm", "em"))
_BREAKS = frozenset(("lb", "xlf:lb", "x-br", "x-html-br"))  # kinds of codes that break a line
_BREAK = re.compile(r"\s*<\s*/?\s*(br|p|div|li|tr|td|lb|tab)\b|\s*\\[nt]", re.IGNORECASE)
_SPACE = re.compile(r"[ \t\r\n]+")


def read_units(file: BinaryIO, asked: Asked, root: str, units: Sequence[str]) -> Iterator[tuple[int, Any]]:
    """Yield each element that is one of ``units``, with its number from 1; it is emptied when the next is asked for.

    Raises DataError when the file is not XML, or its outermost element is not ``root``, or a unit is too long, and
    SettingsError when lxml is not installed.
    """
    try:
        from lxml import etree
    except ImportError:
        raise SettingsError(f"{asked.name}: to read it takes lxml", missing_extra("formats")) from None

    source = _Bounded(file, asked.name)
    if not source.beginning:
        return
    events = etree.iterparse(
        source,
        events=("start", "end"),
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    top, unit, number = None, None, 0
    try:
        for event, element in events:
            if top is None:
                top = element
                _check_root(local(top), root, asked)
            if event == "start":
                if unit is None and local(element) in units:
                    unit = element
                continue
            if unit is not None and element is not unit:
                continue
            if element is unit:
                number += 1
                yield number, element
                unit = None
            _remove(element)
            source.used = 0
    except etree.XMLSyntaxError as error:
        raise _not_xml(error, events, asked) from None


def _remove(element: Any) -> None:
    """Empty an element, and remove the elements before it in the tree."""
    element.clear()
    while element.getprevious() is not None:
        del element.getparent()[0]


class _Bounded:
    """A file of which at most ``LONGEST_UNIT`` bytes are read before ``used`` is set to zero again."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self.beginning = file.read(SAMPLE)
        refuse_binary(self.beginning, name)
        self.used = 0
        self._file = file
        self._name = name
        self._given = False

    def read(self, size: int) -> bytes:
        if not self._given:
            self._given = True
            return self.beginning
        if self.used > LONGEST_UNIT:
            raise DataError(f"{self._name} has an element of over {LONGEST_UNIT} bytes", "get the file again")
        data = self._file.read(size)
        self.used += len(data)
        return data


def _check_root(name: str, root: str, asked: Asked) -> None:
    if name != root:
        raise DataError(
            f"{asked.name} is XML, but its outermost element is {shown(name)}, not {root!r}", "name it by its format"
        )


def _not_xml(error: Any, events: Any, asked: Asked) -> DataError:
    """The error for XML that is cut or broken, with the line; of several problems the first."""
    first = next((entry for entry in events.error_log if entry.level_name != "WARNING"), None)
    message, line = (first.message, first.line) if first is not None else (error.msg, error.lineno or 1)
    what = f"{asked.name} line {line} is not well-formed XML: {shown(' '.join(message.split()), 160)}"
    return DataError(what, "get or export the file again")


def local(element: Any) -> str:
    """The element's name without its namespace; "" for what is no element."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def children(element: Any, name: str) -> list[Any]:
    """The children that have the name, in any namespace."""
    return [child for child in element if local(child) == name]


def text_of(element: Any, asked: Asked, number: int) -> str:
    """The text of an element, without the codes that stand for markup; each run of white space is one space.

    A code that breaks the line becomes a space. Raises DataError for an entity that XML itself does not define.
    """
    parts: list[str] = []
    _collect(element, parts, f"{asked.name} unit {number}")
    return _SPACE.sub(" ", "".join(parts)).strip(" ")


def _collect(element: Any, parts: list[str], place: str) -> None:
    """Append the texts within an element; lxml allows no more than 256 elements within each other."""
    parts.append(element.text or "")
    for child in element:
        if not isinstance(child.tag, str):
            raise DataError(
                f"{place} uses the entity {shown(child.text)}, which is not read",
                "write the text itself in its place",
            )
        if local(child) not in _CODES:
            _collect(child, parts, place)
        elif _breaks_line(child):
            parts.append(" ")
        parts.append(child.tail or "")


def _breaks_line(code: Any) -> bool:
    kinds = {code.get(name) for name in ("ctype", "type", "subType")}
    return bool(kinds & _BREAKS) or bool(_BREAK.match("".join(code.itertext())))
