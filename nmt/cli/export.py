"""``nmt export``: a model for other programs."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Target(StrEnum):
    ctranslate2 = "ctranslate2"


class ComputeType(StrEnum):
    float32 = "float32"
    float16 = "float16"
    bfloat16 = "bfloat16"
    int16 = "int16"
    int8 = "int8"
    int8_float32 = "int8_float32"
    int8_float16 = "int8_float16"
    int8_bfloat16 = "int8_bfloat16"


def export(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A training run, or the model folder in it.")],
    to: Annotated[Target, typer.Option("--to", help="The program that is to run it.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder to make; it must not be there.")
    ],
    compute_type: Annotated[
        ComputeType,
        typer.Option(
            metavar="TYPE", help=f"Type of the weights: {', '.join(ComputeType)}; int8 is small, and loses a little."
        ),
    ] = ComputeType.float32,
) -> None:
    """Write a model as another program reads it, with its vocabulary beside it.

    nmt translate uses CTranslate2 by itself where that is faster, and needs no export.
    """
    from nmt.disk.durable import create_folder
    from nmt.store.ctranslate2_model import write_ctranslate2
    from nmt.store.model_folder import ModelFolder, resolve_model_folder

    folder = ModelFolder.open(resolve_model_folder(model))
    with create_folder(output) as new:
        write_ctranslate2(folder, new, compute_type.value)
        for path in {folder.source_tokenizer_path, folder.target_tokenizer_path}:
            (new / path.name).write_bytes(path.read_bytes())
