"""Model folders in the user's cache, each under the hash of its manifest: whole, or made again. Knows no format."""

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from nmt.disk.files import sha256
from nmt.disk.folders import create_folder
from nmt.disk.manifest import NAME, check_files, read_manifest
from nmt.errors import NmtError
from nmt.store.cache import private_folder, remove_unused

KIND = "model"  # in manifests


def cached_model(digest: str, fill: Callable[[Path], None]) -> Path:
    """The folder of the model with that hash in this machine's cache; ``fill`` writes it unless it is there unchanged.

    Models that were not used for a month are removed. Raises what ``fill`` raises, and CannotCreateError or
    StorageError when no folder can be made.
    """
    models = private_folder("models")
    place = models / digest
    with suppress(NmtError, OSError):
        if sha256(place / NAME) == digest:
            check_files(place, read_manifest(place, verify=False))
            with suppress(OSError):  # a cache that is whole but read-only is used, too
                os.utime(place)
            return place
    remove_unused(models, KIND)
    shutil.rmtree(place, ignore_errors=True)  # it lies where nobody but nmt writes
    with create_folder(place) as folder:
        fill(folder)
    return place
