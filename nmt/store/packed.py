"""A model in one file, ``model.nmt.zip``: the files of its folder in an archive, and what is read about it.

It may come from a stranger: its files must be those that its manifest lists, with their sizes and hashes, and a copy in
the cache is what is then used. Knows folders and archives; nothing of what a model holds.
"""

import hashlib
from pathlib import Path

from nmt.disk.files import sha256
from nmt.disk.manifest import LARGEST, NAME, check_files, read_manifest
from nmt.errors import DataError
from nmt.store.archive import Archive, open_archive, write_archive
from nmt.store.model_cache import KIND, cached_model

ENDING, README = ".zip", "README.md"


def pack(folder: Path, path: Path, card: str, recipe: str) -> None:
    """Write the model ``folder`` into one file, its card beside it. Raises DataError unless its files are whole."""
    manifest = read_manifest(folder, verify=False)
    check_files(folder, manifest)
    files: dict[str, Path | bytes] = {README: card.encode(), NAME: folder / NAME}
    write_archive(path, files | {name: folder / name for name in manifest["files"]}, "zip", recipe)


def is_packed(path: Path) -> bool:
    """Whether a path is a model in one file, by its name."""
    return path.name.endswith(ENDING) and path.is_file()


def unpacked(path: Path) -> Path:
    """The folder of the model in one file, in the user's cache. Raises DataError, naming the file, when it is damaged.

    Takes as much disk as the file, and memory for a piece of it.
    """
    with open_archive(path) as archive:
        raw = archive.read(NAME, LARGEST)

        def fill(folder: Path) -> None:
            (folder / NAME).write_bytes(raw)
            _extract(archive, folder)

        return cached_model(hashlib.sha256(raw).hexdigest(), fill)


def _extract(archive: Archive, folder: Path) -> None:
    """Write the files that the manifest in ``folder`` lists beside it."""
    try:
        manifest = read_manifest(folder, verify=False)
    except DataError as error:
        archive.refuse(error.what.replace(str(folder / NAME), NAME))
    if manifest.get("kind") != KIND:
        archive.refuse("its manifest is not that of a model")
    files = manifest["files"]
    if {*files, NAME} != {*archive.sizes} - {README}:
        archive.refuse("it has other files than its manifest lists")
    for name, fact in files.items():
        if archive.sizes[name] != fact["bytes"]:
            archive.refuse(f"{name} has {archive.sizes[name]} bytes, not {fact['bytes']}")
    for name, fact in files.items():
        archive.copy(name, folder / name)
        if sha256(folder / name) != fact["sha256"]:
            archive.refuse(f"{name} has changed since it was written")
