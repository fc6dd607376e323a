"""Model folders: all that a translation needs, complete by itself, so that a copy elsewhere translates the same."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from nmt.config import ModelConfig, build, read_toml
from nmt.errors import DataError, MissingInputError, SettingsError
from nmt.store.tensors import read_tensors, write_tensors
from nmt.text.durable import create_folder
from nmt.text.manifest import read_manifest, write_manifest
from nmt.text.tokenizer import SOURCE_TOKENIZER, TARGET_TOKENIZER, Tokenizer

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from nmt.model.family import TranslationModel

FORMAT = 2  # raised when a model that an older nmt wrote stops loading; CHANGELOG.md says so


@dataclass(frozen=True)
class ModelFolder:
    """A model on disk, opened and checked, its weights not yet read. Imports no torch."""

    folder: Path
    config: ModelConfig
    source_language: str
    target_language: str

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Check the manifest and read the settings. Raises MissingInputError or DataError, naming the file."""
        manifest = read_manifest(folder)
        if manifest.get("kind") != "model":
            raise DataError(f"{folder} is not a model", "give a RUN folder or its model folder")
        if manifest.get("format") != FORMAT:
            raise DataError(
                f"{folder} has format {manifest.get('format')}, and this nmt reads format {FORMAT}",
                "use the nmt that wrote it, or train the model again",
            )
        path = folder / "config.toml"
        settings = read_toml(path)
        try:
            config = build(ModelConfig, settings.get("model", {}))
            languages = settings["languages"]
            return cls(folder, config, str(languages["source"]), str(languages["target"]))
        except (KeyError, SettingsError) as error:
            raise DataError(f"{path}: {error}", "restore the file") from None

    @property
    def source_tokenizer_path(self) -> Path:
        return self.folder / SOURCE_TOKENIZER

    @property
    def joint(self) -> bool:
        """Whether source and target share one vocabulary."""
        return not (self.folder / TARGET_TOKENIZER).exists()

    @property
    def target_tokenizer_path(self) -> Path:
        return self.source_tokenizer_path if self.joint else self.folder / TARGET_TOKENIZER


def resolve_model_folder(path: Path) -> Path:
    """The model folder that ``path`` means: itself, or the one inside a RUN folder."""
    for folder in (path, path / "model"):
        if (folder / "model.safetensors").exists() and (folder / "config.toml").exists():
            return folder
    if path.is_file():
        raise DataError(
            f"{path} is a file, not a model folder", "pickle files are never loaded; give a RUN folder or its model"
        )
    if (path / "checkpoints").exists():
        raise MissingInputError(f"{path} has no model yet", "train it for longer: the first validation exports one")
    raise MissingInputError(f"there is no model in {path}", "give a RUN folder made by nmt train, or its model folder")


def load_model(model: ModelFolder, device: "torch.device | str" = "cpu") -> "TranslationModel":
    """The module of a model folder, in evaluation mode, its tensors checked against its settings first."""
    import torch

    from nmt.model import build_model

    source_vocabulary = Tokenizer.load(model.source_tokenizer_path).size
    target_vocabulary = Tokenizer.load(model.target_tokenizer_path).size
    try:
        with torch.device("meta"):
            module = build_model(model.config, source_vocabulary, target_vocabulary, model.joint)
    except SettingsError as error:
        raise DataError(f"{model.folder / 'config.toml'}: {error}", "restore the file") from None
    path = model.folder / "model.safetensors"
    tensors = read_tensors(path, module.state_dict(), str(device))
    module.load_state_dict(tensors, assign=True)
    return module.eval()


@dataclass(frozen=True)
class ModelAbout:
    """What a model folder holds beside the weights."""

    config: ModelConfig
    languages: Mapping[str, str]  # "source" and "target"
    tokenizers: Mapping[str, bytes]  # by file name


def export_model(folder: Path, tensors: Mapping[str, "Tensor"], about: ModelAbout, facts: Mapping[str, Any]) -> None:
    """Write a model folder at ``folder``, replacing one that is there.

    ``facts`` go into the manifest (step, scores, data).
    """
    import tomli_w

    with create_folder(folder, replace=True) as new:
        write_tensors(new / "model.safetensors", tensors)
        settings = {"model": asdict(about.config), "languages": dict(about.languages)}
        (new / "config.toml").write_text(tomli_w.dumps(settings), encoding="utf-8")
        for name, model in about.tokenizers.items():
            (new / name).write_bytes(model)
        write_manifest(new, {"kind": "model", "format": FORMAT, **facts})
