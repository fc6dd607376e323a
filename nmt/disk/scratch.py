"""A folder beside an unfinished output, in which work outlives its process: FILE.partial, for the output FILE.

It holds files that only grow, and for each stage of the work a note of how far they are good, with their SHA-256. A
later process with the same facts goes on from the notes; a scratch of other facts, and what is not as its note says, is
dropped. Nothing is synced: after a power cut a note may not fit its files, and the stage begins again.

Knows bytes and JSON; not what the work is.
"""

import hashlib
import json
import os
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from nmt.disk.durable import cannot_create
from nmt.disk.locks import lock
from nmt.disk.pinned import by_descriptor
from nmt.errors import BusyError, CannotCreateError, NmtError, write_failed

_CHUNK = 1 << 20
_FACTS = "facts.sha256"
_NOTE = ".note.json"
_NEW = ".new"  # the ending of a note that is being written
_OWN = re.compile(rf"{re.escape(_FACTS)}|[a-z]+{re.escape(_NOTE)}(?:{re.escape(_NEW)})?")


class Growing:
    """A file of a stage, open for appending; ``size`` and ``digest`` are of all its bytes."""

    def __init__(self, path: Path, size: int, digest: "hashlib._Hash") -> None:
        self._path = path
        self.size = size
        self.digest = digest
        try:
            self._file: BinaryIO = path.open("r+b" if size else "wb")
            self._file.truncate(size)
            self._file.seek(size)
        except OSError as error:
            raise cannot_create(path, error) from None

    def write(self, data: Any) -> None:
        """Append bytes, or the bytes of an array. Raises StorageError."""
        view = memoryview(data).cast("B")
        with self._failing():
            self._file.write(view)
        self.digest.update(view)
        self.size += len(view)

    def flush(self) -> None:
        """Hand everything to the system, unless the file is closed. Raises StorageError."""
        with self._failing():
            if not self._file.closed:
                self._file.flush()

    def close(self) -> None:
        """Close the file, written or not: what matters was flushed before."""
        with suppress(OSError):
            self._file.close()

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise write_failed(self._path, error) from None


class Stage:
    """A stage of the work: ``value`` is what its last note says, None if there is none that may be believed."""

    def __init__(self, folder: Path, name: str, facts: str, prefix: str = "") -> None:
        """``prefix`` begins the names of its files on the disk."""
        self._folder, self._prefix = folder, prefix
        self._note = folder / f"{prefix}{name}{_NOTE}"
        self._facts = facts
        self._good: dict[str, tuple[int, hashlib._Hash]] = {}
        self._open: dict[str, Growing] = {}
        self.value: Any = self._read()

    def _read(self) -> Any:
        """The value of the note, if it is of these facts and all its files are as it says."""
        try:
            digest, _, body = self._note.read_bytes().partition(b"\n")
            if hashlib.sha256(body).hexdigest().encode() != digest:
                return None
            note = json.loads(body)
            if note["facts"] != self._facts:
                return None
            good = {name: (size, _hash(self.path(name), size)) for name, (size, _) in note["files"].items()}
        except (OSError, ValueError):
            return None
        if any(hashed.hexdigest() != note["files"][name][1] for name, (_, hashed) in good.items()):
            return None
        self._good = good
        return note["value"]

    def path(self, name: str) -> Path:
        """The path of a file of the stage."""
        return self._folder / f"{self._prefix}{name}"

    def read(self, name: str) -> bytes:
        """The good bytes of a small file of the last note."""
        return self.path(name).read_bytes()[: self._good[name][0]]

    def names(self) -> set[str]:
        """The names of all files of the stage."""
        return {*self._good, *self._open}

    def append(self, name: str) -> Growing:
        """Open a file behind its good bytes; a new one if no note speaks of it. Raises CannotCreateError."""
        size, digest = self._good.pop(name, (0, hashlib.sha256()))
        self._open[name] = file = Growing(self.path(name), size, digest)
        return file

    def note(self, value: Any) -> None:
        """Note that all files are good as they are, with a value for JSON. Raises StorageError."""
        for file in self._open.values():
            file.flush()
        closed = {name: (size, digest.hexdigest()) for name, (size, digest) in self._good.items()}
        files = closed | {name: (file.size, file.digest.hexdigest()) for name, file in self._open.items()}
        body = json.dumps({"facts": self._facts, "files": files, "value": value}).encode()
        new = self._note.with_name(self._note.name + _NEW)
        try:
            new.write_bytes(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
            os.replace(new, self._note)
        except OSError as error:
            raise write_failed(self._note, error) from None

    def hand_over(self, folder: Path, without: Collection[str] = ()) -> None:
        """Give the files of the stage names in ``folder``, but for some; call it once the stage is closed.

        Where the disk has hard links they keep their names here too, so that a process that is killed later loses none.
        """
        for name in sorted(self.names() - {*without}):
            try:
                os.link(self.path(name), folder / name)
            except OSError:
                os.rename(self.path(name), folder / name)

    def close(self) -> None:
        """Close all files."""
        for file in self._open.values():
            file.close()


class Scratch:
    """The open folder, or a part of it whose files are its own: their names on the disk begin with ``prefix``."""

    def __init__(self, folder: Path, facts: str, prefix: str = "") -> None:
        self.folder = folder
        self._facts, self._prefix = facts, prefix

    def part(self, prefix: str) -> "Scratch":
        """A part of the folder, named by small letters."""
        return Scratch(self.folder, self._facts, prefix)

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        """A stage of the work, whose files are closed when the block ends."""
        stage = Stage(self.folder, name, self._facts, self._prefix)
        try:
            yield stage
        finally:
            stage.close()


def beside(output: Path) -> Path:
    """The folder of the scratch of an output."""
    return output.with_name(f"{output.name}.partial")


@contextmanager
def open_scratch(
    output: Path, facts: Any, ours: re.Pattern[str], stays_after: tuple[type[NmtError], ...] = ()
) -> Iterator[Scratch]:
    """Make or take up the scratch of ``output``; it is removed after the block, unless what ended that may pass.

    ``facts`` for JSON are all that the work depends on, ``ours`` are the names of its files. A signal, BusyError,
    MemoryError and what it ``stays_after`` leave the scratch. Raises BusyError while another process has the scratch,
    and CannotCreateError when anything else is in its place or in it.
    """
    path = beside(output)
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    held = hold(path)
    try:
        _refuse_strange(path, ours)
        try:
            if _facts_of(path) != digest:
                _clear(path)
                (path / _FACTS).write_text(digest)
            with by_descriptor(path, held) as inside:
                yield Scratch(inside or path, digest)
        except Exception as error:
            if not isinstance(error, (BusyError, MemoryError, *stays_after)):
                _remove(path)
            raise
        _remove(path)
    finally:
        os.close(held)


def drop_scratch(output: Path, ours: re.Pattern[str]) -> None:
    """Remove the scratch of an output, if there is one that no process works in."""
    path = beside(output)
    if path.is_dir():
        with suppress(NmtError):
            held = hold(path)
            try:
                _refuse_strange(path, ours)
                _remove(path)
            finally:
                os.close(held)


def _refuse_strange(path: Path, ours: re.Pattern[str]) -> None:
    for name in sorted(os.listdir(path)):
        if not (ours.fullmatch(name) or _OWN.fullmatch(name)):
            raise CannotCreateError(f"{path / name} is no part of unfinished work of nmt", "move it away")


def hold(path: Path) -> int:
    """Make the folder unless it is there, and lock it; returns its descriptor."""
    for _ in range(100):
        try:
            path.mkdir(0o700, parents=True, exist_ok=True)
            held = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except FileNotFoundError:
            continue  # another process was done, and removed it
        except OSError as error:
            raise cannot_create(path, error) from None
        problem: NmtError | None = None
        if lock(held) is False:
            problem = BusyError(
                f"{path} is in use by another process", "wait for it to end, or choose another `output`"
            )
        elif os.fstat(held).st_uid != os.geteuid():
            problem = CannotCreateError(f"{path} exists and belongs to another user", "move it away")
        elif _is_at(path, held):
            return held
        os.close(held)
        if problem:
            raise problem
    raise CannotCreateError(f"others remove {path} while it is made", "choose another `output`")


def _is_at(path: Path, held: int) -> bool:
    try:
        return os.path.samestat(os.fstat(held), path.lstat())
    except FileNotFoundError:
        return False


def _remove(path: Path) -> None:
    """Remove the scratch while its lock is held; another process that waits for that sees that it is gone."""
    _clear(path)
    with suppress(OSError):
        path.rmdir()


def _facts_of(folder: Path) -> str:
    try:
        return (folder / _FACTS).read_text()
    except (OSError, ValueError):
        return ""


def _clear(folder: Path) -> None:
    """Remove the files of the folder as far as possible."""
    with suppress(OSError):
        for name in os.listdir(folder):
            with suppress(OSError):
                (folder / name).unlink()


def _hash(path: Path, size: int) -> "hashlib._Hash":
    """SHA-256 of the first bytes of a file, or of as many as there are."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while size and (data := file.read(min(_CHUNK, size))):
            digest.update(data)
            size -= len(data)
    return digest
