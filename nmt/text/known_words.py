"""The file of the words of a training text, in datasets and model folders. Knows files; not what words are for."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nmt.disk.manifest import check_file
from nmt.disk.untrusted import read_small
from nmt.errors import DataError
from nmt.text.mistyped import MOST, ROW, KnownWords

WORDS = "words.bin"


def write_words(folder: Path, words: KnownWords) -> None:
    """Write the file."""
    (folder / WORDS).write_bytes(words.rows.tobytes())


def read_words(folder: Path, manifest: Mapping[str, Any]) -> KnownWords | None:
    """The words of a dataset or a model; None where there is no file of them. Raises DataError, naming the file."""
    if WORDS not in manifest.get("files", {}):
        return None
    largest = MOST * ROW.itemsize
    check_file(folder, manifest, WORDS, largest=largest)
    raw = read_small(folder / WORDS, largest) if manifest["files"][WORDS]["bytes"] else b""
    words = KnownWords(np.frombuffer(raw[: len(raw) // ROW.itemsize * ROW.itemsize], ROW))
    if len(raw) % ROW.itemsize or not words.is_sound:
        raise DataError(f"{folder / WORDS} is damaged", "restore the file")
    return words
