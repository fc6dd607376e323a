"""Flags that several commands share, and the rules for every flag. Knows no command."""

from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from inspect import Parameter, signature
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperCommand, TyperOption

from nmt import __version__
from nmt.checked import Checked
from nmt.config import EngineOptions, SearchOptions, is_note
from nmt.errors import SettingsError, UsageError, shown
from nmt.text.machine import check_threads

Device = Literal["auto", "cpu", "cuda", "mps"]
EngineName = Literal["auto", "torch", "ctranslate2"]
ComputeTypeName = Literal["float32", "int8"]


def option(settings: type[Checked], name: str, metavar: str | None = None, **more: Any) -> Any:
    """The flag of a setting, with the setting's help text and bounds."""
    about = next(spec for spec in fields(settings) if spec.name == name).metadata
    help = about["help"][0].upper() + about["help"][1:] + "."
    return typer.Option(metavar=metavar, help=help, min=about["low"], max=about["high"], **more)


def bounded(parameter: typer.CallbackParam, value: int) -> int:
    """A callback for flags of threads or processes. Raises UsageError for more than the machine can run."""
    try:
        return check_threads(value, parameter.opts[0])
    except SettingsError as error:
        raise UsageError(error.what, error.mend) from None


def licence_line(parameter: typer.CallbackParam, value: str) -> str:
    """A callback for flags of licences. Raises UsageError for what is no short line."""
    if not is_note(value):
        raise UsageError(f"{parameter.opts[0]} {shown(value)} is not a short line of text", "write it like CC BY 4.0")
    return value


BeamSize = Annotated[int, option(SearchOptions, "beam_size", "N")]
LengthPenalty = Annotated[float, option(SearchOptions, "length_penalty", "A")]
Sample = Annotated[int | None, option(SearchOptions, "sample", "[K]")]
TopP = Annotated[float, option(SearchOptions, "top_p", "P")]
Temperature = Annotated[float, option(SearchOptions, "temperature", "T")]
Mbr = Annotated[Literal["chrf", "bleu"] | None, option(SearchOptions, "mbr")]
Candidates = Annotated[int | None, option(SearchOptions, "candidates", "N")]
Ensemble = Annotated[
    list[Path] | None,
    typer.Option(metavar="MODEL", help="Another model; the mean of all models' probabilities is searched. Repeats."),
]
MaxLengthFactor = Annotated[float, option(SearchOptions, "max_length_factor", "F")]
MinLength = Annotated[int, option(SearchOptions, "min_length", "N")]
NoRepeatNgram = Annotated[int, option(SearchOptions, "no_repeat_ngram", "N")]
Glossary = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Terms and their translations, by tabs; no translation: the term stays as it is."
    ),
]
Check = Annotated[bool, option(SearchOptions, "check")]
WholeLines = Annotated[bool, option(SearchOptions, "whole_lines")]
ClusterAddress = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="[ADDRESS]",
        help="Spread the work over a Ray cluster; without its ADDRESS, over processes on this machine.",
    ),
]
BatchTokens = Annotated[int, option(EngineOptions, "batch_tokens", "N")]
Engine = Annotated[EngineName, option(EngineOptions, "engine")]
ComputeType = Annotated[ComputeTypeName, option(EngineOptions, "compute_type")]
DeviceName = Annotated[Device, option(EngineOptions, "device")]
Threads = Annotated[int, option(EngineOptions, "threads", "N", callback=bounded)]
Columns = Annotated[
    str | None,
    typer.Option(metavar="SRC,TRG", help="Columns of .tsv and .csv, keys of .jsonl: names, or numbers like 2,3."),
]
Resume = Annotated[
    bool, typer.Option("--resume/--no-resume", help="With -o: resume where the same command stopped, or start over.")
]
Stats = Annotated[Path | None, typer.Option(metavar="FILE", help="Write counts, times and peak memory here, as JSON.")]
IsQuiet = Annotated[bool, typer.Option("--quiet", help="Print warnings and errors only.")]
IsVerbose = Annotated[bool, typer.Option("--verbose", help="Print more, and more often; show the traceback of a bug.")]
Seed = Annotated[int, typer.Option(metavar="N", help="Seed of all random numbers.")]


def parse_columns(text: str) -> tuple[str, str]:
    """The names or numbers of two columns in ``SRC,TRG``; a name with a comma is quoted. Raises UsageError."""
    import csv

    try:
        names = [name.strip() for row in csv.reader([text], skipinitialspace=True, strict=True) for name in row]
    except csv.Error:
        names = []
    if len(names) != 2 or not all(names) or names[0] == names[1]:
        raise UsageError(f"--columns {shown(text)} does not name two columns", "write it like en,de or 2,3")
    return names[0], names[1]


def show_version(wanted: bool) -> None:
    if wanted:
        print(f"nmt {__version__}")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show the version and exit.")
]
_IDLE = "Accepted by every command; has no effect here."
COMMON: dict[str, tuple[Any, Any]] = {
    "seed": (Annotated[int, typer.Option(metavar="N", help=_IDLE)], 1),
    "device": (Annotated[Device, typer.Option(help=_IDLE)], "auto"),
    "threads": (Annotated[int, typer.Option(metavar="N", min=0, callback=bounded, help=_IDLE)], 0),
    "quiet": (IsQuiet, False),
    "verbose": (IsVerbose, False),
    "version": (Version, False),
}
"""Flags that every command accepts, with their type and default where the command does not use them."""


def with_common_flags(command: Callable[..., None]) -> Callable[..., None]:
    """The command with all common flags, last in its help; it is passed only those that it has itself."""
    own = signature(command).parameters
    common = {
        name: own.get(name) or Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, default=default, annotation=kind)
        for name, (kind, default) in COMMON.items()
    }
    ordered = [parameter for name, parameter in own.items() if name not in COMMON] + list(common.values())

    @wraps(command)
    def run(**values: Any) -> None:
        command(**{name: value for name, value in values.items() if name in own})

    run.__signature__ = signature(command).replace(parameters=ordered)  # type: ignore[attr-defined]  # typer reads it
    return run


class Command(TyperCommand):
    """A typer command whose options refuse a second value, unless they repeat by design."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        seen = set()
        for parameter in self.make_parser(ctx).parse_args(args=list(args))[2]:
            if isinstance(parameter, TyperOption) and not (parameter.multiple or parameter.is_flag):
                if parameter.name in seen:
                    raise UsageError(f"{parameter.opts[0]} is given twice", "it takes one value: give it once")
                seen.add(parameter.name)
        return super().parse_args(ctx, args)
