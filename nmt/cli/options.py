"""The flags that commands share, so that they mean and say the same everywhere, and what holds for each flag."""

from collections.abc import Callable
from dataclasses import fields
from enum import StrEnum
from functools import wraps
from inspect import Parameter, signature
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperOption

from nmt import __version__
from nmt.config import Checked, EngineOptions, SearchOptions
from nmt.errors import SettingsError, UsageError
from nmt.text.machine import check_threads


class Device(StrEnum):
    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    mps = "mps"


class EngineName(StrEnum):
    auto = "auto"
    torch = "torch"
    ctranslate2 = "ctranslate2"


class ComputeTypeName(StrEnum):
    float32 = "float32"
    int8 = "int8"


def option(settings: type[Checked], name: str, metavar: str | None = None, **more: Any) -> Any:
    """The flag of a setting, with the setting's own help text and bounds."""
    about = next(spec for spec in fields(settings) if spec.name == name).metadata
    help = about["help"][0].upper() + about["help"][1:] + "."
    return typer.Option(metavar=metavar, help=help, min=about["low"], max=about["high"], **more)


def bounded(parameter: typer.CallbackParam, value: int) -> int:
    """The callback of a flag that counts threads or processes. Raises UsageError for more than the machine takes."""
    try:
        return check_threads(value, parameter.opts[0])
    except SettingsError as error:
        raise UsageError(error.what, error.mend) from None


BeamSize = Annotated[int, option(SearchOptions, "beam_size", "N")]
LengthPenalty = Annotated[float, option(SearchOptions, "length_penalty", "A")]
MaxLengthFactor = Annotated[float, option(SearchOptions, "max_length_factor", "F")]
BatchTokens = Annotated[int, option(EngineOptions, "batch_tokens", "N")]
Engine = Annotated[EngineName, option(EngineOptions, "engine")]
ComputeType = Annotated[ComputeTypeName, option(EngineOptions, "compute_type")]
DeviceName = Annotated[Device, option(EngineOptions, "device")]
Threads = Annotated[int, option(EngineOptions, "threads", "N", callback=bounded)]
IsQuiet = Annotated[bool, typer.Option("--quiet", help="Say nothing but warnings and errors.")]
IsVerbose = Annotated[bool, typer.Option("--verbose", help="Say more, more often; show the traceback of a bug.")]
Seed = Annotated[int, typer.Option(metavar="N", help="Where all randomness comes from.")]


def show_version(wanted: bool) -> None:
    if wanted:
        print(f"nmt {__version__}")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show the version and exit.")
]
_IDLE = "Taken by every command; changes nothing here."
COMMON: dict[str, tuple[Any, Any]] = {
    "seed": (Annotated[int, typer.Option(metavar="N", help=_IDLE)], 1),
    "device": (Annotated[Device, typer.Option(help=_IDLE)], Device.auto),
    "threads": (Annotated[int, typer.Option(metavar="N", min=0, callback=bounded, help=_IDLE)], 0),
    "quiet": (IsQuiet, False),
    "verbose": (IsVerbose, False),
    "version": (Version, False),
}
"""The flags of every command, with the type and the default they have where a command makes nothing of them."""


def with_common_flags(command: Callable[..., None]) -> Callable[..., None]:
    """The command with all the common flags, last in its help; it is handed only those that it takes itself."""
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
    """A command whose options take one value, and refuse a second, unless they are made to repeat."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        seen = set()
        for parameter in self.make_parser(ctx).parse_args(args=list(args))[2]:
            if isinstance(parameter, TyperOption) and not (parameter.multiple or parameter.is_flag):
                if parameter.name in seen:
                    raise UsageError(f"{parameter.opts[0]} is given twice", "it takes one value: give it once")
                seen.add(parameter.name)
        return super().parse_args(ctx, args)
