"""What a person asks of training, and whether it can be done: said without PyTorch, whose import takes seconds."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nmt.config import Config, Layer, preset
from nmt.corpus.dataset import Dataset
from nmt.errors import DataError, SettingsError
from nmt.store.model_folder import ModelFolder, resolve_model_folder


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


def read_request(request: TrainRequest) -> tuple[Dataset, Config, ModelFolder | None]:
    """The data, the resolved settings and the model to begin with. Raises what is wrong with them."""
    data = Dataset.open(request.data)
    for name, split in (("training", data.train), ("validation", data.valid)):
        if not len(split):
            raise DataError(f"{request.data} has no {name} pairs", f"prepare it again with more {name} text")
    init = ModelFolder.open(resolve_model_folder(request.init)) if request.init else None
    known: dict[str, dict[str, Any]] = {"training": {}}
    if init:
        known["model"] = asdict(init.config)
    if init or not data.joint:  # a model that knows a direction has no use for a beginning with both
        known["training"]["bidirectional"] = 0.0
    config = Config.from_layers(preset(request.preset, len(data.train)), known, *request.layers)
    if config.training.bidirectional and not data.joint:
        raise SettingsError(
            f"training.bidirectional needs one vocabulary for both languages, and {request.data} has two",
            "leave it out, or prepare with --joint-vocab",
        )
    return data, config, init
