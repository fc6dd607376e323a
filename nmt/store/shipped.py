"""A model on its way to another machine, where it is kept by its hash: the files of a model folder, as bytes.

Knows folders and hashes; not how the bytes travel.
"""

import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from nmt.disk.files import sha256
from nmt.disk.folders import create_folder
from nmt.disk.manifest import NAME, check_files, read_manifest
from nmt.errors import NmtError
from nmt.store.cache import private_folder
from nmt.store.model_folder import ModelFolder


@dataclass(frozen=True)
class Shipped:
    """The files of a model folder by their names, each uint8 (bytes,), and the hash of its manifest."""

    digest: str
    files: Mapping[str, npt.NDArray[np.uint8]]

    @classmethod
    def pack(cls, model: ModelFolder) -> Self:
        """Read the manifest and the files that it names. Raises DataError unless they have their hashes."""
        check_files(model.folder, model.manifest)
        names = [NAME, *model.manifest["files"]]
        return cls(model.digest, {name: np.fromfile(model.folder / name, np.uint8) for name in names})

    def unpack(self) -> Path:
        """The folder of the model in this machine's cache; it is made unless it is there.

        One that has changed is made again. Raises CannotCreateError or StorageError when none can be made.
        """
        place = private_folder("models") / self.digest
        with suppress(NmtError, OSError):
            if sha256(place / NAME) == self.digest:
                check_files(place, read_manifest(place, verify=False))
                return place
        shutil.rmtree(place, ignore_errors=True)  # it lies where nobody but nmt writes
        with create_folder(place) as folder:
            for name, data in self.files.items():
                data.tofile(folder / name)
        return place
