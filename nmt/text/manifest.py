"""``manifest.json``: the facts of a folder and a SHA-256 for every other file in it, written last.

A folder without it is not there yet. Knows names, sizes and hashes; not what the facts mean.
"""

import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from nmt.errors import DataError, MissingInputError
from nmt.text.durable import sync_tree
from nmt.text.files import create_binary, sha256

NAME = "manifest.json"
LARGEST = 1 << 24  # bytes; facts are short, and what is longer is not ours


def write_manifest(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write ``folder/manifest.json``: the facts, and under "files" the SHA-256 and size of every other file below."""
    files = {
        path.relative_to(folder).as_posix(): {"sha256": sha256(path), "bytes": path.stat().st_size}
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path != folder / NAME
    }
    sync_tree(folder)  # what it vouches for is on the disk before it
    text = json.dumps({**facts, "files": files}, ensure_ascii=False, indent=2, allow_nan=False)
    with create_binary(folder / NAME) as file:
        file.write(text.encode() + b"\n")


def read_manifest(folder: Path, verify: bool = True) -> dict[str, Any]:
    """Read the manifest of a folder; with ``verify`` every file it names must be there, whole and unchanged.

    Raises MissingInputError when there is no folder or no manifest, DataError naming the file that is not as it was.
    """
    path = folder / NAME
    if not folder.is_dir():
        raise MissingInputError(f"there is no folder {folder}", "check the path")
    manifest: dict[str, Any] = read_json(path)
    files = manifest.get("files") if isinstance(manifest, dict) else None
    if not isinstance(files, dict) or not all(_is_fact(name, fact) for name, fact in files.items()):
        raise DataError(f"{path} is not a manifest", "make the folder again")
    if verify:
        check_files(folder, manifest)
    return manifest


def check_files(folder: Path, manifest: Mapping[str, Any], hashed_up_to: int | None = None) -> None:
    """Hold every file of the manifest to its size, and to its SHA-256 unless it is larger than ``hashed_up_to`` bytes.

    Raises DataError naming the first file that differs.
    """
    for name, fact in manifest["files"].items():
        path = folder / name
        try:
            size = path.stat().st_size
        except OSError:
            raise DataError(f"{path} is missing", "make the folder again") from None
        if size != fact["bytes"]:
            raise DataError(f"{path} has {size} bytes, not {fact['bytes']}", "make the folder again")
        if (hashed_up_to is None or size <= hashed_up_to) and sha256(path) != fact["sha256"]:
            raise DataError(f"{path} has changed since it was written", "make the folder again")


def read_json(path: Path) -> Any:
    """The value of a JSON file of ours. Raises MissingInputError, or DataError for what is too long or not JSON."""
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
    except OSError:
        raise MissingInputError(f"{path.parent} has no {path.name}", "make the folder again") from None
    if len(raw) > LARGEST:
        raise DataError(f"{path} has over {LARGEST} bytes", "make the folder again")
    try:
        return json.loads(raw.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON: {error}", "make the folder again") from None


def _is_fact(name: str, fact: Any) -> bool:
    inside = bool(name) and "\0" not in name and not name.startswith("/") and ".." not in PurePosixPath(name).parts
    return inside and isinstance(fact, dict) and isinstance(fact.get("sha256"), str) and type(fact.get("bytes")) is int


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = dict(pairs)
    if len(keys) != len(pairs):
        raise ValueError("a key stands twice")
    return keys


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not a JSON number")
