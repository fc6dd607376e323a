"""A file of equal items, such as piece ids or row records: verified, then read by position.

The file may come from a stranger, or be cut while it is read. It is never memory-mapped, because the system kills a
process that touches a mapped page beyond the end of a file. Knows sizes and hashes; not what an item means.
"""

import hashlib
import os
import weakref
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from nmt.disk.untrusted import file_size, open_regular
from nmt.errors import DataError, MissingInputError, StorageError

HASHED_AT_OPENING = 1 << 26  # bytes; a larger file is hashed when it is first read, so that opening stays instant
AGAIN = "make the dataset again with nmt prepare"
CHUNK = 1 << 20  # items, or bytes, that are read at once
Facts = Mapping[str, Mapping[str, Any]]  # by file name, as a manifest has them


class ItemFile:
    """An open file of items of one dtype, which any thread may read.

    It stays open as long as this object lives. If another file takes its name, this object still reads the old one.
    """

    def __init__(self, path: Path, kind: np.dtype[Any], files: Facts | None) -> None:
        """Open the file and check it against its size and SHA-256 in ``files``; None checks nothing.

        A file of over 64 MiB is hashed when it is first read. Raises DataError, naming the file, when it is missing or
        differs.
        """
        self.path, self.kind = path, kind
        self._lock = Lock()
        try:
            with open_regular(path) as file:
                size, self._descriptor = file_size(file), os.dup(file.fileno())
        except MissingInputError as error:
            if type(error) is not MissingInputError:
                raise
            raise DataError(f"{path} is missing", AGAIN) from None
        weakref.finalize(self, os.close, self._descriptor)
        fact: Mapping[str, Any] | None = {"bytes": size, "sha256": ""} if files is None else files.get(path.name)
        if fact is None:
            raise DataError(f"the manifest of {path.parent} does not list {path.name}", AGAIN)
        if size != fact["bytes"]:
            raise DataError(f"{path} has {size} bytes, not {fact['bytes']}", AGAIN)
        if size % kind.itemsize:
            raise DataError(f"{path} is damaged: its size is not a multiple of {kind.itemsize} bytes", AGAIN)
        self.items = size // kind.itemsize
        self._expected: str = fact["sha256"]
        if size <= HASHED_AT_OPENING:
            self._verify()

    def read(self, place: int, items: int) -> bytes:
        """Read ``items`` items, beginning with number ``place``. Raises DataError when the file has changed."""
        if self._expected:
            self._verify()
        return self._bytes(place * self.kind.itemsize, items * self.kind.itemsize)

    def _verify(self) -> None:
        with self._lock:
            if self._expected:
                digest, size = hashlib.sha256(), self.items * self.kind.itemsize
                for start in range(0, size, CHUNK):
                    digest.update(self._bytes(start, min(CHUNK, size - start)))
                if digest.hexdigest() != self._expected:
                    raise DataError(f"{self.path} has changed since it was written", AGAIN)
                self._expected = ""

    def _bytes(self, start: int, size: int) -> bytes:
        try:
            data = os.pread(self._descriptor, size, start)
        except OSError as error:
            raise StorageError(f"reading {self.path} failed: {error.strerror}", "check the disk") from None
        if len(data) != size:
            raise DataError(f"{self.path} became shorter while it was read", AGAIN)
        return data
