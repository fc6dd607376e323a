"""Folders that appear whole or not at all, also in the place of another folder.

A folder is filled under a hidden name, synced and then renamed. Knows paths; nothing of what the folders hold.
"""

import errno
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from nmt.disk.debris import partial_name, recording, remove, sweep, unfinished
from nmt.disk.durable import DISK_FAILURES, cannot_create, keep_rights, rename, rights, sync_folder, sync_tree
from nmt.disk.locks import lock
from nmt.disk.pinned import by_descriptor
from nmt.errors import CannotCreateError, write_failed


def refuse_occupied(path: Path) -> None:
    """Raise CannotCreateError when anything but an empty folder is at ``path``; a link counts as something."""
    if path.is_dir() and not path.is_symlink() and not any(path.iterdir()):
        return
    if os.path.lexists(path):
        raise CannotCreateError(f"{path} exists already", "move it away or choose another name")


@contextmanager
def create_folder(path: Path, refuse: Callable[[Path], None] = refuse_occupied) -> Iterator[Path]:
    """Fill a folder that appears at ``path`` whole when the block ends well, and not at all otherwise.

    Yields a ``pinned`` path to a hidden folder beside ``path``. A folder at ``path`` is replaced unless ``refuse``
    raises an error for it, as ``nmt.disk.manifest.replaceable`` does: it is called before the block and again right
    before the exchange. By default only an empty folder is replaced; a link never is. Raises CannotCreateError, or
    StorageError when the disk is full.
    """
    refuse(path)
    before = rights(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial, held = make_partial(path, 0o700 if before else 0o777)
    except OSError as error:
        raise cannot_create(path, error) from None
    try:
        sweep(path.parent, path.name)
        with by_descriptor(path, held) as inside:
            yield inside or partial
            if before:
                keep_rights(held, before)
            sync_tree(inside or partial)
        refuse(path)
        old = None
        if os.path.lexists(path):
            old = exchange(partial, path)
        else:
            rename(partial, path)
        sync_folder(path.parent)
        if old:
            remove(old)
    except OSError as error:
        if error.errno in DISK_FAILURES:
            raise write_failed(path, error) from None
        raise
    finally:
        remove(partial)
        unfinished.discard(partial)
        os.close(held)


@contextmanager
def temporary_folder(within: Path | None = None) -> Iterator[Path]:
    """A folder for the block, in ``within`` or where the system has its temporary files; a signal removes it too.

    Raises CannotCreateError where none can be made.
    """
    try:
        with recording():
            folder = Path(tempfile.mkdtemp(prefix="nmt-", dir=within))
            unfinished.add(folder)
    except OSError as error:
        if within:
            raise cannot_create(within, error) from None
        raise CannotCreateError("there is no folder for temporary files", "set TMPDIR to one") from None
    try:
        yield folder
    finally:
        remove(folder)
        unfinished.discard(folder)


def make_partial(path: Path, mode: int) -> tuple[Path, int]:
    """Make a hidden, ``unfinished`` folder beside ``path``; returns it and the descriptor whose lock stops sweeps."""
    for _ in range(100):
        partial = partial_name(path)
        with recording():
            partial.mkdir(mode)
            unfinished.add(partial)
        try:
            held = os.open(partial, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except FileNotFoundError:
            unfinished.discard(partial)
            continue  # swept by another process before it was locked
        if lock(held) is not False and partial.exists():
            return partial, held
        unfinished.discard(partial)
        os.close(held)
    raise FileExistsError(errno.EEXIST, "others remove what is made there")


def exchange(new: Path, path: Path) -> Path:
    """Put ``new`` in the place of ``path``; returns the hidden name of what ``path`` was.

    Where the system can, there is no moment without a ``path``. Raises CannotCreateError.
    """
    if swap(new, path):
        return new
    old = partial_name(path, "old")
    held = os.open(path, os.O_RDONLY)
    try:
        lock(held)  # or a sweep would put it back between the two renames
        rename(path, old)
        rename(new, path)
    finally:
        os.close(held)
    return old


def swap(first: Path, second: Path) -> bool:
    """Exchange two names in one step (Linux's renameat2); False where the system cannot."""
    if sys.platform != "linux":
        return False
    import ctypes

    at_working_folder, exchange_names = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        return False
    failed: int = renameat2(
        at_working_folder, os.fsencode(first), at_working_folder, os.fsencode(second), exchange_names
    )
    return not failed
