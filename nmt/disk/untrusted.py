"""Safe reading of files from strangers: only regular files, up to a size limit, and JSON read strictly.

A pipe, a device or a folder in the place of a file must not hang the program or feed it without end. Links are
followed, because shared model folders are often made of links. Knows bytes and paths; not what the files mean.
"""

import errno
import json
import math
import os
import stat
from io import BufferedReader
from pathlib import Path
from typing import Any, TypeGuard

from nmt.errors import DataError, MissingInputError, NmtError, StorageError, UnreadableError

_NOTHING_THERE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EINVAL}


def open_regular(path: Path) -> BufferedReader:
    """Open a regular file, or a link to one. Raises MissingInputError, or DataError if it is not regular."""
    try:
        # Checked before opening, because opening a pipe waits for its writer, and opening a device may have effects.
        if not stat.S_ISREG(path.stat().st_mode):
            raise DataError(f"{path} is not a regular file", "get the file again from where it came")
        return path.open("rb")
    except OSError as error:
        raise cannot_open(path, error) from None


def cannot_open(path: Path, error: OSError) -> NmtError:
    """The NmtError for an OSError of opening ``path``.

    MissingInputError if there is no file, UnreadableError if this user may not read it, StorageError if the system
    cannot tell: no descriptor is left, say, or a server does not answer.
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
    """Read a whole regular file of at most ``largest`` bytes. Raises NmtError, naming the file."""
    with open_regular(path) as file:
        size = file_size(file)
        if size > largest:
            raise DataError(f"{path} has {size} bytes, over the limit of {largest}", "check where it is from")
        try:
            return file.read(size)
        except OSError as error:
            raise StorageError(f"reading {path} failed: {error.strerror}", "check the disk") from None


def is_real(value: object, most: float = 1e30) -> TypeGuard[int | float]:
    """Whether a value is a number whose size is below ``most``, so that it is a float and sums of it are, too."""
    return type(value) in (int, float) and abs(value) < most  # type: ignore[arg-type]  # NaN is not


def strict_json(raw: bytes) -> Any:
    """Parse JSON. Raises ValueError, also where Python's parser would accept or fail in other ways.

    These cases are a repeated key, NaN and infinities, a number too large for a float, and nesting too deep.
    """
    try:
        text = raw.decode("utf-8")
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = dict(pairs)
    if len(keys) != len(pairs):
        raise ValueError("a key occurs twice")
    return keys


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not a JSON number")


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError("a number is too large")
    return value
