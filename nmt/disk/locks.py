"""One process at a time: locks that the kernel gives back when their holder dies, however it dies.

Knows paths; nothing of what they protect.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nmt.disk.durable import cannot_create
from nmt.errors import BusyError


@contextmanager
def exclusive(path: Path, what: str) -> Iterator[None]:
    """Hold the file ``path``, made if need be and left behind, while the block runs.

    Raises BusyError at once when another process (or another part of this one) holds it; ``what`` is what its work is
    called in that line. Raises CannotCreateError or StorageError when the file cannot be made.
    """
    from filelock import FileLock, Timeout

    # Not thread-local: a signal handler or another thread may have to let go of it. No soft lock, a file that stays
    # when its holder is killed, where a file system has none.
    held = FileLock(path, blocking=False, thread_local=False, fallback_to_soft=False)
    try:
        held.acquire()
    except Timeout:
        raise BusyError(
            f"{what} is in use by another process", "wait for it to end, or choose another `output`"
        ) from None
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
