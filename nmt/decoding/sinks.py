"""Outputs that take windows: a file that resumes, or standard output, a pipe or a device. Knows no format."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO, Protocol

from nmt.decoding.request import Line
from nmt.disk.files import create_binary, written_directly
from nmt.store.journal import Notes, Sums, Work, add_sums
from nmt.store.resumable import resumable
from nmt.text.lines import Pause
from nmt.text.progress import Progress


class Sink(Protocol):
    """An output that takes windows in order: a ``Stream``, or a file that resumes (nmt.store.resumable)."""

    @property
    def lines(self) -> int:
        """Number of lines of input whose translations are in it."""

    @property
    def sums(self) -> Sums:
        """Totals of what was given with the windows that are in it, by name."""

    def begin(self, work: Work, resume: bool, progress: Progress) -> None:
        """Open an output that depends on ``work``; ``resume`` keeps what an earlier process left of the same work."""

    def take(self, lines: Iterable[Line | Pause]) -> Iterator[Line | Pause]:
        """The lines of input as this sink wants them: without pauses, or with a flush before each."""

    def find(self, lines: Sequence[str]) -> bool:
        """Whether ``lines``, the next window, are in it already; then they count in ``lines`` and are not added."""

    def found(self) -> tuple[list[str], Notes]:
        """The records of the window that was found last, and the notes on its lines."""

    def add(
        self,
        lines: Sequence[str],
        records: Sequence[str],
        sums: Mapping[str, float] | None = None,
        notes: Notes | None = None,
    ) -> None:
        """Write the translations of ``lines``, the next window; each record is a line of output.

        ``sums`` are counted over all windows, those of earlier processes included. ``notes`` are for ``found``.
        """

    def finish(self, lines: int) -> None:
        """Complete the output. The input has ``lines`` lines in all."""


class Stream:
    """A sink that writes to standard output, a pipe or a device. It does not resume."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.lines = 0
        self.sums: Sums = {}

    def begin(self, work: Work, resume: bool, progress: Progress) -> None:
        pass

    def take(self, lines: Iterable[Line | Pause]) -> Iterator[Line | Pause]:
        """The lines, with a flush before each is read: a reader never waits for what is already translated."""
        for line in lines:
            yield line
            self.stream.flush()

    def find(self, lines: Sequence[str]) -> bool:
        return False

    def found(self) -> tuple[list[str], Notes]:
        raise AssertionError("nothing is found in a stream")

    def add(
        self,
        lines: Sequence[str],
        records: Sequence[str],
        sums: Mapping[str, float] | None = None,
        notes: Notes | None = None,
    ) -> None:
        for record in records:
            self.stream.write(f"{record}\n".encode())
        self.lines += len(lines)
        add_sums(self.sums, sums or {})

    def finish(self, lines: int) -> None:
        self.stream.flush()


@contextmanager
def open_sink(path: Path | None, stdout: Callable[[], BinaryIO], keep_journal: bool) -> Iterator[Sink]:
    """The sink of a file, pipe or device, or of standard output."""
    if path and not written_directly(path):
        with resumable(path, keep_journal) as file:
            yield file
    else:
        with create_binary(path) if path else nullcontext(stdout()) as stream:
            yield Stream(stream)
