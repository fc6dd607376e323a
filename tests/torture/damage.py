"""Damage to checkpoints on disk: truncated, one bit flipped, a file deleted.

One warning names the file, the folder is renamed to .bad, the previous checkpoint is used, and the run ends as if
undamaged. If no checkpoint is intact, the program exits with 65.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

from .area import dice, failures_of, require
from .forked import Ended, nothing, run
from .small import LAST_SAVES, Facts, Sabotage, Small, clear, facts, require_equal

FILES = ("model.safetensors", "training.safetensors", "state.json", "manifest.json")
BOTH = 10  # one trial in so many damages every checkpoint

Damage = Callable[[Path, Random], str]  # to a file; what it did, in words


def cut(path: Path, draw: Random) -> str:
    size = path.stat().st_size
    length = draw.randrange(size)
    with path.open("r+b") as file:
        file.truncate(length)
    return f"{path.name} cut from {size} to {length} bytes"


def flip(path: Path, draw: Random) -> str:
    data = bytearray(path.read_bytes())
    bit = draw.randrange(8 * len(data))
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)
    return f"bit {bit} of {path.name} flipped"


def delete(path: Path, draw: Random) -> str:
    path.unlink()
    return f"{path.name} deleted"


@dataclass(frozen=True)
class Damaged:
    """One kind of damage, to a file of the newest checkpoint or, in some trials, of every checkpoint."""

    name: str
    damage: Damage
    full: int
    quick: int
    sabotage: Sabotage = nothing

    def run(self, workplace: Path, trials: int, seed: int) -> list[str]:
        small = Small(workplace, self.sabotage)
        small.make()
        whole, _ = small.uninterrupted()
        small.interrupted()
        names = [
            (f"seed {seed}, trial {number}", partial(self.trial, small, whole, dice(seed, number), number))
            for number in range(trials)
        ]
        return failures_of(names)

    def trial(self, small: Small, whole: Facts, draw: Random, number: int) -> None:
        folder = small.workplace / "run"
        shutil.copytree(small.workplace / "interrupted", folder)
        last = folder / "checkpoints" / LAST_SAVES[-1]
        name = FILES[number % len(FILES)]
        every = number % BOTH == BOTH - 1
        try:
            done = self.damage(last / name, draw)
            if every:
                done += " and " + self.damage(folder / "checkpoints" / LAST_SAVES[0] / draw.choice(FILES[:3]), draw)
            ended = run(small.train(folder))
            # The facts of a manifest have no hash. Where a bit of one does not matter, nobody needs to notice.
            unnoticed = ended.code == 0 and not ended.errors and name == "manifest.json" and self.damage is flip
            if unnoticed:
                require_equal(facts(folder), whole)
            elif every:
                require_refused(ended, done)
            else:
                require_gone_back(ended, folder, name, done)
                require_equal(facts(folder), whole)
        finally:
            clear(folder)


def require_refused(ended: Ended, done: str) -> None:
    lines = ended.errors.splitlines()
    require(ended.code == 65 and "Traceback" not in ended.errors, f"{done}: it was to end with 65, but {ended}")
    require(lines[-1].startswith("nmt: error: "), f"{done}: it was to end by an error in one line, and said {lines}")


def require_gone_back(ended: Ended, folder: Path, name: str, done: str) -> None:
    """Require one warning, the newest checkpoint renamed to .bad, and a resume from the previous checkpoint."""
    require(ended.code == 0, f"{done}: it was to go on, but {ended}")
    warnings = [line for line in ended.errors.splitlines() if line.startswith("nmt: warning: ")]
    require(len(warnings) == 1, f"{done}: it was to warn once, and warned {warnings}")
    # What a damaged manifest says of another file is wrong of that file; a missing one is missing from its folder.
    named = LAST_SAVES[-1] if name == "manifest.json" else f"{LAST_SAVES[-1]}/{name}"
    require(named in warnings[0], f"{done}: the warning does not name the file: {warnings[0]}")
    bad = [path.name for path in (folder / "checkpoints").iterdir() if path.name.endswith(".bad")]
    require(bad == [f"{LAST_SAVES[-1]}.bad"], f"{done}: called bad are {bad}")


AREAS = (  # tests/test_resume.py damages each file in each of these ways
    Damaged("checkpoint files cut", cut, full=400, quick=0),
    Damaged("checkpoint files with a bit flipped", flip, full=1000, quick=0),
    Damaged("checkpoint files deleted", delete, full=20, quick=0),
)
