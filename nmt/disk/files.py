"""Reading and writing of files: compressed by their names, written atomically.

Knows bytes and paths; nothing of text, manifests or what the files hold.
"""

import hashlib
import io
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

from nmt.disk.compression import COMPRESSED, broken, compressor, decompressor
from nmt.disk.debris import partial_name, recording, sweep, unfinished
from nmt.disk.durable import cannot_create, keep_rights, publish, refuse_irregular, rights, sync
from nmt.disk.locks import lock
from nmt.disk.untrusted import open_regular
from nmt.errors import CannotCreateError, DataError, MissingInputError, StorageError, write_failed

_BUFFER = 1 << 18
_CHUNK = 1 << 20


def open_binary(path: Path, expected: str = "") -> BinaryIO:
    """Open a file for reading: decompressed if its name ends in .gz, .zst or .xz, else plain. Uses bounded memory.

    Raises MissingInputError when the file does not exist. Reading raises DataError for a damaged or truncated
    compressed stream, and at the end if the bytes on disk do not have the SHA-256 ``expected``. Errors name the file.
    """
    try:
        file = path.open("rb", buffering=0)
    except (FileNotFoundError, NotADirectoryError):
        raise MissingInputError(f"there is no file {path}", "check the path") from None
    except IsADirectoryError:
        raise MissingInputError(f"{path} is a folder", "name a file inside it") from None
    except OSError as error:
        raise MissingInputError(f"{path} cannot be read: {error.strerror}", "check its permissions") from None
    return cast(BinaryIO, io.BufferedReader(_Reader(path, file, expected), _BUFFER))


class _Reader(io.RawIOBase):
    """The decompressed bytes of a file; turns the exceptions of the libraries into an NmtError that names the file."""

    def __init__(self, path: Path, file: io.FileIO, expected: str) -> None:
        self._path = path
        self._file = file
        self._expected = expected
        self._hashed = _Hashed(file)
        self._source = decompressor(path, cast(BinaryIO, self._hashed) if expected else file)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast(bytearray, buffer)).cast("B")
        try:
            data = self._source.read(len(view))
            if not data and self._expected:
                self._verify()
        except broken() as error:
            reason = str(error).rstrip(".") or type(error).__name__
            raise DataError(f"{self._path} is damaged: {reason}", "get or compress the file again") from None
        except OSError as error:
            raise StorageError(f"reading {self._path} failed: {error.strerror}", "check the disk") from None
        view[: len(data)] = data
        return len(data)

    def _verify(self) -> None:
        while self._hashed.read(_BUFFER):
            pass  # bytes that the decompressor did not need
        if self._hashed.digest.hexdigest() != self._expected:
            raise DataError(f"{self._path} changed while it was read", "run again when no program writes to it")

    def close(self) -> None:
        self._file.close()
        super().close()


class _Hashed:
    """A file that is read from its first byte on, with the SHA-256 of the bytes read so far."""

    def __init__(self, file: io.FileIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data: bytes = self._file.read(size)
        self.digest.update(data)
        return data


@contextmanager
def create_binary(path: Path, follow: bool = True) -> Iterator[BinaryIO]:
    """Write a file atomically, compressed by its name: it appears, complete, when the block ends without an error.

    An existing file is replaced and its permissions are kept. A pipe or device is written directly, and a link is
    followed to its file; both are refused without ``follow``. The same data gives the same bytes, as gzip gets no time
    stamp. Raises CannotCreateError when the file cannot be created and StorageError when writing fails.
    """
    special = follow and written_directly(path)
    if not follow:
        refuse_irregular(path)
    elif not special:
        path = Path(os.path.realpath(path))
    if path.is_dir():
        raise CannotCreateError(f"{path} is a folder", "name a file")
    written = path if special else partial_name(path)
    before = None if special else rights(path)
    try:
        # Append, because /dev/stdout may be a file that holds data already.
        flags = os.O_WRONLY | (os.O_APPEND if special else os.O_CREAT | os.O_EXCL)
        with recording():
            descriptor = os.open(written, flags | getattr(os, "O_BINARY", 0), 0o600 if before else 0o666)
            if not special:
                unfinished.add(written)
    except OSError as error:
        raise cannot_create(path, error) from None
    if not special:
        lock(descriptor)  # so that no sweep removes it
    if before:
        keep_rights(descriptor, before)
    raw = _Writer(path, descriptor)
    if not special:
        sweep(path.parent, path.name)
    try:
        buffered = io.BufferedWriter(raw, _BUFFER)
        with compressor(path, cast(BinaryIO, buffered)) as stream:
            yield stream
        buffered.flush()
        if not special:
            sync(descriptor, path)
            publish(written, path)
    finally:
        # After a failure, drop buffered data, so that no destructor writes to a closed file.
        raw.abandoned = True
        os.close(descriptor)
        if not special:
            written.unlink(missing_ok=True)
        unfinished.discard(written)


def open_own(path: Path, flags: int, private: bool = False) -> int:
    """Open the regular file ``path``, or create it, without following a link; return the descriptor.

    If ``private``, only its owner may read it. Raises CannotCreateError, also when the path is not a regular file.
    """
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    refuse_irregular(path)
    try:
        try:
            descriptor = os.open(path, flags)
        except FileNotFoundError:
            descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o666)
    except OSError as error:
        raise cannot_create(path, error) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise CannotCreateError(f"{path} is not a regular file", "move it away")
    if private:
        with suppress(OSError):  # a file system without permissions
            os.chmod(descriptor, 0o600)
    return descriptor


class _Writer(io.RawIOBase):
    """Writer to a descriptor whose errors name the final file."""

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
            raise write_failed(self._path, error) from None


def written_directly(path: Path) -> bool:
    """Whether ``path`` is a pipe, a device or a descriptor like /dev/stdout, which cannot be replaced by a new file."""
    if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
        return True
    for _ in range(40):  # the kernel follows as many links
        folder = os.path.realpath(path.parent)
        if folder == "/dev/fd" or re.fullmatch(r"/proc/\d+(/task/\d+)?/fd", folder):
            return True
        if not os.path.islink(path):
            return False
        path = Path(folder, os.readlink(path))
    return False


def count_lines(paths: Iterable[Path]) -> int | None:
    """Number of lines in the files; None if a file is compressed, not regular or not readable.

    Only ``\\n`` ends a line, and a last line without it counts. Reads gigabytes per second, in bounded memory.
    """
    count = 0
    for path in paths:
        if path.suffix in COMPRESSED or not path.is_file():
            return None
        last = b"\n"
        try:
            with path.open("rb", buffering=0) as file:
                while data := file.read(_CHUNK):
                    count += data.count(b"\n")
                    last = data
        except OSError:
            return None
        count += not last.endswith(b"\n")
    return count


def sha256(path: Path) -> str:
    """SHA-256 of the file's bytes on disk, in hexadecimal.

    Raises MissingInputError, DataError if the path is not a regular file, and StorageError when reading fails.
    """
    with open_regular(path) as file:
        try:
            return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:  # a bad sector
            raise StorageError(f"reading {path} failed: {error.strerror}", "check the disk") from None
