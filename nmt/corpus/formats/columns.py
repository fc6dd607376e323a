"""Which cells of a table's rows are the source and the target. Knows rows of cells; no files, no quotes."""

import re
from collections.abc import Iterator, Sequence

from nmt.corpus.formats.format import Asked, Row, by_language, listed
from nmt.errors import DataError, nearest

NAME_THEM = "name the two columns with `columns`"


def read_rows(rows: Iterator[tuple[int, Sequence[str]]], asked: Asked) -> Iterator[Row]:
    """Yield the pair of each row of cells, which is given with the number of its line.

    The columns are those that were asked for: numbers count from 1, names stand in the first row, which is then no
    pair. Without any, they are those that the first row names by the codes of both languages, or the only two. Raises
    DataError when there are no such columns, and for a row with more or fewer cells than the first.
    """
    number, header = next(rows, (0, ()))
    if not number:
        return
    source, target, is_header = _choose(header, number, asked)
    if not is_header:
        yield number, header[source], header[target]
    for number, cells in rows:
        if len(cells) != len(header):
            raise DataError(
                f"{asked.name} line {number} has {_cells(len(cells))}, but the first line has {len(header)}",
                "give each row a cell for each column",
            )
        yield number, cells[source], cells[target]


def _choose(header: Sequence[str], number: int, asked: Asked) -> tuple[int, int, bool]:
    """The places of source and target in a row, from 0, and whether the first row is a header."""
    names = [name.strip() for name in header]
    if asked.columns and all(re.fullmatch("[0-9]{1,6}", column) for column in asked.columns):
        for column in asked.columns:
            if not 1 <= int(column) <= len(names):
                raise DataError(
                    f"{asked.name} line {number} has {_cells(len(names))}, but no column {column}",
                    f"choose two numbers from 1 to {len(names)}, or name the columns",
                )
        return int(asked.columns[0]) - 1, int(asked.columns[1]) - 1, False
    columns = asked.columns or by_language(names, asked.languages)
    if columns:
        source, target = (_place(column, names, number, asked) for column in columns)
        return source, target, True
    if len(names) == 2:
        return 0, 1, False
    if len(names) == 1:
        separators = [word for sign, word in ((";", "semicolons"), ("\t", "tabs")) if sign in header[0]]
        seems = f", and seems to have {separators[0]} between them" if separators else ""
        raise DataError(
            f"{asked.name} line {number} has 1 cell, not 2{seems}", "separate the cells by commas (.csv) or tabs (.tsv)"
        )
    languages = " and ".join(asked.languages)
    raise DataError(
        f"{asked.name} line {number} has {_cells(len(names))}, and no columns {languages}, but {listed(names)}",
        NAME_THEM,
    )


def _place(column: str, names: Sequence[str], number: int, asked: Asked) -> int:
    if column not in names:
        raise DataError(
            f"{asked.name} line {number} has no column {column!r}, but {listed(names)}",
            nearest(column, names, NAME_THEM),
        )
    if names.count(column) > 1:
        raise DataError(f"{asked.name} line {number} has two columns {column!r}", "choose the columns by their numbers")
    return names.index(column)


def _cells(count: int) -> str:
    return f"{count} cell{'s' * (count != 1)}"
