"""Rows of piece ids on the disk: flat shards of ids and one table of rows; written once, read a little at a time.

A split is ``NAME-rows.bin``, a record a row, and for every ``SHARD_ROWS`` rows a ``NAME-00000.source.bin`` and a
``NAME-00000.target.bin`` with their ids one after another. A stranger may have made them, or cut them while
they are read: each row is held to its shard and each id to the vocabulary when it is read, and nothing is mapped, since
the system kills a process that touches a mapped page beyond a file's end. Knows arrays and files; no text, no batches.
"""

import hashlib
import os
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import cached_property
from itertools import chain, pairwise
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
import numpy.typing as npt

from nmt.disk.untrusted import file_size, open_regular
from nmt.errors import DataError, MissingInputError, StorageError

SHARD_ROWS = 1 << 20
HASHED_AT_OPENING = 1 << 26  # bytes; a larger file is hashed when it is first read, so that opening stays instant
LONGEST = 10**5  # pieces of a side, where nobody says less
_CHUNK = 1 << 20  # bytes, or rows, that are read at once
_AGAIN = "make the dataset again with nmt prepare"
Ids = npt.NDArray[Any]
Rows = npt.NDArray[np.int64]
Facts = Mapping[str, Mapping[str, Any]]

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
        corpora: int = 1 << 31,
        longest: int = LONGEST,
        rows: int | None = None,
        files: Facts | None = None,
    ) -> None:
        """Open the files that SplitWriter wrote with the same arguments.

        ``weights`` are those of the corpora by number; without any, each row is seen once in a pass. There are so many
        ``corpora`` and ``rows``, and no side has more than ``longest`` pieces. With ``files`` of a manifest each is
        held to its size and hash; one of over 64 MiB when it is first read. Raises DataError, naming the file, when one
        is not there or not what it should be.
        """
        self._table = _File(folder / f"{name}-rows.bin", ROW, files)
        shards = -(-len(self) // shard_rows)
        if (rows is not None and len(self) != rows) or (files is not None and shards > len(files)):
            raise DataError(f"{self._table.path} has {len(self)} rows, not those of the manifest", _AGAIN)
        self._weights = np.array(weights, np.float64)
        self._shard_rows = shard_rows
        self._corpora = corpora
        self._longest = longest
        self._vocabulary = {"source": source_vocabulary, "target": target_vocabulary}
        self._shards = {
            side: [_File(folder / shard_name(name, shard, side), id_type(vocabulary), files) for shard in range(shards)]
            for side, vocabulary in self._vocabulary.items()
        }
        self._sizes = {side: np.array([file.items for file in files], np.int64) for side, files in self._shards.items()}
        for shard in chain.from_iterable(self._shards.values()):
            if shard.items > min(shard_rows, len(self)) * longest:
                raise DataError(f"{shard.path} has more pieces than its rows may have", _AGAIN)

    def __len__(self) -> int:
        return self._table.items

    def weight(self, rows: Rows) -> npt.NDArray[np.float64]:
        """How often a pass sees each of the rows, on average: float64 (rows,)."""
        return self._weights[self._records(rows)["corpus"]] if len(self._weights) else np.ones(len(rows))

    @cached_property
    def rows_a_pass(self) -> float:
        """How many rows a pass sees, on average."""
        if not len(self._weights):
            return float(len(self))
        counts = np.zeros(len(self._weights), np.int64)
        for start in range(0, len(self), _CHUNK):
            records = self._records(np.arange(start, min(start + _CHUNK, len(self))))
            counts += np.bincount(records["corpus"], minlength=len(counts))
        return float(counts @ self._weights)

    @property
    def pieces(self) -> tuple[int, int]:
        """All of the sources and all of the targets, without special ids; reads nothing."""
        return int(self._sizes["source"].sum()), int(self._sizes["target"].sum())

    def pieces_below(self, id: int) -> tuple[int, int]:
        """As ``pieces``, of those with a smaller ``id``. Reads all of them, a part at a time."""
        source, target = (sum(int(np.count_nonzero(ids < id)) for ids in self._parts(side)) for side in self._shards)
        return source, target

    def lengths(self, rows: Rows) -> tuple[Rows, Rows]:
        """Pieces of each row's source and of its target, without special ids: int64 (rows,) each."""
        records = self._records(rows)
        return records["source_length"].astype(np.int64), records["target_length"].astype(np.int64)

    def ids(self, rows: Sequence[int] | Rows) -> tuple[list[Ids], list[Ids]]:
        """The ids of each row's source and of its target, without special ones: uint16 or uint32 (pieces,) each."""
        rows = np.asarray(rows, np.int64)
        records = self._records(rows)
        shards = (rows // self._shard_rows).tolist()
        return self._read("source", shards, records), self._read("target", shards, records)

    def target_pieces(self, vocabulary: int) -> npt.NDArray[np.bool_]:
        """Which pieces stand in some target: bool (vocabulary,). Reads all of them, a part at a time."""
        found = np.zeros(vocabulary, bool)
        for ids in self._parts("target"):
            found[ids] = True
        return found

    def corpus_ids(self, rows: Sequence[int] | Rows) -> list[int]:
        """The numbers of the training corpora that the rows are from, in the order of the command line."""
        numbers: list[int] = self._records(np.asarray(rows, np.int64))["corpus"].tolist()
        return numbers

    def _records(self, rows: Rows) -> npt.NDArray[Any]:
        """The records of the rows, all of them sound. Raises DataError for one that leads out of its shard."""
        if not len(rows):
            return np.zeros(0, ROW)
        first, last = int(rows.min()), int(rows.max())
        if last - first < 4 * len(rows):  # one call for many rows, where they lie close together
            records = np.frombuffer(self._table.read(first, last - first + 1), ROW)[rows - first]
        else:
            records = np.frombuffer(b"".join([self._table.read(row, 1) for row in rows.tolist()]), ROW)
        sound = (records["corpus"] >= 0) & (records["corpus"] < self._corpora)
        for side, sizes in self._sizes.items():
            offset, length = records[f"{side}_offset"], records[f"{side}_length"]
            sound &= (length >= 0) & (length <= self._longest) & (offset >= 0)
            sound &= offset <= sizes[rows // self._shard_rows] - length
        if not sound.all():
            row = int(rows[int(sound.argmin())])
            raise DataError(f"{self._table.path} has a row, number {row + 1}, that cannot be", _AGAIN)
        return records

    def _read(self, side: str, shards: Sequence[int], records: npt.NDArray[Any]) -> list[Ids]:
        files, offsets, lengths = self._shards[side], records[f"{side}_offset"], records[f"{side}_length"]
        places = zip(shards, offsets.tolist(), lengths.tolist(), strict=True)
        kind = id_type(self._vocabulary[side])
        ids = np.frombuffer(b"".join([files[shard].read(*place) for shard, *place in places]), kind)
        ends = np.cumsum(lengths, dtype=np.int64)
        if len(ids) and int(ids.max()) >= self._vocabulary[side]:
            shard = shards[int(np.searchsorted(ends, ids.argmax(), side="right"))]
            raise self._beyond(files[shard].path)
        return [ids[start:stop] for start, stop in pairwise([0, *ends.tolist()])]

    def _parts(self, side: str) -> Iterator[Ids]:
        """All ids of a side, a part at a time."""
        for file in self._shards[side]:
            for start in range(0, file.items, _CHUNK):
                ids = np.frombuffer(file.read(start, min(_CHUNK, file.items - start)), file.kind)
                if int(ids.max()) >= self._vocabulary[side]:
                    raise self._beyond(file.path)
                yield ids

    def _beyond(self, path: Path) -> DataError:
        return DataError(f"{path} has a piece beyond the vocabulary", _AGAIN)


class _File:
    """A file of items, open as long as this lives: one that is replaced by its name is read on as it was.

    It is read by place, by any thread, and never mapped.
    """

    def __init__(self, path: Path, kind: np.dtype[Any], files: Facts | None) -> None:
        """Hold the file to its size and hash among ``files``, unless these are None."""
        self.path, self.kind = path, kind
        self._lock = Lock()
        try:
            with open_regular(path) as file:
                size, self._descriptor = file_size(file), os.dup(file.fileno())
        except MissingInputError as error:
            if type(error) is not MissingInputError:
                raise
            raise DataError(f"{path} is missing", _AGAIN) from None
        weakref.finalize(self, os.close, self._descriptor)
        fact: Mapping[str, Any] | None = {"bytes": size, "sha256": ""} if files is None else files.get(path.name)
        if fact is None:
            raise DataError(f"the manifest of {path.parent} does not list {path.name}", _AGAIN)
        if size != fact["bytes"]:
            raise DataError(f"{path} has {size} bytes, not {fact['bytes']}", _AGAIN)
        if size % kind.itemsize:
            raise DataError(f"{path} is broken: its size is no whole number of items", _AGAIN)
        self.items = size // kind.itemsize
        self._expected: str = fact["sha256"]
        if size <= HASHED_AT_OPENING:
            self._hold_to_hash()

    def read(self, place: int, items: int) -> bytes:
        """So many items from ``place`` on. Raises DataError when the file is not what it was any more."""
        if self._expected:
            self._hold_to_hash()
        return self._bytes(place * self.kind.itemsize, items * self.kind.itemsize)

    def _hold_to_hash(self) -> None:
        with self._lock:
            if self._expected:
                digest, size = hashlib.sha256(), self.items * self.kind.itemsize
                for start in range(0, size, _CHUNK):
                    digest.update(self._bytes(start, min(_CHUNK, size - start)))
                if digest.hexdigest() != self._expected:
                    raise DataError(f"{self.path} has changed since it was written", _AGAIN)
                self._expected = ""

    def _bytes(self, start: int, size: int) -> bytes:
        try:
            data = os.pread(self._descriptor, size, start)
        except OSError as error:
            raise StorageError(f"reading {self.path} failed: {error.strerror}", "check the disk") from None
        if len(data) != size:
            raise DataError(f"{self.path} was cut while it was read", _AGAIN)
        return data


def shard_name(split: str, shard: int, side: str) -> str:
    return f"{split}-{shard:05}.{side}.bin"
