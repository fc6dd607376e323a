"""``nmt translate``: files or standard input to lines of translation."""

import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from nmt import __version__
from nmt.cli.options import (
    BatchTokens,
    BeamSize,
    ComputeType,
    ComputeTypeName,
    Device,
    DeviceName,
    Engine,
    EngineName,
    IsQuiet,
    IsVerbose,
    LengthPenalty,
    MaxLengthFactor,
    Threads,
)
from nmt.config import SearchOptions
from nmt.errors import StorageError, UsageError
from nmt.text.machine import peak_memory_bytes

if TYPE_CHECKING:
    from nmt.decoding.formats import Format
    from nmt.decoding.input_lines import InputLines
    from nmt.decoding.translator import Translation, Translator
    from nmt.store.journal import Work
    from nmt.store.resumable import Resumable
    from nmt.text.lines import Pause
    from nmt.text.progress import Progress


class OutputFormat(StrEnum):
    text = "text"
    tsv = "tsv"
    jsonl = "jsonl"


def translate(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A training run, or the model folder in it.")],
    inputs: Annotated[
        list[Path] | None,
        typer.Argument(metavar="INPUT ...", help="Text, a sentence a line; several follow each other; -: stdin."),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE|FOLDER/",
            help="Write here, whole or not at all; in FOLDER/ a file per INPUT.",
        ),
    ] = None,
    beam_size: BeamSize = 5,
    length_penalty: LengthPenalty = 1.0,
    n_best: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="The N best of each line, as: id ||| text ||| score.")
    ] = None,
    max_length_factor: MaxLengthFactor = 3.0,
    batch_tokens: BatchTokens = 2048,
    format: Annotated[
        OutputFormat, typer.Option(help="Translations; source, translation, score by tabs; or a JSON object a line.")
    ] = OutputFormat.text,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse input that is not UTF-8, instead of mending it.")
    ] = False,
    resume: Annotated[
        bool,
        typer.Option("--resume/--no-resume", help="With -o: go on where the same command was ended, or begin anew."),
    ] = True,
    stats: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write counts, times and peak memory here, as JSON.")
    ] = None,
    engine: Engine = EngineName.auto,
    compute_type: ComputeType = ComputeTypeName.float32,
    device: DeviceName = Device.auto,
    threads: Threads = 0,
    quiet: IsQuiet = False,
    verbose: IsVerbose = False,
) -> None:
    """Translate text: a line of output for each line of input, in order.

    Without INPUT it is a filter from stdin to stdout, and answers at once when a person types a line.
    """
    from nmt.cli.console import terminal_progress
    from nmt.decoding.formats import choose_format
    from nmt.decoding.translator import Translator
    from nmt.disk.outputs import check_outputs
    from nmt.store.model_folder import places
    from nmt.store.resumable import forget_journal

    options = SearchOptions(beam_size, length_penalty, n_best or 1, max_length_factor)
    to_records = choose_format(format.value, n_best is not None)
    jobs = find_jobs(inputs or [], output, strict)
    made = Path(output) if output and is_folder(output) else None
    read = [file for job in jobs for file in job.lines.files]
    check_outputs([*outputs_of(jobs), ("--stats", stats)], [*read, *places(model)], made)
    tally = Tally()
    # A bar would run through the lines that a person types or reads.
    seen = any(job.lines.typed for job in jobs) or bool(not output and sys.stdout and sys.stdout.isatty())

    @cache
    def load() -> Translator:
        translator = Translator.load(
            model, options, batch_tokens, device.value, threads, engine.value, compute_type.value
        )
        tally.loaded()
        progress.start("translating", None if quiet or seen else total_lines(jobs))
        return translator

    shape = {"format": format.value, "n-best list": n_best is not None, "strict": strict}
    with terminal_progress(quiet or seen, verbose) as progress:
        if made:
            load()
            make_folder(made)
        for job in jobs:
            with job.opened(keep_journal=len(jobs) > 1) as file:
                work = {"nmt": __version__, **load().about(), **shape}
                file.begin(work, resume, progress)
                translate_into(file, job.lines, load(), to_records, tally, progress)
        progress.finish()
        for job in jobs:
            if job.output and len(jobs) > 1:
                forget_journal(job.output)
        load().shaper.warn_of_strange(progress)
        say_at_the_end(jobs, output, tally, progress)
    if stats:
        write_json(stats, tally.figures())


@dataclass(frozen=True)
class Job:
    """Lines that become one output."""

    lines: "InputLines"
    output: Path | None  # None: standard output

    def opened(self, keep_journal: bool) -> "AbstractContextManager[Stream | Resumable]":
        from nmt.disk.files import written_directly
        from nmt.store.resumable import resumable

        if not self.output or written_directly(self.output):
            return streamed(self.output)
        return resumable(self.output, keep_journal)


def is_folder(output: str) -> bool:
    """Whether --output names a folder, which then gets a file for each input."""
    return output.endswith(os.sep) or os.path.isdir(output)


def find_jobs(inputs: list[Path], output: str | None, strict: bool) -> list[Job]:
    """All inputs in one output, or a job for each input where the output is a folder.

    Raises MissingInputError for an input that is not there, UsageError for inputs that give no name or one name twice.
    """
    from nmt.decoding.input_lines import STANDARD_INPUT, InputLines

    if output == "":
        raise UsageError("--output is empty", "name a file or a folder")
    if output is None or not is_folder(output):
        return [Job(InputLines(inputs, strict), Path(output) if output else None)]
    if not inputs or STANDARD_INPUT in inputs:
        raise UsageError(f"standard input has no name for a file in {output}", "name the output file")
    named: dict[str, Path] = {}
    for path in inputs:
        other = named.setdefault(path.name, path)
        if other is not path:
            raise UsageError(f"{other} and {path} would both be {Path(output, path.name)}", "give one in a run")
    return [Job(InputLines([path], strict), Path(output, path.name)) for path in inputs]


def outputs_of(jobs: list[Job]) -> "Iterator[tuple[str, Path]]":
    """The files that the jobs write, and those that stand beside them meanwhile, by what they are called."""
    from nmt.disk.files import written_directly
    from nmt.store.journal import beside

    for path in (job.output for job in jobs):
        if not path:
            yield "standard output", Path("/dev/stdout")
            continue
        yield "--output", path
        if not written_directly(path):
            yield from zip(("FILE.partial of --output", "FILE.journal of --output"), beside(path), strict=True)


def make_folder(path: Path) -> None:
    from nmt.disk.durable import cannot_create

    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_create(path, error) from None


def total_lines(jobs: "Sequence[Job]") -> int | None:
    """How many lines there will be in all, or None where only reading them tells."""
    totals = [job.lines.total() for job in jobs]
    return None if None in totals else sum(total or 0 for total in totals)


def translate_into(
    file: "Stream | Resumable",
    lines: "InputLines",
    translator: "Translator",
    to_records: "Format",
    tally: "Tally",
    progress: "Progress",
) -> None:
    """Translate the lines into an output that was begun, window by window; those that are in it already are left."""
    for window in translator.windows(file.take(lines)):
        if file.find(window):
            progress.advance(len(window))
            continue
        translations = translator.translate_window(window, file.lines, progress)
        records = [
            record
            for number, translation in enumerate(translations, file.lines)
            for record in to_records(number, translation)
        ]
        file.add(window, records)
        tally.add(translations)
    file.finish(lines.count)


class Tally:
    """Counts and times for --stats."""

    def __init__(self) -> None:
        self.began = self.ready = time.monotonic()
        self.lines = self.source_tokens = self.target_tokens = 0

    def age(self) -> float:
        """Seconds since the command began."""
        return time.monotonic() - self.began

    def loaded(self) -> None:
        self.ready = time.monotonic()

    def add(self, translations: "Sequence[Translation]") -> None:
        self.lines += len(translations)
        self.source_tokens += sum(one.source_pieces for one in translations)
        self.target_tokens += sum(one.target_pieces for one in translations)

    def figures(self) -> dict[str, float]:
        """The object of --stats; tokens are pieces, without </s>, and the time of loading is kept apart."""
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


class Stream:
    """Standard output, a pipe or a device, written to as nmt.store.journal's files are; nothing is ever found there."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.lines = 0

    def begin(self, work: "Work", resume: bool, progress: "Progress") -> None:
        pass

    def take(self, lines: "Iterable[str | Pause]") -> "Iterator[str | Pause]":
        """The lines, where asking for one first pushes out what is written: a reader never waits for what is done."""
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


@contextmanager
def streamed(path: Path | None) -> Iterator[Stream]:
    with open_output(path) as stream:
        yield Stream(stream)


def open_output(path: Path | None) -> AbstractContextManager[BinaryIO]:
    """A file that appears whole or not at all, or standard output. UTF-8 either way, whatever the locale."""
    from nmt.disk.files import create_binary

    if path:
        return create_binary(path)
    if sys.stdout is None:
        raise StorageError("standard output is closed", "leave >&- out, or name a file with --output")
    return nullcontext(sys.stdout.buffer)


def say_at_the_end(jobs: list[Job], output: str | None, tally: "Tally", progress: "Progress") -> None:
    """Warn of what the inputs had, and close with how many lines went where in what time."""
    from nmt.cli.console import counted, duration
    from nmt.text.normal import say_decomposed

    for job in jobs:
        warn_of_mended(job.lines, progress)
    decomposed = sum(job.lines.decomposed for job in jobs)
    if decomposed:
        progress.warn(say_decomposed(decomposed))
    if output:
        lines = counted(sum(job.lines.count for job in jobs), "line")
        files = f" of {counted(len(jobs), 'file')}" if len(jobs) > 1 else ""
        progress.note(f"{lines}{files} in {duration(tally.age())}: {output}")


def warn_of_mended(lines: "InputLines", progress: "Progress") -> None:
    from nmt.text.encodings import likely

    if lines.mended:
        what = f"{lines.mended} lines were" if lines.mended > 1 else "1 line was"
        encoding = likely(lines.sample)
        guess = f"; it looks like {encoding}: iconv -f {encoding} -t UTF-8 makes it UTF-8" if encoding else ""
        progress.warn(
            f"{what} not UTF-8 and got U+FFFD where it broke, first {lines.first_mended}; --strict refuses it{guess}"
        )


def write_json(path: Path, value: Any) -> None:
    import json

    from nmt.disk.files import create_binary

    with create_binary(path) as file:
        file.write(json.dumps(value, ensure_ascii=False, indent=2).encode() + b"\n")
