"""What the comparisons share: timing whole commands in turn, and a peer's environment."""

import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from results import Figure

ROOT = Path(__file__).parents[1]
PLACE = ROOT / "build" / "bench"
PEERS = ROOT / "benchmarks" / "peers"
NMT = Path(sys.executable).with_name("nmt")
Command = Sequence[str | Path]


@dataclass
class Arm:
    """One of the commands that are compared, and what its runs took."""

    name: str
    command: Command
    output: Path | None = None  # what it writes, which is removed before each run
    environment: Mapping[str, str] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    memory: int = 0  # bytes, the most of all runs
    words: str = ""  # what it said when it failed

    @property
    def median(self) -> float:
        return statistics.median(self.seconds) if self.seconds else float("inf")

    def run(self) -> None:
        """Once more; an arm that failed is not run again."""
        if self.words:
            return
        if self.output and self.output.is_dir():
            shutil.rmtree(self.output)
        elif self.output:
            self.output.unlink(missing_ok=True)
        PLACE.mkdir(parents=True, exist_ok=True)
        log, figures = PLACE / "log", PLACE / "figures.json"
        timed = [sys.executable, "-S", ROOT / "benchmarks" / "timed.py", figures, *self.command]
        with log.open("wb") as said:
            ended = subprocess.run(timed, env={**os.environ, **self.environment}, stdout=said, stderr=said)
        if ended.returncode:
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
            self.words = lines[-1] if lines else f"ended with {ended.returncode}"
            return
        found = json.loads(figures.read_text(encoding="utf-8"))
        self.seconds.append(found["seconds"])
        self.memory = max(self.memory, found["memory"])

    def figures(self) -> list[Figure]:
        """Median time and most memory, or why there are none."""
        if self.words:
            return [Figure(self.name, "failed", None, note=self.words)]
        return [
            Figure(self.name, "time", round(self.median, 3), "s"),
            Figure(self.name, "memory", round(self.memory / 1e6), "MB"),
        ]

    def forget(self) -> None:
        """What its runs took so far: they were to warm up, or to choose by."""
        self.seconds.clear()
        self.memory = 0


def in_turn(arms: Sequence[Arm], repeats: int) -> None:
    """Run all of them, A B C A B C …, so that a machine whose speed drifts is fair to each."""
    for number in range(repeats):
        for arm in arms:
            arm.run()
            last = f"{arm.seconds[-1]:.2f} s" if arm.seconds else arm.words
            print(f"  {number + 1} of {repeats}: {arm.name}: {last}", flush=True)


def peer(name: str, packages: Sequence[str]) -> tuple[Path | None, str]:
    """The Python of a peer's own virtual environment, made on first use; or None and why it could not be made."""
    folder = PLACE / "peers" / name
    python = folder / "bin" / "python"
    if not (folder / ".whole").exists():
        shutil.rmtree(folder, ignore_errors=True)
        commands: list[Command] = [
            [sys.executable, "-m", "venv", folder],
            [python, "-m", "pip", "--quiet", "--disable-pip-version-check", "install", *packages],
        ]
        for command in commands:
            made = subprocess.run(command, capture_output=True, encoding="utf-8")
            if made.returncode:
                lines = (made.stderr or made.stdout).strip().splitlines()
                return None, lines[-1] if lines else "it could not be installed"
        (folder / ".whole").touch()
    return python, ""
