"""``nmt export``: a model in another program's format. Knows no format."""

from pathlib import Path
from typing import Annotated, Literal, get_args

import typer

from nmt.errors import UsageError

ComputeType = Literal[
    "float32", "float16", "bfloat16", "int16", "int8", "int8_float32", "int8_float16", "int8_bfloat16"
]


def export(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A training run, or the model folder in it.")],
    to: Annotated[
        Literal["ctranslate2", "nmt"],
        typer.Option("--to", help="The program that will read it; nmt converts a model of an older version."),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder to create; it must not exist.")],
    compute_type: Annotated[
        ComputeType | None,
        typer.Option(
            metavar="TYPE",
            help=f"Type of CTranslate2's weights: {', '.join(get_args(ComputeType))}; int8 is small, and a little "
            "worse.  [default: float32]",
        ),
    ] = None,
) -> None:
    """Write a model in another program's format, with its vocabulary beside it.

    nmt translate needs no export: it uses CTranslate2 by itself where that is faster.
    """
    from nmt.disk.folders import create_folder
    from nmt.store.conversion import convert
    from nmt.store.ctranslate2_model import write_ctranslate2
    from nmt.store.model_folder import ModelFolder

    if to == "nmt":
        if compute_type:
            raise UsageError("--compute-type is for ctranslate2", "leave it out: nmt keeps the weights as they are")
        with create_folder(output) as new:
            convert(model, new)
        return
    folder = ModelFolder.open(model)
    with create_folder(output) as new:
        write_ctranslate2(folder, new, compute_type or "float32")
        for path in set(folder.tokenizer_paths):
            (new / path.name).write_bytes(path.read_bytes())
