"""Formats of one file that holds both sides of a corpus, and which file ending means which.

Each format is one file of this folder. Knows endings and formats; opens no file.
"""

import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from nmt.corpus.formats import csv, jsonl, po, tmx, tsv, xliff
from nmt.corpus.formats.format import Asked, Format, counted, whole_line
from nmt.disk.compression import COMPRESSED
from nmt.errors import DataError, NmtWarning

FORMATS = {
    "tsv": Format(tsv.read, is_table=True, is_lines=True),
    "csv": Format(csv.read, is_table=True),
    "jsonl": Format(jsonl.read, is_table=True),
    "tmx": Format(tmx.read, "unit"),
    "xlf": Format(xliff.read, "unit"),
    "xliff": Format(xliff.read, "unit"),
    "po": Format(po.read),
}


def format_of(path: Path) -> Format | None:
    """The format that the file's ending names, whether compressed or not; None for any other ending."""
    plain = path.with_suffix("") if path.suffix in COMPRESSED else path
    return FORMATS.get(plain.suffix[1:].lower())


def read_file(file: BinaryIO, form: Format, asked: Asked) -> Iterator[tuple[str, str]]:
    """Read the pairs of an open file, each text on one line; warn at the end of what was skipped.

    Raises DataError for a file that is not of its format, with the line or unit, and for one without pairs.
    """
    skipped: Counter[str] = Counter()
    count = 0
    for number, source, target in form.read(file, asked, skipped):
        count += 1
        if form.is_lines:
            yield source, target
        else:
            place = f"{form.unit} {number}"
            yield whole_line(source, asked, place), whole_line(target, asked, place)
    if skipped:
        what = f"{asked.name}: skipped {skipped.total():,}, which are no pairs: {counted(skipped)}"
        if not count:
            raise DataError(what, "no pair is left: give a corpus with translated sentences")
        warnings.warn(NmtWarning(what), stacklevel=2)
    if not count and not form.is_lines:
        raise DataError(f"{asked.name} holds no pair", "give a corpus with sentence pairs")
