"""Tab-separated values: source, tab, target on each line; or any columns, chosen by name or number.

A tab always separates, and a quote is text. Knows lines and tabs.
"""

from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO

from nmt.corpus.formats.columns import read_rows
from nmt.corpus.formats.format import Asked, Row
from nmt.errors import DataError
from nmt.text.lines import read_lines


def read(file: BinaryIO, asked: Asked, skipped: Counter[str]) -> Iterator[Row]:
    """Read the pairs. Without named columns, every line has exactly one tab; no line is a header then."""
    rows = ((number, line.split("\t")) for number, line in enumerate(read_lines(file, asked.name), start=1))
    yield from read_rows(rows, asked) if asked.columns else _two_columns(rows, asked.name)


def _two_columns(rows: Iterator[tuple[int, list[str]]], name: str) -> Iterator[Row]:
    for number, cells in rows:
        if len(cells) != 2:
            raise DataError(
                f"{name} line {number} has {len(cells) - 1} tabs, not 1",
                "write each line as source, tab, target; or choose two columns with `columns`",
            )
        yield number, cells[0], cells[1]
