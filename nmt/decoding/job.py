"""Translating files: windows of lines go through the translator into a sink, so that a killed job resumes.

A window of lines is the unit: it is translated at once, and its translations are saved together or not at all. Knows
no flag, no model and no format of a journal.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from itertools import chain, count
from pathlib import Path
from typing import BinaryIO, Protocol

from nmt.decoding.beside import Beside
from nmt.decoding.forced import ScoredPair
from nmt.decoding.formats import Format
from nmt.decoding.input_lines import STANDARD_INPUT, InputLines
from nmt.decoding.request import Line, fingerprint
from nmt.decoding.translator import Translation, Translator
from nmt.disk.durable import cannot_create
from nmt.disk.files import create_binary, written_directly
from nmt.errors import UsageError
from nmt.store.journal import Sums, Work, add_sums, beside
from nmt.store.resumable import forget_journal, resumable
from nmt.text.lines import Pause
from nmt.text.machine import peak_memory_bytes
from nmt.text.normal import say_decomposed
from nmt.text.progress import Progress
from nmt.version import __version__


class Sink(Protocol):
    """An output that takes windows in order: a ``Stream``, or a file that resumes (nmt.store.resumable)."""

    lines: int
    """Number of lines of input whose translations are in it."""

    sums: Sums
    """Totals of what was given with the windows that are in it, by name."""

    def begin(self, work: Work, resume: bool, progress: Progress) -> None:
        """Open an output that depends on ``work``; ``resume`` keeps what an earlier process left of the same work."""

    def take(self, lines: Iterable[Line | Pause]) -> Iterator[Line | Pause]:
        """The lines of input as this sink wants them: without pauses, or with a flush before each."""

    def find(self, lines: Sequence[str]) -> bool:
        """Whether ``lines``, the next window, are in it already; then they count in ``lines`` and are not added."""

    def add(self, lines: Sequence[str], records: Sequence[str], sums: Mapping[str, float] | None = None) -> None:
        """Write the translations of ``lines``, the next window; each record is a line of output.

        ``sums`` are counted over all windows, those of earlier processes included.
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

    def add(self, lines: Sequence[str], records: Sequence[str], sums: Mapping[str, float] | None = None) -> None:
        for record in records:
            self.stream.write(f"{record}\n".encode())
        self.lines += len(lines)
        add_sums(self.sums, sums or {})

    def finish(self, lines: int) -> None:
        self.stream.flush()


class Tally:
    """Counts and times of a job; windows that were done before it do not count."""

    def __init__(self) -> None:
        self.began = self.ready = time.monotonic()
        self.lines = self.source_tokens = self.target_tokens = 0

    @property
    def seconds(self) -> float:
        """Seconds since the job began."""
        return time.monotonic() - self.began

    def add(self, translations: Sequence[Translation] | Sequence[ScoredPair]) -> None:
        self.lines += len(translations)
        self.source_tokens += sum(translation.source_pieces for translation in translations)
        self.target_tokens += sum(translation.target_pieces for translation in translations)

    def figures(self) -> dict[str, float]:
        """The figures by name. Tokens are pieces, without </s>; ``seconds`` excludes loading the model."""
        seconds = time.monotonic() - self.ready
        return {
            "lines": self.lines,
            "source_tokens": self.source_tokens,
            "target_tokens": self.target_tokens,
            "seconds": round(seconds, 4),
            "load_seconds": round(self.ready - self.began, 4),
            "target_tokens_per_second": round(self.target_tokens / max(seconds, 1e-9), 2),
            "peak_memory_bytes": peak_memory_bytes(),
        }


@dataclass(frozen=True)
class Part:
    """Lines of input that become one output."""

    lines: InputLines
    output: Path | None  # None: standard output


class Job:
    """Inputs to translate and the outputs that they become: one output for all, or in a folder one for each input.

    ``output`` is a file, a folder (it ends in a slash, or exists) or None for standard output; ``strict`` refuses input
    that is not UTF-8; ``resume`` keeps what an earlier process left of the same job. Raises MissingInputError for an
    input that is not there, and UsageError when inputs for a folder have no file name, or the same one. The files
    ``beside`` the inputs go through all of them, one after another.
    """

    def __init__(
        self,
        inputs: Sequence[Path],
        output: str | None,
        format: Format,
        strict: bool = False,
        resume: bool = True,
        beside: Beside | None = None,
    ) -> None:
        if output == "":
            raise UsageError("`output` is empty", "name a file or a folder")
        self.format, self.resume, self.beside = format, resume, beside or Beside()
        self.folder = Path(output) if output and (output.endswith(os.sep) or os.path.isdir(output)) else None
        if self.folder:
            self.parts = [
                Part(InputLines([path], strict), self.folder / path.name) for path in named(inputs, self.folder)
            ]
        else:
            self.parts = [Part(InputLines(inputs, strict), Path(output) if output else None)]

    @property
    def typed(self) -> bool:
        """Whether a person types some of the lines at a terminal."""
        return any(part.lines.typed for part in self.parts)

    @property
    def count(self) -> int:
        """Lines read so far."""
        return sum(part.lines.count for part in self.parts)

    def inputs(self) -> list[Path]:
        """The files that the job reads."""
        return [*(file for part in self.parts for file in part.lines.files), *self.beside.files]

    def outputs(self) -> Iterator[tuple[str, Path]]:
        """(name in errors, path) of each file that the job writes, FILE.partial and FILE.journal included."""
        for part in self.parts:
            yield ("`output`", part.output) if part.output else ("standard output", Path("/dev/stdout"))
            if part.output and not written_directly(part.output):
                partial, journal = beside(part.output)
                yield "FILE.partial of `output`", partial
                yield "FILE.journal of `output`", journal

    def total(self) -> int | None:
        """The number of lines in all inputs, or None when it is unknown before they are read."""
        totals = [part.lines.total() for part in self.parts]
        return None if None in totals else sum(total or 0 for total in totals)

    def run(
        self, load: Callable[[], Translator], progress: Progress, stdout: Callable[[], BinaryIO], total: int | None
    ) -> Tally:
        """Translate all inputs; ``total`` is the number of lines that ``progress`` shows, or None.

        An output is locked before ``load`` is called, for loading takes seconds. Raises BusyError for an output that
        another process writes, CannotCreateError or StorageError when an output fails, and what the translator and the
        inputs raise. An error says after which line the same job resumes.
        """
        tally = Tally()
        if not self.beside.is_empty:
            self.beside.check_counts(self.total())

        @cache
        def loaded() -> Translator:
            translator = load()
            tally.ready = time.monotonic()
            progress.start("translating", total)
            return translator

        if self.folder:
            loaded()
            make_folder(self.folder)
        for part in self.parts:
            with open_sink(part.output, stdout, keep_journal=len(self.parts) > 1) as sink:
                self.translate(part.lines, loaded(), sink, tally, progress)
        progress.finish()
        for part in self.parts:
            if part.output and len(self.parts) > 1:
                forget_journal(part.output)
        self.warn(loaded(), progress)
        return tally

    def translate(
        self, lines: InputLines, translator: Translator, sink: Sink, tally: Tally, progress: Progress
    ) -> None:
        """Translate the windows that the sink does not have yet."""
        about = {"nmt": __version__, **translator.about(), **self.format.about(), "strict": lines.strict}
        sink.begin(about, self.resume, progress)
        for window in translator.windows(sink.take(self.beside.join(lines))):
            known = list(map(fingerprint, window))
            if sink.find(known):
                progress.advance(len(window))
                continue
            translations = translator.translate_window(window, sink.lines, progress)
            records = map(self.format.records, count(sink.lines), translations)
            sink.add(known, list(chain.from_iterable(records)))
            tally.add(translations)
        if lines is self.parts[-1].lines:
            self.beside.check_end()
        sink.finish(lines.count)

    def warn(self, translator: Translator, progress: Progress) -> None:
        """Warn of lines that the model may not translate well, or that had to be changed."""
        translator.warn(progress)
        for part in self.parts:
            part.lines.warn_of_mended(progress)
        decomposed = sum(part.lines.decomposed for part in self.parts)
        if decomposed:
            progress.warn(say_decomposed(decomposed))


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


def make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_create(path, error) from None


@contextmanager
def open_sink(path: Path | None, stdout: Callable[[], BinaryIO], keep_journal: bool) -> Iterator[Sink]:
    """The sink of a file, pipe or device, or of standard output."""
    if path and not written_directly(path):
        with resumable(path, keep_journal) as file:
            yield file
    else:
        with create_binary(path) if path else nullcontext(stdout()) as stream:
            yield Stream(stream)
