"""A safetensors file is checked against the settings before any tensor is created."""

import json
import os
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from nmt.errors import DataError
from nmt.store.tensors import LARGEST_HEADER, layout_of, read_header, read_tensors


def safetensors_file(path: Path, header: Any, data: bytes = b"") -> Path:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(raw)) + raw + data)
    return path


def entry(shape: list[Any], begin: int, end: int, dtype: Any = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ({"a": entry([2], 0, 8), "b": entry([2], 4, 12)}, "b begins at byte 4, not 8"),
        ({"a": entry([2], 4, 12)}, "a begins at byte 4, not 0"),
        ({"a": entry([2], 0, 8)}, "its tensors have 8 bytes, not 12"),
        ({"a": entry([4], 0, 16)}, "its tensors have 16 bytes, not 12"),
        ({"a": entry([1 << 62, 4, 3], 0, 12)}, "tensor a has 12 bytes for"),
        ({"a": entry([1 << 32, 1 << 32], 0, 0)}, "tensor a has 0 bytes for"),
        ({"a": entry([0, 3], 0, 0), "b": entry([3], 0, 12)}, r"tensor a has the shape \[0, 3\]"),
        ({"a": entry([-3, -1], 0, 12)}, "has the shape"),
        ({"a": entry([3.0], 0, 12)}, "has the shape"),
        ({"a": entry([True, 3], 0, 12)}, "has the shape"),
        ({"a": entry([1] * 9 + [3], 0, 12)}, "has the shape"),
        ({"a": entry([3], 0, 1 << 64)}, "has the offsets"),
        ({"a": entry([3], 12, 0)}, "tensor a has -12 bytes"),
        ({"a": entry([12], 0, 12, "F8_E4M3")}, "has the type 'F8_E4M3'"),
        ({"a": entry([3], 0, 12, ["F32"])}, "has the type"),
        ({"a": entry([3], 0, 12) | {"x": 1}}, "is not a type, a shape and two offsets"),
        ({"a\x1b[31m": entry([3], 0, 12)}, r"a tensor is called 'a\\x1b"),
        ({"": entry([3], 0, 12)}, "a tensor is called ''"),
        ({"a" * 300: entry([3], 0, 12)}, "a tensor is called 'aaa"),
        ({"__metadata__": [], "a": entry([3], 0, 12)}, "not a table of tensors"),
        (b'{"a": 1, "a": 2}', "a key occurs twice"),
        (b"[" * 100_000, "nested too deep"),
        (b"[]", "not a table of tensors"),
        (b'{"a": {"dtype": "F32", "shape": [1e999]}}', "a number is too large"),
    ],
    ids=lambda value: ascii(value)[:60],
)
def test_a_header_that_does_not_add_up_is_refused(header: Any, words: str, tmp_path: Path) -> None:
    path = safetensors_file(tmp_path / "x.safetensors", header, b"\0" * 12)
    with pytest.raises(DataError, match=rf"x\.safetensors.*{words}") as caught:
        read_tensors(path, {"a": ((3,), "float32")})
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300 + len(str(tmp_path))


@pytest.mark.parametrize("length", [0, 1, LARGEST_HEADER + 1, (1 << 40) - 8, (1 << 40) - 7, 1 << 63, (1 << 64) - 1])
def test_a_header_of_impossible_length_is_refused_unread(length: int, tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    with path.open("wb") as file:
        file.write(struct.pack("<Q", length))
        file.truncate(1 << 40)
    with pytest.raises(DataError, match=r"x\.safetensors is not a safetensors file of ours"):
        read_header(path)


def test_a_tensor_that_only_the_header_has_is_refused_before_it_is_allocated(tmp_path: Path) -> None:
    path = safetensors_file(tmp_path / "x.safetensors", {"a": entry([1 << 38], 0, 1 << 40)})
    os.truncate(path, path.stat().st_size + (1 << 40))
    assert read_header(path)["a"].shape == (1 << 38,)
    with pytest.raises(DataError, match=r"tensor a .* is \(274877906944,\) float32, not \(2,\)"):
        read_tensors(path, {"a": ((2,), "float32")})


def test_sound_tensors_of_every_type_are_read_as_they_were_written(tmp_path: Path) -> None:
    kinds = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool]
    tensors = {str(kind): torch.ones(2, 3).to(kind) for kind in kinds} | {"step": torch.tensor(3.0)}
    save_file(tensors, tmp_path / "x.safetensors", metadata={"made": "by hand"})
    layout = layout_of({name: tensor.to("meta") for name, tensor in tensors.items()})
    actual = read_tensors(tmp_path / "x.safetensors", layout)
    assert actual.keys() == tensors.keys()
    assert all(torch.equal(actual[name], tensors[name]) for name in tensors)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("kind", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_one_value_that_is_no_number_is_found_anywhere(value: float, kind: torch.dtype, tmp_path: Path) -> None:
    for place in (0, 17, 99):
        tensor = torch.randn(100).to(kind)
        tensor[place] = value
        tensors = {"a": torch.ones(3), "b": tensor}
        save_file(tensors, tmp_path / "x.safetensors")
        with pytest.raises(DataError, match=r"tensor b in .*x\.safetensors has values that are not finite"):
            read_tensors(tmp_path / "x.safetensors", layout_of(tensors))
