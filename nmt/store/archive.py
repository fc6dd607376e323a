"""ZIP archives of stored files: written so that the same files give the same bytes, and read strictly from strangers.

Nothing is compressed, so an archive cannot grow when it is read, and its end is checked before Python's reader sees it,
so a directory without end is not read. Knows bytes and names; not what the files mean.
"""

import os
import re
import struct
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from shutil import copyfileobj
from typing import BinaryIO, NoReturn

from nmt.disk.files import create_binary
from nmt.disk.untrusted import file_size, open_regular
from nmt.errors import CannotCreateError, DataError, MissingInputError, SettingsError, shown

MOST, LARGEST_DIRECTORY = 64, 1 << 16  # entries; bytes of the list of them
LONGEST_RECIPE = 64  # a SHA-256
_MARKS = {kind: b"nmt export %s " % kind.encode() for kind in ("zip", "argos")}  # begin the comment; the recipe follows
_END, _END_SIGN = struct.Struct("<4s4H2LH"), b"PK\x05\x06"  # of central directory record, APPNOTE.TXT 4.3.16
_HEADS = 30 + 16 + 46  # bytes around and about each file, without its name: 4.3.7, 4.3.9, 4.3.12
_LOCATOR, _LOCATOR_SIGN = 20, b"PK\x06\x07"  # bytes, and how they begin: 4.3.15
_MAY_BE_SET = 0x0808  # flags: names in UTF-8, sizes behind the bytes
_BAD = (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, ValueError)
_CHUNK = 1 << 20


def write_archive(path: Path, files: Mapping[str, Path | bytes], kind: str, recipe: str) -> None:
    """Write an export of a ``kind``: files by these names, and ``recipe``, a SHA-256 of what it was made from.

    Raises CannotCreateError or StorageError, and SettingsError for over 2 GiB, which needs another form of ZIP.
    """
    comment = _MARKS[kind] + recipe.encode()
    bodies = sum(len(each) if isinstance(each, bytes) else each.stat().st_size for each in files.values())
    heads = sum(_HEADS + 2 * len(name.encode()) for name in files) + _END.size + len(comment)
    if bodies + heads > zipfile.ZIP64_LIMIT:
        raise SettingsError(f"{path} would have over 2 GiB", "hand over the model folder instead")
    with create_binary(path) as stream, zipfile.ZipFile(stream, "w", allowZip64=False) as archive:
        archive.comment = comment
        for name, content in files.items():
            # Of 1980. It is told no size: zipfile would leave 5% of room above it.
            entry = zipfile.ZipInfo(name)
            entry.create_system, entry.external_attr = 3, 0o100644 << 16
            with archive.open(entry, "w") as written:
                if isinstance(content, bytes):
                    written.write(content)
                else:
                    with content.open("rb") as read:
                        copyfileobj(read, written, _CHUNK)


def is_made(path: Path, kind: str, recipe: str) -> bool:
    """Whether an archive was made from the same; False for one of other things, and where there is nothing.

    Raises CannotCreateError for a file that no export of this ``kind`` wrote, since it would be replaced.
    """
    if not os.path.lexists(path):
        return False
    try:
        with open_regular(path) as file:
            _, of_kind, found = _end_of(path, file)
            file.seek(0)
            is_same = (of_kind, found) == (kind, recipe) and _is_whole(file)
    except (DataError, MissingInputError):
        of_kind, is_same = "", False
    if of_kind != kind:
        what = f"an export to {of_kind}" if of_kind else "no export of nmt"
        raise CannotCreateError(f"{path} exists and is {what}", "move it away or choose another `output`")
    return is_same


def _is_whole(file: BufferedReader) -> bool:
    try:
        with zipfile.ZipFile(file) as archive:
            return archive.testzip() is None
    except _BAD:
        return False


class Archive:
    """An open archive; ``sizes`` has the bytes of each file by name."""

    def __init__(self, path: Path, archive: zipfile.ZipFile, size: int) -> None:
        """Check the list of entries against the archive's ``size`` in bytes. Raises DataError."""
        self.path, self._archive = path, archive
        entries = archive.infolist()
        self.sizes = {entry.filename: entry.file_size for entry in entries}
        for entry in entries:
            if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}", entry.filename):
                self.refuse(f"it holds {shown(entry.filename)}, which is no plain name of a file")
            if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
                self.refuse(f"{entry.filename} is compressed, and only stored files are read")
            if entry.flag_bits & ~_MAY_BE_SET:
                self.refuse(f"{entry.filename} is encrypted, or in a form that is not read")
        if len(self.sizes) < len(entries):
            self.refuse("it holds a file twice")
        if sum(self.sizes.values()) > size:
            self.refuse("its files are larger than the archive")

    def read(self, name: str, largest: int) -> bytes:
        """A small file. Raises DataError where it is missing, damaged, or has more bytes than ``largest``."""
        if name not in self.sizes:
            self.refuse(f"it has no {name}")
        if self.sizes[name] > largest:
            self.refuse(f"{name} has {self.sizes[name]} bytes, over the limit of {largest}")
        with self._open(name) as file:
            return file.read(largest)

    def copy(self, name: str, to: Path) -> None:
        """Write a file to ``to``. Raises DataError where it is damaged."""
        with to.open("wb") as written, self._open(name) as file:
            copyfileobj(file, written, _CHUNK)

    @contextmanager
    def _open(self, name: str) -> Iterator[BinaryIO]:
        try:
            with self._archive.open(name) as file:
                yield file  # type: ignore[misc]
        except _BAD as error:
            if isinstance(error, OSError) and error.errno:  # of the disk, not of the archive
                raise
            self.refuse(f"{name} is damaged: {shown(str(error))}")

    def refuse(self, reason: str) -> NoReturn:
        """Raise DataError for the archive."""
        raise _no_archive(self.path, reason)


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Open an archive. Raises MissingInputError or DataError, naming the file."""
    with open_regular(path) as file:
        count, *_ = _end_of(path, file)
        file.seek(0)
        try:
            archive = zipfile.ZipFile(file)
        except _BAD as error:
            raise _no_archive(path, shown(str(error))) from None
        with archive:
            if len(archive.infolist()) != count:
                raise _no_archive(path, "it has another number of files than it says")
            yield Archive(path, archive, file_size(file))


def _end_of(path: Path, file: BufferedReader) -> tuple[int, str, str]:
    """How many entries there are, and the kind and recipe of an export or "". Raises DataError for what none writes."""
    size, reason = file_size(file), "it is no ZIP archive, or is cut off"
    for kind in (*_MARKS, ""):
        longest = len(_MARKS[kind]) + LONGEST_RECIPE if kind else 0
        end = size - _END.size - longest
        if end < 0:
            continue
        file.seek(end)
        sign, disk, first, here, entries, length, begin, comment = _END.unpack(file.read(_END.size))
        mark = file.read(longest)
        file.seek(max(0, end - _LOCATOR))
        if sign != _END_SIGN or comment != longest:
            continue
        if disk or first or here != entries or entries > MOST or length > LARGEST_DIRECTORY or begin + length != end:
            reason = "its list of entries is too long, or not where it should be"
        elif file.read(4) == _LOCATOR_SIGN:  # another end, which Python's reader would believe
            reason = "it is in the form for over 2 GiB"
        elif longest and not re.fullmatch(_MARKS[kind] + rb"[0-9a-f]{64}", mark):
            reason = "its comment is another program's"
        else:
            return entries, kind, mark[-LONGEST_RECIPE:].decode()
        break
    raise _no_archive(path, reason)


def _no_archive(path: Path, reason: str) -> DataError:
    return DataError(f"{path} is no model in one file: {reason}", "get it again from its origin")
