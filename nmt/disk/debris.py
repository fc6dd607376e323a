"""Hidden names for unfinished files and folders, and the removal of what killed processes left under such names.

A file or folder has a hidden name beside its final one until it is whole and synced. A killed process leaves the
hidden name behind; the next process that writes the same thing removes it. Knows names and locks; nothing of what the
files hold.
"""

import os
import re
import secrets
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from nmt.disk.durable import rename
from nmt.disk.locks import lock

unfinished: set[Path] = set()  # the hidden names that this process is writing under
_recording = 0  # blocks of ``recording`` that the main thread is in
_late: list[Callable[[], object]] = []  # what waits for their end
_HIDDEN = re.compile(
    r"\.(?P<name>.+)\.(?P<kind>partial|old)-(?P<process>\d+)-(?P<host>[a-z0-9]+)-[0-9a-f]{6}", re.DOTALL
)


def partial_name(path: Path, kind: str = "partial") -> Path:
    """A new hidden name beside ``path``, with this process and machine in it.

    ``kind`` is "partial" for what is unfinished or about to go, "old" for what an exchange moved out of the way.
    """
    return path.with_name(f".{path.name}.{kind}-{os.getpid()}-{_host()}-{secrets.token_hex(3)}")


def is_debris(name: str) -> bool:
    """Whether a name was made by ``partial_name``, be its process alive or killed."""
    return bool(_HIDDEN.fullmatch(name))


def sweep(folder: Path, name: str | None = None, ours: bool = False) -> None:
    """Remove what killed processes of this machine left unfinished in ``folder``; with ``name``, for that name alone.

    With ``ours``, from processes of any machine: the caller holds a lock without which no process writes there.
    """
    for path in folder.iterdir() if folder.is_dir() else ():
        match = _HIDDEN.fullmatch(path.name)
        if not match or name not in (None, match["name"]) or path in unfinished or path.is_symlink():
            continue
        if not ours and match["host"] != _host():
            continue
        with _abandoned(path, int(match["process"])) as abandoned:
            if ours or abandoned:
                _tidy(path, path.with_name(match["name"]), match["kind"])


@contextmanager
def _abandoned(path: Path, process: int) -> Iterator[bool]:
    """Whether no process works at ``path`` any more. Within the block no other process can begin to remove it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:  # gone, or this user may not open it
        yield False
        return
    try:
        locked = lock(descriptor)
        yield not _is_alive(process) if locked is None else locked
    finally:
        os.close(descriptor)


def _tidy(path: Path, final: Path, kind: str) -> None:
    if kind == "old" and not os.path.lexists(final):
        rename(path, final)  # its process was killed between the two renames of an exchange
    else:
        _remove_any(path)


def _remove_any(path: Path) -> None:
    if path.is_dir():
        remove(path)
    else:
        path.unlink(missing_ok=True)


def _host() -> str:
    return re.sub("[^a-z0-9]", "", socket.gethostname().lower()) or "here"


def _is_alive(process: int) -> bool:
    """Whether a process other than this one has that number."""
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


def remove(folder: Path) -> None:
    """Remove a folder as far as possible. Tries twice, for another process may have been writing into it."""
    for _ in range(2):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return


@contextmanager
def recording() -> Iterator[None]:
    """A block that creates files and records them in ``unfinished``; what ``when_recorded`` is given waits for its end.

    Otherwise a signal between the two would leave a file that nobody knows. Holds in the main thread, which runs
    signal handlers.
    """
    global _recording
    ours = threading.current_thread() is threading.main_thread()
    _recording += ours
    try:
        yield
    finally:
        _recording -= ours
        while ours and not _recording and _late:
            _late.pop()()


def when_recorded(action: Callable[[], object]) -> None:
    """Call ``action``, which ends this process: now, or at the end of a block in which files are being created."""
    if _recording:
        _late.append(action)
    else:
        action()


def discard_unfinished() -> None:
    """Remove everything this process has not finished, lock files last: for a signal that ends the process now."""
    for path in sorted(unfinished, key=lambda path: path.suffix == ".lock"):
        _remove_any(path)
