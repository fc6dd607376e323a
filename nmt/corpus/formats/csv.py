"""Comma-separated values by RFC 4180, cut by Python's csv module; a quoted cell may hold commas and line breaks.

A quote that is never closed must not swallow the rest of the file: a row has at most 1 MiB. Knows quotes and lines.
"""

import csv
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO

from nmt.corpus.formats.columns import read_rows
from nmt.corpus.formats.format import Asked, Row
from nmt.errors import DataError
from nmt.text.lines import LONGEST_LINE, read_lines

_BLOCK = 128  # rows that are cut at once
_DOUBLE = 'close each quoted cell by a quote, and double the quotes within it: ""'


def read(file: BinaryIO, asked: Asked, skipped: Counter[str]) -> Iterator[Row]:
    """Read the pairs of a table's rows; empty lines are no rows."""
    return read_rows(_rows(file, asked.name), asked)


def _rows(file: BinaryIO, name: str) -> Iterator[tuple[int, list[str]]]:
    """Cut the text into rows, each with the number of its first line."""
    lines = _Lines(file, name)
    reader = csv.reader(lines, strict=True)
    while True:
        block = []
        # The limit is the whole process's, so it is put back before anyone else runs. Its default is 128 KiB.
        limit = csv.field_size_limit(LONGEST_LINE)
        try:
            for row in islice(reader, _BLOCK):
                if row:
                    block.append((lines.first, row))
                lines.begin()
        except csv.Error as error:
            raise lines.wrong(error) from None
        finally:
            csv.field_size_limit(limit)
        yield from block
        if lines.ended:
            return


class _Lines:
    """The lines of a file for csv.reader, and which of them belong to the row that is being read."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._lines = read_lines(file, name)
        self._name = name
        self._row: list[str] = []
        self._size = 0
        self.first = 1  # line of the row
        self.ended = False

    def begin(self) -> None:
        """Begin the next row."""
        self.first += len(self._row)
        self._row, self._size = [], 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines, None)
        if line is None:
            self.ended = True
            raise StopIteration
        self._size += len(line) + 1
        if self._row and self._size > LONGEST_LINE:
            raise DataError(
                f"{self._name} line {self._opened()} opens a quote that is not closed within {LONGEST_LINE} characters",
                _DOUBLE,
            )
        self._row.append(line)
        return f"{line}\n"

    def wrong(self, error: csv.Error) -> DataError:
        """The error for the row that is being read, by what csv says of it."""
        opened, last = self._opened(), self.first + max(0, len(self._row) - 1)
        if self.ended:
            return DataError(f"{self._name} line {opened} opens a quote that is never closed", _DOUBLE)
        if "expected after" in str(error):
            where = f"opened on line {opened}" if opened != last else "opened on the same line"
            return DataError(
                f"{self._name} line {last} has text right after the quote that closes a cell, {where}", _DOUBLE
            )
        if "new-line" in str(error):
            return DataError(
                f"{self._name} line {last} has a carriage return within a cell", "put the cell in quotes, or remove it"
            )
        return DataError(f"{self._name} line {last} is not CSV: {error}", "export the table again")

    def _opened(self) -> int:
        """The line of the row's last quote that opens a cell."""
        opened, state = self.first, "begins"
        for number, line in enumerate(self._row, start=self.first):
            for sign in f"{line}\n":
                if state == "quoted":
                    state = "closed" if sign == '"' else "quoted"
                elif sign == '"' and state in ("begins", "closed"):
                    opened = number if state == "begins" else opened  # else it is a doubled quote, which is text
                    state = "quoted"
                else:
                    state = "begins" if sign == "," else "plain"
        return opened
