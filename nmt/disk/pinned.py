"""Open folders: a path that leads to the same folder even if a link takes the folder's name meanwhile.

Knows folders by their descriptors; nothing of what they hold.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nmt.disk.untrusted import cannot_open
from nmt.errors import CannotCreateError, NmtError


@contextmanager
def pinned(folder: Path) -> Iterator[Path]:
    """A path that leads to this very ``folder`` for the whole block, even if a link takes its name meanwhile.

    On Linux the path goes through an open descriptor; elsewhere it is ``folder`` itself. Errors raised in the block
    name ``folder``. Raises MissingInputError when there is no folder, UnreadableError when this user may not open it,
    and CannotCreateError for a link.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        if folder.is_symlink():
            raise CannotCreateError(f"{folder} is a link", "put what it leads to in its place") from None
        raise cannot_open(folder, error) from None
    try:
        with by_descriptor(folder, descriptor) as inside:
            yield inside or folder
    finally:
        os.close(descriptor)


@contextmanager
def by_descriptor(folder: Path, descriptor: int) -> Iterator[Path | None]:
    """The path of an open folder by its descriptor, or None where the system has none. Errors name ``folder``."""
    path = Path(f"/proc/self/fd/{descriptor}")
    try:
        yield path if path.is_dir() else None
    except NmtError as error:
        error.what, error.mend = (
            re.sub(rf"{re.escape(str(path))}(?![0-9])", lambda _: str(folder), text)
            for text in (error.what, error.mend)
        )
        raise
