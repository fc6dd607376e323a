"""Output that outlives its process: FILE.partial grows window by window, and FILE.journal says how much of it is good.

A journal is lines of JSON: first what the output depends on, then an entry for each window of input: how many lines it
had and how many bytes they became, with a SHA-256 of both. A later process that does the same work compares window
after window with it and does the first that differs, and all after it, anew. So nothing is read ahead, and standard
input can be gone on with as a file can. Neither file is trusted: what a journal promises is held to what is there.
Files of these names that no journal of ours vouches for are somebody's, and are left alone.

Knows lines and bytes; not what makes the ones from the others.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Self

from nmt.disk.compression import compressed
from nmt.disk.durable import keep_rights, publish, rights, sync, unfinished
from nmt.disk.files import open_own
from nmt.disk.locks import exclusive
from nmt.errors import BusyError, CannotCreateError, NmtError, StorageError, write_failed
from nmt.text.lines import PAUSE, Pause
from nmt.text.progress import Progress, Silent

FORMAT = 1
Work = Mapping[str, str | int | float | bool | None]
"""All that the output depends on besides the input, by names that a person understands."""

_START = b'{"journal": '  # of each journal from the moment it is there, so that ours are known from others
_LONGEST = 1 << 16  # bytes of a line of a journal; ours have some hundreds
_CHUNK = 1 << 20


@contextmanager
def resumable(path: Path, keep_journal: bool = False) -> Iterator["Resumable"]:
    """Hold ``path`` for this process while the block writes it by ``begin``, ``find``, ``add`` and ``finish``.

    The file appears with ``finish``. Until then, and after a failure, what ``add`` took stays beside it for the next
    process; the error says so. With ``keep_journal`` the journal of a finished file stays too, until
    ``forget_journal``: a process that does the same work again finds it done. Raises BusyError at once when another
    process writes the same file, CannotCreateError when it cannot be made, and StorageError when writing fails.
    """
    path = Path(os.path.realpath(path))  # a link stays, and the file it points to is replaced
    if path.is_dir():
        raise CannotCreateError(f"{path} is a folder", "name a file")
    if not path.parent.is_dir():  # which the lock would make
        raise CannotCreateError(f"cannot create {path}: there is no such folder", "make the folder first")
    with _held(path):
        file = Resumable(path, keep_journal)
        try:
            yield file
        except NmtError as error:
            if file.lines and not file.finished:
                error.mend += f"; the same command goes on after line {file.lines:,}"
            raise
        finally:
            file.close()


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Hold the lock of an output. Raises BusyError."""
    lock = _beside(path, ".partial.lock")
    with exclusive(lock, str(path)):
        unfinished.add(lock)
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)  # while it is held: who waits for it sees that it is gone
            unfinished.discard(lock)


def forget_journal(path: Path) -> None:
    """Delete the journal that was kept of a finished file, unless another process is at it by now."""
    path = Path(os.path.realpath(path))
    with suppress(BusyError), _held(path):
        if not _beside(path, ".partial").exists():
            _beside(path, ".journal").unlink(missing_ok=True)


@dataclass(frozen=True)
class Entry:
    """A window of the input, and what it became."""

    lines: int
    length: int  # in bytes of FILE.partial
    input: str  # SHA-256 of the lines
    output: str  # SHA-256 of the bytes

    @classmethod
    def parse(cls, line: bytes) -> Self | None:
        """The entry that a line of a journal is, or None."""
        value = _json(line)
        if not isinstance(value, dict) or set(value) != {spec.name for spec in fields(cls)}:
            return None
        entry = cls(**value)
        counts = (entry.lines, entry.length)
        sound = all(type(count) is int and count >= 0 for count in counts)
        return entry if sound and isinstance(entry.input, str) and isinstance(entry.output, str) else None


class Resumable:
    """A file between its first line and its name; made by ``resumable``."""

    def __init__(self, path: Path, keep_journal: bool = False) -> None:
        self.path = path
        self.keep_journal = keep_journal
        self.partial, self.journal = _beside(path, ".partial"), _beside(path, ".journal")
        self.lines = 0  # of input, done here or by an earlier process
        self.length = 0  # of the partial that are good
        self.finished = False
        self._journal_length = len(_START)  # of the journal that are good
        self._entries: Iterator[tuple[Entry, int] | str] = iter(())
        self._finding = False  # whether the next window may stand in the journal
        self._writing = False  # whether all there is is good, and more of it comes
        self._progress: Progress = Silent()
        self._before = rights(path)
        self._partial = _open(self.partial, bool(self._before))
        self._journal = -1
        try:
            self._journal = _open(self.journal, bool(self._before))
            self._check_whose()
            self._take_up_finished()
        except NmtError:
            for descriptor, path in ((self._partial, self.partial), (self._journal, self.journal)):
                if descriptor >= 0:
                    if path in unfinished or not os.fstat(descriptor).st_size:
                        path.unlink()
                    unfinished.discard(path)
                    os.close(descriptor)
            raise

    def begin(self, work: Work, resume: bool = True, progress: Progress | None = None) -> None:
        """Look for what an earlier process left of the same ``work``; ``progress`` hears what is done with it.

        With ``resume`` False, or when it was other work, everything is begun anew.
        """
        self._progress = progress or Silent()
        header = json.dumps({"journal": FORMAT, **work}).encode() + b"\n"
        with open(self._journal, "rb", closefd=False) as file:
            first = file.readline(_LONGEST)
        if resume and first == header:
            self._journal_length = len(header)
            self._entries = self._read_entries()
            self._finding = True
            return
        if resume and os.fstat(self._partial).st_size:
            self._progress.note(f"starting over: {_difference(first, header, self.journal)}")
        self._start_writing()
        self._append(self._journal, header[len(_START) :], self.journal)
        self._journal_length = len(header)

    def take(self, lines: Iterable[str | Pause]) -> Iterator[str]:
        """The lines without their pauses: nobody waits for an answer, and windows are to end where they always do."""
        return (line for line in lines if line is not PAUSE)

    def find(self, lines: Sequence[str]) -> bool:
        """Whether ``lines``, the next window, were done by an earlier process; then they are not to be added."""
        if not self._finding:
            return False
        found = next(self._entries, "")
        if isinstance(found, str):
            self._stop_finding(found)
            return False
        entry, journal_length = found
        if (entry.lines, entry.input) != (len(lines), _hash_lines(lines)):
            self._stop_finding("the input has changed")
            return False
        if self._hash_partial(entry.length) != entry.output:
            self._stop_finding(f"{self.partial} is not as it was left")
            return False
        self._count(entry, journal_length)
        return True

    def add(self, lines: Sequence[str], records: Sequence[str]) -> None:
        """Save what the next window of ``lines`` became, for good, one line of output a record."""
        text = "".join(f"{record}\n" for record in records)
        if len(text.splitlines()) != len(records):
            raise NmtError(f"an output line after line {self.lines:,} has a line break in it", "please report it")
        data = compressed(self.path, text.encode())
        entry = Entry(len(lines), len(data), _hash_lines(lines), hashlib.sha256(data).hexdigest())
        line = json.dumps(asdict(entry)).encode() + b"\n"
        # The journal last: it never promises what may not be on the disk yet.
        self._append(self._partial, data, self.path)
        self._append(self._journal, line, self.journal)
        self._count(entry, self._journal_length + len(line))

    def finish(self, lines: int) -> None:
        """Give the file its name, after a check that all ``lines`` of the input are in it."""
        if self._finding and self.keep_journal:  # one of many, of which most may be found done: not worth a line each
            self._start_writing()
        elif self._finding:
            self._stop_finding("")
        if not self.length:
            data = compressed(self.path, b"")  # an empty archive is one, too
            self._append(self._partial, data, self.path)
            self.length = len(data)
        if self.lines != lines:
            raise NmtError(f"{self.lines:,} of {lines:,} lines are in {self.partial}", "please report it")
        size = os.fstat(self._partial).st_size
        if size != self.length:
            raise StorageError(f"{self.partial} has {size:,} bytes, not {self.length:,}", "leave that file alone")
        if not (_is_named(self._partial, self.partial) and _is_named(self._journal, self.journal)):
            raise StorageError(f"{self.partial} was taken away at work", "leave that file alone, and translate again")
        if self._before:
            keep_rights(self._partial, self._before)
        sync(self._partial, self.path)
        publish(self.partial, self.path)
        self.finished = True

    def close(self) -> None:
        """Leave beside the file what a later process can use, and nothing else."""
        if self.partial in unfinished or self.finished:
            for descriptor, path in ((self._partial, self.partial), (self._journal, self.journal)):
                kept = self.finished and self.keep_journal and path == self.journal
                if not kept and _is_named(descriptor, path):  # or it is another's
                    path.unlink()
        elif self._writing:
            with suppress(StorageError):  # what a full disk took of the next window
                self._truncate()
        self._worthless(False)
        os.close(self._partial)
        os.close(self._journal)

    def _check_whose(self) -> None:
        """Begin a journal where there is none. Raises CannotCreateError when one of the files is not of our making."""
        start = os.pread(self._journal, len(_START), 0)
        if start == _START:
            return
        if os.fstat(self._partial).st_size or not _START.startswith(start):
            theirs = self.partial if _START.startswith(start) else self.journal
            raise CannotCreateError(f"{theirs} is there and is not of nmt's making", "move it away")
        self._worthless(True)
        self._append(self._journal, _START[len(start) :], self.journal)

    def _take_up_finished(self) -> None:
        """Copy a finished file whose journal is there, so that its windows are found as those of a partial are."""
        if os.fstat(self._partial).st_size or os.fstat(self._journal).st_size <= len(_START):
            return
        with suppress(PermissionError):
            if self.path.is_file():
                with self.path.open("rb") as file:
                    while data := file.read(_CHUNK):
                        self._append(self._partial, data, self.path)

    def _read_entries(self) -> Iterator[tuple[Entry, int] | str]:
        """The entries, each with the length of the journal up to its end; at last the reason why there are no more."""
        with open(self._journal, "rb", closefd=False) as file:
            end = file.seek(self._journal_length)
            while (line := file.readline(_LONGEST)).endswith(b"\n"):
                end += len(line)
                entry = Entry.parse(line)
                if not entry:
                    break
                yield entry, end
            # Part of a line at the end is what a killed process leaves.
            if line.endswith(b"\n") or len(line) == _LONGEST:
                yield f"{self.journal} is damaged"

    def _stop_finding(self, reason: str) -> None:
        """From here on the work is this process's own; ``reason`` is why, or "" where simply no more was done."""
        self._finding = False
        because = f": {reason}" if reason else ""
        if self.lines:
            self._progress.note(f"going on after line {self.lines:,}{because}")
        elif reason:
            self._progress.note(f"starting over{because}")
        self._start_writing()

    def _start_writing(self) -> None:
        """Begin to write, where what is good ends."""
        self._truncate()
        self._writing = True
        self._worthless(not self.lines)

    def _truncate(self) -> None:
        """Drop what is not good. The journal first: it never promises what is not there."""
        try:
            os.ftruncate(self._journal, self._journal_length)
            os.ftruncate(self._partial, self.length)
        except OSError as error:
            raise write_failed(self.path, error) from None

    def _count(self, entry: Entry, journal_length: int) -> None:
        self.lines += entry.lines
        self.length += entry.length
        self._journal_length = journal_length
        self._worthless(False)

    def _worthless(self, yes: bool) -> None:
        """Whether nothing in the two files can be of use; then a signal that ends the process takes them along."""
        change: Callable[[Path], None] = unfinished.add if yes else unfinished.discard
        change(self.partial)
        change(self.journal)

    def _append(self, descriptor: int, data: bytes, path: Path) -> None:
        view = memoryview(data)
        try:
            os.lseek(descriptor, 0, os.SEEK_END)
            while view:
                view = view[os.write(descriptor, view) :]
        except OSError as error:
            raise write_failed(path, error) from None
        sync(descriptor, path)

    def _hash_partial(self, count: int) -> str:
        """SHA-256 of the next ``count`` bytes after the good ones, or of as many as there are."""
        digest, place, end = hashlib.sha256(), self.length, self.length + count
        while place < end and (data := os.pread(self._partial, min(_CHUNK, end - place), place)):
            digest.update(data)
            place += len(data)
        return digest.hexdigest()


def beside(path: Path) -> tuple[Path, Path]:
    """The two files that stand beside ``path`` while it is made, in the folder that it is in."""
    path = Path(os.path.realpath(path))
    return _beside(path, ".partial"), _beside(path, ".journal")


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _open(path: Path, private: bool) -> int:
    """Open what is there, or a new file. Raises CannotCreateError also for another user's, who could write into it."""
    descriptor = open_own(path, os.O_RDWR, private)
    if os.fstat(descriptor).st_uid != os.geteuid():
        os.close(descriptor)
        raise CannotCreateError(f"{path} is there and is another user's", "move it away")
    return descriptor


def _is_named(descriptor: int, path: Path) -> bool:
    """Whether the open file is the one that stands under that name."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except OSError:
        return False


def _hash_lines(lines: Sequence[str]) -> str:
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass")).hexdigest()


def _json(line: bytes) -> object:
    """What a line says, or None when it is not JSON."""
    try:
        value: object = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value


def _difference(first: bytes, header: bytes, journal: Path) -> str:
    """Why a journal that begins with ``first`` is not that of the work that would begin with ``header``."""
    found, wanted = _json(first), json.loads(header)
    if not first or not isinstance(found, dict):
        return f"{journal} is missing or damaged"
    different = [name for name in wanted if name not in found or found[name] != wanted[name]]
    return f"what is there was made with another {different[0] if different else 'nmt'}"
