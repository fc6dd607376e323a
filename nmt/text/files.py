"""Files read and written: compressed by name, and whole or not there.

Knows bytes and paths; nothing of text, manifests or what the files hold.
"""

import gzip
import hashlib
import io
import lzma
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol, cast

import zstandard

from nmt.errors import CannotCreateError, DataError, MissingInputError, StorageError
from nmt.text.durable import cannot_create, partial_name, rename, sweep, sync, sync_folder, unfinished
from nmt.text.untrusted import open_regular

COMPRESSED = (".gz", ".zst", ".xz")
_BUFFER = 1 << 18


def open_binary(path: Path) -> BinaryIO:
    """Open a file for reading: plain, or decompressed when its name ends in .gz, .zst or .xz.

    Raises MissingInputError when it is absent, and DataError, also in the middle of reading, for a broken or cut
    compressed stream; both name the file. Bounded memory.
    """
    try:
        file = path.open("rb", buffering=0)
    except (FileNotFoundError, NotADirectoryError):
        raise MissingInputError(f"there is no file {path}", "check the path") from None
    except IsADirectoryError:
        raise MissingInputError(f"{path} is a folder", "name a file inside it") from None
    except OSError as error:
        raise MissingInputError(f"{path} cannot be read: {error.strerror}", "check its permissions") from None
    return cast(BinaryIO, io.BufferedReader(_Reader(path, file), _BUFFER))


class _Reader(io.RawIOBase):
    """The bytes of a file after decompression; what goes wrong on the way becomes one error with the file's name."""

    def __init__(self, path: Path, file: io.FileIO) -> None:
        self._path = path
        self._file = file
        self._source: _Readable
        if path.suffix == ".gz":
            self._source = gzip.GzipFile(fileobj=file)
        elif path.suffix == ".xz":
            self._source = lzma.LZMAFile(file)  # noqa: SIM115  # closed with the reader
        elif path.suffix == ".zst":
            self._source = _ZstdFrames(file)
        else:
            self._source = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast(bytearray, buffer)).cast("B")
        try:
            data = self._source.read(len(view))
        except (EOFError, zlib.error, lzma.LZMAError, zstandard.ZstdError, gzip.BadGzipFile) as error:
            reason = str(error).rstrip(".") or type(error).__name__
            raise DataError(f"{self._path} is broken: {reason}", "get or compress the file again") from None
        except OSError as error:
            raise StorageError(f"reading {self._path} failed: {error.strerror}", "check the disk") from None
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


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
def create_binary(path: Path) -> Iterator[BinaryIO]:
    """Write a file, compressed by its name, that appears whole when the block ends well and not at all otherwise.

    An existing file is replaced; a pipe or device is written to directly. Raises CannotCreateError when the file
    cannot be made and StorageError when writing fails. gzip holds no time stamp: the same text gives the same bytes.
    """
    path = Path(os.path.realpath(path))  # a link stays, and the file it points to is replaced
    if path.is_dir():
        raise CannotCreateError(f"{path} is a folder", "name a file")
    special = path.exists() and not path.is_file()
    written = path if special else partial_name(path)
    try:
        flags = os.O_WRONLY if special else os.O_WRONLY | os.O_CREAT | os.O_EXCL
        descriptor = os.open(written, flags | getattr(os, "O_BINARY", 0), 0o666)
    except OSError as error:
        raise cannot_create(path, error) from None
    raw = _Writer(path, descriptor)
    if not special:
        unfinished.add(written)
        sweep(path.parent, path.name)
    try:
        buffered = io.BufferedWriter(raw, _BUFFER)
        with _compressor(path, cast(BinaryIO, buffered)) as stream:
            yield stream
        buffered.flush()
        if not special:
            sync(descriptor, path)
            rename(written, path)
            sync_folder(path.parent)
    finally:
        # Whatever is still buffered after a failure is dropped, so that no destructor writes to a closed file.
        raw.abandoned = True
        os.close(descriptor)
        if not special:
            written.unlink(missing_ok=True)
        unfinished.discard(written)


class _Writer(io.RawIOBase):
    """Bytes into a descriptor; a failure names the final file."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor
        self.abandoned = False

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        view = memoryview(cast(bytes, data)).cast("B")
        if self.abandoned:
            return len(view)
        try:
            return os.write(self._descriptor, view)
        except BrokenPipeError:
            raise
        except OSError as error:
            self.abandoned = True
            raise StorageError(f"writing {self._path} failed: {error.strerror}", "free some space there") from None


@contextmanager
def _compressor(path: Path, file: BinaryIO) -> Iterator[BinaryIO]:
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


def sha256(path: Path) -> str:
    """The SHA-256 of the file's bytes as they lie on the disk, in hexadecimal.

    Raises MissingInputError, or DataError for what is not a regular file.
    """
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
