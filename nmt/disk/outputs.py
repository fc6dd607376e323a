"""Checks of output paths, before work begins: against each other and the inputs. Knows paths; not what they hold."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from nmt.disk.durable import cannot_create
from nmt.disk.files import written_directly
from nmt.errors import CannotCreateError, UsageError


def check_outputs(outputs: Iterable[tuple[str, Path | None]], inputs: Iterable[Path], made: Path | None = None) -> None:
    """Check the files that a command will write, each given with the name of its flag for the error.

    Raises CannotCreateError when a file cannot be created, UsageError when two outputs are the same file or an output
    is an input. An input folder stands for the files in it. Files are compared by inode, so a link equals its target.
    Pipes and devices are not checked. A descriptor like /dev/stdout must not be an input, which would be read and
    appended to without end. ``made`` is a folder that the command creates later, with its parents.
    """
    read = {_identity(file) for path in inputs for file in _files(path)}
    written: dict[object, str] = {}
    for flag, path in outputs:
        if not path:
            continue
        if written_directly(path):
            if path.is_file() and _identity(path) in read:
                raise UsageError(f"{flag} is an input as well", "write to another file")
            continue
        _refuse_impossible(Path(os.path.realpath(path)), Path(os.path.realpath(made)) if made else None)
        identity = _identity(path)
        if identity in read:
            raise UsageError(f"{flag} {path} is an input as well", "name another file")
        if identity in written:
            raise UsageError(f"{written[identity]} and {flag} are the same file, {path}", "name two files")
        written[identity] = flag


def _files(path: Path) -> list[Path]:
    try:
        return [Path(entry) for entry in os.scandir(path)] if os.path.isdir(path) else [path]
    except OSError:  # reading it raises the error
        return []


def _identity(path: Path) -> object:
    """A value that all names of a file share: its inode, or its resolved path if it does not exist yet."""
    try:
        about = os.stat(path)
    except OSError:
        return os.path.realpath(path)
    return about.st_dev, about.st_ino


def _refuse_impossible(path: Path, made: Path | None) -> None:
    """Raise CannotCreateError if no file can be created here. Creates none to try, as a kill would leave it behind."""
    if os.path.isdir(path):
        raise CannotCreateError(f"{path} is a folder", "name a file")
    place = path
    while made and not os.path.lexists(place.parent) and (place.is_relative_to(made) or made.is_relative_to(place)):
        place = place.parent
    try:
        with suppress(FileNotFoundError):
            place.lstat()  # fails if the name is too long, or its parent is not a folder
        place.parent.stat()
    except OSError as error:
        raise cannot_create(path, error) from None
    if not os.access(place.parent, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        raise CannotCreateError(f"cannot create {path}: {place.parent} is not writable", "choose another folder")
