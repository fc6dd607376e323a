"""Files of lines to files of translations, window by window, so that a killed job resumes. Knows no flag.

A window of lines is the unit: it is translated at once, and its translations are saved together or not at all.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from itertools import chain, count
from pathlib import Path
from typing import BinaryIO, Protocol

from nmt.decoding.formats import Format
from nmt.decoding.input_lines import STANDARD_INPUT, InputLines
from nmt.decoding.translator import Translation, Translator
from nmt.disk.durable import cannot_create
from nmt.disk.files import create_binary, written_directly
from nmt.errors import UsageError
from nmt.store.journal import Work, beside
from nmt.store.resumable import forget_journal, resumable
from nmt.text.lines import Pause
from nmt.text.machine import peak_memory_bytes
from nmt.text.normal import say_decomposed
from nmt.text.progress import Progress
from nmt.version import __version__


class Sink(Protocol):
    """An output that takes windows in order: a stream, or a file that resumes (nmt.store.resumable)."""

    lines: int
    """Lines of input whose translations are in it."""

    def begin(self, work: Work, resume: bool, progress: Progress) -> None:
        """Start an output that depends on ``work``; ``resume`` keeps what an earlier process left of the same work."""

    def take(self, lines: Iterable[str | Pause]) -> Iterator[str | Pause]:
        """The lines of input as this sink has them read."""

    def find(self, lines: Sequence[str]) -> bool:
        """Whether the next window of ``lines`` is in it already."""

    def add(self, lines: Sequence[str], records: Sequence[str]) -> None:
        """Write what the next window of ``lines`` became, one line of output a record."""

    def finish(self, lines: int) -> None:
        """Complete the output, which has all ``lines`` of the input in it."""


class Stream:
    """The sink that is standard output, a pipe or a device: it keeps nothing that a later process could find."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.lines = 0

    def begin(self, work: Work, resume: bool, progress: Progress) -> None:
        pass

    def take(self, lines: Iterable[str | Pause]) -> Iterator[str | Pause]:
        """The lines; what is written is flushed before the next is asked for, so that no reader waits for it."""
        for line in lines:
            yield line
            self.stream.flush()

    def find(self, lines: Sequence[str]) -> bool:
        return False

    def add(self, lines: Sequence[str], records: Sequence[str]) -> None:
        for record in records:
            self.stream.write(f"{record}\n".encode())
        self.lines += len(lines)

    def finish(self, lines: int) -> None:
        self.stream.flush()


class Tally:
    """Counts and times of a job."""

    def __init__(self) -> None:
        self.began = self.ready = time.monotonic()
        self.lines = self.source_tokens = self.target_tokens = 0

    @property
    def seconds(self) -> float:
        """Since the job began."""
        return time.monotonic() - self.began

    def add(self, translations: Sequence[Translation]) -> None:
        self.lines += len(translations)
        self.source_tokens += sum(translation.source_pieces for translation in translations)
        self.target_tokens += sum(translation.target_pieces for translation in translations)

    def figures(self) -> dict[str, float]:
        """The figures by name. Tokens are pieces, without </s>; ``seconds`` leaves out loading the model."""
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
    """Inputs to translate, and the outputs that they become: one for all, or in a folder one for each.

    ``output`` is a file, a folder (which ends in a slash, or exists) or None for standard output; ``strict`` refuses
    input that is not UTF-8; ``resume`` keeps what an earlier process left of the same job. Raises MissingInputError for
    an input that is not there, UsageError for inputs in a folder that have no name or the same name.
    """

    def __init__(
        self,
        inputs: Sequence[Path],
        output: str | None,
        output_format: Format,
        strict: bool = False,
        resume: bool = True,
    ) -> None:
        if output == "":
            raise UsageError("`output` is empty", "name a file or a folder")
        self.format, self.resume = output_format, resume
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
        """All files that are read."""
        return [file for part in self.parts for file in part.lines.files]

    def outputs(self) -> Iterator[tuple[str, Path]]:
        """The files that are written, also those beside them until they are whole, each with what it is called."""
        for part in self.parts:
            yield ("`output`", part.output) if part.output else ("standard output", Path("/dev/stdout"))
            if part.output and not written_directly(part.output):
                yield from zip(
                    ("FILE.partial of `output`", "FILE.journal of `output`"), beside(part.output), strict=True
                )

    def total(self) -> int | None:
        """The number of lines in all, or None where only reading them tells."""
        totals = [part.lines.total() for part in self.parts]
        return None if None in totals else sum(total or 0 for total in totals)

    def run(
        self,
        load: Callable[[], Translator],
        progress: Progress,
        stdout: Callable[[], BinaryIO],
        total: int | None = None,
    ) -> Tally:
        """Translate everything; ``progress`` hears of it, with ``total`` lines.

        ``load`` is called once the first output is held by this process: its failure comes before seconds of loading.
        Raises BusyError for an output that another process writes, CannotCreateError, StorageError and what the
        translator and the inputs raise; the error says when the same job resumes.
        """
        tally = Tally()

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
        """Translate the windows that are not in the sink yet; only those count in the tally."""
        about = {"nmt": __version__, **translator.about(), **self.format.about(), "strict": lines.strict}
        sink.begin(about, self.resume, progress)
        for window in translator.windows(sink.take(lines)):
            if sink.find(window):
                progress.advance(len(window))
                continue
            translations = translator.translate_window(window, sink.lines, progress)
            records = map(self.format.records, count(sink.lines), translations)
            sink.add(window, list(chain.from_iterable(records)))
            tally.add(translations)
        sink.finish(lines.count)

    def warn(self, translator: Translator, progress: Progress) -> None:
        """Say what a person should know of the inputs."""
        translator.shaper.warn_of_strange(progress)
        for part in self.parts:
            part.lines.warn_of_mended(progress)
        decomposed = sum(part.lines.decomposed for part in self.parts)
        if decomposed:
            progress.warn(say_decomposed(decomposed))


def named(inputs: Sequence[Path], folder: Path) -> list[Path]:
    """The inputs, each with a file name of its own. Raises UsageError for standard input and for equal names."""
    if not inputs or STANDARD_INPUT in inputs:
        raise UsageError(f"standard input has no name for a file in {folder}", "name the output file")
    by_name: dict[str, Path] = {}
    for path in inputs:
        first = by_name.setdefault(path.name, path)
        if first is not path:
            raise UsageError(f"{first} and {path} would both be {folder / path.name}", "give one in a run")
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
