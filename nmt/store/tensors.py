"""Tensors on disk: safetensors files, read against what the settings imply and never trusted beyond that."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from nmt.errors import DataError, MissingInputError, StorageError

if TYPE_CHECKING:
    from torch import Tensor


def write_tensors(path: Path, tensors: Mapping[str, "Tensor"]) -> None:
    """Write named tensors to a new safetensors file. Raises StorageError when the disk does not take it."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    try:
        save_file({name: tensor.detach().contiguous() for name, tensor in tensors.items()}, path)
    except SafetensorError as error:
        raise StorageError(f"writing {path} failed: {error}", "free some space there") from None


def read_tensors(path: Path, wanted: Mapping[str, "Tensor"], device: str = "cpu") -> dict[str, "Tensor"]:
    """Read a safetensors file that must hold the names, shapes and types of ``wanted``, all values finite.

    Raises MissingInputError or DataError, naming the file.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.is_file():
        raise MissingInputError(f"there is no file {path}", "check the path, or export the model again")
    try:
        found = load_file(path, device=device)
    except (SafetensorError, ValueError, KeyError) as error:
        raise DataError(f"{path} is not a safetensors file: {error}", "restore the file from its origin") from None
    check_tensors(path, found, wanted)
    return found


def tensor_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor of a safetensors file, from its header alone, without torch.

    Raises MissingInputError or DataError, naming the file.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise MissingInputError(f"there is no file {path}", "check the path, or export the model again")
    try:
        with safe_open(path, framework="numpy") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in sorted(file.keys())}
    except (SafetensorError, ValueError) as error:
        raise DataError(f"{path} is not a safetensors file: {error}", "restore the file from its origin") from None


def check_tensors(path: Path, found: Mapping[str, "Tensor"], wanted: Mapping[str, "Tensor"]) -> None:
    """Raise DataError unless ``found`` has exactly the names, shapes and types of ``wanted`` and finite values."""
    odd = sorted(set(found) ^ set(wanted))
    if odd:
        where = "is missing from" if odd[0] in wanted else "does not belong into"
        raise DataError(f"tensor {odd[0]} {where} {path}", "the settings beside it are of another model")
    for name, tensor in wanted.items():
        if found[name].shape != tensor.shape or found[name].dtype != tensor.dtype:
            shapes = f"{tuple(found[name].shape)} {found[name].dtype}, not {tuple(tensor.shape)} {tensor.dtype}"
            raise DataError(f"tensor {name} in {path} is {shapes}", "the settings beside it are of another model")
        if not found[name].isfinite().all():
            raise DataError(f"tensor {name} in {path} has values that are not finite", "restore the file")
