"""Small disks: tmpfs of a chosen size, visible to this process and its children only."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .area import Skipped

PAGE = 4096
_NEW_MOUNTS, _PRIVATE, _ALL_BELOW, _REMOUNT, _DETACH = 0x00020000, 1 << 18, 1 << 14, 1 << 5, 2


def mounts_of_its_own() -> None:
    """Give this process private mounts, which end with it. Raises Skipped where that is impossible."""
    try:
        _called("unshare", _NEW_MOUNTS)
        _called("mount", b"none", b"/", None, _ALL_BELOW | _PRIVATE, None)
    except OSError as error:
        raise Skipped(f"this user cannot mount a tmpfs: {error.strerror}") from None


@contextmanager
def small_disk(folder: Path, pages: int) -> Iterator[None]:
    """Mount a disk of ``pages`` pages at ``folder`` while the block runs."""
    folder.mkdir(exist_ok=True)
    _called("mount", b"none", bytes(folder), b"tmpfs", 0, b"size=%d" % (PAGE * pages))
    try:
        yield
    finally:
        _called("umount2", bytes(folder), _DETACH)


def make_room(folder: Path) -> None:
    """Enlarge the disk so that everything fits."""
    _called("mount", b"none", bytes(folder), b"tmpfs", _REMOUNT, b"size=1G")


def pages_of(folder: Path) -> int:
    """Number of pages that the folder's content takes on a tmpfs."""
    return sum(-(-path.stat().st_size // PAGE) for path in folder.rglob("*") if path.is_file())


def _called(name: str, *arguments: object) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*arguments):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
