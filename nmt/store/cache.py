"""The cache of a user, whose folders nobody else can write to. Knows no model."""

import os
import stat
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from nmt.disk.debris import remove, sweep
from nmt.disk.durable import cannot_create
from nmt.disk.locks import lock
from nmt.disk.manifest import refuse_strange
from nmt.errors import CannotCreateError, NmtError

UNUSED = 30 * 24 * 3600.0  # seconds after which an unused folder is removed


def private_folder(name: str) -> Path:
    """The folder ``name`` in the user's cache of nmt, created if missing.

    Raises CannotCreateError or StorageError, naming the obstacle.
    """
    home = os.environ.get("XDG_CACHE_HOME", "")
    try:
        above = Path(home) if os.path.isabs(home) else Path.home() / ".cache"
    except RuntimeError:
        raise CannotCreateError("this user has no home folder", "set XDG_CACHE_HOME") from None
    try:
        above.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_create(above, error) from None
    ours = above / "nmt"
    make_private(ours)
    make_private(folder := ours / name)
    return folder


def make_private(folder: Path) -> None:
    """Create a folder if it is missing. Raises CannotCreateError unless only this user owns it and can write to it."""
    try:
        with suppress(FileExistsError):
            folder.mkdir(0o700)
        about = folder.lstat()
    except OSError as error:
        raise cannot_create(folder, error) from None
    if not stat.S_ISDIR(about.st_mode):
        raise CannotCreateError(f"{folder} is no folder", "move it away")
    if about.st_uid != os.geteuid():
        raise CannotCreateError(f"{folder} is another user's", "set XDG_CACHE_HOME")
    if about.st_mode & 0o022:
        raise CannotCreateError(f"others can write to {folder}", f"chmod go-w {folder}")


def remove_unused(folder: Path, kind: str, known: Collection[str] = ()) -> None:
    """Remove the folders of that ``kind`` in ``folder`` that have not been used for a month.

    Those that hold anything but what their manifest lists, and the files ``known``, stay; so do those that are in use.
    """
    with suppress(OSError, NmtError):
        sweep(folder)
        for path in folder.iterdir():
            if time.time() - path.lstat().st_mtime > UNUSED:
                with suppress(CannotCreateError):
                    refuse_strange(path, kind, known)
                    _remove_unless_locked(path)


def _remove_unless_locked(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if lock(descriptor) is not False:
            remove(folder)
    finally:
        os.close(descriptor)
