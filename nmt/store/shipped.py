"""A model on its way to another machine, where it is kept by its hash: the files of a model folder, as bytes.

Knows folders and hashes; not how the bytes travel.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from nmt.disk.manifest import NAME, check_files
from nmt.store.model_cache import cached_model
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
        """The folder of the model in this machine's cache. Raises CannotCreateError or StorageError without one."""

        def fill(folder: Path) -> None:
            for name, data in self.files.items():
                data.tofile(folder / name)

        return cached_model(self.digest, fill)
