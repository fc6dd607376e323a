"""Files as they are: which ending is which format, and how a file becomes a document.

Each format is one file of this folder. It finds the texts to translate and their places; all else is written as it was
read.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from nmt.disk.compression import COMPRESSED
from nmt.disk.files import open_binary
from nmt.documents import html, jsonl, markdown, po, subtitles, xliff
from nmt.documents.document import Document, Unit
from nmt.documents.reading import LARGEST, decoded, html_codec
from nmt.errors import DataError


@dataclass(frozen=True)
class Asked:
    """What of documents is translated, where formats leave a choice."""

    keys: tuple[str, ...] = ()  # of JSON lines
    again: bool = False  # entries that are translated already, too


class Reader(Protocol):
    """Reads the units of a file's text; ``name`` is that of the file in errors. Raises DataError."""

    def __call__(self, text: str, name: str, asked: Asked) -> Iterable[Unit]: ...


def _plain(read: Callable[[str, str], Iterable[Unit]]) -> Reader:
    """The reader of a format without choices."""
    return lambda text, name, asked: read(text, name)


FORMATS: dict[str, Reader] = {
    "html": _plain(html.read),
    "htm": _plain(html.read),
    "srt": _plain(subtitles.read_srt),
    "vtt": _plain(subtitles.read_vtt),
    "po": po.read,
    "pot": po.read,
    "md": _plain(markdown.read),
    "markdown": _plain(markdown.read),
    "jsonl": jsonl.read,
    "xlf": xliff.read,
    "xliff": xliff.read,
}


def format_of(path: Path) -> str:
    """The format that the file's ending names, whether compressed or not; "" for any other ending."""
    plain = path.with_suffix("") if path.suffix in COMPRESSED else path
    ending = plain.suffix[1:].lower()
    return ending if ending in FORMATS else ""


def read(path: Path, asked: Asked | None = None) -> Document:
    """Read a file whose ending names a format. Raises DataError for what is not of its format or too large."""
    with open_binary(path) as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise DataError(f"{path} has over {LARGEST >> 20} MiB", "cut it into smaller documents")
    return parse(data, format_of(path), str(path), asked)


def parse(data: bytes, format: str, name: str, asked: Asked | None = None) -> Document:
    """The document of a file's bytes. Raises DataError for what is not of the ``format``."""
    text, encode = decoded(data, name, html_codec(data) if format in ("html", "htm") else "utf-8")
    return replace(parse_text(text, format, name, asked), encode=encode)


def parse_text(text: str, format: str, name: str, asked: Asked | None = None) -> Document:
    """The document of a text. Raises DataError for what is not of the ``format``."""
    units = FORMATS[format](text, name, asked or Asked())
    return Document(text, sorted(units, key=lambda unit: unit.start))
