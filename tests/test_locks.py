"""Locks have one holder at a time, and are released when the holder dies."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nmt.disk.locks import exclusive
from nmt.errors import BusyError, CannotCreateError

HOLD = """
import signal, sys
from pathlib import Path
from nmt.disk.locks import exclusive
with exclusive(Path(sys.argv[1]), "it"):
    print("held", flush=True)
    signal.pause()
"""


def test_a_lock_has_one_holder_and_is_free_after_it(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with exclusive(lock, "the run"), pytest.raises(BusyError, match="the run is in use"), exclusive(lock, "the run"):
        pass
    with exclusive(lock, "the run"):
        pass


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(lock)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(BusyError), exclusive(lock, "it"):
            pass
        os.kill(holder.pid, signal.SIGKILL)
    with exclusive(lock, "it"):
        pass


def test_a_lock_that_cannot_be_made_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotCreateError, match="cannot create"), exclusive(tmp_path / "file" / "lock", "it"):
        pass
