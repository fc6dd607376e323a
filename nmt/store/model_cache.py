"""Model folders in the user's cache, each under the hash of its manifest: whole, or made again. Knows no format."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from nmt.disk.files import sha256
from nmt.disk.folders import create_folder
from nmt.disk.locks import in_turn, share
from nmt.disk.manifest import NAME, check_files, read_manifest
from nmt.disk.untrusted import cannot_open
from nmt.errors import DataError, MissingInputError, UnreadableError
from nmt.store.cache import private_folder, remove_unused

KIND = "model"  # in manifests

_used: dict[tuple[int, int], int] = {}
"""Descriptors of the folders that this process uses, by device and inode: one that is open is not removed."""


def cached_model(digest: str, fill: Callable[[Path], None]) -> Path:
    """The folder of the model with that hash in this machine's cache; ``fill`` writes it unless it is there unchanged.

    It stays until this process ends; models that were not used for a month, and that nobody uses, are removed. One that
    cannot be read, for its rights or its disk, is not made again. Raises what ``fill`` raises, the error of what cannot
    be read, and CannotCreateError or StorageError when no folder can be made.
    """
    models = private_folder("models")
    place = models / digest
    if not _is_whole(place, digest):
        with in_turn(models / "unpacking"):
            if not _is_whole(place, digest):  # another process may have made it meanwhile
                remove_unused(models, KIND)
                with create_folder(place, lambda _: None) as folder:  # it lies where nobody but nmt writes
                    fill(folder)
                _keep(place)
    with suppress(OSError):  # a cache that is whole but read-only is used, too
        os.utime(place)
    return place


def _is_whole(place: Path, digest: str) -> bool:
    """Whether a model is there and unchanged; nobody removes it from before that look on."""
    try:
        _keep(place)
        if sha256(place / NAME) != digest:
            return False
        check_files(place, read_manifest(place, verify=False))
    except UnreadableError:
        raise
    except (DataError, MissingInputError):
        return False
    return True


def _keep(place: Path) -> None:
    """Share a lock on a folder until this process ends. Raises MissingInputError, or the error of what prevents it."""
    try:
        held = share(place)
    except OSError as error:
        raise cannot_open(place, error) from None
    about = os.fstat(held)
    if _used.setdefault((about.st_dev, about.st_ino), held) != held:
        os.close(held)
