"""An output file that resumes: FILE.partial and FILE.journal are written window by window, and become FILE.

A process killed at any moment and started again ends with the same bytes. Files of these names that nmt did not create
belong to someone and are left alone. Knows lines and bytes; not how one becomes the other. nmt.store.journal reads
what an earlier process left.
"""

import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from nmt.disk.compression import compressed, decompressor
from nmt.disk.debris import recording, unfinished
from nmt.disk.durable import keep_rights, publish, rights, sync
from nmt.disk.locks import exclusive
from nmt.errors import BusyError, CannotCreateError, NmtError, StorageError
from nmt.store.journal import (
    START,
    Beside,
    Entry,
    JournalReader,
    Notes,
    Sums,
    Work,
    add_sums,
    beside,
    difference,
    header_of,
)
from nmt.text.lines import PAUSE
from nmt.text.progress import Progress, Silent

_CHUNK = 1 << 20
AnyLine = TypeVar("AnyLine")
RESUMES = "; the same command resumes after line "


@contextmanager
def resumable(path: Path, keep_journal: bool = False, make: Callable[[], None] | None = None) -> Iterator["Resumable"]:
    """Lock ``path`` while the block writes it by ``begin``, ``find``, ``add`` and ``finish``.

    The file appears with ``finish``. Until then, and after a failure, all that was added stays beside it for the next
    process; the error says so. With ``keep_journal`` the journal of a finished file stays as well, until
    ``forget_journal``: a process that does the same work again finds the file done. With ``make`` what was added is not
    the file: ``make`` is called in the end, and writes it. Raises BusyError at once when another process writes the
    same file, CannotCreateError when it cannot be created, StorageError when writing fails.
    """
    path = Path(os.path.realpath(path))  # a link stays, and the file it points to is replaced
    if path.is_dir():
        raise CannotCreateError(f"{path} is a folder", "name a file")
    if not path.parent.is_dir():  # the lock would create it
        raise CannotCreateError(f"cannot create {path}: there is no such folder", "make the folder first")
    with _locked(path):
        file = Resumable(path, keep_journal, make)
        try:
            yield file
        except NmtError as error:
            if file.lines and not file.finished:
                # The first of several files is the last to close: the place is told once.
                error.mend = f"{error.mend.partition(RESUMES)[0]}{RESUMES}{file.lines:,}"
            raise
        finally:
            file.close()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock of an output during the block. Raises BusyError."""
    lock = path.with_name(f"{path.name}.partial.lock")
    with ExitStack() as stack:
        with recording():
            stack.enter_context(exclusive(lock, str(path)))
            unfinished.add(lock)
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)  # before it is released: a process that waits for it sees that it is gone
            unfinished.discard(lock)


def forget_journal(path: Path, made: bool = False) -> None:
    """Delete the kept journal of a finished file, unless another process writes that file by now.

    Of a file that was ``made``, what it was made from is deleted as well.
    """
    path = Path(os.path.realpath(path))
    with suppress(BusyError), _locked(path):
        partial, journal = beside(path)
        if made:
            partial.unlink(missing_ok=True)
        if not partial.exists():
            journal.unlink(missing_ok=True)


class Resumable:
    """An output file until it has its name; created by ``resumable``. A Sink of nmt.decoding.sinks."""

    def __init__(self, path: Path, keep_journal: bool = False, make: Callable[[], None] | None = None) -> None:
        self.path = path
        self.keep_journal = keep_journal
        self._make = make
        self.lines = 0  # of input, done by this process or an earlier one
        self.sums: Sums = {}  # over all windows that are in it
        self.finished = False
        self._reader: JournalReader | None = None  # as long as the next window may be in the journal
        self._writing = False  # whether this process has begun to write
        self._progress: Progress = Silent()
        self._before = rights(path)
        opened: list[Beside] = []
        try:
            partial, journal = beside(path)
            with recording():
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
        """Look for what an earlier process left of the same ``work``; ``progress`` is told whether it is used.

        Starts over when ``resume`` is False, or when the earlier work was different.
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

    def take(self, lines: Iterable[AnyLine]) -> Iterator[AnyLine]:
        """The lines without pauses: nobody waits for an answer, and windows must end at the same lines each time."""
        return (line for line in lines if line is not PAUSE)

    def find(self, lines: Sequence[str]) -> bool:
        """Whether an earlier process did ``lines``, the next window; then do not add them."""
        if not self._reader:
            return False
        entry = self._reader.find(lines)
        if isinstance(entry, str):
            self._stop_reading(entry)
            return False
        self._count(*entry)
        return True

    def found(self) -> tuple[list[str], Notes]:
        """The records of the window that was found last, and the notes on its lines."""
        data = io.BytesIO(self._reader.found if self._reader else b"")
        text = decompressor(self.path, data)
        records = b"".join(iter(partial(text.read, _CHUNK), b"")).decode().split("\n")[:-1]
        return records, self._reader.notes if self._reader else {}

    def add(
        self,
        lines: Sequence[str],
        records: Sequence[str],
        sums: Mapping[str, float] | None = None,
        notes: Notes | None = None,
    ) -> None:
        """Save the translations of ``lines``, the next window, to the disk; each record is a line of output."""
        text = "".join(f"{record}\n" for record in records)
        if len(text.splitlines()) != len(records):
            raise NmtError(f"an output line after line {self.lines:,} has a line break in it", "please report it")
        data = compressed(self.path, text.encode())
        entry = Entry.of(lines, data, sums or {}, notes or {})
        line = entry.to_line()
        # The journal last: it never lists bytes that may not be on the disk yet.
        self._partial.append(data)
        self._journal.append(line)
        self._count(entry, len(line))

    def finish(self, lines: int) -> None:
        """Give the file its name, after a check that all ``lines`` of the input are in it."""
        if self._reader and self.keep_journal:  # of many files most may be done already: not worth a note each
            self._start_writing()
        elif self._reader:
            self._stop_reading("")
        if not self._partial.good:
            data = compressed(self.path, b"")  # even an empty archive has bytes
            self._partial.append(data)
            self._partial.good = len(data)
        name, size, good = self._partial.path, self._partial.size, self._partial.good
        if self.lines != lines:
            raise NmtError(f"{self.lines:,} of {lines:,} lines are in {name}", "please report it")
        if size != good:
            raise StorageError(f"{name} has {size:,} bytes, not {good:,}", "leave that file alone")
        if not (self._partial.is_named() and self._journal.is_named()):
            raise StorageError(f"{name} was taken away at work", "leave that file alone, and translate again")
        if self._make:
            self._make()
        else:
            if self._before:
                keep_rights(self._partial.descriptor, self._before)
            sync(self._partial.descriptor, self.path)
            publish(name, self.path)
        self.finished = True

    def close(self) -> None:
        """Leave beside the file what a later process can use, and nothing else."""
        delete = self.finished or self._partial.path in unfinished
        if self._writing and not delete:
            with suppress(StorageError):  # a full disk may have left part of a window
                self._truncate()
        kept = self.finished and self.keep_journal
        self._partial.close(delete and not (kept and self._make))
        self._journal.close(delete and not kept)

    def _claim(self) -> None:
        """Start a journal if there is none. Raises CannotCreateError when one of the files is not nmt's."""
        start = next(self._journal.lines(0), b"")[: len(START)]
        if start == START:
            return
        if self._partial.size or not START.startswith(start):
            theirs = self._partial if START.startswith(start) else self._journal
            raise CannotCreateError(f"{theirs.path} exists and was not made by nmt", "move it away")
        self._worthless(True)
        self._journal.append(START[len(start) :])

    def _copy_finished(self) -> None:
        """Copy a finished file that has its journal to FILE.partial, so that its windows are found."""
        if self._make or self._partial.size or self._journal.size <= len(START):
            return
        with suppress(PermissionError):
            if self.path.is_file():
                with self.path.open("rb") as file:
                    while data := file.read(_CHUNK):
                        self._partial.append(data)

    def _stop_reading(self, reason: str) -> None:
        """Write from the next window on; ``reason`` says why, and is "" when the journal simply ends."""
        because = f": {reason}" if reason else ""
        if self.lines:
            self._progress.note(f"resuming after line {self.lines:,}{because}")
        elif reason:
            self._progress.note(f"starting over{because}")
        self._start_writing()

    def _start_writing(self) -> None:
        """Cut off what is not good, and write from there on."""
        self._reader = None
        self._truncate()
        self._writing = True
        self._worthless(not self.lines)

    def _truncate(self) -> None:
        # The journal first: it never lists bytes that are not there.
        self._journal.truncate()
        self._partial.truncate()

    def _count(self, entry: Entry, journal_bytes: int) -> None:
        self.lines += entry.lines
        add_sums(self.sums, entry.sums)
        self._partial.good += entry.length
        self._journal.good += journal_bytes
        self._worthless(False)

    def _worthless(self, yes: bool) -> None:
        """Record whether the files are worthless to a later process: a signal that ends this one deletes such files."""
        change: Callable[[Path], None] = unfinished.add if yes else unfinished.discard
        change(self._partial.path)
        change(self._journal.path)
