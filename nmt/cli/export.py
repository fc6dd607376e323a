"""``nmt export``: a model in another program's format, or in one file. Knows no format."""

from pathlib import Path
from typing import Annotated, Literal, get_args

import typer

from nmt.cli.options import IsQuiet, IsVerbose
from nmt.errors import UsageError

ComputeType = Literal[
    "float32", "float16", "bfloat16", "int16", "int8", "int8_float32", "int8_float16", "int8_bfloat16"
]
WITH_TYPE = ("ctranslate2", "argos")
ENDINGS = {"zip": (".nmt.zip", ".zip"), "argos": (".argosmodel", ".zip")}


# Over 50 lines because each flag is a parameter.
def export(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A training run, its model folder, or one file.")],
    to: Annotated[
        Literal["ctranslate2", "argos", "zip", "nmt"],
        typer.Option(
            "--to",
            help="The program that will read it; zip: one file, which every command of nmt reads; nmt converts a model "
            "of an older version.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="PATH",
            help="Folder to create, or file: x.argosmodel, x.nmt.zip. Replaces an older export alone.",
        ),
    ],
    compute_type: Annotated[
        ComputeType | None,
        typer.Option(
            metavar="TYPE",
            help=f"Type of CTranslate2's weights: {', '.join(get_args(ComputeType))}; int8 is small, and a little "
            "worse.  [default: float32]",
        ),
    ] = None,
    direction: Annotated[
        str, typer.Option(metavar="SRC-TRG", help="The direction of a package for argos, of a model that has several.")
    ] = "",
    card: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Markdown to add to the model's card, an export's README.md."),
    ] = None,
    quiet: IsQuiet = False,
    verbose: IsVerbose = False,
) -> None:
    """Write a model in another program's format or in one file, with a card that says what it is.

    An export that is up to date is left alone. nmt translate needs no export: it uses CTranslate2 by itself where that
    is faster.
    """
    from nmt.cli.console import say
    from nmt.cli.directions import parse_direction
    from nmt.store.card import read_card
    from nmt.store.exports import Export, of_direction
    from nmt.store.model_folder import ModelFolder

    if compute_type and to not in WITH_TYPE:
        raise UsageError(f"--compute-type is for {' and '.join(WITH_TYPE)}", "leave it out: nmt keeps the weights")
    if direction and to != "argos":
        raise UsageError("--direction is for argos", "leave it out: the other formats have all directions")
    if to == "nmt":
        if card:
            raise UsageError("--card is for what other programs or people read", "leave it out")
        convert(model, output)
        return
    if to in ENDINGS and output.suffix not in ENDINGS[to]:  # others are of folders, or of compressed files
        raise UsageError(f"--output {output} is not the name of an export to {to}", f"end it in {ENDINGS[to][0]}")
    opened = of_direction(ModelFolder.open(model), parse_direction(direction, "--direction") if direction else None)
    made = Export(opened, to, compute_type or "float32", read_card(card) if card else "").write(output)
    if not quiet:
        say(f"wrote {output}" if made else f"{output} is up to date")


def convert(model: Path, output: Path) -> None:
    """Convert a model of an older version into a new folder."""
    from nmt.disk.folders import create_folder
    from nmt.store.conversion import convert

    with create_folder(output) as new:
        convert(model, new)
