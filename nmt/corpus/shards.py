"""The rows of a dataset on disk: a table of rows, and shards of piece ids; written once, read a few rows at a time.

A split is ``NAME-rows.bin``, one record for each row, and for every ``SHARD_ROWS`` rows a ``NAME-00000.source.bin`` and
a ``NAME-00000.target.bin``, with the ids of one row after those of another. A stranger may have made the files, so each
row that is read is checked to lie inside its shard, and each id inside the vocabulary. Knows arrays and files; no text,
no batches.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
import numpy.typing as npt

from nmt.corpus.item_file import AGAIN, CHUNK, Facts, ItemFile
from nmt.errors import DataError

SHARD_ROWS = 1 << 20
LONGEST = 10**5  # pieces of a side, unless a smaller limit is given
Ids = npt.NDArray[Any]
Rows = npt.NDArray[np.int64]

# Offsets and lengths count pieces, without special ids; offsets begin at the start of the row's shard.
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
    """The dtype of a shard's ids: uint16 for a vocabulary of up to 65,536 pieces, uint32 for a larger one."""
    return np.dtype("<u2") if vocabulary <= 1 << 16 else np.dtype("<u4")


class Ragged(NamedTuple):
    """Rows of different lengths, one after another: their ids (n,), and the length of each row (rows,)."""

    ids: Ids
    lengths: Rows

    @classmethod
    def of(cls, rows: Sequence[Sequence[int]]) -> Self:
        """The rows of a list."""
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        return cls(np.fromiter(chain.from_iterable(rows), np.uint32, int(lengths.sum())), lengths)

    def rows(self, start: int, stop: int) -> "Ragged":
        """The rows from ``start`` to before ``stop``."""
        first, end = (int(self.lengths[:row].sum()) for row in (start, stop))
        return Ragged(self.ids[first:end], self.lengths[start:stop])


class Appended(Protocol):
    """A file to whose end bytes are written."""

    def write(self, data: Any, /) -> object: ...

    def flush(self) -> object: ...

    def close(self) -> None: ...


class SplitWriter:
    """Appends rows to the files of a split, which ``open_file`` opens by their names."""

    def __init__(
        self,
        open_file: Callable[[str], Appended],
        name: str,
        source_vocabulary: int,
        target_vocabulary: int,
        shard_rows: int = SHARD_ROWS,
        state: Mapping[str, int] | None = None,
    ) -> None:
        """``state`` is that of an earlier writer whose files ``open_file`` opens at their ends."""
        self._open_file = open_file
        self._name = name
        self._types = {"source": id_type(source_vocabulary), "target": id_type(target_vocabulary)}
        self._shard_rows = shard_rows
        self._table = open_file(f"{name}-rows.bin")
        self._files: dict[str, Appended] = {}
        self._ends = {side: state[side] if state else 0 for side in ("source", "target")}
        self.rows = state["rows"] if state else 0

    @property
    def state(self) -> dict[str, int]:
        """The place of the next row, for another writer."""
        return {"rows": self.rows, **self._ends}

    def close(self) -> None:
        """Close the files."""
        for file in (self._table, *self._files.values()):
            file.close()

    def append(self, source: Ragged, target: Ragged, corpus: int | Rows) -> None:
        """Append rows, given by their source ids and their target ids; ``corpus`` is their number, or that of each."""
        done, count = 0, len(source.lengths)
        corpora = np.broadcast_to(corpus, count)
        while done < count:
            if self.rows % self._shard_rows == 0:
                self._ends = dict.fromkeys(self._ends, 0)
            if self.rows % self._shard_rows == 0 or not self._files:
                self._open_shard()
            stop = min(count, done + self._shard_rows - self.rows % self._shard_rows)
            self._append_to_shard(source.rows(done, stop), target.rows(done, stop), corpora[done:stop])
            done = stop

    def _open_shard(self) -> None:
        for side in ("source", "target"):
            if side in self._files:
                self._files[side].close()
            self._files[side] = self._open_file(shard_name(self._name, self.rows // self._shard_rows, side))

    def _append_to_shard(self, source: Ragged, target: Ragged, corpora: Rows) -> None:
        records = np.zeros(len(source.lengths), ROW)
        records["corpus"] = corpora
        for side, rows in (("source", source), ("target", target)):
            ends = np.cumsum(rows.lengths)
            records[f"{side}_length"] = rows.lengths
            records[f"{side}_offset"] = self._ends[side] + ends - rows.lengths
            self._ends[side] += int(ends[-1])
            self._files[side].write(rows.ids.astype(self._types[side]).data)
        self._table.write(records.tobytes())
        self.rows += len(records)


class Split:
    """The rows of one split, read from disk on demand."""

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

        ``weights`` say how often an epoch sees the rows of each corpus, by its number; empty: once. ``corpora`` is the
        number of corpora, ``rows`` the expected number of rows, ``longest`` the limit of a side in pieces. ``files``
        are the manifest's sizes and hashes, which each file must match; see ItemFile. Raises DataError, naming the
        file, when one is missing or differs.
        """
        self._table = ItemFile(folder / f"{name}-rows.bin", ROW, files)
        shards = -(-len(self) // shard_rows)
        if (rows is not None and len(self) != rows) or (files is not None and shards > len(files)):
            raise DataError(f"{self._table.path} has {len(self)} rows, not the number in the manifest", AGAIN)
        self.weights: npt.NDArray[np.float64] = np.array(weights, np.float64)
        self._shard_rows = shard_rows
        self.corpora = corpora
        self._longest = longest
        self.vocabulary = {"source": source_vocabulary, "target": target_vocabulary}
        self._shards = {
            side: [
                ItemFile(folder / shard_name(name, shard, side), id_type(vocabulary), files) for shard in range(shards)
            ]
            for side, vocabulary in self.vocabulary.items()
        }
        self._sizes = {side: np.array([file.items for file in files], np.int64) for side, files in self._shards.items()}
        for shard in chain.from_iterable(self._shards.values()):
            if shard.items > min(shard_rows, len(self)) * longest:
                raise DataError(f"{shard.path} has more pieces than its rows can have", AGAIN)

    def __len__(self) -> int:
        return self._table.items

    def weight(self, rows: Rows) -> npt.NDArray[np.float64]:
        """Average number of times that an epoch sees each of the rows: float64 (rows,)."""
        return self.weights[self._records(rows)["corpus"]] if len(self.weights) else np.ones(len(rows))

    @cached_property
    def rows_per_epoch(self) -> float:
        """Average number of rows in an epoch, each counted as often as its weight says."""
        if not len(self.weights):
            return float(len(self))
        counts = np.zeros(len(self.weights), np.int64)
        for start in range(0, len(self), CHUNK):
            records = self._records(np.arange(start, min(start + CHUNK, len(self))))
            counts += np.bincount(records["corpus"], minlength=len(counts))
        return float(counts @ self.weights)

    @property
    def state(self) -> dict[str, int]:
        """The place of the next row, for a ``SplitWriter``."""
        return {"rows": len(self), **{side: int(sizes[-1:].sum()) for side, sizes in self._sizes.items()}}

    @property
    def pieces(self) -> tuple[int, int]:
        """Number of pieces in all sources and in all targets, without special ids; known without reading."""
        return int(self._sizes["source"].sum()), int(self._sizes["target"].sum())

    def lengths(self, rows: Rows) -> tuple[Rows, Rows]:
        """Lengths of the rows' sources and targets, in pieces without special ids: int64 (rows,) each."""
        records = self._records(rows)
        return records["source_length"].astype(np.int64), records["target_length"].astype(np.int64)

    def ids(self, rows: Sequence[int] | Rows) -> tuple[list[Ids], list[Ids]]:
        """The rows' source ids and target ids, without special ids: uint16 or uint32 (pieces,) for each row.

        Raises DataError for a row outside its shard or an id outside the vocabulary.
        """
        rows = np.asarray(rows, np.int64)
        records = self._records(rows)
        shards = (rows // self._shard_rows).tolist()
        return self._read("source", shards, records), self._read("target", shards, records)

    def piece_counts(self, side: str) -> Rows:
        """How often each piece occurs in the sources or the targets: int64 (vocabulary,). Reads all ids, in parts."""
        counts = np.zeros(self.vocabulary[side], np.int64)
        for ids in self._parts(side):
            counts += np.bincount(ids, minlength=len(counts))
        return counts

    def corpus_ids(self, rows: Sequence[int] | Rows) -> list[int]:
        """The number of each row's training corpus, in the order of the command line."""
        numbers: list[int] = self._records(np.asarray(rows, np.int64))["corpus"].tolist()
        return numbers

    def _records(self, rows: Rows) -> npt.NDArray[Any]:
        """Read the records of the rows. Raises DataError for a record that points outside its shard."""
        if not len(rows):
            return np.zeros(0, ROW)
        first, last = int(rows.min()), int(rows.max())
        if last - first < 4 * len(rows):  # rows close together are read by one call
            records = np.frombuffer(self._table.read(first, last - first + 1), ROW)[rows - first]
        else:
            records = np.frombuffer(b"".join([self._table.read(row, 1) for row in rows.tolist()]), ROW)
        sound = (records["corpus"] >= 0) & (records["corpus"] < self.corpora)
        for side, sizes in self._sizes.items():
            offset, length = records[f"{side}_offset"], records[f"{side}_length"]
            sound &= (length >= 0) & (length <= self._longest) & (offset >= 0)
            sound &= offset <= sizes[rows // self._shard_rows] - length
        if not sound.all():
            row = int(rows[int(sound.argmin())])
            raise DataError(f"{self._table.path} has an invalid row, number {row + 1}", AGAIN)
        return records

    def _read(self, side: str, shards: Sequence[int], records: npt.NDArray[Any]) -> list[Ids]:
        files, offsets, lengths = self._shards[side], records[f"{side}_offset"], records[f"{side}_length"]
        places = zip(shards, offsets.tolist(), lengths.tolist(), strict=True)
        kind = id_type(self.vocabulary[side])
        ids = np.frombuffer(b"".join([files[shard].read(*place) for shard, *place in places]), kind)
        ends = np.cumsum(lengths, dtype=np.int64)
        if len(ids) and int(ids.max()) >= self.vocabulary[side]:
            shard = shards[int(np.searchsorted(ends, ids.argmax(), side="right"))]
            raise self._beyond(files[shard].path)
        return [ids[start:stop] for start, stop in pairwise([0, *ends.tolist()])]

    def _parts(self, side: str) -> Iterator[Ids]:
        """Read all ids of a side, in parts."""
        for file in self._shards[side]:
            for start in range(0, file.items, CHUNK):
                ids = np.frombuffer(file.read(start, min(CHUNK, file.items - start)), file.kind)
                if int(ids.max()) >= self.vocabulary[side]:
                    raise self._beyond(file.path)
                yield ids

    def _beyond(self, path: Path) -> DataError:
        return DataError(f"{path} has a piece outside the vocabulary", AGAIN)


def shard_name(split: str, shard: int, side: str) -> str:
    """The file name of a shard of a split, such as ``train-00000.source.bin``."""
    return f"{split}-{shard:05}.{side}.bin"
