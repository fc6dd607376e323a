"""The folder of one training run: its lock, settings, metrics and used time, and where its checkpoints and model are.

Knows the files and their formats; nothing of training.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

from nmt.config import Config
from nmt.disk.debris import is_debris, sweep
from nmt.disk.durable import cannot_create, keep_rights, refuse_irregular, rename, sync_file
from nmt.disk.files import create_binary, open_own
from nmt.disk.folders import swap
from nmt.disk.locks import exclusive
from nmt.disk.manifest import NAME, refuse_strange
from nmt.disk.pinned import pinned
from nmt.disk.untrusted import open_regular, read_small, strict_json
from nmt.errors import CannotCreateError, DataError, MissingInputError, NmtError, SettingsError, write_failed
from nmt.settings_file import LARGEST_SETTINGS, parse_toml
from nmt.store.checkpoints import Checkpoint, Checkpoints
from nmt.store.model_cache import KIND as MODEL

LOCK = ".lock"
LARGEST_ENVIRONMENT = 1 << 16  # bytes; ours have 500
DIGESTS = "_sha256"  # ends the names of facts in environment.json that are digests of models
LONGEST_EVENT = 1 << 16  # bytes of a line of metrics.jsonl; ours have some 300


class RunFolder:
    """The folder of a run. Making this object touches no file; ``claim`` makes the folder and locks it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config_path = folder / "config.toml"
        self.metrics_path = folder / "metrics.jsonl"
        self.environment_path = folder / "environment.json"
        self.model_path = folder / "model"
        self.checkpoints = Checkpoints(folder / "checkpoints", folder / ".saved")
        self.seconds_path = folder / ".seconds"  # what the run has taken, for processes that follow a killed one
        self.synthetic_path = folder / "synthetic"  # pairs that a model made, a folder a round
        self.validation_path = folder / ".validation"  # the translations of an unfinished validation

    def exists(self) -> bool:
        """Whether the folder holds a run. Raises CannotCreateError when it holds something else."""
        is_strange = self.folder.exists() and (
            not self.folder.is_dir()
            or any(path.name != LOCK and not is_debris(path.name) for path in self.folder.iterdir())
        )
        # After the listing, or a run that another process starts right now would be taken for something else. A model
        # folder has settings, too, and a manifest.
        if self.config_path.is_file() and not (self.folder / NAME).exists():
            return True
        if is_strange:
            raise CannotCreateError(f"{self.folder} exists and is no training run", "choose another `output`")
        return False

    @contextmanager
    def claim(self) -> Iterator[Callable[[], Path]]:
        """Make the folder if need be, lock it for the block, and remove what killed processes left in it.

        Yields a function that moves the whole run aside and returns its new path; the folder is then new, empty and
        still locked. Raises BusyError when another process has the folder, CannotCreateError when it cannot be made.
        """
        # No lock file may be made in a folder that is no run. Where there is a lock file, its holder may be moving the
        # run aside right now: the caller calls ``exists`` again under the lock.
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
            with suppress(MissingInputError), pinned(self.checkpoints.folder) as checkpoints:
                sweep(checkpoints, ours=True)
            yield lambda: self.move_aside(locks)

    def refuse_links(self) -> None:
        """Raise CannotCreateError when a link or the like is where the run writes: its target would be changed.

        The folder itself may be reached through a link.
        """
        folder, mark = self.checkpoints.folder, self.checkpoints.mark
        for path in (
            self.config_path,
            self.environment_path,
            self.metrics_path,
            mark,
            self.seconds_path,
            self.folder / LOCK,
        ):
            refuse_irregular(path)
        checkpoints = folder.iterdir() if folder.is_dir() else ()
        for path in (self.model_path, folder, *checkpoints, *self.folder.iterdir()):
            if path.is_symlink() and (path.parent != self.folder or _is_ours(path.name)):
                raise CannotCreateError(f"{path} is a link", "put what it leads to in its place, or move it away")

    def refuse_strange_model(self) -> None:
        """Raise CannotCreateError when the model folder holds foreign files: the next export would delete them."""
        refuse_strange(self.model_path, MODEL)

    def move_aside(self, locks: ExitStack) -> Path:
        """Rename the run to the first free name like RUN.old-1 and put a new, locked folder in its place."""
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
        """Write the settings, or update those of a resumed run."""
        import tomli_w

        with create_binary(self.config_path, follow=False) as file:
            file.write(tomli_w.dumps(config.to_dict()).encode())

    def read_config(self) -> Config:
        """Read the settings of the run. Raises MissingInputError, DataError or SettingsError, naming the file."""
        settings = parse_toml(read_small(self.config_path, LARGEST_SETTINGS), self.config_path)
        try:
            return Config.from_layers(settings)
        except SettingsError as error:
            raise SettingsError(f"{self.config_path}: {error.what}", error.mend) from None

    def write_environment(self, facts: Mapping[str, Any]) -> None:
        """Write what the run is made with, in place of what an earlier process of it was."""
        with create_binary(self.environment_path, follow=False) as file:
            # A name that is no UTF-8 has surrogates; escaped so, they are JSON, and read back the same.
            file.write((json.dumps(facts, ensure_ascii=False, indent=2) + "\n").encode(errors="backslashreplace"))

    def read_environment(self) -> dict[str, str]:
        """What the run was made with; empty for one that an earlier version began. Raises DataError."""
        try:
            facts = strict_json(read_small(self.environment_path, LARGEST_ENVIRONMENT))
        except MissingInputError:
            return {}
        except ValueError as error:
            raise DataError(f"{self.environment_path} is not JSON: {error}", "remove the file") from None
        if not isinstance(facts, dict) or not all(isinstance(fact, str) for fact in facts.values()):
            raise DataError(f"{self.environment_path} is no table of texts", "remove the file")
        return facts

    def read_models(self) -> dict[str, list[str]]:
        """The digests of the models that the run began with, as ``TrainJob.models``; without what nobody wrote down.

        Raises DataError.
        """
        facts = self.read_environment()
        return {name.removesuffix(DIGESTS): fact.splitlines() for name, fact in facts.items() if name.endswith(DIGESTS)}

    def save_checkpoint(self, step: int, checkpoint: Checkpoint, keep: int) -> None:
        """Sync the metrics, whose lines a checkpoint counts, then save it as ``Checkpoints.save`` does."""
        if self.metrics_path.exists():
            sync_file(self.metrics_path)
        self.checkpoints.save(step, checkpoint, keep)

    def append_metrics(self, event: Mapping[str, Any]) -> None:
        """Append a line to metrics.jsonl. Raises StorageError when the disk fails."""
        try:
            with os.fdopen(open_own(self.metrics_path, os.O_WRONLY | os.O_APPEND), "a", encoding="utf-8") as file:
                file.write(json.dumps(event) + "\n")
        except OSError as error:
            raise write_failed(self.metrics_path, error) from None

    def read_metrics(self) -> Iterator[dict[str, Any]]:
        """The events of metrics.jsonl, one after another; none where there is no such file. Raises DataError."""
        if not self.metrics_path.exists():
            return
        with open_regular(self.metrics_path) as file:
            for number in count(1):
                line = file.readline(LONGEST_EVENT)
                if len(line) == LONGEST_EVENT and not line.endswith(b"\n"):
                    what = f"{self.metrics_path}, line {number} has over {LONGEST_EVENT} bytes"
                    raise DataError(what, "restore the file")
                if not line.endswith(b"\n"):  # the end, or a line that a process is writing
                    return
                try:
                    event = strict_json(line)
                except ValueError as error:
                    raise DataError(f"{self.metrics_path}, line {number}: {error}", "restore the file") from None
                if not isinstance(event, dict):
                    raise DataError(f"{self.metrics_path}, line {number} is no event", "restore the file")
                yield event

    def rewind_metrics(self, lines: int) -> int:
        """Cut metrics.jsonl after its first ``lines`` lines: a resumed run writes the others again.

        Returns how many whole lines are left. A line too long to be ours ends the file, so that time and memory have a
        bound.
        """
        if not self.metrics_path.exists():
            return 0
        kept = length = end = 0
        with os.fdopen(open_own(self.metrics_path, os.O_RDWR), "rb+") as file:
            while kept < lines and (line := file.readline(LONGEST_EVENT)):
                end += len(line)
                if not line.endswith(b"\n"):
                    break
                kept, length = kept + 1, end
            file.truncate(length)
        return kept

    def write_seconds(self, seconds: float) -> None:
        """Write down how many seconds the run has taken. Failures are ignored: a resumed run can do without."""
        path, flags = self.seconds_path, os.O_WRONLY | os.O_TRUNC
        with suppress(OSError, NmtError), os.fdopen(open_own(path, flags), "w", encoding="utf-8") as file:
            file.write(f"{seconds:.1f}\n")

    def read_seconds(self) -> float:
        """Read the seconds written last; 0 when there are none, or no finite number."""
        try:
            with self.seconds_path.open("rb") as file:
                seconds = float(file.read(32))
        except (OSError, ValueError):
            return 0.0
        return seconds if 0 <= seconds < float("inf") else 0.0

    def touch(self) -> None:
        """Set the model's time to now, so that Make takes it as newer than the data it was made from."""
        os.utime(self.model_path / "manifest.json")


def _is_ours(name: str) -> bool:
    """Whether the program makes files or folders of that name in a run folder."""
    return is_debris(name) or name in ("model", "checkpoints", "synthetic") or name.startswith("skipped-")
