"""``manifest.json``: the facts of a folder and a SHA-256 for every other file in it, written last.

A folder without it is not there yet. Knows names, sizes and hashes; not what the facts mean.
"""

import hashlib
import json
import re
import stat
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from nmt.errors import DataError, MissingInputError, UnreadableError
from nmt.text.durable import sync_tree
from nmt.text.files import create_binary, sha256
from nmt.text.untrusted import cannot_open, read_small, strict_json

NAME = "manifest.json"
LARGEST = 1 << 20  # bytes; facts are short, a file takes 150, and what is longer is not ours
_NO_BYTES = hashlib.sha256().hexdigest()


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
    try:
        is_folder = stat.S_ISDIR(folder.stat().st_mode)
    except OSError as error:
        problem = cannot_open(folder, error)
        if type(problem) is not MissingInputError:
            raise problem from None
        is_folder = False
    if not is_folder:
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
    for name in manifest["files"]:
        check_file(folder, manifest, name, hashed_up_to)


def check_file(
    folder: Path, manifest: Mapping[str, Any], name: str, hashed_up_to: int | None = None, largest: int | None = None
) -> None:
    """Hold one file to its size and its SHA-256, as ``check_files`` does; none may have more than ``largest`` bytes.

    Raises DataError naming the file, also when the manifest does not know it.
    """
    path, fact = folder / name, manifest["files"].get(name)
    if fact is None:
        raise DataError(f"{folder / NAME} does not list {name}", "make the folder again")
    try:
        size = path.stat().st_size
    except OSError as error:
        found = cannot_open(path, error)
        if type(found) is MissingInputError:
            raise DataError(f"{path} is missing", "make the folder again") from None
        raise found from None
    if size != fact["bytes"]:
        raise DataError(f"{path} has {size} bytes, not {fact['bytes']}", "make the folder again")
    if largest is not None and size > largest:
        raise DataError(f"{path} has {size} bytes, over the {largest} that it may have", "check where it is from")
    # Nothing is read of an empty file: those of /proc look so, and may have no end.
    if (hashed_up_to is None or size <= hashed_up_to) and fact["sha256"] != (sha256(path) if size else _NO_BYTES):
        raise DataError(f"{path} has changed since it was written", "make the folder again")


def read_json(path: Path) -> Any:
    """The value of a JSON file of ours. Raises MissingInputError, or DataError for what is too long or not JSON."""
    try:
        return strict_json(read_small(path, LARGEST))
    except UnreadableError:
        raise
    except MissingInputError:
        raise MissingInputError(f"{path.parent} has no {path.name}", "make the folder again") from None
    except ValueError as error:
        raise DataError(f"{path} is not JSON: {error}", "make the folder again") from None


def _is_fact(name: str, fact: Any) -> bool:
    """Whether this is the name of a file below the folder, fit to be shown, with its hash and size."""
    parts = PurePosixPath(name).parts
    inside = bool(parts) and ".." not in parts and not name.startswith("/") and name.isprintable()
    return (
        inside
        and isinstance(fact, dict)
        and isinstance(fact.get("sha256"), str)
        and re.fullmatch("[0-9a-f]{64}", fact["sha256"]) is not None
        and type(fact.get("bytes")) is int
        and 0 <= fact["bytes"] < 1 << 63
    )
