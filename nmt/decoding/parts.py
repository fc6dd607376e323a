"""A part of a job: lines of input that become one output, and what is written beside it. Knows no model and no flag."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import BinaryIO, NamedTuple

from nmt.decoding.checking import counts, notes
from nmt.decoding.document_files import DocumentLines, open_document
from nmt.decoding.formats import Format
from nmt.decoding.input_lines import STANDARD_INPUT, InputLines
from nmt.decoding.repeats import WithoutRepeats
from nmt.decoding.request import Line, fingerprint
from nmt.decoding.side_outputs import SideOutput
from nmt.decoding.sinks import Sink, Stream, open_sink
from nmt.decoding.terms import term_counts
from nmt.decoding.translation import Translation
from nmt.decoding.windows import Window, windows
from nmt.documents import Asked as AskedOfDocuments
from nmt.documents import format_of
from nmt.errors import UsageError
from nmt.text.lines import Pause
from nmt.text.progress import Progress, Silent
from nmt.version import __version__

Sides = Sequence[tuple[SideOutput, Sink]]


@dataclass(frozen=True)
class Part:
    """Lines of input that become one output."""

    lines: InputLines | DocumentLines
    output: Path | None  # None: standard output

    @property
    def is_document(self) -> bool:
        """Whether its lines are the segments of a document."""
        return isinstance(self.lines, DocumentLines)

    def open(self, stdout: Callable[[], BinaryIO], keep_journal: bool) -> AbstractContextManager[Sink]:
        """The sink of its output."""
        if isinstance(self.lines, DocumentLines):
            return open_document(self.lines, self.output, stdout, keep_journal)
        return open_sink(self.output, stdout, keep_journal)


@dataclass(frozen=True)
class Reading:
    """How inputs are read: ``strict`` refuses lines that are not UTF-8; ``asked`` is for documents."""

    strict: bool = False
    asked: AskedOfDocuments | None = None

    def parts(self, inputs: Sequence[Path], output: Path | None, folder: Path | None) -> list[Part]:
        """One part for each input where there is a ``folder``, or else one for all of them.

        A file whose ending names a format of documents is read as such, at once. Raises UsageError for inputs that
        cannot share an output or have no name for a folder, and what inputs raise.
        """
        if folder:
            return [Part(self._lines(path), folder / path.name) for path in named(inputs, folder)]
        document = next(filter(format_of, inputs), None)
        if document and len(inputs) > 1:
            raise UsageError(f"{document} is a document, and has an output of its own", "name a folder as `output`")
        return [Part(self._lines(document) if document else InputLines(inputs, self.strict), output)]

    def _lines(self, path: Path) -> InputLines | DocumentLines:
        return (
            DocumentLines(path, self.asked or AskedOfDocuments())
            if format_of(path)
            else InputLines([path], self.strict)
        )


def named(inputs: Sequence[Path], folder: Path) -> list[Path]:
    """The inputs, which have different file names. Raises UsageError for standard input, or two of one name."""
    if not inputs or STANDARD_INPUT in inputs:
        raise UsageError(f"standard input has no name for a file in {folder}", "name the output file")
    by_name: dict[str, Path] = {}
    for path in inputs:
        first = by_name.setdefault(path.name, path)
        if first is not path:
            raise UsageError(f"{first} and {path} would both become {folder / path.name}", "give one in a run")
    return list(inputs)


class Asked(NamedTuple):
    """A window that is being translated."""

    before: int  # lines before it
    known: list[str]  # its lines, as journals know them
    found: bool  # whether the output has it already
    without: list[tuple[SideOutput, Sink]]  # the other outputs that lack it


class OpenPart:
    """A part whose outputs are open. Windows that they lack go out, and translations come in, both in order."""

    def __init__(self, lines: InputLines | DocumentLines, sink: Sink, sides: Sides, format: Format) -> None:
        self.lines, self.sink = lines, sink
        self._sides, self._format = sides, format
        self._asked: deque[Asked] = deque()
        self._is_read = False

    @property
    def waits(self) -> bool:
        """Whether a translation is still to come."""
        return bool(self._asked)

    @property
    def is_done(self) -> bool:
        """Whether its lines are read, and all translations have come."""
        return self._is_read and not self.waits

    def begin(self, work: Mapping[str, str | int | float], resume: bool, progress: Progress) -> None:
        """Open the outputs for what depends on ``work``; ``resume`` keeps what an earlier process left of it."""
        about = {"nmt": __version__, **work, **self._format.about(), "strict": self.lines.strict}
        self.sink.begin(about, resume, progress)
        for side, its_sink in self._sides:  # beside an output that does not resume all is translated again
            its_sink.begin({**about, **side.about()}, resume and not isinstance(self.sink, Stream), Silent())

    def lacking(
        self, lines: Iterable[Line | Pause], size: int, progress: Progress, once: WithoutRepeats | None = None
    ) -> Iterator[Window]:
        """The windows of at most ``size`` of its ``lines`` that an output lacks; ``once`` remembers the others."""
        for window in windows(self.sink.take(lines), size):
            known = list(map(fingerprint, window.lines))
            # Once a window is not found, none after it is: so it does not matter that it is not added yet.
            found, without = self.sink.find(known), [each for each in self._sides if not each[1].find(known)]
            if found and not without:
                progress.advance(len(window.lines))
                if once:
                    once.remember(window.lines, *self.sink.found())
            else:
                self._asked.append(Asked(window.before, known, found, without))
                yield window

    def end(self) -> None:
        """Note that its lines are read."""
        self._is_read = True

    def add(self, translations: Sequence[Translation]) -> None:
        """Write the translations of the oldest window that waits for them."""
        before, known, found, without = self._asked.popleft()
        if not found:
            records = map(self._format.records, count(before), translations)
            sums = counts(translations) | term_counts(translations)
            self.sink.add(known, list(chain.from_iterable(records)), sums, notes(translations))
        for side, its_sink in without:
            its_sink.add(known, side.records(before, translations))

    def finish(self) -> None:
        """Complete the outputs."""
        for sink in (self.sink, *(its_sink for _, its_sink in self._sides)):
            sink.finish(self.lines.count)
