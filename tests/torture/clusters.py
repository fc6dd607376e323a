"""Kills on a Ray cluster of two nodes while a file is translated: of a worker, a node or the driver.

The file has the bytes of one process, and no window is given to workers more than twice. Each trial kills once, when a
random number of windows is done.

By hand: python -m tests.torture --areas 'a worker of a cluster' --json FILE
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from .area import Skipped, dice, failures_of, require
from .forked import LONGEST
from .lines import ODD
from .tiny import bundled_lines, tiny_model

WINDOW = 4  # lines
# Small windows; on standard output a line for each window that is given to a worker, and for each that is saved.
DRIVER = f"""
import os
from nmt.cli import main
from nmt.decoding.translator import Translator
from nmt.spread.pool import _Seat
from nmt.spread.translators import ClusterTranslator
from nmt.store.resumable import Resumable
ClusterTranslator.window = {WINDOW}
Translator.window = property(lambda self: {WINDOW}, lambda self, value: None)
def told(owner, name, what):
    before = getattr(owner, name)
    def tell(self, *given):
        os.write(1, what(*given).encode() + b"\\n")
        return before(self, *given)
    setattr(owner, name, tell)
told(_Seat, "give", lambda task: f"given {{task.item.before}}")
told(Resumable, "add", lambda *window: "saved")
main()
"""
Victim = Literal["worker", "node", "driver"]


class TwoNodes:
    """A head that does no work, where the driver is, and two nodes of a core."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        # Workers import nmt from here, and keep models in a cache of their own.
        self._cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
        self.nodes = [self._add() for _ in range(2)]
        self.address: str = self._cluster.address

    def _add(self) -> Any:
        return self._cluster.add_node(num_cpus=1, include_dashboard=False)

    def mend(self) -> None:
        """Replace a node that was killed."""
        for place, node in enumerate(self.nodes):
            if not running(raylet(node)):
                with suppress(Exception):
                    self._cluster.remove_node(node)
                self.nodes[place] = self._add()

    def kill(self, victim: Victim, draw: random.Random) -> bool:
        """Kill a worker, or a node's process that starts workers, from outside; whether there was one."""
        found = [raylet(node) for node in self.nodes]
        if victim == "worker":
            found = [worker for each in found for worker in workers_of(each)]
        with suppress(ProcessLookupError, IndexError):
            os.kill(draw.choice(found), signal.SIGKILL)
            return True
        return False

    def close(self) -> None:
        self._cluster.shutdown()


def raylet(node: Any) -> int:
    """The number of the process of a node."""
    return int(node.all_processes["raylet"][0].process.pid)


def running(process: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def workers_of(parent: int) -> list[int]:
    """The processes of a raylet that translate."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError):
            own = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if own == parent and b"_Worker" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
    return found


@dataclass(frozen=True)
class ClusterKilled:
    """Trials of one file each, with a kill of one kind of process."""

    name: str
    victim: Victim
    full: int = 50
    quick: int = 0  # Ray takes seconds to start: tests/test_spread.py kills workers and drivers of a small one

    def run(self, workplace: Path, trials: int, seed: int) -> list[str]:
        """Run the trials; return the failures, each with its seed."""
        if find_spec("ray") is None:
            raise Skipped("Ray is not installed")
        os.environ["XDG_CACHE_HOME"] = str(workplace / "cache")
        tiny_model(workplace / "model", seed)
        with closing(TwoNodes()) as there:

            def do(number: int) -> None:
                folder = workplace / f"trial-{number}"
                folder.mkdir()
                there.mend()
                Translating(folder, workplace / "model", there, dice(seed, number)).killed(self.victim)

            return failures_of((f"seed {seed}, trial {number}", partial(do, number)) for number in range(trials))


class Translating:
    """A file, translated by one process and by the cluster with a kill."""

    def __init__(self, folder: Path, model: Path, there: TwoNodes, draw: random.Random) -> None:
        self.folder, self.there, self.draw = folder, there, draw
        lines = [line.encode() for line in draw.sample(bundled_lines("ko", 2000), draw.randrange(60, 120))]
        for _ in range(draw.randrange(4)):
            lines.insert(draw.randrange(len(lines)), draw.choice([odd for odd in ODD.values() if len(odd) < 500]))
        (folder / "in").write_bytes(b"\n".join(lines))
        self.windows = -(-((folder / "in").read_bytes().count(b"\n") + 1) // WINDOW)
        search = f"--beam-size 2 --max-length-factor 0.2 --threads 1 --engine {draw.choice(['torch', 'ctranslate2'])}"
        form = draw.choice(["", "--format jsonl --check"])
        self.command = ["translate", str(model), str(folder / "in"), *search.split(), *form.split()]

    def driver(self, name: str, *more: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", DRIVER, *self.command, "-o", str(self.folder / name), *more]
        with (self.folder / f"{name}.errors").open("a") as errors:
            return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, encoding="utf-8")

    def killed(self, victim: Victim) -> None:
        """Kill once, run again what has ended, and compare. Raises Failed."""
        whole = self.driver("whole")
        whole.communicate(timeout=LONGEST)
        require(whole.returncode == 0, f"one process ended with {whole.returncode}: {self.said('whole')}")
        cluster = ("--cluster", self.there.address)
        process, saved, given = self.driver("spread", *cluster), 0, Counter[str]()
        # When the last windows are saved, no worker may be left to kill.
        wanted, killed = self.draw.randrange(self.windows - 2), False
        assert process.stdout
        for line in process.stdout:
            given[line] += line.startswith("given")
            saved += line.startswith("saved")
            if not killed and saved >= wanted and bool(given):
                time.sleep(self.draw.random() / 20)
                if victim == "driver":
                    process.kill()
                killed = victim == "driver" or self.there.kill(victim, self.draw)
        code = process.wait()
        require(killed, "nothing was killed")
        require(code == 0 or (victim == "driver" and code == -signal.SIGKILL), f"it ended with {code}: {self.said()}")
        if code and not (self.folder / "spread").exists():  # else it was killed when all was done: compared below
            again = self.driver("spread", *cluster)
            told, _ = again.communicate(timeout=LONGEST)
            given.update(line for line in told.splitlines(keepends=True) if line.startswith("given"))
            require(again.returncode == 0, f"the resumed driver ended with {again.returncode}: {self.said()}")
        same = (self.folder / "spread").read_bytes() == (self.folder / "whole").read_bytes()
        require(same, "the cluster's file has other bytes")
        require(max(given.values()) <= 2, f"windows were given more than twice: {given.most_common(2)}")

    def said(self, name: str = "spread") -> list[str]:
        return (self.folder / f"{name}.errors").read_text().splitlines()[-3:]


AREAS = (
    ClusterKilled("a worker of a cluster is killed", "worker"),
    ClusterKilled("a node of a cluster is killed", "node"),
    ClusterKilled("the driver of a cluster is killed", "driver"),
)
