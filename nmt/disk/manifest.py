"""``manifest.json``: the facts about a folder, and the size and SHA-256 of every other file in it.

It is written last, so a folder without it is incomplete. Knows names, sizes and hashes; not what the facts mean.
"""

import hashlib
import json
import os
import re
import stat
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from nmt.disk.debris import is_debris
from nmt.disk.durable import cannot_create, sync_tree
from nmt.disk.files import create_binary, sha256
from nmt.disk.untrusted import cannot_open, read_small, strict_json
from nmt.errors import CannotCreateError, DataError, MissingInputError, UnreadableError

NAME = "manifest.json"
LARGEST = 1 << 20  # bytes; facts are short and each file takes 150, so a larger manifest is not from nmt
_NO_BYTES = hashlib.sha256().hexdigest()


def write_manifest(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write ``folder/manifest.json``: the facts, and in "files" the SHA-256 and size of every other file below."""
    files = {
        path.relative_to(folder).as_posix(): {"sha256": sha256(path), "bytes": path.stat().st_size}
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path != folder / NAME
    }
    sync_tree(folder)  # the listed files must be on disk before the manifest
    text = json.dumps({**facts, "files": files}, ensure_ascii=False, indent=2, allow_nan=False)
    with create_binary(folder / NAME, follow=False) as file:
        file.write(text.encode() + b"\n")


def read_manifest(folder: Path, verify: bool = True) -> dict[str, Any]:
    """Read the manifest of a folder; with ``verify``, check that every listed file exists and is unchanged.

    Raises MissingInputError when there is no folder or no manifest, and DataError, naming the file that has changed.
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


def check_files(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Check every file of the manifest against its size and SHA-256. Raises DataError, naming the file that differs."""
    for name in manifest["files"]:
        check_file(folder, manifest, name)


def check_file(folder: Path, manifest: Mapping[str, Any], name: str, largest: int | None = None) -> None:
    """Check one file against its size and SHA-256 in the manifest, and against a limit of ``largest`` bytes.

    Raises DataError, naming the file, when it differs, is too large, is missing, or the manifest does not list it.
    """
    path, fact = folder / name, manifest["files"].get(name)
    if fact is None:
        raise DataError(f"{folder / NAME} does not list {name}", "make the folder again")
    try:
        about = path.stat()
    except OSError as error:
        problem = cannot_open(path, error)
        if type(problem) is MissingInputError:
            raise DataError(f"{path} is missing", "make the folder again") from None
        raise problem from None
    if not stat.S_ISREG(about.st_mode):
        raise DataError(f"{path} is not a regular file", "make the folder again")
    size = about.st_size
    if size != fact["bytes"]:
        raise DataError(f"{path} has {size} bytes, not {fact['bytes']}", "make the folder again")
    if largest is not None and size > largest:
        raise DataError(f"{path} has {size} bytes, over the limit of {largest}", "check where it is from")
    # Empty files are not read: files of /proc look empty, and may never end.
    if fact["sha256"] != (sha256(path) if size else _NO_BYTES):
        raise DataError(f"{path} has changed since it was written", "make the folder again")


def replaceable(kind: str) -> Callable[[Path], None]:
    """A check for ``create_folder``: ``refuse_strange`` with this ``kind``."""
    return lambda folder: refuse_strange(folder, kind)


def refuse_strange(folder: Path, kind: str, known: Collection[str] = ()) -> None:
    """Raise CannotCreateError unless nmt made the folder and everything in it, so that it may be replaced.

    It may be replaced if it is missing or empty, or if its manifest is of this ``kind`` and it holds only the listed
    files (in any state), ``known`` files, and debris of killed processes. The error names the first other file.
    """
    if not os.path.lexists(folder):
        return
    try:
        manifest = read_manifest(folder, verify=False)
    except (MissingInputError, DataError):
        manifest = {}
    listed = {*known, NAME, *manifest["files"]} if manifest.get("kind") == kind else set(known)
    strange = next(_strangers(folder, {PurePosixPath(name) for name in listed}), None)
    if strange:
        what = kind.removeprefix("nmt ")
        raise CannotCreateError(f"{strange} is no part of a {what} that nmt made", "move it, or choose another place")


def _strangers(folder: Path, listed: Collection[PurePosixPath]) -> Iterator[Path]:
    """Everything in the folder except listed files, the folders that hold them, and debris of killed processes."""
    if folder.is_symlink() or not folder.is_dir():
        yield folder
        return
    folders = {parent for name in listed for parent in name.parents}
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise cannot_create(folder, error) from None
    for entry in entries:
        name = PurePosixPath(entry.name)
        if is_debris(entry.name) or (name in listed and entry.is_file(follow_symlinks=False)):
            continue
        if name in folders and entry.is_dir(follow_symlinks=False):
            below = [path.relative_to(name) for path in listed if path.is_relative_to(name)]
            yield from _strangers(Path(entry), below)
        else:
            yield Path(entry)


def read_json(path: Path) -> Any:
    """Read a JSON file of at most 1 MiB. Raises MissingInputError, or DataError if it is too long or not JSON."""
    try:
        return strict_json(read_small(path, LARGEST))
    except UnreadableError:
        raise
    except MissingInputError:
        raise MissingInputError(f"{path.parent} has no {path.name}", "make the folder again") from None
    except ValueError as error:
        raise DataError(f"{path} is not JSON: {error}", "make the folder again") from None


def _is_fact(name: str, fact: Any) -> bool:
    """Whether this is the printable name of a file below the folder, with its SHA-256 and size."""
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
