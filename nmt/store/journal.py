"""The journal beside an unfinished output, which says what windows of input are done; and its reader.

FILE.partial grows window by window, and FILE.journal says how much of it is good. A journal is lines of JSON: a header
with all that the output depends on, then an entry for each window: its number of lines, the number of bytes of their
translations, a SHA-256 of both, and its writer's sums over the window and notes on its lines, if there are any. A later
process that does the same work compares its windows with the entries, one by one, and translates from the first
difference on. So nothing is read ahead, and standard input resumes as files do.
Neither file is trusted: every entry is checked against the bytes that are there.

Knows lines and bytes; not how one becomes the other. nmt.store.resumable writes both files.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Self

from nmt.disk.debris import unfinished
from nmt.disk.durable import sync
from nmt.disk.files import open_own
from nmt.errors import CannotCreateError, write_failed

FORMAT = 1
START = b'{"journal": '
"""The first bytes of every journal, written when it is created; a file without them is not nmt's."""

Work = Mapping[str, str | int | float | bool | None]
"""All that an output depends on besides its input, by names that a person understands."""

Sums = dict[str, float]
"""What a writer counts over the windows of an output, by name."""

Notes = Mapping[int, str]
"""What a writer remembers of lines of a window, by their places."""

_LONGEST = 1 << 19  # bytes of a line; a journal's have some hundreds, or with notes on all lines some hundred thousand
_CHUNK = 1 << 20


def beside(path: Path) -> tuple[Path, Path]:
    """FILE.partial and FILE.journal of an output; behind a link they are beside the file that it leads to."""
    path = Path(os.path.realpath(path))
    return path.with_name(f"{path.name}.partial"), path.with_name(f"{path.name}.journal")


class Beside:
    """FILE.partial or FILE.journal, open; it is created if it is not there. Errors of writing name ``output``.

    Raises CannotCreateError, also for a file of another user, who could write into it.
    """

    def __init__(self, path: Path, output: Path, private: bool) -> None:
        self.path = path
        self.good = 0  # bytes from the start that are known to be whole
        self._output = output
        self.descriptor = open_own(path, os.O_RDWR, private)
        if os.fstat(self.descriptor).st_uid != os.geteuid():
            os.close(self.descriptor)
            raise CannotCreateError(f"{path} exists and belongs to another user", "move it away")

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
        """Write at the end and sync. Raises StorageError."""
        view = memoryview(data)
        try:
            os.lseek(self.descriptor, 0, os.SEEK_END)
            while view:
                view = view[os.write(self.descriptor, view) :]
        except OSError as error:
            raise write_failed(self._output, error) from None
        sync(self.descriptor, self._output)

    def truncate(self) -> None:
        """Cut off what follows the good bytes. Raises StorageError."""
        try:
            os.ftruncate(self.descriptor, self.good)
        except OSError as error:
            raise write_failed(self._output, error) from None

    def lines(self, start: int) -> Iterator[bytes]:
        """The lines from byte ``start`` on; a line that is too long for a journal comes in parts."""
        with open(self.descriptor, "rb", closefd=False) as file:
            file.seek(start)
            while line := file.readline(_LONGEST):
                yield line

    def read_next(self, count: int) -> bytes:
        """The next ``count`` bytes after the good ones, or as many as there are."""
        parts, place, end = [], self.good, self.good + count
        while place < end and (data := os.pread(self.descriptor, min(_CHUNK, end - place), place)):
            parts.append(data)
            place += len(data)
        return b"".join(parts)

    def close(self, delete: bool) -> None:
        if delete and self.is_named():
            self.path.unlink()
        unfinished.discard(self.path)
        os.close(self.descriptor)


@dataclass(frozen=True)
class Entry:
    """A window of the input and the bytes of its translations."""

    lines: int
    length: int  # in bytes of FILE.partial
    input: str  # SHA-256 of the lines
    output: str  # SHA-256 of the bytes
    sums: Mapping[str, float] = field(default_factory=dict)  # what the writer counts over all windows, by name
    notes: Mapping[str, str] = field(default_factory=dict)  # what it remembers of lines, by their places

    @classmethod
    def of(cls, lines: Sequence[str], data: bytes, sums: Mapping[str, float], notes: Notes) -> Self:
        named = {str(place): note for place, note in notes.items()}
        return cls(len(lines), len(data), _hash_lines(lines), hashlib.sha256(data).hexdigest(), sums, named)

    @classmethod
    def parse(cls, line: bytes) -> Self | None:
        """The entry in a line of a journal, or None when the line is not an entry."""
        value = _json(line)
        if not isinstance(value, dict) or {"sums", "notes", *value} != {spec.name for spec in fields(cls)}:
            return None
        entry = cls(**value)
        counts = (entry.lines, entry.length)
        sound = all(type(count) is int and count >= 0 for count in counts) and _are_sums(entry.sums)
        sound = sound and _are_notes(entry.notes, entry.lines)
        return entry if sound and isinstance(entry.input, str) and isinstance(entry.output, str) else None

    def to_line(self) -> bytes:
        value = asdict(self)
        for name in ("sums", "notes"):
            if not value[name]:
                del value[name]
        return json.dumps(value).encode() + b"\n"


def _are_sums(value: object) -> bool:
    return isinstance(value, dict) and all(type(number) in (int, float) for number in value.values())


def _are_notes(value: object, lines: int) -> bool:
    return isinstance(value, dict) and all(
        isinstance(note, str) and place.isdecimal() and len(place) < 10 and int(place) < lines
        for place, note in value.items()
    )


class JournalReader:
    """Compares windows of input, one by one, with the windows that an earlier process finished."""

    def __init__(self, journal: Beside, partial: Beside) -> None:
        self._journal, self._partial = journal, partial
        self._entries = self._read()
        self.found = b""  # the bytes of the window that was found last
        self.notes: Notes = {}  # and what is remembered of its lines

    def find(self, lines: Sequence[str]) -> tuple[Entry, int] | str:
        """The entry of the next window and its size in the journal, or why it is not there ("" at the end)."""
        entry = next(self._entries, "")
        if isinstance(entry, str):
            return entry
        window, _ = entry
        if (window.lines, window.input) != (len(lines), _hash_lines(lines)):
            return "the input has changed"
        self.found = self._partial.read_next(window.length)
        if hashlib.sha256(self.found).hexdigest() != window.output:
            return f"{self._partial.path} is not as it was left"
        self.notes = {int(place): note for place, note in window.notes.items()}
        return entry

    def _read(self) -> Iterator[tuple[Entry, int] | str]:
        """Each entry with its size in the journal; last, if the journal is damaged, a reason."""
        for line in self._journal.lines(self._journal.good):
            entry = Entry.parse(line) if line.endswith(b"\n") else None
            if entry:
                yield entry, len(line)
                continue
            # A killed process leaves a part of a line at the end.
            if line.endswith(b"\n") or len(line) == _LONGEST:
                yield f"{self._journal.path} is damaged"
            return


def add_sums(total: Sums, window: Mapping[str, float]) -> None:
    """Add the sums of a window to the total."""
    for name, value in window.items():
        total[name] = total.get(name, 0) + value


def header_of(work: Work) -> bytes:
    """The first line of a journal of this work."""
    return json.dumps({"journal": FORMAT, **work}).encode() + b"\n"


def difference(first: bytes, header: bytes, journal: Path) -> str:
    """Why a journal whose first line is ``first`` does not belong to the work whose header is ``header``."""
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
