"""``nmt translate``: files or standard input to lines of translation."""

import sys
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from nmt.cli import options as flags
from nmt.config import SearchOptions


class OutputFormat(StrEnum):
    text = "text"
    tsv = "tsv"
    jsonl = "jsonl"


# Longer than 50 lines, for each flag is a parameter.
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
    beam_size: flags.BeamSize = 5,
    length_penalty: flags.LengthPenalty = 1.0,
    n_best: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="The N best of each line, as: id ||| text ||| score.")
    ] = None,
    max_length_factor: flags.MaxLengthFactor = 3.0,
    batch_tokens: flags.BatchTokens = 2048,
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
    engine: flags.Engine = flags.EngineName.auto,
    compute_type: flags.ComputeType = flags.ComputeTypeName.float32,
    device: flags.DeviceName = flags.Device.auto,
    threads: flags.Threads = 0,
    quiet: flags.IsQuiet = False,
    verbose: flags.IsVerbose = False,
) -> None:
    """Translate text: a line of output for each line of input, in order.

    Without INPUT it is a filter from stdin to stdout, and answers at once when a person types a line.
    """
    from nmt.cli.console import counted, duration, standard_output, terminal_progress
    from nmt.decoding.formats import Format
    from nmt.decoding.job import Job
    from nmt.decoding.translator import Translator
    from nmt.disk.outputs import check_outputs
    from nmt.store.model_folder import places

    options = SearchOptions(beam_size, length_penalty, n_best or 1, max_length_factor)
    job = Job(inputs or [], output, Format(format.value, n_best is not None), strict, resume)
    check_outputs([*job.outputs(), ("--stats", stats)], [*job.inputs(), *places(model)], job.folder)
    # A bar would run through the lines that a person types or reads.
    no_bar = quiet or job.typed or bool(not output and sys.stdout and sys.stdout.isatty())
    chosen = device.value, threads, engine.value, compute_type.value
    load = partial(Translator.load, model, options, batch_tokens, *chosen)
    with terminal_progress(no_bar, verbose) as progress:
        tally = job.run(load, progress, standard_output, None if no_bar else job.total())
        if output:
            files = f" of {counted(len(job.parts), 'file')}" if len(job.parts) > 1 else ""
            progress.note(f"{counted(job.count, 'line')}{files} in {duration(tally.seconds)}: {output}")
    if stats:
        write_json(stats, tally.figures())


def write_json(path: Path, value: Any) -> None:
    import json

    from nmt.disk.files import create_binary

    with create_binary(path) as file:
        file.write(json.dumps(value, ensure_ascii=False, indent=2).encode() + b"\n")
