"""Compression by the ending of a file's name, one stream or several after each other. Knows bytes; opens no file.

The libraries are imported when a file asks for them: every command passes here on its way to plain files.
"""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol, cast

COMPRESSED = (".gz", ".zst", ".xz")


_PIECE = 1 << 9  # compressed bytes at a time: 512 can stand for 8 MB, and no decoder says so before
_AHEAD = 1 << 16  # compressed bytes read at a time
_XZ_MEMORY = 1 << 29  # bytes that a stranger's .xz may ask for; xz -9 asks for 65 MiB


def broken() -> tuple[type[Exception], ...]:
    """What reading a broken or cut stream raises."""
    import gzip
    import lzma
    import zlib

    import zstandard

    return EOFError, zlib.error, lzma.LZMAError, zstandard.ZstdError, gzip.BadGzipFile


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class Member(Protocol):
    """Decompresses one member of a file and no more."""

    @property
    def eof(self) -> bool:
        """Whether the member is whole; what came after it is ``unused_data``."""

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, /) -> bytes: ...


def decompressor(path: Path, file: BinaryIO) -> Readable:
    """What ``file`` holds, decompressed when the name ``path`` says so."""
    start: Callable[[], Member] | None = _MEMBERS.get(path.suffix)
    return _Members(file, start) if start else file


class _Members:
    """The members of a compressed file one after another: each whole, and nothing between or after them.

    Python's own readers pass over what follows a member and is none, be it zeros or a damaged member, and zstandard's
    takes a cut file for a whole one: the text would be short without a word.
    """

    def __init__(self, file: BinaryIO, start: Callable[[], Member]) -> None:
        self._file = file
        self._start = start
        self._member = start()
        self._compressed = b""
        self._at = 0  # of ``_compressed``
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
    """A stream that compresses into ``file`` by the name ``path``: with a checksum, and gzip without a time stamp."""
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
    """The data as one whole member of the file ``path``, compressed by its name; members may follow each other."""
    member = io.BytesIO()
    with compressor(path, member) as stream:
        stream.write(data)
    return member.getvalue()
