"""Whole or not there: names for what is unfinished, syncing, renaming, and folders that appear at once.

Whatever is being made stands under a hidden name beside its own until it is whole and on the disk. A killed process
leaves such names behind; the next that makes the same thing removes them. Knows paths; nothing of what they hold.
"""

import errno
import fcntl
import os
import re
import secrets
import shutil
import socket
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nmt.disk.untrusted import cannot_open
from nmt.errors import FULL, CannotCreateError, NmtError, StorageError, write_failed

unfinished: set[Path] = set()  # what this process is making
_FAILING = {*FULL, errno.EIO}  # the disk, not the path
_HIDDEN = re.compile(
    r"\.(?P<name>.+)\.(?P<kind>partial|old)-(?P<process>\d+)-(?P<host>[a-z0-9]+)-[0-9a-f]{6}", re.DOTALL
)


@contextmanager
def create_folder(path: Path, refuse: Callable[[Path], None] | None = None) -> Iterator[Path]:
    """Fill a folder that appears at ``path`` whole when the block ends well and not at all otherwise.

    Yields a ``pinned`` path to a temporary folder beside ``path``. What stands there is replaced unless ``refuse``,
    such as ``nmt.disk.manifest.replaceable``, raises an error of it: before the block runs, and again right before the
    exchange. Without ``refuse`` nothing is replaced but an empty folder, and no link ever is. Raises CannotCreateError,
    or StorageError when the disk is full.
    """
    refuse = refuse or refuse_occupied
    refuse(path)
    before = rights(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial, held = make_partial(path, 0o700 if before else 0o777)
    except OSError as error:
        raise cannot_create(path, error) from None
    try:
        sweep(path.parent, path.name)
        with naming(path, held) as inside:
            yield inside or partial
            if before:
                keep_rights(held, before)
            sync_tree(inside or partial)
        refuse(path)
        old = None
        if os.path.lexists(path):
            old = exchange(partial, path)
        else:
            rename(partial, path)
        sync_folder(path.parent)
        if old:
            remove(old)
    except NmtError:
        raise
    except OSError as error:
        if error.errno in _FAILING:
            raise write_failed(path, error) from None
        raise
    finally:
        remove(partial)
        unfinished.discard(partial)
        os.close(held)


def make_partial(path: Path, mode: int) -> tuple[Path, int]:
    """Make a hidden folder beside ``path`` that is ``unfinished``, and a descriptor that holds it against sweeps."""
    for _ in range(100):
        partial = partial_name(path)
        partial.mkdir(mode)
        try:
            held = os.open(partial, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except FileNotFoundError:
            continue  # swept by another process before it was held
        if lock(held) is not False and partial.exists():
            unfinished.add(partial)
            return partial, held
        os.close(held)
    raise FileExistsError(errno.EEXIST, "others remove what is made there")


@contextmanager
def pinned(folder: Path) -> Iterator[Path]:
    """A path to ``folder`` that leads to this folder for the whole block, even if a link takes its name meanwhile.

    On Linux it goes by an open descriptor; elsewhere it is ``folder`` itself. An error from the block says ``folder``.
    Raises MissingInputError when no folder is there, UnreadableError for one that is closed to this user, and
    CannotCreateError for a link.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        if folder.is_symlink():
            raise CannotCreateError(f"{folder} is a link", "put what it leads to in its place") from None
        raise cannot_open(folder, error) from None
    try:
        with naming(folder, descriptor) as inside:
            yield inside or folder
    finally:
        os.close(descriptor)


@contextmanager
def naming(folder: Path, descriptor: int) -> Iterator[Path | None]:
    """The path of an open folder by its descriptor, None where the system has none; errors say ``folder`` instead."""
    path = Path(f"/proc/self/fd/{descriptor}")
    try:
        yield path if path.is_dir() else None
    except NmtError as error:
        error.what, error.mend = (
            re.sub(rf"{re.escape(str(path))}(?![0-9])", lambda _: str(folder), text)
            for text in (error.what, error.mend)
        )
        raise


def lock(descriptor: int) -> bool | None:
    """Lock an open file or folder until it is closed; False when another process has it, None where there are no locks.

    The kernel gives the lock back however its holder dies, and it counts for processes that do not see each other,
    as in containers that share a folder: a number of a process may be somebody else's there.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def rights(path: Path) -> os.stat_result | None:
    """Owner, group and mode of what stands at ``path``, for ``keep_rights``; None when nothing does."""
    try:
        return path.stat()
    except OSError:
        return None


def keep_rights(new: Path | int, before: os.stat_result) -> None:
    """Give what is about to replace a file or folder the owner, group and mode of that, as far as this process may.

    ``new`` is a path or a descriptor. A group that cannot be kept gets no rights.
    """
    for owner, group in ((-1, before.st_gid), (before.st_uid, -1)):
        with suppress(OSError):
            os.chown(new, owner, group)
    kept = os.stat(new).st_gid == before.st_gid
    with suppress(OSError):
        os.chmod(new, before.st_mode & (0o777 if kept else 0o707))


def discard_unfinished() -> None:
    """Remove what is being written, for a process that a signal is about to end; locks last."""
    for path in sorted(unfinished, key=lambda path: path.suffix == ".lock"):
        if path.is_dir():
            remove(path)
        else:
            path.unlink(missing_ok=True)


def remove(folder: Path) -> None:
    """Remove a folder, as far as that goes, and once more what was in the way for a moment."""
    for _ in range(2):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return


def partial_name(path: Path, kind: str = "partial") -> Path:
    """A hidden name beside ``path`` for what is not whole yet or about to go, which says whose it is."""
    return path.with_name(f".{path.name}.{kind}-{os.getpid()}-{_host()}-{secrets.token_hex(3)}")


def is_debris(name: str) -> bool:
    """Whether this is a ``partial_name``, of a process that works or of one that was killed."""
    return bool(_HIDDEN.fullmatch(name))


def sweep(folder: Path, name: str | None = None, ours: bool = False) -> None:
    """Remove what killed processes of this machine left unfinished in ``folder``, of ``name`` alone if given.

    With ``ours``, what processes of any machine left: the caller holds a lock without which nobody works there.
    """
    for path in folder.iterdir() if folder.is_dir() else ():
        found = _HIDDEN.fullmatch(path.name)
        if not found or name not in (None, found["name"]) or path in unfinished or path.is_symlink():
            continue
        if not ours and found["host"] != _host():
            continue
        with _left(path, int(found["process"])) as left:
            if ours or left:
                _tidy(path, path.with_name(found["name"]), found["kind"])


@contextmanager
def _left(path: Path, process: int) -> Iterator[bool]:
    """Whether nobody works at what stands there; meanwhile nobody else can begin to tidy it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:  # gone, or not ours to look at
        yield False
        return
    try:
        locked = lock(descriptor)
        yield not _is_alive(process) if locked is None else locked
    finally:
        os.close(descriptor)


def _tidy(path: Path, final: Path, kind: str) -> None:
    if kind == "old" and not os.path.lexists(final):
        rename(path, final)  # its owner was killed between the two renames of an exchange
    elif path.is_dir():
        remove(path)
    else:
        path.unlink(missing_ok=True)


def exchange(new: Path, path: Path) -> Path:
    """Put ``new`` in the place of ``path``; returns the hidden name under which what stood there is now.

    Where the system can, there is no moment without a ``path``. Raises CannotCreateError.
    """
    if swap(new, path):
        return new
    old = partial_name(path, "old")
    held = os.open(path, os.O_RDONLY)
    try:
        lock(held)  # or a sweep would put it back between the two
        rename(path, old)
        rename(new, path)
    finally:
        os.close(held)
    return old


def swap(one: Path, other: Path) -> bool:
    """Exchange two names in one step (Linux's renameat2); False when that cannot be done here."""
    if sys.platform != "linux":
        return False
    import ctypes

    at_working_folder, exchange_names = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        return False
    folder = at_working_folder
    failed: int = renameat2(folder, os.fsencode(one), folder, os.fsencode(other), exchange_names)
    return not failed


def _host() -> str:
    return re.sub("[^a-z0-9]", "", socket.gethostname().lower()) or "here"


def _is_alive(process: int) -> bool:
    """Whether another process has that number."""
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


def cannot_create(path: Path, error: OSError) -> NmtError:
    """The error for a file or folder that cannot be made: a full disk is a matter of its own."""
    if error.errno in _FAILING:
        return write_failed(path, error)
    return CannotCreateError(f"cannot create {path}: {error.strerror}", "check the folder and its rights")


def refuse_occupied(path: Path) -> None:
    """Raise CannotCreateError when something stands at ``path``: an empty folder is nothing, a link is something."""
    if path.is_dir() and not path.is_symlink() and not any(path.iterdir()):
        return
    if os.path.lexists(path):
        raise CannotCreateError(f"{path} exists already", "move it away or choose another name")


def refuse_irregular(path: Path) -> None:
    """Raise CannotCreateError when something other than a regular file, such as a link, stands at ``path``."""
    if os.path.lexists(path) and not stat.S_ISREG(path.lstat().st_mode):
        what = "a link" if path.is_symlink() else "no regular file"
        raise CannotCreateError(f"{path} is {what}", "move it away")


def rename(old: Path, new: Path) -> None:
    """Move ``old`` to ``new``, replacing a file there. Raises CannotCreateError."""
    try:
        os.replace(old, new)
    except OSError as error:
        raise cannot_create(new, error) from None


def publish(written: Path, path: Path) -> None:
    """Give a synced file its name, for good. Raises CannotCreateError when something in its place does not yield."""
    rename(written, path)
    sync_folder(path.parent)


def sync(descriptor: int, path: Path) -> None:
    """Have an open file's bytes on the disk. Raises StorageError, naming ``path``."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        raise write_failed(path, error) from None


def sync_tree(folder: Path) -> None:
    """Have every file of a folder, and the folder, on the disk. Raises StorageError, naming the file."""
    for place, _, names in os.walk(folder):
        for name in names:
            sync_file(Path(place, name))
        sync_folder(Path(place))


def sync_file(path: Path) -> None:
    """Have a file's bytes on the disk. Raises StorageError."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError as error:
        raise StorageError(f"syncing {path} failed: {error.strerror}", "check the disk") from None
    try:
        sync(descriptor, path)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make a rename durable; some file systems cannot sync a folder, and then there is nothing to do."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise write_failed(folder, error) from None
    finally:
        os.close(descriptor)
