"""Compression and decompression by the ending of a file's name, with one member or several. Knows bytes; opens no file.

The libraries are imported when a compressed file needs them, because every command imports this module.
"""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol, cast

COMPRESSED = (".gz", ".zst", ".xz")

_PIECE = 1 << 9  # compressed bytes decoded at once: 512 can expand to 8 MB, and no decoder tells in advance
_AHEAD = 1 << 16  # compressed bytes read at once
_XZ_MEMORY = 1 << 29  # bytes that a stranger's .xz may make the decoder allocate; xz -9 needs 65 MiB


def broken() -> tuple[type[Exception], ...]:
    """The exceptions that reading a damaged or truncated stream may raise."""
    import gzip
    import lzma
    import zlib

    import zstandard

    return EOFError, zlib.error, lzma.LZMAError, zstandard.ZstdError, gzip.BadGzipFile


class Readable(Protocol):
    """A source of bytes."""

    def read(self, size: int, /) -> bytes:
        """Read at most ``size`` bytes; none at the end."""


class Member(Protocol):
    """A decoder of a single member of a compressed file, as zlib, lzma and zstandard have it."""

    @property
    def eof(self) -> bool:
        """Whether the end of the member was reached."""

    @property
    def unused_data(self) -> bytes:
        """Bytes that were given after the end of the member."""

    def decompress(self, data: bytes, /) -> bytes:
        """Decompress the next bytes of the member."""


def decompressor(path: Path, file: BinaryIO) -> Readable:
    """A reader of the content of ``file``, which is decompressed if the name ``path`` ends in .gz, .zst or .xz."""
    start: Callable[[], Member] | None = _MEMBERS.get(path.suffix)
    return _Members(file, start) if start else file


class _Members:
    """Reader of a compressed file that accepts complete members only, with nothing between or after them.

    Python's own readers skip what follows a member and is not one, such as zeros or a damaged member, and zstandard's
    accepts a truncated file. The text would be too short without an error.
    """

    def __init__(self, file: BinaryIO, start: Callable[[], Member]) -> None:
        self._file = file
        self._start = start
        self._member = start()
        self._compressed = b""
        self._at = 0  # the next byte of ``_compressed``
        self._ready = memoryview(b"")

    def read(self, size: int) -> bytes:
        while not self._ready:
            if self._at == len(self._compressed):
                self._compressed, self._at = self._file.read(_AHEAD), 0
            piece = self._compressed[self._at : self._at + _PIECE]
            if self._member.eof:
                if not piece:
                    return b""
                self._member = self._start()
            elif not piece:
                raise EOFError("the compressed stream ends too early")
            self._ready = memoryview(self._member.decompress(piece))
            self._at += len(piece) - len(self._member.unused_data)
        data = bytes(self._ready[:size])
        self._ready = self._ready[size:]
        return data


def _gzip() -> Member:
    import zlib

    return zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)


def _xz() -> Member:
    import lzma

    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)


def _zstd() -> Member:
    import zstandard

    return zstandard.ZstdDecompressor().decompressobj()


_MEMBERS: dict[str, Callable[[], Member]] = {".gz": _gzip, ".xz": _xz, ".zst": _zstd}


@contextmanager
def compressor(path: Path, file: BinaryIO) -> Iterator[BinaryIO]:
    """A stream that writes into ``file``, compressed by the name ``path``: with a checksum; gzip has no time stamp."""
    if path.suffix == ".gz":
        import gzip

        with gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=6, mtime=0) as zipped:
            yield cast(BinaryIO, zipped)
    elif path.suffix == ".xz":
        import lzma

        with lzma.LZMAFile(file, "wb") as packed:
            yield cast(BinaryIO, packed)
    elif path.suffix == ".zst":
        import zstandard

        with zstandard.ZstdCompressor(write_checksum=True).stream_writer(file, closefd=False) as squeezed:
            yield cast(BinaryIO, squeezed)
    else:
        yield file


def compressed(path: Path, data: bytes) -> bytes:
    """Compress ``data`` into one member, by the name ``path``; a file may hold several members in sequence."""
    member = io.BytesIO()
    with compressor(path, member) as stream:
        stream.write(data)
    return member.getvalue()
