"""Models in CTranslate2's format in the user's cache: made once, and held to their hashes whenever they are used.

A copy is found by the hash of its model's manifest. Where there can be no cache that is the user's alone, a copy is
made in a temporary folder and removed after it was loaded. Knows folders and hashes; not what the copies hold.
"""

import os
import stat
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from nmt.disk.debris import remove, sweep, unfinished
from nmt.disk.durable import cannot_create
from nmt.disk.files import sha256
from nmt.disk.folders import create_folder
from nmt.disk.manifest import NAME, read_manifest, refuse_strange, write_manifest
from nmt.errors import CannotCreateError, DataError, MissingInputError, NmtError, NmtWarning, StorageError
from nmt.store.ctranslate2_model import check_weights, write_ctranslate2
from nmt.store.model_folder import ModelFolder

KIND = "model for CTranslate2"
FORMAT = 4  # raised when write_ctranslate2 writes something else
UNUSED = 30 * 24 * 3600.0  # seconds
FILES = {NAME, "model.bin", "config.json", *(f"{side}_vocabulary.json" for side in ("source", "target", "shared"))}
"""What a copy may hold, also when its manifest cannot be read."""

Loaded = TypeVar("Loaded")


def load_cached(model: ModelFolder, load: Callable[[Path], Loaded]) -> Loaded:
    """What ``load`` makes of a folder with the model in CTranslate2's format.

    A copy in the cache that is not as it was written, or at which ``load`` raises DataError, is made anew. Warns when
    there can be no cache. Raises what ``load`` raises of a new copy, DataError when the model itself is damaged, and
    CannotCreateError or StorageError when there is no room for a temporary folder either.
    """
    anew = False
    while True:
        try:
            place = cache_folder() / sha256(model.folder / NAME)
            made = anew or not is_whole(place)
            if made:
                make(model, place)
            else:
                check_weights(model)  # or a model whose file was damaged since would seem whole
        except (CannotCreateError, StorageError) as error:
            warnings.warn(
                NmtWarning(f"no cache for CTranslate2: {error.what}; the model is converted each time"), stacklevel=2
            )
            return load_temporary(model, load)
        try:
            return load(place)
        except DataError:
            if made:
                raise
            anew = True


def cache_folder() -> Path:
    """The folder for copies by this version of CTranslate2, made if need be, where nobody else can write.

    Raises CannotCreateError or StorageError, naming what is in the way.
    """
    import ctranslate2

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
    make_private(ours / f"ctranslate2-{ctranslate2.__version__}-{FORMAT}")
    return ours / f"ctranslate2-{ctranslate2.__version__}-{FORMAT}"


def make_private(folder: Path) -> None:
    """Make a folder, or find it, that is this user's and nobody else can write to. Raises CannotCreateError."""
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


def is_whole(place: Path) -> bool:
    """Whether there is a copy, each byte as it was written; then it counts as used now."""
    try:
        read_manifest(place)
        refuse_strange(place, KIND)
    except (MissingInputError, DataError, CannotCreateError, StorageError):
        return False
    with suppress(OSError):
        os.utime(place)
    return True


def make(model: ModelFolder, place: Path) -> None:
    """Write a copy into the cache, and remove from it what has not been used for a month."""
    for version in place.parent.parent.glob("ctranslate2-*"):
        if not version.is_symlink():
            remove_unused(version)
    with create_folder(place, lambda folder: refuse_strange(folder, KIND, FILES)) as folder:
        write_ctranslate2(model, folder)
        write_manifest(folder, {"kind": KIND})


def remove_unused(version: Path) -> None:
    """Remove the copies that have not been used for so long that their models may be gone."""
    with suppress(OSError, NmtError):
        sweep(version)
        for path in version.iterdir():
            if time.time() - path.lstat().st_mtime > UNUSED:
                with suppress(CannotCreateError):
                    refuse_strange(path, KIND, FILES)
                    remove(path)


def load_temporary(model: ModelFolder, load: Callable[[Path], Loaded]) -> Loaded:
    """``load_cached`` without a cache."""
    try:
        folder = Path(tempfile.mkdtemp(prefix="nmt-"))
    except OSError:
        raise CannotCreateError("there is no folder for temporary files", "set TMPDIR to one") from None
    unfinished.add(folder)
    try:
        try:
            write_ctranslate2(model, folder)
        except OSError as error:
            raise cannot_create(folder, error) from None
        return load(folder)
    finally:
        remove(folder)
        unfinished.discard(folder)
