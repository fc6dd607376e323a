"""``nmt train --devices N``: the same command in N processes, as torchrun would start it.

When one process is killed, the others are ended and all restart from the last checkpoint. When one ends with an error,
the command ends with its exit code and its message. Knows processes; nothing of training.
"""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

import nmt
from nmt.cli.console import say
from nmt.cli.signals import catch_signals, die_by
from nmt.errors import BusyError
from nmt.text.machine import available_cores

MOST_RESTARTS = 3  # in a row, without a new checkpoint or another synthetic pair
GRACE = 10.0  # seconds in which the other processes notice that one has ended
PROGRAM = "import sys; sys.path.append(sys.argv.pop(1)); from nmt.cli import main; main()"  # this same nmt
Children = dict[int, subprocess.Popen[bytes]]  # by rank


def launch(processes: int, run: Path, threads: int) -> None:
    """Run this process's command line in ``processes`` others and end as they do. ``threads`` is for each, 0 for auto.

    Raises BusyError when they are killed again and again without saving anything.
    """
    received: list[int] = []  # signals
    children: Children = {}

    def forward(number: int, frame: FrameType | None) -> None:
        received.append(number)
        for child in children.values():
            child.send_signal(number)

    catch_signals(forward)
    restarts = 0
    while True:
        before = saved(run)
        store = rendezvous()  # it lives as long as this name
        start(children, processes, threads, store.port)
        for number in received[:]:  # signals that came before all processes were started
            forward(number, None)
        ended = wait(children)
        if received:
            die_by(received[0])
        killed = {rank: -code for rank, code in ended.items() if code < 0}
        if not killed:
            raise SystemExit(next((ended[rank] for rank in sorted(ended) if ended[rank]), 0))
        rank, number = next(iter(killed.items()))
        what = f"process {rank} of {processes} was ended by {signal.Signals(number).name}"
        restarts = restarts + 1 if saved(run) == before else 0
        if restarts > MOST_RESTARTS:
            raise BusyError(f"{what}, again and again", "find out what ends it, then give the same command again")
        say(f"warning: {what}; all restart from the last checkpoint")


def rendezvous() -> Any:
    """A store for torch.distributed's rendezvous, at a port of this process that only this machine can reach."""
    import socket

    from torch.distributed import TCPStore  # type: ignore[attr-defined]

    # The store's own socket would listen at every address of the machine.
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    return TCPStore("127.0.0.1", port, is_master=True, wait_for_workers=False, master_listen_fd=listening.detach())


def start(children: Children, processes: int, threads: int, port: int) -> None:
    """Start the processes, with their rendezvous at ``port``. They import nothing from the current folder."""
    place = str(Path(nmt.__file__).absolute().parents[1])
    for rank in range(processes):
        environment = {
            "RANK": str(rank),
            "LOCAL_RANK": str(rank),
            "WORLD_SIZE": str(processes),
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port),
            "TORCHELASTIC_USE_AGENT_STORE": "True",
            "OMP_NUM_THREADS": str(threads or max(1, available_cores() // processes)),
        }
        if sys.platform == "linux":
            environment["GLOO_SOCKET_IFNAME"] = "lo"  # else gloo looks up the address of this machine's name
        # In sessions of their own: a signal from the terminal reaches them once, through this process.
        children[rank] = subprocess.Popen(
            [sys.executable, "-P", "-c", PROGRAM, place, *sys.argv[1:]],
            env={**os.environ, **environment},
            start_new_session=True,
        )


def wait(children: Children) -> dict[int, int]:
    """The exit code of each rank, or minus the signal that ended it, once all have ended.

    Survivors are killed GRACE seconds after one process has failed; their code is 0.
    """
    ended: dict[int, int] = {}
    last_moment = float("inf")
    while children:
        for rank, child in list(children.items()):
            code = child.poll()
            if code is not None:
                ended[rank] = code
                del children[rank]
                if code and last_moment == float("inf"):
                    last_moment = time.monotonic() + GRACE
        if time.monotonic() > last_moment:
            for rank in list(children):
                child = children.pop(rank)
                child.kill()
                child.wait()
                ended[rank] = 0  # killed from here, so its code says nothing
        time.sleep(0.02)
    return ended


def saved(run: Path) -> tuple[str, list[int]]:
    """What restarts go on from: the newest checkpoint, "" for none, and the sizes of unfinished synthetic pairs."""
    newest, sizes = max((path.name for path in (run / "checkpoints").glob("step-*")), default=""), []
    for path in sorted(run.glob("synthetic/*.partial/*")):
        with suppress(FileNotFoundError):  # it has just been renamed
            sizes.append(path.stat().st_size)
    return newest, sizes
