"""Model folders: all that a translation needs, complete by itself, so that a copy elsewhere translates the same.

Knows the files of a model and what each may hold; nothing of search or training.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any, Self

from nmt.checked import build
from nmt.config import ModelConfig, is_name, is_note
from nmt.disk.files import sha256
from nmt.disk.folders import create_folder
from nmt.disk.manifest import NAME, check_file, read_manifest, replaceable, write_manifest
from nmt.disk.untrusted import read_small
from nmt.errors import DataError, MissingInputError, SettingsError, shown
from nmt.settings_file import parse_toml
from nmt.store.model_cache import KIND
from nmt.store.packed import is_packed, unpacked
from nmt.store.tensors import Layout, largest_file, layout_of, read_tensors, write_tensors
from nmt.text.directions import Direction, chosen_target, read_directions, side_of, targets_of
from nmt.text.known_words import read_words
from nmt.text.profile import Profile
from nmt.text.tokenizer import EOS, LARGEST_MODEL, SOURCE_TOKENIZER, TARGET_TOKENIZER, Tokenizer
from nmt.version import __version__

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from nmt.model.family import TranslationModel

FORMAT = 4  # raised when models of older versions stop loading; CHANGELOG.md tells which
CONVERTED = 3  # the format that ``nmt.store.conversion`` reads

WEIGHTS, SETTINGS = "model.safetensors", "config.toml"
MOST_ORIGINS = 20  # models of others that a card names
LARGEST_SETTINGS = 1 << 12  # bytes; usual ones have 400, and Python's TOML needs quadratic time for keys of many dots

_PICKLES = ("*.pt", "*.pth", "*.pkl", "*.pickle", "*.ckpt", "pytorch_model*.bin")
_NEVER = "pickle files are never loaded, for they can run code; give a RUN folder made by nmt train, or its model"


@dataclass(frozen=True)
class ModelFolder:
    """A model on disk, opened and verified except for its weights, which are not read yet. Imports no torch.

    It may come from a stranger, who wrote its hashes too: hashes find accidents, so every file is also held to its
    format and to bounds.
    """

    folder: Path
    config: ModelConfig
    source_language: str
    target_language: str
    manifest: Mapping[str, Any] = field(default_factory=dict)
    digest: str = ""  # SHA-256 of the manifest, which has those of all other files: a name for the model
    directions: tuple[Direction, ...] = ()  # if there are several; ``toward`` leaves those of one target

    @property
    def licence(self) -> str:
        """The licence of the text that it learnt from, in its owner's words; "" where nothing says it."""
        licence = self.manifest.get("licence", "")
        return str(licence) if is_note(licence) else ""

    @property
    def is_imported(self) -> bool:
        """Whether another toolkit trained it."""
        return bool(self.manifest.get("imported"))

    @property
    def origins(self) -> tuple[str, ...]:
        """The models of others that it is, or has learnt from, in words; () where nothing names one."""
        given = self.manifest.get("origins") or [self.manifest.get("imported")]
        return tuple(each for each in given[:MOST_ORIGINS] if each and is_note(each)) if isinstance(given, list) else ()

    @classmethod
    def open(cls, path: Path, wanted: int = FORMAT) -> Self:
        """The model at ``path``, a model folder or the training run that holds one, verified except for its weights.

        ``wanted`` is the format that it must have. Raises MissingInputError or DataError, naming the file.
        """
        folder = resolve_model_folder(path)
        manifest = read_manifest(folder, verify=False)
        if manifest.get("kind") != KIND:
            raise DataError(f"{folder} is not a model", "give a RUN folder or its model folder")
        if (found := manifest.get("format")) != wanted:
            raise DataError(*other_format(folder, found, wanted))
        check_file(folder, manifest, SETTINGS, largest=LARGEST_SETTINGS)
        config, source, target, directions = read_settings(folder / SETTINGS)
        model = cls(folder, config, source, target, manifest, sha256(folder / NAME), directions)
        for path in dict.fromkeys(model.tokenizer_paths):
            check_file(folder, manifest, path.name, largest=LARGEST_MODEL)
        return model

    @property
    def targets(self) -> list[str]:
        """The languages that it translates into."""
        return targets_of(self.directions) or [self.target_language]

    @property
    def sources(self) -> tuple[str, ...]:
        """The languages that it translates from."""
        return tuple(dict.fromkeys(source for source, _ in self.pairs))

    @property
    def pairs(self) -> tuple[Direction, ...]:
        """All its directions."""
        return self.directions or ((self.source_language, self.target_language),)

    def toward(self, to: str = "") -> Self:
        """The model as one that translates into ``to``, which may be empty where it has one target.

        What the manifest says of that target counts then. Raises SettingsError for a language that it does not have.
        """
        target = chosen_target(self.targets, to, str(self.folder))
        if not self.directions:
            return self
        directions = tuple(direction for direction in self.directions if direction[1] == target)
        own = self.manifest.get("targets")
        own = own.get(target) if isinstance(own, dict) else None
        if not isinstance(own, dict):
            raise DataError(f"{self.folder / NAME} says nothing of {target}", "restore the file")
        source, about = side_of(directions, 0), {**self.manifest, **own}
        return replace(self, source_language=source, target_language=target, directions=directions, manifest=about)

    @property
    def tag(self) -> int | None:
        """The piece that its sources begin with; None in a model of one direction. Raises DataError if it has none."""
        if not self.directions:
            return None
        tag = self.tokenizers[0].tag(self.target_language)
        if tag is None:
            raise DataError(
                f"{self.tokenizer_paths[0]} has no piece that asks for {self.target_language}", "restore the file"
            )
        return tag

    @property
    def joint(self) -> bool:
        """Whether source and target share one vocabulary."""
        return TARGET_TOKENIZER not in self.manifest.get("files", {})

    @property
    def tokenizer_paths(self) -> tuple[Path, Path]:
        """The files of the source's and the target's tokenizer, one file for a joint vocabulary."""
        return self.folder / SOURCE_TOKENIZER, self.folder / (SOURCE_TOKENIZER if self.joint else TARGET_TOKENIZER)

    @property
    def weights_path(self) -> Path:
        """The safetensors file."""
        return self.folder / WEIGHTS

    def check_weights(self, layout: Layout) -> None:
        """Raise DataError unless the weights file has its hash, and no more bytes than the layout has."""
        check_file(self.folder, self.manifest, WEIGHTS, largest=largest_file(layout))

    def check_produced(self, produced: Sequence[int]) -> None:
        """Raise DataError unless the special pieces may be produced: without </s> no search ends."""
        if not all(produced[: EOS + 1]):
            raise DataError(f"{self.weights_path} lets no translation end", "restore the file from its origin")

    @cached_property
    def profile(self) -> Profile | None:
        """The shape of training's lines, and its words; None in a model of an older version. Raises DataError."""
        profile = Profile.read(self.manifest, str(self.folder / NAME))
        return profile and replace(profile, words=read_words(self.folder, self.manifest))

    @cached_property
    def tokenizers(self) -> tuple[Tokenizer, Tokenizer]:
        """The source's and the target's tokenizer, one for a joint vocabulary. Raises DataError, naming the file."""
        source, target = self.tokenizer_paths
        tokenizer = Tokenizer.load(source)
        return tokenizer, tokenizer if self.joint else Tokenizer.load(target)


def other_format(folder: Path, found: object, wanted: int) -> tuple[str, str]:
    """What is wrong with a model of another format than ``wanted``, and how to mend it."""
    if wanted == CONVERTED:
        what = f"{folder} has format {shown(found)}, and models of format {wanted} can be converted"
        return what, "use it as it is" if found == FORMAT else "train the model again"
    what = f"{folder} has format {shown(found)}, and this nmt reads format {wanted}"
    convert = f"convert it: nmt export {quote(str(folder))} `to` nmt `output` NEW"
    return what, convert if found == CONVERTED else "use the nmt that wrote it, or train the model again"


def read_settings(path: Path) -> tuple[ModelConfig, str, str, tuple[Direction, ...]]:
    """The model's settings, its two languages, and its directions if there are several.

    Raises MissingInputError or DataError, naming the file.
    """
    try:
        settings = parse_toml(read_small(path, LARGEST_SETTINGS), path)
    except SettingsError as error:
        raise DataError(error.what, "restore the file") from None
    try:
        config = build(ModelConfig, settings.get("model", {}))
    except SettingsError as error:
        raise DataError(f"{path}: {error.what}", "restore the file") from None
    names = {**settings.get("languages", {}), "family": config.family}
    for what in ("source", "target", "family"):
        if not is_name(names.get(what)):
            raise DataError(f"{path} names no {what}: {shown(names.get(what))}", "restore the file")
    facts = {"source_language": names["source"], "target_language": names["target"]}
    several = {"directions": names["directions"]} if "directions" in names else {}
    directions = read_directions({**facts, **several}, str(path)) if several else ()
    return config, names["source"], names["target"], directions


def resolve_model_folder(path: Path) -> Path:
    """The model folder at ``path``: itself, the one inside a RUN folder, or that of a model in one file, in the cache.

    Raises MissingInputError or DataError, and CannotCreateError or StorageError where there is no place for a cache.
    """
    if is_packed(path):
        return unpacked(path)
    for folder in (path, path / "model"):
        if (folder / WEIGHTS).exists() and (folder / SETTINGS).exists():
            return folder
    if path.is_file():
        raise DataError(f"{path} is a file, not a model folder", _NEVER)
    for folder in (path, path / "model"):
        if pickled := next((file for kind in _PICKLES for file in folder.glob(kind)), None):
            raise DataError(f"{pickled} is a pickle, not a model of ours", _NEVER)
    if (path / "checkpoints").exists():
        raise MissingInputError(f"{path} has no model yet", "train it for longer: the first validation exports one")
    raise MissingInputError(f"there is no model in {path}", "give a RUN folder made by nmt train, or its model folder")


def places(path: Path) -> list[Path]:
    """The folders that hold the files of a model or a run, or the one file."""
    if is_packed(path):
        return [path]
    return [folder for folder in (path, path / "model", *path.glob("checkpoints/*")) if folder.is_dir()]


def load_model(model: ModelFolder, device: "torch.device | str" = "cpu") -> "TranslationModel":
    """The module of a model folder, in evaluation mode. Raises DataError for weights that its settings do not imply."""
    from nmt.model import build_shapes

    source, target = model.tokenizers
    try:
        module = build_shapes(model.config, source.size, target.size, model.joint)
    except SettingsError as error:
        raise DataError(f"{model.folder / SETTINGS}: {error}", "restore the file") from None
    layout = layout_of(module.state_dict())
    model.check_weights(layout)
    module.load_state_dict(read_tensors(model.weights_path, layout, str(device)), assign=True)
    model.check_produced(module.embeddings.produced.tolist())
    return module.eval()


@dataclass(frozen=True)
class ModelAbout:
    """Contents of a model folder beside the weights."""

    config: ModelConfig
    languages: Mapping[str, str]  # "source" and "target"
    files: Mapping[str, bytes]  # tokenizers, and what else stays as the dataset has it, by name
    licence: str = ""  # of the training text, in its owner's words; "" when not given
    directions: Sequence[Direction] = ()  # if there are several
    origins: Sequence[str] = ()  # models of others that it is made from, in words


def export_model(folder: Path, tensors: Mapping[str, "Tensor"], about: ModelAbout, facts: Mapping[str, Any]) -> None:
    """Write a model folder, replacing an older one that holds nothing else.

    ``facts`` go into the manifest (step, scores, data), beside the program's version, the languages' names, the licence
    and the origins. Raises CannotCreateError, or StorageError for a full disk.
    """
    import tomli_w

    from nmt.text.languages import language_name

    names = {side: language_name(code) or code for side, code in about.languages.items()}
    origin = {"program": f"nmt {__version__}", "languages": names, "licence": about.licence}
    origin |= {"origins": list(about.origins)} if about.origins else {}
    with create_folder(folder, replaceable(KIND)) as new:
        write_tensors(new / WEIGHTS, tensors)
        several = {"directions": list(map(list, about.directions))} if about.directions else {}
        settings = {"model": asdict(about.config), "languages": {**about.languages, **several}}
        (new / SETTINGS).write_text(tomli_w.dumps(settings), encoding="utf-8")
        for name, content in about.files.items():
            (new / name).write_bytes(content)
        write_manifest(new, {"kind": KIND, "format": FORMAT, **origin, **facts})
