"""Locks that let one process work at a time; the kernel releases them however their holder dies.

Knows paths; nothing of what they protect.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from nmt.disk.durable import cannot_create
from nmt.errors import BusyError


@contextmanager
def exclusive(path: Path, what: str) -> Iterator[None]:
    """Hold a lock on the file ``path`` while the block runs; the file is created if missing and never removed.

    Raises BusyError at once if another process, or another part of this process, holds the lock; ``what`` names the
    locked thing in its message. Raises CannotCreateError or StorageError when the file cannot be created.
    """
    from filelock import Timeout

    with ExitStack() as stack:
        try:
            stack.enter_context(in_turn(path, waits=False))
        except Timeout:
            message = f"{what} is in use by another process"
            raise BusyError(message, "wait for it to end, or choose another `output`") from None
        yield


@contextmanager
def in_turn(path: Path, waits: bool = True) -> Iterator[None]:
    """Hold a lock on the file ``path`` while the block runs, after all who hold it or wait for it already.

    Raises CannotCreateError or StorageError when the file cannot be created; filelock's Timeout, without ``waits``,
    when the lock is held.
    """
    from filelock import FileLock, Timeout

    # Not thread-local, because a signal handler or another thread may have to release it. No soft lock: that is a file
    # which stays behind when its holder is killed.
    held = FileLock(path, blocking=waits, thread_local=False, fallback_to_soft=False)
    try:
        held.acquire()
    except Timeout:  # an OSError
        raise
    except OSError as error:
        raise cannot_create(path, error) from None
    try:
        yield
    finally:
        held.release()


def lock(descriptor: int) -> bool | None:
    """Lock an open file or folder until it is closed. False when another process has it, None without locks here.

    The kernel releases the lock however its holder dies. It also holds between containers that share a folder, where
    a process number may belong to somebody else.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def share(path: Path) -> int:
    """Open a file or folder and lock it along with others who share it, so that ``lock`` fails until it is closed.

    Waits for who has locked it alone. Raises OSError when it cannot be opened; without locks here it is only opened.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor
