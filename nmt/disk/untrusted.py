"""Files that strangers may have made: opened when they are regular, read up to a bound, their JSON read strictly.

A pipe, a device or a folder in the place of a file must neither hang the program nor feed it without end. Links are
followed: model folders that programs share are often made of them. Knows bytes and paths.
"""

import errno
import json
import math
import os
import stat
from io import BufferedReader
from pathlib import Path
from typing import Any

from nmt.errors import DataError, MissingInputError, NmtError, StorageError, UnreadableError

_NOTHING_THERE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EINVAL}


def open_regular(path: Path) -> BufferedReader:
    """Open a regular file, or a link to one. Raises MissingInputError, or DataError for anything else, naming it."""
    try:
        # Asked before it is opened: to open a pipe waits for its writer, and to open a device may do something.
        if not stat.S_ISREG(path.stat().st_mode):
            raise DataError(f"{path} is not a regular file", "get the file again from where it came")
        return path.open("rb")
    except OSError as error:
        raise cannot_open(path, error) from None


def cannot_open(path: Path, error: OSError) -> NmtError:
    """MissingInputError for a path that leads to nothing, UnreadableError for one that this user may not read.

    StorageError where nothing can be known of the file: no descriptor is left, say, or a server does not answer.
    """
    if error.errno in _NOTHING_THERE:
        return MissingInputError(f"there is no file {path}", "check the path")
    if isinstance(error, PermissionError):
        return UnreadableError(f"{path} cannot be read: {error.strerror}", "check its permissions")
    return StorageError(f"{path} cannot be read: {error.strerror}", "try again")


def file_size(file: BufferedReader) -> int:
    """The size in bytes of an open file."""
    return os.fstat(file.fileno()).st_size


def read_small(path: Path, largest: int) -> bytes:
    """The whole of a regular file of at most ``largest`` bytes. Raises NmtError, naming it."""
    with open_regular(path) as file:
        size = file_size(file)
        if size > largest:
            raise DataError(f"{path} has {size} bytes, over the {largest} that it may have", "check where it is from")
        try:
            return file.read(size)
        except OSError as error:
            raise StorageError(f"reading {path} failed: {error.strerror}", "check the disk") from None


def strict_json(raw: bytes) -> Any:
    """What the bytes say as JSON. Raises ValueError also for what Python would let pass.

    That is a key that stands twice, NaN and infinities, nesting without end and a number too long to be one.
    """
    try:
        text = raw.decode("utf-8")
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = dict(pairs)
    if len(keys) != len(pairs):
        raise ValueError("a key stands twice")
    return keys


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not a JSON number")


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError("a number is too large")
    return value
