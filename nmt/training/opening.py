"""How a training run begins: with new weights, or where the run that stands in its folder was left."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import torch

from nmt.config import BUDGETS, Config, ModelConfig
from nmt.corpus.batches import blocks
from nmt.corpus.dataset import Dataset
from nmt.errors import CannotCreateError, DataError, SettingsError
from nmt.model import build_model
from nmt.presets import timed_passes
from nmt.store.checkpoints import load_checkpoint
from nmt.store.model_folder import ModelAbout, ModelFolder, load_model
from nmt.store.run_folder import RunFolder
from nmt.text.languages import same_language
from nmt.training.counters import Counters
from nmt.training.distribution import ALONE, Group
from nmt.training.gradients import WEIGHT_INIT, random_number
from nmt.training.loop import budget_used
from nmt.training.reporter import Reporter, Unheard
from nmt.training.request import TrainRequest, differences, read_request, task_of
from nmt.training.run import Run
from nmt.training.schedule import out_of_patience
from nmt.training.state import TrainState


@contextmanager
def open_run(request: TrainRequest, device: torch.device, reporter: Reporter, group: Group = ALONE) -> Iterator[Run]:
    """The run of ``request``, new or resumed, which no other process has until the block ends, but for its ``group``.

    Raises what is wrong with the data or the settings before anything is touched; BusyError when another process has
    the run; CannotCreateError or SettingsError for a run that is there and may not go on; DataError when its
    checkpoints are damaged.
    """
    if not group.leads:
        yield follow(request, device, group)
        return
    data, config, init = read_request(request)
    state = fresh_state(config, data, device, init)
    if init:
        warn_of_direction(init, data, reporter)
    folder = RunFolder(request.run)
    with folder.claim() as move_aside:
        has_new_budget = False
        if folder.exists() and request.overwrite:
            reporter.note(f"the run that was there is now {move_aside()}")
        elif folder.exists():
            refuse_another_run(request, folder, config)
            folder.refuse_strange_model()
            before = asdict(folder.read_config().training)
            has_new_budget = any(before[name] != getattr(config.training, name) for name in BUDGETS)

        def go_back() -> None:
            if not restore(folder, state, data, reporter):
                begin_anew(state, config, data, device, init)
            elif has_new_budget and out_of_patience(config.training, state.counters):
                # Whoever gives more after patience has ended it wants it to go on. Saved before the settings are.
                state.counters.validated.stale = 0
                checkpoint = state.checkpoint({"data": data.digest})
                folder.save_checkpoint(state.counters.step, checkpoint, config.training.keep)
            # As many as there are: one who deleted some, or wrote a number of his own, has no more.
            state.counters.metrics = folder.rewind_metrics(state.counters.metrics)
            # The time after that checkpoint was spent as well, though its updates are lost.
            state.spend(folder.read_seconds())
            if group.size > 1:
                state.hand_out(group)

        if group.size > 1:
            group.tell(config.to_dict())
        go_back()
        # A share of the budget, which may be another one now.
        validated = state.counters.validated
        used = budget_used(config.training, state, data.train.rows_a_pass, group)
        validated.progress = min(validated.progress, used)
        folder.write_config(config)
        about = about_model(config, data)
        run = Run(data, data.tokenizers, about, config, device, folder, state, reporter, go_back, group)
        if config.training.minutes:
            task = replace(task_of(request, data, {}), minutes=config.training.minutes)
            run.expected_passes = timed_passes(config.model, task)
        yield run


def follow(request: TrainRequest, device: torch.device, group: Group) -> Run:
    """The run as another process than the group's leader has it: all that it knows of the folder, the leader says."""
    # That nothing is wrong, or this process hears that the leader is gone. What auto takes depends on the machine, too.
    config = Config.from_layers(group.tell(None))
    data, _, init = read_request(request)
    state = fresh_state(config, data, device, init)

    def go_back() -> None:
        begin_anew(state, config, data, device, init)
        state.hand_out(group)

    go_back()
    validated = state.counters.validated
    used = budget_used(config.training, state, data.train.rows_a_pass, group)
    validated.progress = min(validated.progress, used)
    about, folder = about_model(config, data), RunFolder(request.run)
    return Run(data, data.tokenizers, about, config, device, folder, state, Unheard(), go_back, group)


def fresh_state(config: Config, data: Dataset, device: torch.device, init: ModelFolder | None) -> TrainState:
    """The weights of ``init``, or new ones, the same for the same seed; it may produce what the data's targets have.

    Raises SettingsError when ``init`` has another vocabulary or shape, DataError when its files are not sound.
    """
    if init:
        refuse_another_model(init, config.model, data)
        model = load_model(init, device).train()
    else:
        torch.manual_seed(random_number(config.training.seed, WEIGHT_INIT))
        model = build_model(config.model, data.source_vocabulary, data.target_vocabulary, data.joint)
        model.embeddings.produced.zero_()
    model.embeddings.produced |= torch.from_numpy(data.target_pieces()).to(model.embeddings.produced)
    return TrainState.fresh(model.to(device), config.training)


def warn_of_direction(init: ModelFolder, data: Dataset, reporter: Reporter) -> None:
    """Warn of a model that translates other languages than the data's, or those the other way round."""
    known, wanted = (init.source_language, init.target_language), (data.source_language, data.target_language)
    if not all(map(same_language, known, wanted)):
        reporter.warn(f"{init.folder} translates {' → '.join(known)}, and {data.folder} is {' → '.join(wanted)}")


def refuse_another_model(init: ModelFolder, config: ModelConfig, data: Dataset) -> None:
    """Raise SettingsError unless the model can be trained on with these settings and data."""
    vocabularies = (init.source_tokenizer_path, init.target_tokenizer_path)
    wanted = (data.source_tokenizer_path, data.target_tokenizer_path)
    if [path.read_bytes() for path in vocabularies] != [path.read_bytes() for path in wanted]:
        raise SettingsError(
            f"{init.folder} has another vocabulary than {data.folder}",
            f"prepare the data again with `vocab` {init.folder}",
        )
    before, after = asdict(init.config), asdict(config)
    for name in before:
        if name not in ("dropout",) and before[name] != after[name]:
            raise SettingsError(
                f"{init.folder} has model.{name} {before[name]!r}, and the settings say {after[name]!r}",
                f"leave model.{name} out: a run with `init` has the shape of its model",
            )


def begin_anew(
    state: TrainState, config: Config, data: Dataset, device: torch.device, init: ModelFolder | None
) -> None:
    """Put ``state`` back to the weights that it began with, if it has left them."""
    if state.counters.step:
        began = fresh_state(config, data, device, init)
        state.objective.model.load_state_dict(began.objective.model.state_dict())
        state.average.load_state_dict(began.average.state_dict())
        state.optimizer.state.clear()
        state.counters = Counters(seconds=state.counters.seconds)


def refuse_another_run(request: TrainRequest, folder: RunFolder, config: Config) -> None:
    """Raise CannotCreateError or SettingsError when the run that is there is not to be gone on with."""
    if not request.resume:
        raise CannotCreateError(
            f"{request.run} holds a run", "leave `no_resume` out, or add `overwrite` to move it aside"
        )
    changed = differences(folder.read_config(), config)
    if changed:
        raise SettingsError(
            f"the run in {request.run} has other settings: {'; '.join(changed)}",
            "use its settings, choose another `output`, or add `overwrite` to move it aside",
        )


def restore(folder: RunFolder, state: TrainState, data: Dataset, reporter: Reporter) -> bool:
    """Put ``state`` where the newest whole checkpoint was made; False when there has been none."""
    layout = state.layout()

    def take(path: Path) -> None:
        checkpoint = load_checkpoint(path, layout)
        try:
            digest = checkpoint.state["data"]
            if digest != data.digest:
                raise SettingsError(
                    f"the run in {folder.folder} was trained on other data than {data.folder} holds now",
                    "choose another `output`, or add `overwrite` to move it aside",
                )
            if Counters.from_dict(checkpoint.state["counters"]).position.block >= blocks(len(data.train)):
                raise ValueError("counters.position lies beyond the data")
            state.restore(checkpoint)
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{path / 'state.json'}: {error}", "restore the file") from None

    return folder.checkpoints.restore_newest(take, reporter.warn)


def about_model(config: Config, data: Dataset) -> ModelAbout:
    """What goes into the model folder; read once, because the dataset may be prepared anew before the last export."""
    return ModelAbout(
        config.model,
        {"source": data.source_language, "target": data.target_language},
        {path.name: path.read_bytes() for path in {data.source_tokenizer_path, data.target_tokenizer_path}},
        data.licence,
    )
