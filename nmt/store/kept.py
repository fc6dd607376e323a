"""Results that survive their process: one line of JSON each, looked up by a key such as a hash of their input.

The file only saves time and is never trusted: lines that are torn, changed or of other work are dropped, and their
results computed again. Knows keys and JSON values; not what computes them.
"""

import hashlib
import json
import os
import stat
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any

_LONGEST = 1 << 24  # bytes of a line


class Kept:
    """The results of one piece of work, whose name is ``work``; a file of other work starts empty."""

    def __init__(self, path: Path, work: str) -> None:
        self.path = path
        self._lock = Lock()
        self._values: dict[str, Any] = {}
        self._file = -1
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        with suppress(OSError):  # without a file, nothing is kept
            self._file = os.open(path, flags, 0o666)
            if not stat.S_ISREG(os.fstat(self._file).st_mode):
                self._close()
        if self._file >= 0:
            self._read(json.dumps({"work": work}).encode() + b"\n")

    def _read(self, header: bytes) -> None:
        good = 0
        with open(self._file, "rb", closefd=False) as file:
            if file.readline(_LONGEST) == header:
                good = len(header)
                while (entry := _entry(line := file.readline(_LONGEST))) is not None:
                    self._values[entry[0]] = entry[1]
                    good += len(line)
        try:
            os.ftruncate(self._file, good)
            os.lseek(self._file, good, os.SEEK_SET)
        except OSError:
            self._close()
        if not good:
            self._append(header)

    def get(self, key: str) -> Any:
        """The value of ``key``, or None."""
        return self._values.get(key)

    def put(self, key: str, value: Any) -> None:
        """Keep a JSON value; any thread may call this. A failure to write is ignored: the value is lost."""
        text = json.dumps([key, value])
        line = json.dumps({"entry": text, "sha256": hashlib.sha256(text.encode()).hexdigest()}).encode() + b"\n"
        with self._lock:
            self._append(line)

    def drop(self) -> None:
        """Delete the file: the work is done."""
        self._close()
        with suppress(OSError):
            self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file and leave it to the next process."""
        with self._lock:
            self._close()

    def _append(self, line: bytes) -> None:
        if self._file < 0:
            return
        try:
            if os.write(self._file, line) < len(line):
                self._close()
        except OSError:  # a full disk must not stop the work itself
            self._close()

    def _close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
        self._file = -1


def _entry(line: bytes) -> tuple[str, Any] | None:
    """The key and the value in a line, or None for a line that is not whole: that lacks its end, for example."""
    if not line.endswith(b"\n"):
        return None
    try:
        value = json.loads(line)
        text = value["entry"]
        if value["sha256"] != hashlib.sha256(text.encode()).hexdigest():
            return None
        key, result = json.loads(text)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return str(key), result
