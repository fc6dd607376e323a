"""Elements of an XML file with their places in its text, by Python's expat. Knows XML; no format.

Those that a format wants are given to it one after another, and not kept. Nothing outside the file is read, and a file
that declares entities or attributes is refused, so nothing grows when it is read. lxml tells no places.
"""

from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass, field
from xml.parsers import expat

from nmt.documents.inline import Text
from nmt.errors import DataError, shown

DEEPEST = 200
"""Elements within each other."""
MOST = 1 << 20
"""Elements of a file, and texts in those that are given."""
MOST_WITHIN = 1 << 17
"""Elements and texts within one that is given: each takes up to a kilobyte with what is made of it."""


@dataclass(slots=True)
class Element:
    """An element: its start tag is from ``start`` to before ``inner``, its end tag from ``close`` to before ``end``.

    Of one that is a single tag, ``inner`` and ``close`` are ``end``.
    """

    name: str  # without the prefix of its namespace
    attributes: dict[str, str]
    start: int
    parent: "Element | None"
    inner: int = 0
    close: int = 0
    end: int = 0
    children: "list[Element | Text]" = field(default_factory=list)  # other markup is none

    def all(self, *names: str) -> "list[Element]":
        """The children of these names."""
        return [child for child in self.children if isinstance(child, Element) and child.name in names]

    def first(self, name: str) -> "Element | None":
        """The first child of the name, if there is one."""
        return next(iter(self.all(name)), None)

    def descendants(self, *names: str) -> "Iterator[Element]":
        """The elements of these names within it, those within such elements left out."""
        for child in self.children:
            if isinstance(child, Element):
                if child.name in names:
                    yield child
                else:
                    yield from child.descendants(*names)


def each_of(text: str, name: str, wanted: Set[str], take: Callable[[Element], None]) -> Element:
    """Give the elements of the ``wanted`` names to ``take``, in order, those within such elements left out.

    Returns the outermost element, which has its children only if it is one of them. Raises DataError, with the line,
    for what is not XML or not read.
    """
    return _Reading(text, name, wanted, take).root()


class _Reading:
    def __init__(self, text: str, name: str, wanted: Set[str], take: Callable[[Element], None]) -> None:
        self._text, self._name, self._wanted, self._take = text, name, wanted, take
        self._data = text.encode()
        self._parser = expat.ParserCreate("utf-8")
        self._top: Element | None = None
        self._open: Element | None = None
        self._given: Element | None = None  # the wanted one that is open, or waits for the end of its end tag
        self._depth = self._count = self._within = 0
        self._place = self._byte = 0  # of the same character
        self._waits: Element | None = None  # for the end of its start tag
        self._ended: Element | None = None  # for the end of its end tag
        self._text_from = -1
        self._raw_from = -1  # where a section of raw text begins

    def root(self) -> Element:
        parser = self._parser
        parser.buffer_text = False
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.CommentHandler = lambda comment: self._at()
        parser.ProcessingInstructionHandler = lambda target, data: self._at()
        parser.StartCdataSectionHandler = self._start_raw
        parser.EndCdataSectionHandler = self._end_raw
        parser.EntityDeclHandler = self._refuse
        parser.SkippedEntityHandler = self._refuse
        parser.AttlistDeclHandler = self._refuse_default
        try:
            parser.Parse(self._data, True)
        except expat.ExpatError as error:
            what = f"{self._name} line {error.lineno} is not well-formed XML: {expat.ErrorString(error.code)}"
            raise DataError(what, "get or export the file again") from None
        self._settle(len(self._text))
        if self._top is None:
            raise DataError(f"{self._name} has no element", "get the file again")
        return self._top

    def _at(self) -> int:
        """The character at which the event begins; what came before ends there."""
        byte = self._parser.CurrentByteIndex
        self._place += len(self._data[self._byte : byte].decode())
        self._byte = byte
        self._settle(self._place)
        return self._place

    def _settle(self, place: int) -> None:
        if self._text_from >= 0 and self._open:
            self._add(self._open, Text(self._text_from, place))
            self._text_from = -1
        if self._waits:
            self._waits.inner, self._waits = place, None
        if self._ended:
            self._ended.end, ended, self._ended = place, self._ended, None
            self._give(ended)

    def _give(self, element: Element) -> None:
        if element is self._given:
            self._given, self._within = None, 0
            self._take(element)

    def _add(self, parent: Element, child: Element | Text) -> None:
        """Add to an element; expat tells each line and reference of a text by itself, and here it is one."""
        last = parent.children[-1] if parent.children else None
        if (
            isinstance(last, Text)
            and isinstance(child, Text)
            and last.end == child.start
            and last.says is child.says is None
        ):
            parent.children[-1] = Text(last.start, child.end)
            return
        self._counted()
        self._within += 1
        if self._given and self._within > MOST_WITHIN:
            line = self._text.count("\n", 0, self._given.start) + 1
            what = f"{self._name} line {line} begins a unit of over {MOST_WITHIN:,} elements and texts"
            raise DataError(what, "cut it into smaller units")
        parent.children.append(child)

    def _counted(self) -> None:
        self._count += 1
        if self._count > MOST:
            raise DataError(f"{self._name} has over {MOST:,} elements and texts", "cut it into smaller documents")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        place = self._at()
        self._depth += 1
        if self._depth > DEEPEST:
            raise DataError(f"{self._name} has over {DEEPEST} elements within each other", "get the file again")
        element = Element(name.rpartition(":")[2], attributes, place, self._open)
        if self._given and self._open:
            self._add(self._open, element)
        else:
            self._counted()
            self._given = element if element.name in self._wanted else None
        self._top = self._top or element
        self._open = self._waits = element

    def _end(self, name: str) -> None:
        element = self._open
        if element is None:
            return
        is_alone = self._waits is element  # or it has no content: then expat is at its end tag
        place = self._at()
        self._depth -= 1
        self._open = element.parent
        element.close = place
        if is_alone and self._text[element.start : place].endswith("/>"):
            element.end = place
            self._give(element)
        else:
            self._ended = element

    def _characters(self, data: str) -> None:
        if self._given and self._raw_from < 0:
            place = self._at()  # after which none may be open
            self._text_from = place if self._given else -1

    def _start_raw(self) -> None:
        self._raw_from = self._at()

    def _end_raw(self) -> None:
        start, end = self._raw_from, self._at() + len("]]>")
        if self._given and self._open:
            self._add(self._open, Text(start, end, self._text[start + len("<![CDATA[") : end - len("]]>")]))
        self._raw_from = -1

    def _refuse(self, name: str, *about: object) -> None:
        self._refused(f"the entity {shown(name)}", "write the text itself in its place")

    def _refuse_default(self, element: str, attribute: str, *about: object) -> None:
        self._refused(f"a declaration of the attribute {shown(attribute)}", "write it in the elements themselves")

    def _refused(self, what: str, mend: str) -> None:
        raise DataError(f"{self._name} line {self._parser.CurrentLineNumber} has {what}, which is not read", mend)
