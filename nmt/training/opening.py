"""How a training run begins: with new weights, or where the run that stands in its folder was left."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from nmt.config import Config, Layer, preset
from nmt.corpus.dataset import Dataset
from nmt.errors import CannotCreateError, DataError, SettingsError
from nmt.model import build_model
from nmt.store.model_folder import ModelAbout
from nmt.store.run_folder import RunFolder
from nmt.text.tokenizer import Tokenizer
from nmt.training.counters import Counters
from nmt.training.loop import WEIGHT_INIT, budget_used, seed_randomness
from nmt.training.reporter import Reporter
from nmt.training.run import Run
from nmt.training.state import TrainState

# A resumed run may get more time and save more often; anything else would make it another run.
MAY_CHANGE = {"steps", "epochs", "minutes", "save_every", "keep"}


@dataclass(frozen=True)
class TrainRequest:
    """What a person asks for: where, from which settings, and what to do with a run that is there already."""

    data: Path
    run: Path
    preset: str = "auto"
    layers: tuple[Layer, ...] = ()  # over the preset, the later winning
    resume: bool = True
    overwrite: bool = False


@contextmanager
def open_run(request: TrainRequest, device: torch.device, reporter: Reporter) -> Iterator[Run]:
    """The run of ``request``, new or resumed, which no other process has until the block ends.

    Raises what is wrong with the data or the settings before anything is touched; BusyError when another process has
    the run; CannotCreateError or SettingsError for a run that is there and may not go on; DataError when its
    checkpoints are damaged.
    """
    data = Dataset.open(request.data)
    for name, split in (("training", data.train), ("validation", data.valid)):
        if not len(split):
            raise DataError(f"{request.data} has no {name} pairs", f"prepare it again with more {name} text")
    config = Config.from_layers(preset(request.preset, len(data.train)), *request.layers)
    tokenizers = Tokenizer.load(data.source_tokenizer_path), Tokenizer.load(data.target_tokenizer_path)
    state = fresh_state(config, data, device)
    folder = RunFolder(request.run)
    with folder.claim() as move_aside:
        if folder.exists() and request.overwrite:
            reporter.note(f"the run that was there is now {move_aside()}")
        elif folder.exists():
            refuse_another_run(request, folder, config)

        def go_back() -> None:
            if not restore(folder, state, data, reporter):
                begin_anew(state, config, data, device)
            folder.rewind_metrics(state.counters.metrics)
            # The time after that checkpoint was spent as well, though its updates are lost.
            state.spend(folder.read_seconds())

        go_back()
        # A share of the budget, which may be another one now.
        validated = state.counters.validated
        validated.progress = min(validated.progress, budget_used(config.training, state, len(data.train)))
        folder.write_config(config)
        about = about_model(config, data)
        yield Run(data, tokenizers, about, config, device, folder, state, reporter, go_back)


def fresh_state(config: Config, data: Dataset, device: torch.device) -> TrainState:
    """New weights, the same for the same seed."""
    seed_randomness(config.training.seed, WEIGHT_INIT)
    model = build_model(config.model, data.source_vocabulary, data.target_vocabulary, data.joint)
    return TrainState.fresh(model.to(device), config.training)


def begin_anew(state: TrainState, config: Config, data: Dataset, device: torch.device) -> None:
    """Put ``state`` back to the weights that it began with, if it has left them."""
    if state.counters.step:
        began = fresh_state(config, data, device)
        state.objective.model.load_state_dict(began.objective.model.state_dict())
        state.average.load_state_dict(began.average.state_dict())
        state.optimizer.state.clear()
        state.counters = Counters(seconds=state.counters.seconds)


def refuse_another_run(request: TrainRequest, folder: RunFolder, config: Config) -> None:
    """Raise CannotCreateError or SettingsError when the run that is there is not to be gone on with."""
    if not request.resume:
        raise CannotCreateError(
            f"{request.run} holds a run", "leave --no-resume out, or add --overwrite to move it aside"
        )
    changed = differences(folder.read_config(), config)
    if changed:
        raise SettingsError(
            f"the run in {request.run} has other settings: {'; '.join(changed)}",
            "use its settings, choose another -o, or add --overwrite to move it aside",
        )


def restore(folder: RunFolder, state: TrainState, data: Dataset, reporter: Reporter) -> bool:
    """Put ``state`` where the newest whole checkpoint was made; False when there has been none."""
    layout = state.layout()

    def take(path: Path) -> None:
        checkpoint = folder.load_checkpoint(path, layout)
        try:
            digest = checkpoint.state["data"]
            if digest != data.digest:
                raise SettingsError(
                    f"the run in {folder.folder} was trained on other data than {data.folder} holds now",
                    "choose another -o, or add --overwrite to move it aside",
                )
            state.restore(checkpoint)
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{path / 'state.json'}: {error}", "restore the file") from None

    return folder.restore_newest(take, reporter.warn)


def differences(old: Config, new: Config) -> list[str]:
    """What keeps a run of settings ``old`` from being resumed with ``new``, in words."""
    before, after = asdict(old), asdict(new)
    return [
        f"{section}.{key} was {before[section][key]!r}, is {after[section][key]!r}"
        for section in before
        for key in before[section]
        if key not in MAY_CHANGE and before[section][key] != after[section][key]
    ]


def about_model(config: Config, data: Dataset) -> ModelAbout:
    """What goes into the model folder; read once, because the dataset may be prepared anew before the last export."""
    return ModelAbout(
        config.model,
        {"source": data.source_language, "target": data.target_language},
        {path.name: path.read_bytes() for path in {data.source_tokenizer_path, data.target_tokenizer_path}},
    )
