"""Rows of piece ids on the disk: flat shards of ids and one table of rows; written once, memory-mapped, never loaded.

A split is ``NAME-rows.bin``, a record a row, and for every ``SHARD_ROWS`` rows a ``NAME-00000.source.bin`` and a
``NAME-00000.target.bin`` with their ids one after another. Knows arrays and files; no text and no batches.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from functools import cached_property
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
import numpy.typing as npt

from nmt.errors import DataError

SHARD_ROWS = 1 << 20
Ids = npt.NDArray[Any]

# Offsets and lengths count pieces, without special ids, inside the row's shard.
ROW = np.dtype(
    [
        ("source_offset", "<i8"),
        ("target_offset", "<i8"),
        ("source_length", "<i4"),
        ("target_length", "<i4"),
        ("corpus", "<i4"),
    ]
)


def id_type(vocabulary: int) -> np.dtype[Any]:
    """The smallest of the two types of a shard that holds the ids of so large a vocabulary."""
    return np.dtype("<u2") if vocabulary <= 1 << 16 else np.dtype("<u4")


class SplitWriter:
    """Appends rows to the files of a split; a context manager."""

    def __init__(
        self, folder: Path, name: str, source_vocabulary: int, target_vocabulary: int, shard_rows: int = SHARD_ROWS
    ) -> None:
        self._folder = folder
        self._name = name
        self._types = {"source": id_type(source_vocabulary), "target": id_type(target_vocabulary)}
        self._shard_rows = shard_rows
        self._table = (folder / f"{name}-rows.bin").open("wb")
        self._shard = ExitStack()
        self._files: dict[str, BinaryIO] = {}
        self._ends = {"source": 0, "target": 0}
        self.rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._shard.close()
        self._table.close()

    def append(self, source: Sequence[Sequence[int]], target: Sequence[Sequence[int]], corpus: int) -> None:
        """Add pairs of lists of ids, all from the corpus of that number."""
        done = 0
        while done < len(source):
            if self.rows % self._shard_rows == 0:
                self._open_shard()
            stop = done + self._shard_rows - self.rows % self._shard_rows
            self._append_to_shard(source[done:stop], target[done:stop], corpus)
            done = stop

    def _open_shard(self) -> None:
        self._shard.close()
        for side in ("source", "target"):
            path = self._folder / shard_name(self._name, self.rows // self._shard_rows, side)
            self._files[side] = self._shard.enter_context(path.open("wb"))
            self._ends[side] = 0

    def _append_to_shard(self, source: Sequence[Sequence[int]], target: Sequence[Sequence[int]], corpus: int) -> None:
        records = np.zeros(len(source), ROW)
        records["corpus"] = corpus
        for side, rows in (("source", source), ("target", target)):
            lengths = np.fromiter(map(len, rows), np.int64, len(rows))
            ends = np.cumsum(lengths)
            records[f"{side}_length"] = lengths
            records[f"{side}_offset"] = self._ends[side] + ends - lengths
            self._ends[side] += int(ends[-1])
            ids = np.fromiter(chain.from_iterable(rows), self._types[side], int(ends[-1]))
            self._files[side].write(ids.data)
        self._table.write(records.tobytes())
        self.rows += len(source)


class Split:
    """The rows of one split, read from the disk as they are asked for."""

    def __init__(
        self,
        folder: Path,
        name: str,
        source_vocabulary: int,
        target_vocabulary: int,
        shard_rows: int = SHARD_ROWS,
        weights: Sequence[float] = (),
    ) -> None:
        """Map the files that SplitWriter wrote with the same arguments. Raises DataError when one is not there.

        ``weights`` are those of the corpora by number; without any, each row is seen once in a pass.
        """
        self._table = _map(folder / f"{name}-rows.bin", ROW)
        self._weights = np.array(weights, np.float64)
        self._shard_rows = shard_rows
        types = {"source": id_type(source_vocabulary), "target": id_type(target_vocabulary)}
        shards = -(-len(self._table) // shard_rows)
        self._ids = {
            side: [_map(folder / shard_name(name, shard, side), types[side]) for shard in range(shards)]
            for side in ("source", "target")
        }

    def __len__(self) -> int:
        return len(self._table)

    def weight(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """How often a pass sees each of the rows, on average: float64 (rows,)."""
        return self._weights[self._table["corpus"][rows]] if len(self._weights) else np.ones(len(rows))

    @cached_property
    def rows_a_pass(self) -> float:
        """How many rows a pass sees, on average."""
        if not len(self._weights):
            return float(len(self))
        return float(np.bincount(self._table["corpus"], minlength=len(self._weights)) @ self._weights)

    @property
    def pieces(self) -> tuple[int, int]:
        """All of the sources and all of the targets, without special ids; reads nothing."""
        return sum(map(len, self._ids["source"])), sum(map(len, self._ids["target"]))

    def pieces_below(self, id: int) -> tuple[int, int]:
        """As ``pieces``, of those with a smaller ``id``. Reads all of them, a part at a time."""
        source, target = (
            sum(
                int(np.count_nonzero(ids[start : start + (1 << 24)] < id))
                for ids in self._ids[side]
                for start in range(0, len(ids), 1 << 24)
            )
            for side in ("source", "target")
        )
        return source, target

    @property
    def source_length(self) -> npt.NDArray[np.int32]:
        """Pieces of each row's source, without special ids: int32 (rows,), a view of the memory-mapped table."""
        lengths: npt.NDArray[np.int32] = self._table["source_length"]
        return lengths

    @property
    def target_length(self) -> npt.NDArray[np.int32]:
        """Pieces of each row's target, without special ids: int32 (rows,), a view of the memory-mapped table."""
        lengths: npt.NDArray[np.int32] = self._table["target_length"]
        return lengths

    def source(self, row: int) -> Ids:
        """The source ids of a row, without special ids: uint16 or uint32 (pieces,)."""
        return self._row("source", row)

    def target(self, row: int) -> Ids:
        """The target ids of a row, without special ids: uint16 or uint32 (pieces,)."""
        return self._row("target", row)

    def target_pieces(self, vocabulary: int) -> npt.NDArray[np.bool_]:
        """Which pieces stand in some target: bool (vocabulary,). Reads all of them, a part at a time."""
        found = np.zeros(vocabulary, bool)
        for ids in self._ids["target"]:
            for start in range(0, len(ids), 1 << 24):
                found[ids[start : start + (1 << 24)]] = True
        return found

    def corpus_id(self, row: int) -> int:
        """The number of the training corpus that the row is from, in the order of the command line."""
        return int(self._table["corpus"][row])

    def _row(self, side: str, row: int) -> Ids:
        record = self._table[row]
        start = int(record[f"{side}_offset"])
        return self._ids[side][row // self._shard_rows][start : start + int(record[f"{side}_length"])]


def shard_name(split: str, shard: int, side: str) -> str:
    return f"{split}-{shard:05}.{side}.bin"


def _map(path: Path, kind: np.dtype[Any]) -> npt.NDArray[Any]:
    try:
        if path.stat().st_size == 0:  # nothing can be mapped
            return np.zeros(0, kind)
        return np.asarray(np.memmap(path, kind, "r"))
    except (OSError, ValueError):
        raise DataError(f"{path} is missing or broken", "make the dataset again with nmt prepare") from None
