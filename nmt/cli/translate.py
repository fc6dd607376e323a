"""``nmt translate``: files or standard input to lines of translation."""

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from enum import StrEnum
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
from nmt.errors import StorageError
from nmt.text.machine import peak_memory_bytes

if TYPE_CHECKING:
    from nmt.decoding.input_lines import InputLines
    from nmt.decoding.translator import Translation
    from nmt.store.journal import Resumable, Work
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
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write here; FILE appears when it is whole.")
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
    from nmt.decoding.input_lines import InputLines
    from nmt.decoding.translator import Translator
    from nmt.store.journal import resumable
    from nmt.text.files import written_directly

    options = SearchOptions(beam_size, length_penalty, n_best or 1, max_length_factor)
    to_records = choose_format(format.value, n_best is not None)
    lines = InputLines(inputs or [], strict)
    tally = Tally()
    # A bar would run through the lines that a person types or reads.
    seen = lines.typed or bool(not output and sys.stdout and sys.stdout.isatty())
    place: AbstractContextManager[Stream | Resumable]
    place = streamed(output) if not output or written_directly(output) else resumable(output)
    with place as file, terminal_progress(quiet or seen, verbose) as progress:
        chosen = device.value, threads, engine.value, compute_type.value
        translator = Translator.load(model, options, batch_tokens, *chosen)
        tally.loaded()
        shape = {"format": format.value, "n-best list": n_best is not None, "strict": strict}
        file.begin({"nmt": __version__, **translator.about(), **shape}, resume, progress)
        progress.start("translating")
        for window in translator.windows(file.take(lines)):
            if file.find(window):
                progress.advance(len(window))
                continue
            found = translator.translate_window(window, file.lines, progress)
            records = [record for number, one in enumerate(found, file.lines) for record in to_records(number, one)]
            file.add(window, records)
            tally.add(found)
        file.finish(lines.count)
        progress.finish()
        warn_of_mended(lines, progress)
    if stats:
        write_json(stats, tally.figures())


class Tally:
    """Counts and times for --stats."""

    def __init__(self) -> None:
        self.began = self.ready = time.monotonic()
        self.lines = self.source_tokens = self.target_tokens = 0

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

    def take(self, lines: Iterable[str | None]) -> Iterator[str | None]:
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
    from nmt.text.files import create_binary

    if path:
        return create_binary(path)
    if sys.stdout is None:
        raise StorageError("standard output is closed", "leave >&- out, or name a file with --output")
    return nullcontext(sys.stdout.buffer)


def warn_of_mended(lines: "InputLines", progress: "Progress") -> None:
    if lines.mended:
        what = f"{lines.mended} lines were" if lines.mended > 1 else "1 line was"
        progress.warn(
            f"{what} not UTF-8 and got U+FFFD where it broke, first {lines.first_mended}; --strict refuses it"
        )


def write_json(path: Path, value: Any) -> None:
    import json

    from nmt.text.files import create_binary

    with create_binary(path) as file:
        file.write(json.dumps(value, ensure_ascii=False, indent=2).encode() + b"\n")
