"""What a person asks of training, and whether it can be done: said without PyTorch, whose import takes seconds."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nmt.config import Config, Layer
from nmt.corpus.dataset import Dataset
from nmt.errors import DataError, SettingsError
from nmt.presets import PRESETS, Task, layers_of
from nmt.store.model_folder import ModelFolder, resolve_model_folder
from nmt.store.run_folder import RunFolder
from nmt.text.machine import available_cores, may_have_gpu

# A resumed run may get more time or patience, and save more often; anything else would make it another run.
MAY_CHANGE = {"steps", "epochs", "minutes", "patience", "save_every", "keep"}


@dataclass(frozen=True)
class TrainRequest:
    """What a person asks for: where, from which settings, and what to do with a run that is there already."""

    data: Path
    run: Path
    preset: str = "auto"
    layers: tuple[Layer, ...] = ()  # over the preset, the later winning
    resume: bool = True
    overwrite: bool = False
    init: Path | None = None  # the model whose weights the run begins with
    device: str = "auto"  # where it is to compute; auto's preset depends on it
    cores: int = 0  # that train, where nothing faster does; 0: all that the process has. auto's preset depends on them


def read_request(request: TrainRequest) -> tuple[Dataset, Config, ModelFolder | None]:
    """The data, the resolved settings and the model to begin with. Raises what is wrong with them."""
    data = Dataset.open(request.data)
    for name, split in (("training", data.train), ("validation", data.valid)):
        if not len(split):
            raise DataError(f"{request.data} has no {name} pairs", f"prepare it again with more {name} text")
    data.tokenizers  # noqa: B018  # loaded, and held to their sizes, before a model is made by those
    init = ModelFolder.open(resolve_model_folder(request.init)) if request.init else None
    known: dict[str, dict[str, Any]] = {"training": {}}
    if init:
        known["model"] = asdict(init.config)
    if init or not data.joint:  # a model that knows a direction has no use for a beginning with both
        known["training"]["bidirectional"] = 0.0
    config = resolve(request, data, known)
    if config.training.bidirectional and not data.joint:
        raise SettingsError(
            f"training.bidirectional needs one vocabulary for both languages, and {request.data} has two",
            "leave it out, or prepare with `joint_vocab`",
        )
    return data, config, init


def resolve(request: TrainRequest, data: Dataset, known: Layer) -> Config:
    """The settings of the preset and all that goes over it, ``known`` first.

    A run that auto's preset began goes on with what that was, which may be another one now: with more minutes, or on
    another machine.
    """

    def over(preset: Sequence[Layer]) -> Config:
        return Config.from_layers(*preset, known, *request.layers)

    first, *others = layers_of(request.preset, task_of(request, data, known))
    config, folder = over(first), RunFolder(request.run)
    if others and request.resume and not request.overwrite and folder.exists():
        before = folder.read_config()
        return next((one for one in (config, *map(over, others)) if not differences(before, one)), config)
    return config


def task_of(request: TrainRequest, data: Dataset, known: Layer) -> Task:
    """What auto knows of a run before it chooses."""
    has_gpu = may_have_gpu() if request.device == "auto" else request.device != "cpu"
    training = [{"training": layer.get("training", {})} for layer in (known, *request.layers)]
    budget = Config.from_layers({"training": PRESETS["tiny"]["training"]}, *training).training
    return Task(
        pairs=len(data.train),
        source_tokens=data.train.pieces[0] + len(data.train),
        target_tokens=data.train.pieces[1] + len(data.train),
        vocabulary=data.target_vocabulary,
        cores=0 if has_gpu else request.cores or available_cores(),
        steps=budget.steps,
        epochs=budget.epochs,
        minutes=budget.minutes,
    )


def differences(old: Config, new: Config) -> list[str]:
    """What keeps a run of settings ``old`` from being resumed with ``new``, in words."""
    before, after = asdict(old), asdict(new)
    return [
        f"{section}.{key} was {before[section][key]!r}, is {after[section][key]!r}"
        for section in before
        for key in before[section]
        if key not in MAY_CHANGE and before[section][key] != after[section][key]
    ]
