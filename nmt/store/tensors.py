"""Tensors on disk: safetensors files, held to a layout that the settings imply. Knows no model and no settings.

Before anything is allocated, the header of a file is checked: its length, its JSON, the names, types and shapes, and
that the tensors cover the rest of the file, all of it and nothing twice. The library checks some of this as well.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from nmt.disk.untrusted import cannot_open, file_size, open_regular, strict_json
from nmt.errors import DataError, StorageError, shown, write_failed

if TYPE_CHECKING:
    import numpy.typing as npt
    from torch import Tensor

Layout = Mapping[str, tuple[tuple[int, ...], str]]
"""Shape and type of each tensor of a file, by name; types as torch calls them, such as "float32"."""

# Bytes; the 18,000 tensors of the deepest model in training take three quarters of it.
LARGEST_HEADER = 1 << 22

# The types that are used here, by safetensors' names: torch's name, and the bytes of a value.
_TYPES = {"F64": ("float64", 8), "F32": ("float32", 4), "F16": ("float16", 2), "BF16": ("bfloat16", 2)}
_TYPES |= {"I64": ("int64", 8), "I32": ("int32", 4), "I16": ("int16", 2), "I8": ("int8", 1)}
_TYPES |= {"U8": ("uint8", 1), "BOOL": ("bool", 1)}
_MOST_DIMENSIONS = 8
_LONGEST_NAME = 256
_TO_MEND = "restore the file from its origin"
_OTHER_MODEL = "the settings beside it are of another model"


@dataclass(frozen=True)
class Entry:
    """A tensor as a header describes it."""

    dtype: str  # as torch calls it, such as "float32"
    shape: tuple[int, ...]
    begin: int  # offsets of its bytes in what follows the header
    end: int


def write_tensors(path: Path, tensors: Mapping[str, "Tensor"]) -> None:
    """Write named tensors to a new safetensors file. Raises StorageError when that fails."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    try:
        path.touch(exist_ok=False)
        mode = path.stat().st_mode
        save_file({name: tensor.detach().contiguous() for name, tensor in tensors.items()}, path)
        path.chmod(mode & 0o777)  # safetensors creates files that only their owner can read
    except OSError as error:
        raise write_failed(path, error) from None
    except SafetensorError as error:  # without the error number of the system
        raise StorageError(f"writing {path} failed: {error}", "free some space there") from None


def layout_of(tensors: Mapping[str, "Tensor"]) -> Layout:
    """The layout of these tensors, which may be on the meta device."""
    return {name: (tuple(tensor.shape), str(tensor.dtype).removeprefix("torch.")) for name, tensor in tensors.items()}


def read_tensors(path: Path, layout: Layout, device: str = "cpu") -> dict[str, "Tensor"]:
    """All tensors of a safetensors file, which must have exactly this layout and finite values.

    Raises MissingInputError or DataError, naming the file and the tensor.
    """
    import safetensors.torch

    tensors: dict[str, Tensor] = _load(path, layout, safetensors.torch, device=device)
    for name, tensor in tensors.items():
        tensors[name] = tensor = tensor.to(device)
        # The extremes of a tensor are not finite if any of its values is not; unlike isfinite() they take no memory.
        if tensor.is_floating_point() and not all(extreme.isfinite() for extreme in tensor.aminmax()):
            raise _not_finite(path, name)
    return tensors


def read_arrays(path: Path, layout: Layout) -> dict[str, "npt.NDArray[Any]"]:
    """``read_tensors`` without torch, as arrays."""
    import numpy as np
    import safetensors.numpy

    arrays: dict[str, npt.NDArray[Any]] = _load(path, layout, safetensors.numpy)
    for name, array in arrays.items():
        if not (np.isfinite(array.min()) and np.isfinite(array.max())):
            raise _not_finite(path, name)
    return arrays


def _load(path: Path, layout: Layout, library: Any, **options: str) -> Any:
    """The tensors of a file by one of safetensors' modules, after its header has been held to the layout."""
    from safetensors import SafetensorError

    _hold_to_layout(path, read_header(path), layout)
    try:
        return library.load_file(path, **options) if _is_utf8(path) else library.load(path.read_bytes())
    except OSError as error:
        raise cannot_open(path, error) from None
    except (SafetensorError, ValueError, KeyError) as error:
        raise DataError(f"{path} is not a safetensors file: {error}", _TO_MEND) from None


def _is_utf8(path: Path) -> bool:
    """Whether safetensors can open the file by its name, and so map it; other files are read into memory first."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def weight_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The shapes of a safetensors file's tensors of floating-point numbers, from its header alone, without torch.

    Raises MissingInputError or DataError, naming the file.
    """
    return {name: entry.shape for name, entry in sorted(read_header(path).items()) if "float" in entry.dtype}


def largest_file(layout: Layout) -> int:
    """Most bytes of a file whose tensors have this layout."""
    widths = dict(_TYPES.values())
    return sum(prod(shape) * widths[dtype] for shape, dtype in layout.values()) + 8 + LARGEST_HEADER


def read_header(path: Path) -> dict[str, Entry]:
    """The entries of a safetensors file's header, each checked, by the tensors' names.

    The format is eight bytes with the header's length, the header as JSON, and the tensors' bytes
    (https://github.com/huggingface/safetensors). Raises MissingInputError or DataError, naming the file.
    """
    with open_regular(path) as file:
        size = file_size(file)
        length = int.from_bytes(file.read(8), "little") if size > 8 else size
        if length > size - 8:
            _refuse(path, f"its header would have {length} bytes, the file has {size}")
        if length > LARGEST_HEADER:
            _refuse(path, f"its header has {length} bytes, over {LARGEST_HEADER}")
        raw = file.read(length)
    try:
        header = strict_json(raw)
    except ValueError as error:
        _refuse(path, f"its header is not JSON: {error}")
    if not isinstance(header, dict) or not isinstance(header.pop("__metadata__", {}), dict):
        _refuse(path, "its header is not a table of tensors")
    entries = {name: _entry(path, name, fact) for name, fact in header.items()}
    place = 0
    for name, entry in sorted(entries.items(), key=lambda item: item[1].begin):
        if entry.begin != place:
            _refuse(path, f"tensor {name} begins at byte {entry.begin}, not {place}")
        place = entry.end
    if place != size - 8 - length:
        _refuse(path, f"its tensors have {place} bytes, not {size - 8 - length}")
    return entries


def _entry(path: Path, name: str, fact: Any) -> Entry:
    """One entry of a header: its name can be shown, its type is known, no dimension is empty, all values have bytes."""
    if not (0 < len(name) <= _LONGEST_NAME and name.isascii() and name.isprintable()):
        _refuse(path, f"a tensor is called {shown(name)}")
    if not isinstance(fact, dict) or fact.keys() != {"dtype", "shape", "data_offsets"}:
        _refuse(path, f"tensor {name} is not a type, a shape and two offsets")
    dtype, shape, offsets = fact["dtype"], fact["shape"], fact["data_offsets"]
    if not isinstance(dtype, str) or dtype not in _TYPES:
        _refuse(path, f"tensor {name} has the type {shown(dtype)}")
    if not _numbers(shape, 1) or len(shape) > _MOST_DIMENSIONS:
        _refuse(path, f"tensor {name} has the shape {shown(shape)}")
    if not _numbers(offsets, 0) or len(offsets) != 2:
        _refuse(path, f"tensor {name} has the offsets {shown(offsets)}")
    torch_name, width = _TYPES[dtype]
    if offsets[1] - offsets[0] != prod(shape) * width:
        _refuse(path, f"tensor {name} has {offsets[1] - offsets[0]} bytes for {tuple(shape)} values of {width}")
    return Entry(torch_name, tuple(shape), offsets[0], offsets[1])


def _numbers(value: object, least: int) -> bool:
    """Whether it is a list of integers of at least ``least`` that fit into 63 bits."""
    return isinstance(value, list) and all(type(number) is int and least <= number < 1 << 63 for number in value)


def _hold_to_layout(path: Path, header: Mapping[str, Entry], layout: Layout) -> None:
    """Raise DataError unless the header has exactly the names of the layout, with these shapes and types."""
    odd = sorted(set(header) ^ set(layout))
    if odd:
        where = "is missing from" if odd[0] in layout else "does not belong into"
        raise DataError(f"tensor {odd[0]} {where} {path}", _OTHER_MODEL)
    for name, (shape, dtype) in layout.items():
        if (header[name].shape, header[name].dtype) != (shape, dtype):
            what = f"{header[name].shape} {header[name].dtype}, not {shape} {dtype}"
            raise DataError(f"tensor {name} in {path} is {what}", _OTHER_MODEL)


def _not_finite(path: Path, name: str) -> DataError:
    return DataError(f"tensor {name} in {path} has values that are not finite", "restore the file")


def _refuse(path: Path, reason: str) -> NoReturn:
    raise DataError(f"{path} is not a safetensors file of ours: {reason}", _TO_MEND)
