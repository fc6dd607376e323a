"""``nmt train --devices N``: the same command N times, as torchrun would start it, and what becomes of it.

A process that someone killed takes the others along, and all begin again from the last checkpoint. Whatever else ends
one of them ends the command, with that one's exit code and its words.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

import nmt
from nmt.cli.console import say
from nmt.cli.signals import catch_signals, die_by
from nmt.errors import BusyError
from nmt.text.machine import available_cores

IN_VAIN = 3  # times that a run is begun again without having saved anything in between
GRACE = 10.0  # seconds in which processes hear that another one has ended
PROGRAM = "import sys; sys.path.append(sys.argv.pop(1)); from nmt.cli import main; main()"  # this same nmt
Children = dict[int, subprocess.Popen[bytes]]  # by rank


def launch(processes: int, run: Path, threads: int) -> None:
    """Run this process's own command line in so many others, until all have ended."""
    asked: list[int] = []
    children: Children = {}

    def hand_on(number: int, frame: FrameType | None) -> None:
        asked.append(number)
        for child in children.values():
            child.send_signal(number)

    catch_signals(hand_on)
    in_vain = 0
    while True:
        before = saved(run)
        store = meeting_place()  # for as long as they run
        start(children, processes, threads, store.port)
        for number in asked[:]:  # which came before all of them were there
            hand_on(number, None)
        ended = wait(children)
        if asked:
            die_by(asked[0])
        killed = {rank: -code for rank, code in ended.items() if code < 0}
        if not killed:
            raise SystemExit(next((ended[rank] for rank in sorted(ended) if ended[rank]), 0))
        rank, number = next(iter(killed.items()))
        what = f"process {rank} of {processes} was ended by {signal.Signals(number).name}"
        in_vain = in_vain + 1 if saved(run) == before else 0
        if in_vain > IN_VAIN:
            raise BusyError(f"{what}, again and again", "find out what ends it, then give the same command again")
        say(f"warning: {what}; all begin again from the last checkpoint")


def meeting_place() -> Any:
    """Where processes find each other: at a port of this process, which only this machine can reach."""
    import socket

    from torch.distributed import TCPStore  # type: ignore[attr-defined]

    # A socket of our own: one that the store opens listens at every address of the machine.
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    return TCPStore("127.0.0.1", port, is_master=True, wait_for_workers=False, master_listen_fd=listening.detach())


def start(children: Children, processes: int, threads: int, port: int) -> None:
    """Start the processes, which meet at the port. Nothing is imported from the current folder."""
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
            environment["GLOO_SOCKET_IFNAME"] = "lo"  # or it asks for the address of this machine's name
        # In sessions of their own: what a terminal sends comes to them through this process, once.
        children[rank] = subprocess.Popen(
            [sys.executable, "-P", "-c", PROGRAM, place, *sys.argv[1:]],
            env={**os.environ, **environment},
            start_new_session=True,
        )


def wait(children: Children) -> dict[int, int]:
    """Wait for all; the exit code of each rank, or minus a signal. Who goes on though one has failed is killed."""
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
                ended[rank] = 0  # this end is our doing, and says nothing
        time.sleep(0.02)
    return ended


def saved(run: Path) -> str:
    """The newest checkpoint."""
    return max((path.name for path in (run / "checkpoints").glob("step-*")), default="")
