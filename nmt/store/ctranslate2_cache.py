"""Copies of models in CTranslate2's format, in the user's cache: made once, and verified whenever they are used.

A copy is named by the hash of its model's manifest. Where no cache of this user alone can be made, a copy is made in a
temporary folder and removed once it is loaded. Knows folders and hashes; not what the copies hold.
"""

import os
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from nmt.disk.durable import cannot_create
from nmt.disk.folders import create_folder, temporary_folder
from nmt.disk.manifest import NAME, read_manifest, refuse_strange, write_manifest
from nmt.errors import CannotCreateError, DataError, MissingInputError, NmtWarning, StorageError
from nmt.store.cache import private_folder, remove_unused
from nmt.store.ctranslate2_model import FORMAT, checked_layout, write_ctranslate2
from nmt.store.model_folder import ModelFolder

KIND = "model for CTranslate2"
FILES = {NAME, "model.bin", "config.json", *(f"{side}_vocabulary.json" for side in ("source", "target", "shared"))}
"""Files of a copy; only these are replaced when its manifest cannot be read."""

Loaded = TypeVar("Loaded")


def load_cached(model: ModelFolder, load: Callable[[Path], Loaded]) -> Loaded:
    """The result of ``load`` for a folder that holds the model in CTranslate2's format.

    A copy in the cache that has changed, or for which ``load`` raises DataError, is made again. Warns when no cache can
    be made. Raises what ``load`` raises for a new copy, DataError when the model itself is damaged, and
    CannotCreateError or StorageError when no temporary folder can be made either.
    """
    try:
        place = cache_folder() / model.digest
        if is_whole(place):
            checked_layout(model)  # or a model whose weights were damaged since would seem whole
            with suppress(DataError):
                return load(place)
        make(model, place)
    except (CannotCreateError, StorageError) as error:
        warnings.warn(
            NmtWarning(f"no cache for CTranslate2: {error.what}; the model is converted each time"), stacklevel=2
        )
        return load_temporary(model, load)
    return load(place)


def cache_folder() -> Path:
    """The folder of the copies for this version of CTranslate2, created if missing; only this user can write to it.

    Raises CannotCreateError or StorageError, naming the obstacle.
    """
    import ctranslate2

    return private_folder(f"ctranslate2-{ctranslate2.__version__}-{FORMAT}")


def is_whole(place: Path) -> bool:
    """Whether a copy is there and unchanged; if so, it is marked as used now."""
    try:
        read_manifest(place)
        refuse_strange(place, KIND)
    except (MissingInputError, DataError, CannotCreateError, StorageError):
        return False
    with suppress(OSError):
        os.utime(place)
    return True


def make(model: ModelFolder, place: Path) -> None:
    """Write a copy into the cache, and remove copies that have not been used for a month."""
    for version in place.parent.parent.glob("ctranslate2-*"):
        if not version.is_symlink():
            remove_unused(version, KIND, FILES)
    with create_folder(place, lambda folder: refuse_strange(folder, KIND, FILES)) as folder:
        write_ctranslate2(model, folder)
        write_manifest(folder, {"kind": KIND})


def load_temporary(model: ModelFolder, load: Callable[[Path], Loaded]) -> Loaded:
    """``load_cached`` without a cache."""
    with temporary_folder() as folder:
        try:
            write_ctranslate2(model, folder)
        except OSError as error:
            raise cannot_create(folder, error) from None
        return load(folder)
