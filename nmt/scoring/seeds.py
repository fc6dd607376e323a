"""Which models differ only by their seed, and so are runs of one system. Knows settings and digests; no translation."""

import re
from collections.abc import Sequence
from dataclasses import asdict
from itertools import takewhile
from pathlib import Path

from nmt.config import Config
from nmt.disk.untrusted import read_small
from nmt.errors import DataError, SettingsError
from nmt.settings_file import LARGEST_SETTINGS, parse_toml
from nmt.store.model_folder import SETTINGS, ModelFolder
from nmt.store.run_folder import RunFolder


def runs_of(path: Path) -> list[Path]:
    """The folders that may be the run of a model: ``path``, and the one that the folder ``model`` of a run lies in."""
    real = path.resolve()
    return [path, real.parent] if real.name == "model" else [path]


def training_settings(path: Path) -> Config | None:
    """The settings of the run at ``path``, or of the run whose model folder that is; None for a model without its run.

    Raises DataError or MissingInputError for settings that cannot be read.
    """
    for folder in runs_of(path):
        file = folder / SETTINGS
        if not file.is_file():
            continue
        try:
            layers = parse_toml(read_small(file, LARGEST_SETTINGS), file)
            if "training" in layers:
                return Config.from_layers(layers)
        except SettingsError as error:
            raise DataError(f"{file}: {error.what}", "restore the file") from None
    return None


def seed_of(path: Path) -> int | None:
    """The seed of the run; None for a model without its run."""
    settings = training_settings(path)
    return settings.training.seed if settings else None


def began_with(path: Path) -> dict[str, list[str]]:
    """The digests of the model that the run began with and of its teachers, where there are any. Raises DataError."""
    known = [RunFolder(folder).read_models() for folder in runs_of(path)]
    return {name: digests for models in known for name, digests in models.items() if digests}


def group_by_settings(models: Sequence[tuple[Path, ModelFolder]]) -> list[list[int]]:
    """Indices of the models, those together that were trained on the same data by settings equal but for the seed.

    Runs that began with different models, or had different teachers, are not together. Groups are in the order of their
    first models. Two models of the same seed, which would be copies of each other, are no group, nor is a model without
    its run. Raises DataError for settings or an environment that cannot be read.
    """
    groups: list[list[int]] = []
    known: dict[str, tuple[int, set[int]]] = {}  # the group of some settings, and its seeds
    for index, (path, model) in enumerate(models):
        settings = training_settings(path)
        if settings and model.manifest.get("data"):
            rest = asdict(settings)
            seed = rest["training"].pop("seed")
            name = repr((rest, began_with(path), model.manifest["data"], model.source_language, model.target_language))
            if name in known and seed not in known[name][1]:
                groups[known[name][0]].append(index)
                known[name][1].add(seed)
                continue
            known[name] = (len(groups), {seed})
        groups.append([index])
    return groups


def model_names(paths: Sequence[Path]) -> list[str]:
    """A short name for each model: its folder's; the whole path where two would have the same."""
    short = [(path.resolve().parent if path.name == "model" else path.resolve()).name for path in paths]
    return [name if short.count(name) == 1 else str(path) for name, path in zip(short, paths, strict=True)]


def common_name(names: Sequence[str]) -> str:
    """What the names of runs begin with, without the mark of the seed: ``base`` of base-seed1 and base-seed2."""
    if len(names) == 1:
        return names[0]
    alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    prefix = "".join(letters[0] for letters in alike)
    if all(name[len(prefix) :][:1].isdigit() for name in names):  # of seed 10 and 11 the prefix has a 1
        prefix = prefix.rstrip("0123456789")
    return re.sub(r"([-_. ]+s|[-_. ]*seed)?[-_. ]*$", "", prefix) or names[0]
