"""Compression by the ending of a file's name, one stream or several after each other. Knows bytes; opens no file."""

import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol, cast

import zstandard

COMPRESSED = (".gz", ".zst", ".xz")

BROKEN = (EOFError, zlib.error, lzma.LZMAError, zstandard.ZstdError, gzip.BadGzipFile)
"""What reading a broken or cut stream raises."""


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def decompressor(path: Path, file: BinaryIO) -> Readable:
    """What ``file`` holds, decompressed when the name ``path`` says so."""
    if path.suffix == ".gz":
        return gzip.GzipFile(fileobj=file)
    if path.suffix == ".xz":
        return lzma.LZMAFile(file)
    return _ZstdFrames(file) if path.suffix == ".zst" else file


class _ZstdFrames:
    """The frames of a .zst file one after another. zstandard's own reader takes a cut file for a whole one."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._compressed = b""
        self._ready = memoryview(b"")

    def read(self, size: int) -> bytes:
        while not self._ready:
            # Small pieces, because the output of one piece cannot be bounded.
            piece = self._compressed or self._file.read(1 << 13)
            self._compressed = b""
            if self._frame.eof and piece:
                self._frame = zstandard.ZstdDecompressor().decompressobj()
            if not piece:
                if not self._frame.eof:
                    raise EOFError("the compressed stream ends too early")
                return b""
            self._ready = memoryview(self._frame.decompress(piece))
            self._compressed = self._frame.unused_data
        data = bytes(self._ready[:size])
        self._ready = self._ready[size:]
        return data


@contextmanager
def compressor(path: Path, file: BinaryIO) -> Iterator[BinaryIO]:
    """A stream that compresses into ``file`` by the name ``path``. gzip holds no time stamp."""
    if path.suffix == ".gz":
        with gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=6, mtime=0) as zipped:
            yield cast(BinaryIO, zipped)
    elif path.suffix == ".xz":
        with lzma.LZMAFile(file, "wb") as packed:
            yield cast(BinaryIO, packed)
    elif path.suffix == ".zst":
        with zstandard.ZstdCompressor().stream_writer(file, closefd=False) as squeezed:
            yield cast(BinaryIO, squeezed)
    else:
        yield file


def compressed(path: Path, data: bytes) -> bytes:
    """The data as one whole member of the file ``path``, compressed by its name; members may follow each other."""
    member = io.BytesIO()
    with compressor(path, member) as stream:
        stream.write(data)
    return member.getvalue()
