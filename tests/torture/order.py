"""The order of system calls in a save, seen by strace: what survives a power cut, which kills cannot show.

Every file is synced before its folder is renamed, the manifest is written last, the folder is synced, then renamed,
then the parent folder is synced; only then are older files removed.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from .area import Failed
from .forked import nothing
from .small import TWO_SAVES, Sabotage, Small
from .strace import Call, watched

WRITES = {"write", "pwrite64", "writev", "pwritev", "ftruncate", "fallocate", "copy_file_range", "sendfile"}
_DESCRIPTOR = re.compile(r"\d+<([^>]*)>")
_AT = re.compile(r'(?:AT_FDCWD(?:<[^>]*>)?|\d+<([^>]*)>), "([^"]*)"|"([^"]*)"')


@dataclass(frozen=True)
class Order:
    """Two saves in sequence, observed by strace."""

    sabotage: Sabotage = nothing
    name: str = "order of a save as strace saw it"
    full: int = 1
    quick: int = 1

    def run(self, workplace: Path, trials: int, seed: int) -> list[str]:
        small = Small(workplace, self.sabotage)
        small.make()
        folder = workplace / "run"
        try:
            calls = watched(small.train(folder), TWO_SAVES, workplace)
        except Failed as failure:
            return [str(failure)]
        renamed = sum(call.name.startswith("rename") for call in calls)
        problems = violations(calls, folder)
        return (
            problems
            if renamed >= 3
            else [*problems, f"{renamed} renames in two saves and an export: too few to be true"]
        )


@dataclass
class Disk:
    """The state of a disk: what would not survive a power cut now."""

    files: set[str] = field(default_factory=set)  # written and not synced
    folders: set[str] = field(default_factory=set)  # with names that came and are not synced
    owed: dict[str, str] = field(default_factory=dict)  # folders to be synced, by what was renamed into them
    last_written: dict[str, str] = field(default_factory=dict)  # file by folder
    replaced: set[str] = field(default_factory=set)  # hidden names of what was exchanged for something new

    def dirty_below(self, folder: str) -> list[str]:
        files = [f"{path} was" for path in sorted(self.files) if is_below(path, folder)]
        return files + [f"the folder {path} was" for path in sorted(self.folders) if is_below(path, folder)]

    def unsafe_removal(self, path: str) -> list[str]:
        """Check a removal: incomplete files may be removed, others only after their replacement is synced."""
        had_a_name = not is_hidden(path) or any(is_below(path, place) for place in self.replaced)
        if self.owed and had_a_name:
            return [f"{path} was removed before the rename of {', '.join(self.owed.values())} was synced"]
        return []


def violations(calls: Sequence[Call], run: Path) -> list[str]:
    """Violations of the order among system calls in the run's folder, described in words."""
    disk, problems = Disk(), []
    for call in calls:
        paths = [path for path in paths_of(call) if is_below(path, str(run))]
        if paths and not call.failed:
            problems += seen(call.name, call.arguments, paths, disk)
    problems += [f"the folder of {name} was not synced after the rename" for name in disk.owed.values()]
    return problems


def seen(name: str, arguments: str, paths: Sequence[str], disk: Disk) -> list[str]:
    """Apply a call to the disk; return what is wrong with making it now."""
    path, above = paths[0], str(PurePosixPath(paths[0]).parent)
    if name in WRITES:
        disk.files.add(path)
        disk.last_written[above] = path
    elif name in ("open", "openat", "creat", "mkdir", "mkdirat"):
        if "O_CREAT" in arguments or name.startswith(("mkdir", "creat")):
            disk.folders.add(above)
            (disk.folders if name.startswith("mkdir") else disk.files).add(path)
    elif name in ("fsync", "fdatasync"):
        disk.files.discard(path)
        disk.folders.discard(path)
        for folder in [folder for folder in disk.owed if folder == path]:
            del disk.owed[folder]
    elif name.startswith("rename"):
        return renamed(path, paths[-1], "RENAME_EXCHANGE" in arguments, disk)
    elif name in ("unlink", "unlinkat", "rmdir"):
        disk.files.discard(path)
        disk.folders.discard(path)
        return disk.unsafe_removal(path)
    return []


def renamed(old: str, new: str, exchanged: bool, disk: Disk) -> list[str]:
    """Handle a rename to a final name: the renamed must be synced before, and the parent folder after."""
    above = str(PurePosixPath(new).parent)
    if is_hidden(new):
        # Inside of what is half-made, which is synced later; or out of the way, before it is removed.
        for paths in (disk.files, disk.folders):
            for path in [path for path in paths if is_below(path, old)]:
                paths.remove(path)
                paths.add(new + path.removeprefix(old))
        if above in disk.last_written and disk.last_written[above] == old:
            disk.last_written[above] = new
        disk.folders.add(above)
        return disk.unsafe_removal(old)
    problems = [f"{what} not synced before the rename to {new}" for what in disk.dirty_below(old)]
    if "/checkpoints/step-" in new:
        metrics = [path for path in disk.files if path.endswith("/metrics.jsonl")]
        problems += [f"{path} was not synced before the rename to {new}, which counts its lines" for path in metrics]
    last = disk.last_written.get(old, "manifest.json")
    if "manifest.json" not in last:
        problems.append(f"{last} was written after the manifest, which was to be last")
    disk.files = {path for path in disk.files if not is_below(path, old)}
    disk.folders = {path for path in disk.folders if not is_below(path, old)} | {above}
    disk.owed[above] = new
    if exchanged:
        disk.replaced.add(old)
    return problems


def is_hidden(path: str) -> bool:
    """Whether a part of the path is the hidden name of something incomplete or about to be removed."""
    return any(part.startswith(".") and (".partial" in part or ".old" in part) for part in PurePosixPath(path).parts)


def paths_of(call: Call) -> list[str]:
    """The absolute paths among the arguments of a call."""
    if call.name in WRITES or call.name in ("fsync", "fdatasync"):
        return _DESCRIPTOR.findall(call.arguments)[:1]
    return [
        os.path.join(folder, name or plain) if folder else name or plain
        for folder, name, plain in _AT.findall(call.arguments)
    ]


def is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


AREAS = (Order(),)
