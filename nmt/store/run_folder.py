"""Run folders: the settings, the metrics, the checkpoints and the exported model of one training run."""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nmt.config import LARGEST_SETTINGS, Config, parse_toml
from nmt.disk.debris import is_debris, partial_name, remove, sweep
from nmt.disk.durable import cannot_create, keep_rights, refuse_irregular, rename, sync_file
from nmt.disk.files import create_binary, open_own
from nmt.disk.folders import create_folder, swap
from nmt.disk.locks import exclusive
from nmt.disk.manifest import (
    LARGEST,
    NAME,
    check_file,
    read_json,
    read_manifest,
    refuse_strange,
    replaceable,
    write_manifest,
)
from nmt.disk.pinned import pinned
from nmt.disk.untrusted import cannot_open, read_small
from nmt.errors import (
    CannotCreateError,
    DataError,
    MissingInputError,
    NmtError,
    SettingsError,
    UnreadableError,
    write_failed,
)
from nmt.store.model_folder import KIND as MODEL
from nmt.store.tensors import largest_file, read_tensors, write_tensors

if TYPE_CHECKING:
    from torch import Tensor

KIND = "checkpoint"
FORMAT = 4  # raised when a run that an older nmt wrote cannot be resumed; CHANGELOG.md says so
LOCK = ".lock"
LONGEST_EVENT = 1 << 16  # bytes of a line of metrics.jsonl; ours have some 300


@dataclass(frozen=True)
class Checkpoint:
    """One saved moment of a run: weights, optimizer state and averages by name, and a few integers."""

    model: Mapping[str, "Tensor"]
    training: Mapping[str, "Tensor"]
    state: Mapping[str, Any]


@dataclass(frozen=True)
class RunFolder:
    """Where a run lives. Opening one touches nothing; ``claim`` makes it, and makes it ours."""

    folder: Path

    @property
    def config_path(self) -> Path:
        return self.folder / "config.toml"

    @property
    def metrics_path(self) -> Path:
        return self.folder / "metrics.jsonl"

    @property
    def model_path(self) -> Path:
        return self.folder / "model"

    @property
    def checkpoints_path(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def saved_path(self) -> Path:
        """A mark that there has been a checkpoint: it tells a run that lost them all from one that never saved."""
        return self.folder / ".saved"

    @property
    def seconds_path(self) -> Path:
        """The seconds that the run's processes have taken, written now and then for those that are killed."""
        return self.folder / ".seconds"

    @property
    def validation_path(self) -> Path:
        """The translations of a validation that is not done yet."""
        return self.folder / ".validation"

    def exists(self) -> bool:
        """Whether a run has begun here. Raises CannotCreateError when something else stands in its place."""
        strange = self.folder.exists() and (
            not self.folder.is_dir()
            or any(path.name != LOCK and not is_debris(path.name) for path in self.folder.iterdir())
        )
        # Last, or a run that begins at this moment would be taken for something else. A model has settings, too.
        if self.config_path.is_file() and not (self.folder / NAME).exists():
            return True
        if strange:
            raise CannotCreateError(f"{self.folder} is there and is no training run", "choose another `output`")
        return False

    @contextmanager
    def claim(self) -> Iterator[Callable[[], Path]]:
        """Have the folder to oneself, made if need be, and without what killed processes left in it.

        Yields a function that moves the whole run aside and returns where it is now; the folder is then a new and
        empty one, and still ours. Raises BusyError when another process has the folder, CannotCreateError when it
        cannot be made.
        """
        # In what is no run a lock file has no place. Where one is, who holds it may be moving the run aside: the caller
        # asks once more, under the lock.
        if not (self.folder / LOCK).exists():
            self.exists()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_create(self.folder, error) from None
        self.refuse_links()
        with ExitStack() as locks:
            locks.enter_context(exclusive(self.folder / LOCK, f"the run {self.folder}"))
            sweep(self.folder, ours=True)
            with suppress(MissingInputError), pinned(self.checkpoints_path) as checkpoints:
                sweep(checkpoints, ours=True)
            yield lambda: self.move_aside(locks)

    def refuse_links(self) -> None:
        """Raise CannotCreateError when a link or the like stands where the run writes: it would change what is behind.

        The folder itself may be reached by a link.
        """
        for path in (self.config_path, self.metrics_path, self.saved_path, self.seconds_path, self.folder / LOCK):
            refuse_irregular(path)
        checkpoints = self.checkpoints_path.iterdir() if self.checkpoints_path.is_dir() else ()
        for path in (self.model_path, self.checkpoints_path, *checkpoints, *self.folder.iterdir()):
            if path.is_symlink() and (path.parent != self.folder or _is_ours(path.name)):
                raise CannotCreateError(f"{path} is a link", "put what it leads to in its place, or move it away")

    def refuse_strange_model(self) -> None:
        """Raise CannotCreateError when the model folder holds other things: the next export would take them away."""
        refuse_strange(self.model_path, MODEL)

    def move_aside(self, locks: ExitStack) -> Path:
        """Put a new folder, locked, in the place of the run, which becomes the first free name like RUN.old-1."""
        number, folder = 1, self.folder.resolve()
        while (aside := folder.with_name(f"{folder.name}.old-{number}")).exists():
            number += 1
        try:
            aside.mkdir(0o700)
        except OSError as error:
            raise cannot_create(aside, error) from None
        keep_rights(aside, folder.stat())
        locks.enter_context(exclusive(aside / LOCK, f"the run {self.folder}"))
        if not swap(aside, folder):
            shutil.rmtree(aside)
            rename(folder, aside)
            folder.mkdir(0o700)
            keep_rights(folder, aside.stat())
            locks.enter_context(exclusive(folder / LOCK, f"the run {self.folder}"))
        return aside

    def write_config(self, config: Config) -> None:
        """Write the settings, or bring those of a resumed run up to date."""
        import tomli_w

        with create_binary(self.config_path, follow=False) as file:
            file.write(tomli_w.dumps(config.to_dict()).encode())

    def read_config(self) -> Config:
        """The settings of the run that is there. Raises MissingInputError, DataError or SettingsError, naming it."""
        settings = parse_toml(read_small(self.config_path, LARGEST_SETTINGS), self.config_path)
        try:
            return Config.from_layers(settings)
        except SettingsError as error:
            raise SettingsError(f"{self.config_path}: {error.what}", error.mend) from None

    def checkpoints(self) -> list[Path]:
        """The checkpoints, oldest first; not those that were found damaged. Raises NmtError when that is not known."""
        return checkpoints_in(self.checkpoints_path)

    def save_checkpoint(self, step: int, checkpoint: Checkpoint, keep: int) -> Path:
        """Write a checkpoint, then delete all but the ``keep`` newest, and never the last two.

        One that holds anything else stays. The metrics are on the disk before it. Raises StorageError when the disk
        does not take it; the checkpoints before it are untouched then.
        """
        if self.metrics_path.exists():
            sync_file(self.metrics_path)
        name = f"step-{step:08d}"
        try:
            self.checkpoints_path.mkdir(exist_ok=True)
        except OSError as error:
            raise cannot_create(self.checkpoints_path, error) from None
        with pinned(self.checkpoints_path) as checkpoints:
            with create_folder(checkpoints / name, replaceable(KIND)) as new:
                write_tensors(new / "model.safetensors", checkpoint.model)
                write_tensors(new / "training.safetensors", checkpoint.training)
                state = json.dumps(checkpoint.state, indent=1, allow_nan=False)
                (new / "state.json").write_text(state, encoding="utf-8")
                write_manifest(new, {"kind": KIND, "format": FORMAT, "step": step})
            if not self.saved_path.exists():  # only now: a process killed before it has nothing to miss
                with create_binary(self.saved_path, follow=False):
                    pass
            for old in checkpoints_in(checkpoints)[: -max(2, keep)]:
                with suppress(CannotCreateError):
                    refuse_strange(old, KIND)
                    gone = partial_name(old)  # a checkpoint is whole or not there, also while it goes
                    rename(old, gone)
                    remove(gone)
        return self.checkpoints_path / name

    def load_checkpoint(
        self, folder: Path, layout: tuple[Mapping[str, "Tensor"], Mapping[str, "Tensor"]]
    ) -> Checkpoint:
        """Read a checkpoint, its hashes verified, its tensors held to the names, shapes and types of ``layout``.

        Raises DataError or MissingInputError, naming the file; OtherFormatError for one of another version.
        """
        with pinned(folder.parent) as checkpoints, pinned(checkpoints / folder.name) as inside:
            manifest = read_manifest(inside, verify=False)
            if manifest.get("kind") != KIND or manifest.get("format") != FORMAT:
                raise OtherFormatError(
                    f"{folder} is not a checkpoint of format {FORMAT}",
                    "resume with the nmt that wrote it, or start anew with `overwrite`",
                )
            names = "model.safetensors", "training.safetensors"
            check_file(inside, manifest, "state.json", largest=LARGEST)
            for name, part in zip(names, layout, strict=True):
                # A tensor on the meta device has a size, too.
                largest = largest_file(sum(tensor.nbytes for tensor in part.values()))
                check_file(inside, manifest, name, largest=largest)
            state = read_json(inside / "state.json")
            model, training = (read_tensors(inside / name, part) for name, part in zip(names, layout, strict=True))
        return Checkpoint(model, training, state)

    def restore_newest(self, restore: Callable[[Path], None], warn: Callable[[str], None]) -> bool:
        """Give ``restore`` the newest checkpoint that it takes; False when there has never been one.

        One at which it raises DataError or MissingInputError is damaged: it is renamed to NAME.bad, with a warning,
        and the one before it is tried. One of another format is damaged, too, when one before it is not; else another
        version of the program wrote it. Raises DataError when none is left. What this user may not read, or a disk
        does not give, is no damage: that error is raised, and nothing is changed.
        """
        strangers: list[tuple[Path, NmtError]] = []
        for folder in reversed(self.checkpoints()):
            try:
                restore(folder)
            except OtherFormatError as error:
                strangers.append((folder, error))
            except UnreadableError:
                raise
            except (DataError, MissingInputError) as error:
                put_aside(folder, error, warn)
            else:
                for stranger in strangers:
                    put_aside(*stranger, warn)
                return True
        if strangers:
            raise strangers[0][1]
        if self.saved_path.exists():
            raise DataError(
                f"no whole checkpoint is left in {self.checkpoints_path}",
                "restore one from a backup, or start anew with `overwrite`, which moves the run aside",
            )
        return False

    def append_metrics(self, event: Mapping[str, Any]) -> None:
        """Add one line to metrics.jsonl. Raises StorageError when the disk does not take it."""
        try:
            with os.fdopen(open_own(self.metrics_path, os.O_WRONLY | os.O_APPEND), "a", encoding="utf-8") as file:
                file.write(json.dumps(event) + "\n")
        except OSError as error:
            raise write_failed(self.metrics_path, error) from None

    def rewind_metrics(self, lines: int) -> int:
        """Drop all but the first ``lines`` lines, since a resumed run is about to write the others again.

        Returns how many whole lines are left. A line that is too long to be one of ours ends them, so that neither
        memory nor time is without bound.
        """
        if not self.metrics_path.exists():
            return 0
        kept = length = place = 0
        with os.fdopen(open_own(self.metrics_path, os.O_RDWR), "rb+") as file:
            while kept < lines and (piece := file.readline(LONGEST_EVENT)):
                place += len(piece)
                if not piece.endswith(b"\n"):
                    break
                kept, length = kept + 1, place
            file.truncate(length)
        return kept

    def write_seconds(self, seconds: float) -> None:
        """Note the seconds that the run has taken; a line of it that a kill tears is worth nothing, and no harm."""
        with suppress(OSError, NmtError):
            descriptor = open_own(self.seconds_path, os.O_WRONLY | os.O_TRUNC)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(f"{seconds:.1f}\n")

    def read_seconds(self) -> float:
        """What was noted last; 0 for nothing, and for what is no number."""
        try:
            with self.seconds_path.open("rb") as file:
                seconds = float(file.read(32))
        except (OSError, ValueError):
            return 0.0
        return seconds if 0 <= seconds < float("inf") else 0.0

    def touch(self) -> None:
        """Tell Make that the model is as new as what it was made from."""
        os.utime(self.model_path / "manifest.json")


def checkpoints_in(folder: Path) -> list[Path]:
    """The checkpoints in a folder, oldest first; none when there is no folder. Raises NmtError when that is unknown."""
    try:
        names = os.listdir(folder)
    except OSError as error:
        problem = cannot_open(folder, error)
        if type(problem) is MissingInputError:
            return []
        raise problem from None
    steps = sorted((int(name[5:]), name) for name in names if re.fullmatch(r"step-[0-9]{1,18}", name))
    return [folder / name for _, name in steps]


def _is_ours(name: str) -> bool:
    """Whether something of that name in a run folder is the program's."""
    return is_debris(name) or name in ("model", "checkpoints") or name.startswith("skipped-")


class OtherFormatError(DataError):
    """A checkpoint that another version of the program wrote: whole, and no use here."""


def put_aside(folder: Path, error: NmtError, warn: Callable[[str], None]) -> None:
    """Rename a damaged checkpoint, and say so."""
    with pinned(folder.parent) as checkpoints:
        bad = folder.with_name(first_free(checkpoints / f"{folder.name}.bad").name)
        rename(checkpoints / folder.name, checkpoints / bad.name)
    warn(f"{error.what}: that checkpoint is now {bad}, and the one before it is used")


def first_free(path: Path) -> Path:
    """``path``, or the first of path-2, path-3 … that is not there."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.name}-{number}")
    return free
