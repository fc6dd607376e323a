"""Outputs, held against each other and the inputs before work begins. Knows paths; nothing of what they hold."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from nmt.disk.durable import cannot_create
from nmt.disk.files import written_directly
from nmt.errors import CannotCreateError, UsageError


def check_outputs(outputs: Iterable[tuple[str, Path | None]], inputs: Iterable[Path], made: Path | None = None) -> None:
    """Raise what is wrong with the files that a command is about to write, by the names of their flags.

    CannotCreateError for one that cannot be made, UsageError for two that are one file or one that is an input. An
    input that is a folder stands for the files in it. Files are compared by inode, so a link is what it leads to.
    Pipes and devices may be anything, and an open descriptor like /dev/stdout anything but an input: what is appended
    to it would be read again, without end. ``made`` is a folder that is still to be made, with those above it.
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
            raise UsageError(f"{written[identity]} and {flag} are one file, {path}", "name two")
        written[identity] = flag


def _files(path: Path) -> list[Path]:
    try:
        return [Path(entry) for entry in os.scandir(path)] if os.path.isdir(path) else [path]
    except OSError:  # whoever reads it says so
        return []


def _identity(path: Path) -> object:
    """What two names of one file have in common: its inode, or its place where there is no file yet."""
    try:
        about = os.stat(path)
    except OSError:
        return os.path.realpath(path)
    return about.st_dev, about.st_ino


def _refuse_impossible(path: Path, made: Path | None) -> None:
    """Raise CannotCreateError where no file can be made. Nothing is tried out: a kill would leave it there."""
    if os.path.isdir(path):
        raise CannotCreateError(f"{path} is a folder", "name a file")
    place = path
    while made and not os.path.lexists(place.parent) and (place.is_relative_to(made) or made.is_relative_to(place)):
        place = place.parent
    try:
        with suppress(FileNotFoundError):
            place.lstat()  # its name may be too long, or what it is in no folder
        place.parent.stat()
    except OSError as error:
        raise cannot_create(path, error) from None
    if not os.access(place.parent, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        raise CannotCreateError(f"cannot create {path}: {place.parent} cannot be written to", "choose another folder")
