"""The flags that several commands share, so that they mean and say the same everywhere."""

from dataclasses import fields
from enum import StrEnum
from typing import Annotated, Any

import typer

from nmt.config import SearchOptions


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


def search_option(name: str, metavar: str) -> Any:
    """The flag of a search setting, with the setting's own help text and bounds."""
    about = next(spec for spec in fields(SearchOptions) if spec.name == name).metadata
    help = about["help"][0].upper() + about["help"][1:] + "."
    return typer.Option(metavar=metavar, help=help, min=about["low"], max=about["high"])


BeamSize = Annotated[int, search_option("beam_size", "N")]
LengthPenalty = Annotated[float, search_option("length_penalty", "A")]
MaxLengthFactor = Annotated[float, search_option("max_length_factor", "F")]
BatchTokens = Annotated[
    int,
    typer.Option(metavar="N", min=1, help="Padded tokens of a batch: rows × the longest line."),
]
Engine = Annotated[
    EngineName, typer.Option(help="What searches; auto takes the faster of those that can do what is asked.")
]
ComputeType = Annotated[
    ComputeTypeName, typer.Option(help="Numbers of CTranslate2's products: int8 is faster, and loses a little.")
]
DeviceName = Annotated[Device, typer.Option(help="Where to compute; auto takes the fastest there is.")]
Threads = Annotated[int, typer.Option(metavar="N", min=0, help="Threads on the CPU; 0: as many as cores.")]
IsQuiet = Annotated[bool, typer.Option("--quiet", help="Say nothing but warnings and errors.")]
IsVerbose = Annotated[bool, typer.Option("--verbose", help="Say more, more often; show the traceback of a bug.")]
