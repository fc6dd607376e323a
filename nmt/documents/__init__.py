"""Files as they are: which ending is which format, and how a file becomes a document.

Each format is one file of this folder. It finds the texts to translate and their places; all else is written as it was
read.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, Protocol

from nmt.disk.compression import COMPRESSED
from nmt.disk.files import open_binary
from nmt.documents import html, jsonl, markdown, po, subtitles, xliff
from nmt.documents.document import Document, Unit, over_long
from nmt.documents.reading import declared, decoded
from nmt.errors import DataError
from nmt.text.lines import LONGEST_LINE


@dataclass(frozen=True)
class Asked:
    """What of documents is translated, where formats leave a choice."""

    keys: tuple[str, ...] = ()  # of JSON lines
    again: bool = False  # entries that are translated already, too


class Reader(Protocol):
    """Reads the units of a file's text; ``name`` is that of the file in errors. Raises DataError."""

    def __call__(self, text: str, name: str, asked: Asked) -> Iterable[Unit]: ...


class Format(NamedTuple):
    """A format: its reader, and how many bytes a file has at most."""

    read: Reader
    largest: int = 1 << 25


def _plain(read: Callable[[str, str], Iterable[Unit]], largest: int = 1 << 25) -> Format:
    """A format without choices."""
    return Format(lambda text, name, asked: read(text, name), largest)


_HTML, _PO, _XLIFF = _plain(html.read), Format(po.read, 1 << 24), Format(xliff.read)
_MARKDOWN = _plain(markdown.read, 1 << 21)
FORMATS = {
    "html": _HTML,
    "htm": _HTML,
    "srt": _plain(subtitles.read_srt),
    "vtt": _plain(subtitles.read_vtt),
    "po": _PO,
    "pot": _PO,
    "md": _MARKDOWN,
    "markdown": _MARKDOWN,
    "jsonl": Format(jsonl.read),
    "xlf": _XLIFF,
    "xliff": _XLIFF,
}


MARKED = {"po", "pot", "xlf", "xliff"}
"""Formats that have translations beside the sources, and marks of what a model made."""


MOST = 1 << 18
"""Texts of a document: each takes up to two kilobytes with its translation."""

XML = {"xlf", "xliff"}
NAMING = {"html", "htm", *XML}
"""Formats that name their encoding, and write what that lacks as references."""


def format_of(path: Path) -> str:
    """The format that the file's ending names, whether compressed or not; "" for any other ending."""
    plain = path.with_suffix("") if path.suffix in COMPRESSED else path
    ending = plain.suffix[1:].lower()
    return ending if ending in FORMATS else ""


def read(path: Path, asked: Asked | None = None) -> Document:
    """Read a file whose ending names a format. Raises DataError for what is not of its format or too large."""
    format = format_of(path)
    largest = FORMATS[format].largest
    with open_binary(path) as file:
        data = file.read(largest + 1)
    if len(data) > largest:
        raise DataError(f"{path} has over {largest >> 20} MiB", "cut it into smaller documents")
    return parse(data, format, str(path), asked)


def parse(data: bytes, format: str, name: str, asked: Asked | None = None) -> Document:
    """The document of a file's bytes. Raises DataError for what is not of the ``format``."""
    codec = declared(data, is_xml=format in XML) if format in NAMING else "utf-8"
    text, encode = decoded(data, name, codec)
    return replace(parse_text(text, format, name, asked), encode=encode)


def parse_text(text: str, format: str, name: str, asked: Asked | None = None) -> Document:
    """The document of a text. Raises DataError for what is not of the ``format``, or a text in it over 1 MiB."""
    units, count = list[Unit](), 0
    for unit in FORMATS[format].read(text, name, asked or Asked()):
        units.append(unit)
        count += len(unit.texts)
        if count > MOST:
            raise DataError(f"{name} has over {MOST:,} texts", "cut it into smaller documents")
    units.sort(key=lambda unit: unit.start)
    for unit in units:
        if any(len(each) > LONGEST_LINE // 4 and len(each.encode()) > LONGEST_LINE for each in unit.texts):
            raise over_long(text, unit.start, name)
    return Document(text, units)
