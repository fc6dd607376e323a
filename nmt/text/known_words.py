"""The file of the words of a training text, in datasets and model folders. Knows files; not what words are for."""

import sys
from array import array
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nmt.disk.manifest import check_file
from nmt.disk.untrusted import read_small
from nmt.errors import DataError
from nmt.text.mistyped import MOST, KnownWords

WORDS = "words.bin"
HASH = 4  # bytes


def write_words(folder: Path, words: KnownWords) -> None:
    """Write the file: all hashes, of four bytes each, then all counts."""
    (folder / WORDS).write_bytes(_little(words.hashes).tobytes() + words.counts)


def read_words(folder: Path, manifest: Mapping[str, Any]) -> KnownWords | None:
    """The words of a dataset or a model; None where there is no file of them. Raises DataError, naming the file."""
    if WORDS not in manifest.get("files", {}):
        return None
    largest = MOST * (HASH + 1)
    check_file(folder, manifest, WORDS, largest=largest)
    raw = read_small(folder / WORDS, largest) if manifest["files"][WORDS]["bytes"] else b""
    count, rest = divmod(len(raw), HASH + 1)
    hashes = array("I")
    hashes.frombytes(raw[: HASH * count])
    words = KnownWords(_little(hashes), raw[HASH * count :])
    if rest or not words.is_sound:
        raise DataError(f"{folder / WORDS} is damaged", "restore the file")
    return words


def _little(numbers: "array[int]") -> "array[int]":
    """The numbers in the order of bytes of this machine from little-endian ones, or the other way round."""
    swapped = array("I", numbers)
    if sys.byteorder == "big":
        swapped.byteswap()
    return swapped
