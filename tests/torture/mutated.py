"""Folders of nmt with one mutated file, used by the program in a forked child, one in each trial.

The use must succeed, or end with one line of an NmtError. Datasets, runs and the cache each have an area, which knows
their files and their uses.
"""

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, ClassVar

from .area import require
from .forked import nothing, run
from .mutations import BYTES, OBJECTS, Dice, Maker, Mutation
from .strangers import End, tried, wrong_end

MANIFEST = "manifest.json"
HASHED = 1 << 24  # bytes; nobody makes hashes of a larger file right again
REWRITTEN = 0.75  # of the trials have the hash of the mutated file made right again

Files = dict[str, bytes]  # of a folder, by their paths in it


@dataclass
class Mutated:
    """An area that mutates each file of one kind of folder; ``outcomes`` keeps the results of the last run."""

    codes: ClassVar[set[int]]  # that an error may have

    name: str
    full: int
    quick: int
    sabotage: Callable[[], None] = nothing
    rewritten: float = REWRITTEN
    only: str = ""  # what the name of each file that is mutated ends with
    outcomes: Counter[str] = field(default_factory=Counter)
    worst: float = 0.0  # seconds

    def make(self, workplace: Path) -> list[Files]:
        """Make the folders to be mutated, and import all that their uses import."""
        raise NotImplementedError

    def structure(self, name: str) -> Sequence[Mutation]:
        """The mutations specific to the file; none for a file that is not mutated."""
        raise NotImplementedError

    def use(self, folder: Path, trial: int) -> list[list[Any]]:
        """Use the folder in a child; for each part nothing, or the [exit code, message] of its error."""
        raise NotImplementedError

    def misses(self, name: str, said: Sequence[Sequence[Any]]) -> str:
        """A description of what is wrong when a file changed and its hash did not; empty if nothing is."""
        return ""

    def run(self, workplace: Path, trials: int, seed: int) -> list[str]:
        folders = self.make(workplace)
        place = workplace / "tried"
        failures: list[str] = []
        place.mkdir()
        for trial in range(trials):
            print(f"{trial} trials, {len(failures)} failures so far", flush=True)
            dice = Random(f"{seed} {self.name} {trial}")
            files = folders[trial % len(folders)]
            names = [name for name in sorted(files) if self.structure(name) and name.endswith(self.only)]
            name = names[trial // len(folders) % len(names)]
            done, mutated = mutate(self.structure(name), files[name], dice)
            rewritten = Path(name).name != MANIFEST and dice.random() < self.rewritten
            write(place, files, name, mutated)
            if rewritten:
                make_right(place, name)
            end = tried(lambda trial=trial: self.in_child(place, trial))  # type: ignore[misc]
            accident = not rewritten and Path(name).name != MANIFEST and mutated != files[name]
            failure = self.judge(end, len(mutated) if isinstance(mutated, bytes) else 0, name if accident else "")
            if failure:
                hashes = "made right" if rewritten else "as they were"
                failures.append(f"trial {trial} of seed {seed}, {name}, {done}, hashes {hashes}: {failure}")
        return failures

    def in_child(self, folder: Path, trial: int) -> list[list[Any]]:
        self.sabotage()
        return self.use(folder, trial)

    def judge(self, end: End, size: int, accident: str) -> str:
        self.worst = max(self.worst, end.seconds)
        self.outcomes["died" if end.status else "refused" if any(end.said) else "works"] += 1
        missed = self.misses(accident, end.said) if accident and not end.status else ""
        return missed or wrong_end(end, size, self.codes)


def mutate(structure: Sequence[Mutation], data: bytes, dice: Dice) -> tuple[str, bytes | Maker]:
    """Mutate a file: a description of the change, and the new bytes."""
    if dice.random() < 0.06:
        maker = dice.choice(OBJECTS)
        return f"{maker.__name__} in its place", maker
    mutation = dice.choice(BYTES if dice.random() < 0.4 and data else structure)
    return mutation.__name__, mutation(data, dice)


def write(folder: Path, files: Files, name: str = "", mutated: bytes | Maker = b"") -> None:
    """Write the files, with the file ``name`` mutated, over the existing files."""
    shutil.rmtree(folder)
    folder.mkdir()
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        if path != name:
            (folder / path).write_bytes(data)
        elif isinstance(mutated, bytes):
            (folder / path).write_bytes(mutated)
        else:
            mutated(folder / path)


def make_right(folder: Path, name: str) -> None:
    """Correct the size and the hash of a file in the manifest beside it, if there is one."""
    path = folder / name
    manifest = path.parent / MANIFEST
    if not manifest.exists():
        return
    facts = json.loads(manifest.read_bytes())
    size = path.stat().st_size if path.exists() else 0
    data = path.read_bytes() if path.is_file() and 0 < size <= HASHED else b""
    facts["files"][path.name] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": size}
    manifest.write_text(json.dumps(facts))


def files_of(folder: Path) -> Files:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def done_well(*works: Callable[[], object]) -> None:
    """Do each work in a child, so that this process keeps one thread and computes no gradients."""
    for work in works:
        ended = run(work)
        require(ended.code == 0, f"it was to end well, but {ended}")
