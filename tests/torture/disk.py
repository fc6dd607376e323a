"""Full disks: real small disks for train, prepare and translate -o, and ENOSPC at each system call of a save.

The program exits with 73 or 74 and one line, leaves no debris, and names the last good checkpoint. When there is room
again, the same command gives the same result as on a large disk.
"""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from nmt.disk.manifest import read_manifest
from nmt.errors import NmtError

from .area import failures_of, require, spread
from .disks import PAGE, make_room, mounts_of_its_own, pages_of, small_disk
from .forked import Ended, Work, nothing, program, run
from .small import (
    TWO_SAVES,
    Facts,
    Sabotage,
    Small,
    checkpoints,
    clear,
    contents,
    facts,
    finished,
    require_equal,
    require_no_debris,
    require_whole,
)
from .strace import OPEN, REMOVE, Call, injected, watched

FULL = (73, 74)
SHARES = {"train": 9, "prepare": 4, "translate": 2}  # of the trials
LINES = 200  # that are translated
ENOUGH = 2  # times what is left at the end is room for what is half-made, too
UNREFUSED = {name.lstrip("?") for name in (*OPEN, *REMOVE)}  # calls that need no room, unless they create


@dataclass
class FullDisk:
    """Disks of evenly spaced sizes, from one page to more than the command needs."""

    name: str = "disk full on tmpfs"
    full: int = 150
    quick: int = 4
    tried: int = field(default=0, init=False)

    def run(self, workplace: Path, trials: int, seed: int) -> list[str]:
        mounts_of_its_own()
        small = Small(workplace)
        small.make()
        whole, _ = small.uninterrupted()
        finished(run(small.prepare(workplace / "prepared")))
        lines = (workplace / "train.ko").read_text(encoding="utf-8").splitlines(keepends=True)
        (workplace / "text").write_text("".join((lines * LINES)[:LINES]), encoding="utf-8")
        finished(run(translate(workplace, workplace / "translated")))
        translated = (workplace / "translated").read_bytes()

        disk = workplace / "disk"
        checks = {
            "train": (pages_of(workplace / "uninterrupted-8"), partial(train_on, disk, small, whole)),
            "prepare": (pages_of(small.data), partial(prepare_on, disk, small, contents(workplace / "prepared"))),
            "translate": (len(translated) // PAGE + 1, partial(translate_on, disk, workplace, translated)),
        }
        chosen = [
            (f"{command} on {index + 1} pages of 4 KiB", partial(check, index + 1))
            for command, (needed, check) in checks.items()
            for index in spread(ENOUGH * needed, max(1, trials * SHARES[command] // sum(SHARES.values())))
        ]
        self.tried = len(chosen)
        return failures_of(chosen)


def train_on(disk: Path, small: Small, whole: Facts, pages: int) -> None:
    folder = disk / "run"
    with small_disk(disk, pages):
        ended = run(small.train(folder))
        if ended.code:
            require_refusal(ended)
            require_no_debris(folder)
            require_last_named(ended, folder)
        make_room(disk)
        small.goes_on_as(whole, folder)


def prepare_on(disk: Path, small: Small, whole: Facts, pages: int) -> None:
    data = disk / "data"
    with small_disk(disk, pages):
        ended = run(small.prepare(data))
        if ended.code:
            require_refusal(ended)
            require_no_debris(data)
            require(not data.exists(), "a part of a dataset is there")
        make_room(disk)
        finished(run(small.prepare(data)))
        require_equal(contents(data), whole)
        require_no_debris(data)


def translate_on(disk: Path, workplace: Path, whole: bytes, pages: int) -> None:
    output = disk / "output"
    with small_disk(disk, pages):
        ended = run(translate(workplace, output))
        if ended.code:
            require_refusal(ended)
            require(not output.exists(), "a part of a translation is there")
        make_room(disk)
        finished(run(translate(workplace, output)))
        require(output.read_bytes() == whole, "differs from the uninterrupted translation")
        require([path.name for path in disk.iterdir()] == ["output"], f"debris was left: {[*disk.iterdir()]}")


def translate(workplace: Path, output: Path) -> Work:
    search = ("--beam-size", "1", "--max-length-factor", "0.5", "--threads", "1", "--device", "cpu", "--quiet")
    return program("translate", workplace / "uninterrupted-8", workplace / "text", "-o", output, *search)


def require_refusal(ended: Ended) -> None:
    """Require one line of error, after any warnings, and one of the two exit codes."""
    lines = [line for line in ended.errors.splitlines() if not line.startswith("nmt: warning: ")]
    require(ended.code in FULL, f"it was to end with 73 or 74, but {ended}")
    require(len(lines) == 1 and lines[0].startswith("nmt: error: "), f"it was to say one line, and said {lines}")


def require_last_named(ended: Ended, folder: Path) -> None:
    """Require that the newest checkpoint is complete and named in the message."""
    require_whole(folder)
    whole = [path for path in checkpoints(folder) if is_whole(path)]
    if whole:
        require(whole[-1].name in ended.errors, f"{whole[-1].name} is not named in {ended.errors.strip()!r}")


def is_whole(folder: Path) -> bool:
    try:
        read_manifest(folder)
    except NmtError:
        return False
    return True


@dataclass
class NoRoomAtEachCall:
    """ENOSPC instead of each system call of two saves that may need room: open, write, sync, rename."""

    sabotage: Sabotage = nothing
    name: str = "ENOSPC at each call of two saves"
    full: int = 10_000  # all of them
    quick: int = 3
    tried: int = field(default=0, init=False)

    def run(self, workplace: Path, trials: int, seed: int) -> list[str]:
        small = Small(workplace, self.sabotage)
        small.make()
        whole, _ = small.uninterrupted()
        calls = [call for call in watched(small.train(workplace / "watched"), TWO_SAVES, workplace) if needs_room(call)]
        chosen = [calls[index] for index in spread(len(calls), trials)]
        self.tried = len(chosen)
        return failures_of((f"no room at {call}", partial(no_room_at, call, small, whole)) for call in chosen)


def needs_room(call: Call) -> bool:
    return "O_CREAT" in call.arguments or call.name not in UNREFUSED


def no_room_at(call: Call, small: Small, whole: Facts) -> None:
    folder = small.workplace / "run"
    try:
        ended = injected(small.train(folder), TWO_SAVES, call, "error=ENOSPC", small.workplace)
        if ended.code:
            require_refusal(ended)
            require_no_debris(folder)
            require_last_named(ended, folder)
        else:
            # Some file systems cannot sync a folder, and the program does not insist; but nothing may be missing.
            require_equal(facts(folder), whole)
        small.goes_on_as(whole, folder)
    finally:
        clear(folder)


AREAS = (FullDisk(), NoRoomAtEachCall())
