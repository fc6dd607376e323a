"""Run folders: the settings, the metrics, the checkpoints and the exported model of one training run."""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nmt.config import Config, read_toml
from nmt.errors import CannotCreateError, DataError
from nmt.store.tensors import read_tensors, write_tensors
from nmt.text.durable import create_folder
from nmt.text.files import create_binary
from nmt.text.manifest import read_manifest, write_manifest

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = 2  # raised when a run that an older nmt wrote cannot be resumed; CHANGELOG.md says so


@dataclass(frozen=True)
class Checkpoint:
    """One saved moment of a run: weights, optimizer state and averages by name, and a few integers."""

    model: dict[str, "Tensor"]
    training: dict[str, "Tensor"]
    state: dict[str, Any]


@dataclass(frozen=True)
class RunFolder:
    """Where a run lives. Opening one touches nothing; ``create`` makes it."""

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

    def exists(self) -> bool:
        """Whether a run has begun here. Raises CannotCreateError when something else stands in its place."""
        if self.config_path.is_file():
            return True
        if self.folder.exists() and (not self.folder.is_dir() or any(self.folder.iterdir())):
            raise CannotCreateError(f"{self.folder} is there and is no training run", "choose another -o")
        return False

    def create(self, config: Config) -> None:
        """Make the folder with its settings, or bring the settings of a resumed run up to date."""
        import tomli_w

        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CannotCreateError(f"cannot make {self.folder}: {error.strerror}", "choose another -o") from None
        with create_binary(self.config_path) as file:
            file.write(tomli_w.dumps(config.to_dict()).encode())

    def read_config(self) -> Config:
        return Config.from_layers(read_toml(self.config_path))

    def move_aside(self) -> Path:
        """Rename the whole run to the first free name like RUN.old-1, and return that."""
        number, folder = 1, self.folder.resolve()
        while (aside := folder.with_name(f"{folder.name}.old-{number}")).exists():
            number += 1
        folder.rename(aside)
        return aside

    def checkpoints(self) -> list[Path]:
        """The complete checkpoints, oldest first."""
        return sorted(path.parent for path in (self.folder / "checkpoints").glob("step-*/manifest.json"))

    def save_checkpoint(self, step: int, checkpoint: Checkpoint, keep: int) -> None:
        """Write a checkpoint, then delete all but the ``keep`` newest, and never the last two."""
        folder = self.folder / "checkpoints"
        folder.mkdir(exist_ok=True)
        with create_folder(folder / f"step-{step:08d}", replace=True) as new:
            write_tensors(new / "model.safetensors", checkpoint.model)
            write_tensors(new / "training.safetensors", checkpoint.training)
            (new / "state.json").write_text(json.dumps(checkpoint.state, indent=1), encoding="utf-8")
            write_manifest(new, {"kind": "checkpoint", "format": FORMAT, "step": step})
        for old in self.checkpoints()[: -max(2, keep)]:
            shutil.rmtree(old)

    def load_checkpoint(self, folder: Path) -> Checkpoint:
        """Read a checkpoint, its hashes verified. Raises DataError, naming the file."""
        manifest = read_manifest(folder)
        if manifest.get("kind") != "checkpoint" or manifest.get("format") != FORMAT:
            raise DataError(f"{folder} is not a checkpoint of format {FORMAT}", "resume with the nmt that wrote it")
        state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        model, training = read_tensors(folder / "model.safetensors"), read_tensors(folder / "training.safetensors")
        return Checkpoint(model, training, state)

    def append_metrics(self, event: Mapping[str, Any]) -> None:
        """Add one line to metrics.jsonl."""
        with self.metrics_path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(event) + "\n")

    def rewind_metrics(self, step: int) -> None:
        """Drop the events after ``step``, which a resumed run is about to repeat."""
        if not self.metrics_path.exists():
            return
        lines = self.metrics_path.read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if line.endswith("}") and json.loads(line)["step"] <= step]
        with create_binary(self.metrics_path) as file:
            file.write("".join(line + "\n" for line in kept).encode())

    def touch(self) -> None:
        """Tell Make that the model is as new as what it was made from."""
        os.utime(self.model_path / "manifest.json")
