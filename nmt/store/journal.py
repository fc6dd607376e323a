"""The journal beside an unfinished output: which windows of input are done, and the reader that checks them.

FILE.partial grows window by window, and FILE.journal says how much of it is good. A journal is lines of JSON: a header
with all that the output depends on, then an entry for each window: how many lines it had, how many bytes they became,
and a SHA-256 of both. A later process that does the same work compares its windows with the entries, one by one, and
makes the first that differs, and all after it, anew. So nothing is read ahead, and standard input resumes as files do.
Neither file is trusted: every entry is checked against the bytes that are there.

Knows lines and bytes; not what makes one from the other. nmt.store.resumable writes both files.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Self

from nmt.disk.durable import sync, unfinished
from nmt.disk.files import open_own
from nmt.errors import CannotCreateError, write_failed

FORMAT = 1
START = b'{"journal": '
"""The first bytes of every journal, written when it is created: by them it is known as nmt's."""

Work = Mapping[str, str | int | float | bool | None]
"""All that the output depends on besides the input, by names that a person understands."""

_LONGEST = 1 << 16  # bytes of a line of a journal; ours have some hundreds
_CHUNK = 1 << 20


def beside(path: Path) -> tuple[Path, Path]:
    """FILE.partial and FILE.journal of an output; behind a link they are beside the file that it leads to."""
    path = Path(os.path.realpath(path))
    return path.with_name(f"{path.name}.partial"), path.with_name(f"{path.name}.journal")


class Beside:
    """An open file beside the output, which is created if it is not there; ``output`` is the name in errors of writing.

    Raises CannotCreateError, also for a file of another user, who could write into it.
    """

    def __init__(self, path: Path, output: Path, private: bool) -> None:
        self.path = path
        self.good = 0  # bytes, from the first on, that both files agree on
        self._output = output
        self.descriptor = open_own(path, os.O_RDWR, private)
        if os.fstat(self.descriptor).st_uid != os.geteuid():
            os.close(self.descriptor)
            raise CannotCreateError(f"{path} is there and is another user's", "move it away")

    @property
    def size(self) -> int:
        return os.fstat(self.descriptor).st_size

    def is_named(self) -> bool:
        """Whether the open file still has its name: another may have taken it."""
        try:
            return os.path.samestat(os.fstat(self.descriptor), self.path.lstat())
        except OSError:
            return False

    def append(self, data: bytes) -> None:
        """Write at the end, and wait until the bytes are on the disk. Raises StorageError."""
        view = memoryview(data)
        try:
            os.lseek(self.descriptor, 0, os.SEEK_END)
            while view:
                view = view[os.write(self.descriptor, view) :]
        except OSError as error:
            raise write_failed(self._output, error) from None
        sync(self.descriptor, self._output)

    def truncate(self) -> None:
        """Drop what follows the good bytes. Raises StorageError."""
        try:
            os.ftruncate(self.descriptor, self.good)
        except OSError as error:
            raise write_failed(self._output, error) from None

    def lines(self, start: int) -> Iterator[bytes]:
        """The lines from byte ``start`` on; of one longer than any of ours its first part."""
        with open(self.descriptor, "rb", closefd=False) as file:
            file.seek(start)
            while line := file.readline(_LONGEST):
                yield line

    def hash_next(self, count: int) -> str:
        """SHA-256 of the next ``count`` bytes after the good ones, or of as many as there are."""
        digest, place, end = hashlib.sha256(), self.good, self.good + count
        while place < end and (data := os.pread(self.descriptor, min(_CHUNK, end - place), place)):
            digest.update(data)
            place += len(data)
        return digest.hexdigest()

    def close(self, delete: bool) -> None:
        if delete and self.is_named():
            self.path.unlink()
        unfinished.discard(self.path)
        os.close(self.descriptor)


@dataclass(frozen=True)
class Entry:
    """A window of the input, and the bytes that it became."""

    lines: int
    length: int  # in bytes of FILE.partial
    input: str  # SHA-256 of the lines
    output: str  # SHA-256 of the bytes

    @classmethod
    def of(cls, lines: Sequence[str], data: bytes) -> Self:
        return cls(len(lines), len(data), _hash_lines(lines), hashlib.sha256(data).hexdigest())

    @classmethod
    def parse(cls, line: bytes) -> Self | None:
        """The entry in a line of a journal, or None."""
        value = _json(line)
        if not isinstance(value, dict) or set(value) != {spec.name for spec in fields(cls)}:
            return None
        entry = cls(**value)
        counts = (entry.lines, entry.length)
        sound = all(type(count) is int and count >= 0 for count in counts)
        return entry if sound and isinstance(entry.input, str) and isinstance(entry.output, str) else None

    def to_line(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"


class JournalReader:
    """Compares windows of input, one by one, with those that an earlier process has done."""

    def __init__(self, journal: Beside, partial: Beside) -> None:
        self._journal, self._partial = journal, partial
        self._entries = self._read()

    def find(self, lines: Sequence[str]) -> tuple[Entry, int] | str:
        """The entry of the next window, and its bytes in the journal; or why it is not done, "" at the end."""
        entry = next(self._entries, "")
        if isinstance(entry, str):
            return entry
        window, _ = entry
        if (window.lines, window.input) != (len(lines), _hash_lines(lines)):
            return "the input has changed"
        if self._partial.hash_next(window.length) != window.output:
            return f"{self._partial.path} is not as it was left"
        return entry

    def _read(self) -> Iterator[tuple[Entry, int] | str]:
        """Each entry with its bytes in the journal; last the reason why there are no more, if there is one."""
        for line in self._journal.lines(self._journal.good):
            entry = Entry.parse(line) if line.endswith(b"\n") else None
            if entry:
                yield entry, len(line)
                continue
            # A killed process leaves a part of a line at the end.
            if line.endswith(b"\n") or len(line) == _LONGEST:
                yield f"{self._journal.path} is damaged"
            return


def header_of(work: Work) -> bytes:
    """The first line of a journal of this work."""
    return json.dumps({"journal": FORMAT, **work}).encode() + b"\n"


def difference(first: bytes, header: bytes, journal: Path) -> str:
    """Why a journal whose first line is ``first`` is not one of the work that would begin with ``header``."""
    left, wanted = _json(first), json.loads(header)
    if not first or not isinstance(left, dict):
        return f"{journal} is missing or damaged"
    different = [name for name in wanted if name not in left or left[name] != wanted[name]]
    return f"what is there was made with another {different[0] if different else 'nmt'}"


def _hash_lines(lines: Sequence[str]) -> str:
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass")).hexdigest()


def _json(line: bytes) -> object:
    """The value in a line, or None when it is not JSON."""
    try:
        value: object = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value
