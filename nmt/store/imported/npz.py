"""Arrays of an ``.npz`` file from a stranger: numpy's format in a ZIP archive, read without pickle.

An array is read only if its header says what its entry in the archive has: so many values of a plain type. Compressed
archives are refused, because theirs may grow without end; Marian writes none. Knows no model.
"""

import math
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn

from nmt.disk.untrusted import file_size, open_regular
from nmt.errors import DataError, shown

if TYPE_CHECKING:
    import numpy.typing as npt

_MOST_ENTRIES = 20_000  # the deepest Transformer has fewer
_LONGEST_HEADER = 1 << 14  # bytes
_ENDING = ".npy"


class Npz:
    """The arrays of one archive by name; ``shapes`` has those of all, and ``read`` reads one."""

    def __init__(self, path: Path, archive: zipfile.ZipFile, size: int) -> None:
        """Check the archive's entries against its ``size`` in bytes. Raises DataError."""
        self.path = path
        self._archive = archive
        entries = archive.infolist()
        self._entries = {entry.filename.removesuffix(_ENDING): entry for entry in entries}
        if len(entries) > _MOST_ENTRIES or len(self._entries) != len(entries):
            self.refuse("it has too many arrays, or one twice")
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
            self.refuse("it is compressed; save it by numpy.savez")
        if any(entry.compress_size != entry.file_size for entry in entries):
            self.refuse("an array has another size than it says")
        if sum(entry.file_size for entry in entries) > size:
            self.refuse("its arrays are larger than the file")
        self.shapes: Mapping[str, tuple[int, ...]] = {name: self._header(name)[0] for name in self._entries}

    def read(self, name: str) -> "npt.NDArray[Any]":
        """An array in its own type. Raises DataError."""
        import numpy as np

        shape, kind, begin = self._header(name)
        with self._open(name) as file:
            file.read(begin)
            return np.frombuffer(file.read(), kind).reshape(shape)

    def _header(self, name: str) -> tuple[tuple[int, ...], Any, int]:
        """Shape and type of an array, and where its values begin. Raises DataError for what is no plain array."""
        import numpy as np
        from numpy.lib import format as npy

        with self._open(name) as file:
            try:
                version = npy.read_magic(file)
                if version != (1, 0):
                    self.refuse(f"array {shown(name)} has version {version} of the format")
                shape, by_columns, kind = npy.read_array_header_1_0(file, max_header_size=_LONGEST_HEADER)
            except DataError:
                raise
            except Exception as error:  # numpy reads headers as Python, and fails in as many ways
                self.refuse(f"array {shown(name)} has no header of numpy: {shown(str(error))}")
            begin = file.tell()
        if kind not in (np.dtype("<f4"), np.dtype("i1"), np.dtype("u1")) or (by_columns and len(shape) > 1):
            self.refuse(f"array {shown(name)} is of the type {shown(str(kind))}, not float32 by rows")
        if min(shape, default=1) < 1 or math.prod(shape) * kind.itemsize != self._entries[name].file_size - begin:
            self.refuse(f"array {shown(name)} has another size than it says")
        return shape, kind, begin

    @contextmanager
    def _open(self, name: str) -> Iterator[IO[bytes]]:
        """An entry, opened. Raises DataError when its bytes are damaged."""
        try:
            with self._archive.open(self._entries[name]) as file:
                yield file
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError) as error:
            self.refuse(shown(str(error)))

    def refuse(self, reason: str) -> NoReturn:
        """Raise DataError for the file."""
        raise DataError(f"{self.path} is not an .npz file of Marian: {reason}", "get it again from its origin")


@contextmanager
def open_npz(path: Path) -> Iterator[Npz]:
    """Open an archive. Raises MissingInputError or DataError, naming the file."""
    with open_regular(path) as file:
        try:
            archive = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError, EOFError, OverflowError) as error:
            raise DataError(f"{path} is not an .npz file: {error}", "get it again from its origin") from None
        with archive:
            yield Npz(path, archive, file_size(file))
