"""Renaming and syncing: when these functions return, the change is on the disk and survives a power cut.

Also the rights of a file that replaces another, and the error for a path that cannot be made. Knows paths; nothing of
what the files hold.
"""

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

from nmt.errors import FULL, CannotCreateError, NmtError, StorageError, write_failed

DISK_FAILURES = {*FULL, errno.EIO}  # the fault of the disk, not of the path


def cannot_create(path: Path, error: OSError) -> NmtError:
    """The error for a file or folder that cannot be made: StorageError for a failing disk, else CannotCreateError."""
    if error.errno in DISK_FAILURES:
        return write_failed(path, error)
    return CannotCreateError(f"cannot create {path}: {error.strerror}", "check the folder and its rights")


def refuse_irregular(path: Path) -> None:
    """Raise CannotCreateError when something other than a regular file, such as a link, is at ``path``."""
    # In one look: another process may move it away at any moment.
    with suppress(OSError):
        mode = path.lstat().st_mode
        if not stat.S_ISREG(mode):
            what = "a link" if stat.S_ISLNK(mode) else "no regular file"
            raise CannotCreateError(f"{path} is {what}", "move it away")


def rename(old: Path, new: Path) -> None:
    """Move ``old`` to ``new``, replacing a file there. Raises CannotCreateError."""
    try:
        os.replace(old, new)
    except OSError as error:
        raise cannot_create(new, error) from None


def publish(written: Path, path: Path) -> None:
    """Rename a synced file to its final name and sync the folder. Raises CannotCreateError."""
    rename(written, path)
    sync_folder(path.parent)


def sync(descriptor: int, path: Path) -> None:
    """Write an open file's bytes to the disk (fsync). Raises StorageError, naming ``path``."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        raise write_failed(path, error) from None


def sync_tree(folder: Path) -> None:
    """Sync every file below a folder, then each folder. Raises StorageError, naming the file."""
    for place, _, names in os.walk(folder):
        for name in names:
            sync_file(Path(place, name))
        sync_folder(Path(place))


def sync_file(path: Path) -> None:
    """Open a file and sync it. Raises StorageError."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError as error:
        raise StorageError(f"syncing {path} failed: {error.strerror}", "check the disk") from None
    try:
        sync(descriptor, path)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make the renames in a folder durable. Does nothing on file systems that cannot sync folders."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise write_failed(folder, error) from None
    finally:
        os.close(descriptor)


def rights(path: Path) -> os.stat_result | None:
    """Owner, group and mode of the file at ``path``, for ``keep_rights``; None when there is none."""
    try:
        return path.stat()
    except OSError:
        return None


def keep_rights(new: Path | int, before: os.stat_result) -> None:
    """Copy owner, group and mode of a file to the one that will replace it, as far as this process may.

    ``new`` is a path or a descriptor. A group that cannot be copied gets no rights.
    """
    for owner, group in ((-1, before.st_gid), (before.st_uid, -1)):
        with suppress(OSError):
            os.chown(new, owner, group)
    kept = os.stat(new).st_gid == before.st_gid
    with suppress(OSError):
        os.chmod(new, before.st_mode & (0o777 if kept else 0o707))
