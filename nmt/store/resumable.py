"""An output file that survives its process: the writer of FILE.partial and FILE.journal, which become FILE.

Killed at any moment and started again, it resumes to the same bytes. Files of these names without a journal of nmt's
belong to someone, and are left alone. Knows lines and bytes; not what makes one from the other. nmt.store.journal
reads what an earlier process left.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from nmt.disk.compression import compressed
from nmt.disk.durable import keep_rights, publish, rights, sync, unfinished
from nmt.disk.locks import exclusive
from nmt.errors import BusyError, CannotCreateError, NmtError, StorageError
from nmt.store.journal import START, Beside, Entry, JournalReader, Work, beside, difference, header_of
from nmt.text.lines import PAUSE, Pause
from nmt.text.progress import Progress, Silent

_CHUNK = 1 << 20


@contextmanager
def resumable(path: Path, keep_journal: bool = False) -> Iterator["Resumable"]:
    """Hold ``path`` for this process while the block writes it by ``begin``, ``find``, ``add`` and ``finish``.

    The file appears with ``finish``. Until then, and after a failure, all that was added stays beside it for the next
    process; the error says so. With ``keep_journal`` the journal of a finished file stays too, until
    ``forget_journal``: a process that does the same work again finds it done. Raises BusyError at once when another
    process writes the same file, CannotCreateError when it cannot be created, and StorageError when writing fails.
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
                error.mend += f"; the same command resumes after line {file.lines:,}"
            raise
        finally:
            file.close()


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Hold the lock of an output. Raises BusyError."""
    lock = path.with_name(f"{path.name}.partial.lock")
    with exclusive(lock, str(path)):
        unfinished.add(lock)
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)  # while it is held: a process that waits for it sees that it is gone
            unfinished.discard(lock)


def forget_journal(path: Path) -> None:
    """Delete the journal that was kept of a finished file, unless another process writes that file by now."""
    path = Path(os.path.realpath(path))
    with suppress(BusyError), _held(path):
        partial, journal = beside(path)
        if not partial.exists():
            journal.unlink(missing_ok=True)


class Resumable:
    """A file between its first line and its name; made by ``resumable``."""

    def __init__(self, path: Path, keep_journal: bool = False) -> None:
        self.path = path
        self.keep_journal = keep_journal
        self.lines = 0  # of input, done by this process or an earlier one
        self.finished = False
        self._reader: JournalReader | None = None  # while the next window may be in the journal
        self._writing = False  # whether all that is there is good, and more of it comes
        self._progress: Progress = Silent()
        self._before = rights(path)
        opened: list[Beside] = []
        try:
            partial, journal = beside(path)
            for name, output in ((partial, path), (journal, journal)):
                opened.append(Beside(name, output, private=bool(self._before)))
            self._partial, self._journal = opened
            self._journal.good = len(START)
            self._claim()
            self._copy_finished()
        except NmtError:
            for file in opened:
                file.close(delete=file.path in unfinished or not file.size)
            raise

    def begin(self, work: Work, resume: bool = True, progress: Progress | None = None) -> None:
        """Look for what an earlier process left of the same ``work``; ``progress`` hears what becomes of it.

        With ``resume`` False, or when it was other work, everything starts over.
        """
        self._progress = progress or Silent()
        header = header_of(work)
        first = next(self._journal.lines(0), b"")
        if resume and first == header:
            self._journal.good = len(header)
            self._reader = JournalReader(self._journal, self._partial)
            return
        if resume and self._partial.size:
            self._progress.note(f"starting over: {difference(first, header, self._journal.path)}")
        self._start_writing()
        self._journal.append(header[len(START) :])
        self._journal.good = len(header)

    def take(self, lines: Iterable[str | Pause]) -> Iterator[str]:
        """The lines without their pauses: nobody waits for an answer, and windows have to end where they always do."""
        return (line for line in lines if line is not PAUSE)

    def find(self, lines: Sequence[str]) -> bool:
        """Whether an earlier process did ``lines``, the next window; then they are not to be added."""
        if not self._reader:
            return False
        entry = self._reader.find(lines)
        if isinstance(entry, str):
            self._stop_reading(entry)
            return False
        self._count(*entry)
        return True

    def add(self, lines: Sequence[str], records: Sequence[str]) -> None:
        """Save what the next window of ``lines`` became, one line of output a record; then it is on the disk."""
        text = "".join(f"{record}\n" for record in records)
        if len(text.splitlines()) != len(records):
            raise NmtError(f"an output line after line {self.lines:,} has a line break in it", "please report it")
        data = compressed(self.path, text.encode())
        entry = Entry.of(lines, data)
        line = entry.to_line()
        # The journal last: it never promises what may not be on the disk yet.
        self._partial.append(data)
        self._journal.append(line)
        self._count(entry, len(line))

    def finish(self, lines: int) -> None:
        """Give the file its name, after a check that all ``lines`` of the input are in it."""
        if self._reader and self.keep_journal:  # one of many, most of which may be done already: not worth a line each
            self._start_writing()
        elif self._reader:
            self._stop_reading("")
        if not self._partial.good:
            data = compressed(self.path, b"")  # an empty archive has bytes, too
            self._partial.append(data)
            self._partial.good = len(data)
        name, size, good = self._partial.path, self._partial.size, self._partial.good
        if self.lines != lines:
            raise NmtError(f"{self.lines:,} of {lines:,} lines are in {name}", "please report it")
        if size != good:
            raise StorageError(f"{name} has {size:,} bytes, not {good:,}", "leave that file alone")
        if not (self._partial.is_named() and self._journal.is_named()):
            raise StorageError(f"{name} was taken away at work", "leave that file alone, and translate again")
        if self._before:
            keep_rights(self._partial.descriptor, self._before)
        sync(self._partial.descriptor, self.path)
        publish(name, self.path)
        self.finished = True

    def close(self) -> None:
        """Leave beside the file what a later process can use, and nothing else."""
        delete = self.finished or self._partial.path in unfinished
        if self._writing and not delete:
            with suppress(StorageError):  # part of the next window, on a full disk
                self._truncate()
        self._partial.close(delete)
        self._journal.close(delete and not (self.finished and self.keep_journal))

    def _claim(self) -> None:
        """Start a journal where there is none. Raises CannotCreateError when a file of that name is not nmt's."""
        start = next(self._journal.lines(0), b"")[: len(START)]
        if start == START:
            return
        if self._partial.size or not START.startswith(start):
            theirs = self._partial if START.startswith(start) else self._journal
            raise CannotCreateError(f"{theirs.path} is there and is not of nmt's making", "move it away")
        self._worthless(True)
        self._journal.append(START[len(start) :])

    def _copy_finished(self) -> None:
        """Copy a finished file whose journal is there, so that its windows are found as those of a partial are."""
        if self._partial.size or self._journal.size <= len(START):
            return
        with suppress(PermissionError):
            if self.path.is_file():
                with self.path.open("rb") as file:
                    while data := file.read(_CHUNK):
                        self._partial.append(data)

    def _stop_reading(self, reason: str) -> None:
        """From here on this process makes the windows; ``reason`` is why, or "" where simply no more was done."""
        because = f": {reason}" if reason else ""
        if self.lines:
            self._progress.note(f"resuming after line {self.lines:,}{because}")
        elif reason:
            self._progress.note(f"starting over{because}")
        self._start_writing()

    def _start_writing(self) -> None:
        """Start to write where the good bytes end."""
        self._reader = None
        self._truncate()
        self._writing = True
        self._worthless(not self.lines)

    def _truncate(self) -> None:
        """Drop what is not good. The journal first: it never promises what is not there."""
        self._journal.truncate()
        self._partial.truncate()

    def _count(self, entry: Entry, journal_bytes: int) -> None:
        self.lines += entry.lines
        self._partial.good += entry.length
        self._journal.good += journal_bytes
        self._worthless(False)

    def _worthless(self, yes: bool) -> None:
        """Whether neither file is of any use yet: then a signal that ends the process removes them."""
        change: Callable[[Path], None] = unfinished.add if yes else unfinished.discard
        change(self._partial.path)
        change(self._journal.path)
