"""Checkpoints of a run: saved whole or not at all, read against hashes and shapes, set aside when damaged.

Knows their files and format; nothing of what the tensors and numbers mean, nor when to save.
"""

import json
import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nmt.disk.debris import partial_name, remove
from nmt.disk.durable import cannot_create, rename
from nmt.disk.files import create_binary
from nmt.disk.folders import create_folder
from nmt.disk.manifest import LARGEST, check_file, read_json, read_manifest, refuse_strange, replaceable, write_manifest
from nmt.disk.pinned import pinned
from nmt.disk.untrusted import cannot_open
from nmt.errors import CannotCreateError, DataError, MissingInputError, NmtError, UnreadableError
from nmt.store.tensors import largest_file, layout_of, read_tensors, write_tensors

if TYPE_CHECKING:
    from torch import Tensor

KIND = "checkpoint"
FORMAT = 5  # raised when checkpoints of an older nmt can no longer be resumed; CHANGELOG.md says so
TENSOR_FILES = "model.safetensors", "training.safetensors"


class OtherFormatError(DataError):
    """A checkpoint that another version of the program wrote: whole, but not readable here."""


@dataclass(frozen=True)
class Checkpoint:
    """The contents of a checkpoint: weights, averages and optimizer state by name, and the plain numbers of the run."""

    model: Mapping[str, "Tensor"]
    training: Mapping[str, "Tensor"]
    state: Mapping[str, Any]


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of a run, in folders like step-00000042."""

    folder: Path
    mark: Path  # an empty file, made with the first checkpoint: it tells a run that lost them all from a new one

    def paths(self) -> list[Path]:
        """The checkpoints, oldest first, without those set aside. Raises NmtError if the folder cannot be listed."""
        return checkpoints_in(self.folder)

    def save(self, step: int, checkpoint: Checkpoint, keep: int) -> None:
        """Write a checkpoint, then delete all but the ``keep`` newest, and never the last two.

        A checkpoint that holds foreign files stays. Raises StorageError when the disk fails; the checkpoints before
        are untouched then.
        """
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise cannot_create(self.folder, error) from None
        with pinned(self.folder) as folder:
            with create_folder(folder / f"step-{step:08d}", replaceable(KIND)) as new:
                for name, tensors in zip(TENSOR_FILES, (checkpoint.model, checkpoint.training), strict=True):
                    write_tensors(new / name, tensors)
                state = json.dumps(checkpoint.state, indent=1, allow_nan=False)
                (new / "state.json").write_text(state, encoding="utf-8")
                write_manifest(new, {"kind": KIND, "format": FORMAT, "step": step})
            if not self.mark.exists():  # only now: a process killed before this point has lost nothing
                with create_binary(self.mark, follow=False):
                    pass
            for old in checkpoints_in(folder)[: -max(2, keep)]:
                with suppress(CannotCreateError):
                    refuse_strange(old, KIND)
                    hidden = partial_name(old)  # a kill halfway through the removal leaves no half checkpoint
                    rename(old, hidden)
                    remove(hidden)

    def restore_newest(self, restore: Callable[[Path], None], warn: Callable[[str], None]) -> bool:
        """Call ``restore`` with the newest checkpoint that it accepts; False when none was ever saved.

        A checkpoint for which ``restore`` raises DataError or MissingInputError is damaged: it is renamed to NAME.bad
        with a warning, and the one before it is tried. A checkpoint of another format counts as damaged only if one
        before it is accepted; otherwise another version of the program wrote the run. Raises DataError when none is
        left. A checkpoint that this user may not read, or that the disk fails to deliver, is not damaged: that error
        is raised, and nothing is changed.
        """
        unreadable: list[tuple[Path, NmtError]] = []
        for path in reversed(self.paths()):
            try:
                restore(path)
            except OtherFormatError as error:
                unreadable.append((path, error))
            except UnreadableError:
                raise
            except (DataError, MissingInputError) as error:
                set_aside(path, error, warn)
            else:
                for other_format in unreadable:
                    set_aside(*other_format, warn)
                return True
        if unreadable:
            raise unreadable[0][1]
        if self.mark.exists():
            raise DataError(
                f"no whole checkpoint is left in {self.folder}",
                "restore one from a backup, or start anew with `overwrite`, which moves the run aside",
            )
        return False


def load_checkpoint(path: Path, layout: tuple[Mapping[str, "Tensor"], Mapping[str, "Tensor"]]) -> Checkpoint:
    """Read a checkpoint; its hashes are verified, and its tensors have the names, shapes and types of ``layout``.

    Raises DataError or MissingInputError, naming the file; OtherFormatError for a checkpoint of another version.
    """
    with pinned(path.parent) as folder, pinned(folder / path.name) as inside:
        manifest = read_manifest(inside, verify=False)
        if manifest.get("kind") != KIND or manifest.get("format") != FORMAT:
            raise OtherFormatError(
                f"{path} is not a checkpoint of format {FORMAT}",
                "resume with the nmt that wrote it, or start anew with `overwrite`",
            )
        check_file(inside, manifest, "state.json", largest=LARGEST)
        parts = [layout_of(tensors) for tensors in layout]
        for name, part in zip(TENSOR_FILES, parts, strict=True):
            check_file(inside, manifest, name, largest=largest_file(part))
        state = read_json(inside / "state.json")
        model, training = (read_tensors(inside / name, part) for name, part in zip(TENSOR_FILES, parts, strict=True))
    return Checkpoint(model, training, state)


def checkpoints_in(folder: Path) -> list[Path]:
    """The checkpoints in a folder, oldest first; none without a folder. Raises NmtError when it cannot be listed."""
    try:
        names = os.listdir(folder)
    except OSError as error:
        problem = cannot_open(folder, error)
        if type(problem) is MissingInputError:
            return []
        raise problem from None
    steps = sorted((int(name[5:]), name) for name in names if re.fullmatch(r"step-[0-9]{1,18}", name))
    return [folder / name for _, name in steps]


def set_aside(path: Path, error: NmtError, warn: Callable[[str], None]) -> None:
    """Rename a damaged checkpoint to the first free name like NAME.bad or NAME.bad-2, and warn of it."""
    with pinned(path.parent) as folder:
        number, bad = 1, f"{path.name}.bad"
        while (folder / bad).exists():
            number += 1
            bad = f"{path.name}.bad-{number}"
        rename(folder / path.name, folder / bad)
    warn(f"{error.what}: that checkpoint is now {path.with_name(bad)}, and the one before it is used")
