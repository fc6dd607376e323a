"""How a run begins: with new weights, with those of a model, or from the last checkpoint in its folder.

Knows the run folder and who may use it; not how a run goes on from there.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import torch

from nmt.config import BUDGETS, Config
from nmt.corpus.batches import blocks
from nmt.errors import CannotCreateError, DataError, SettingsError
from nmt.model import build_model
from nmt.store.checkpoints import load_checkpoint
from nmt.store.model_folder import ModelFolder, load_model
from nmt.store.run_folder import RunFolder
from nmt.text.directions import lacking, spoken
from nmt.text.reserved import SLOTS
from nmt.training.context import RunContext
from nmt.training.counters import Counters
from nmt.training.distribution import ALONE, Group
from nmt.training.environment import environment_of, models_of
from nmt.training.gradients import WEIGHT_INIT, random_number
from nmt.training.inherited import inherit, shared
from nmt.training.loop import budget_used
from nmt.training.mixed import Feed
from nmt.training.models import has_vocabulary_of, is_of_its_languages
from nmt.training.reporter import Reporter
from nmt.training.request import TrainJob, differences, refuse_other_models
from nmt.training.run import Run
from nmt.training.schedule import out_of_patience
from nmt.training.stages import TEACHER, stage_at
from nmt.training.state import TrainState


@contextmanager
def open_run(job: TrainJob, device: torch.device, reporter: Reporter, group: Group = ALONE) -> Iterator[Run]:
    """The run of a job, new or resumed. Until the block ends no process outside the ``group`` can use it.

    Raises SettingsError or DataError for a model that does not fit, before any file is touched; BusyError when another
    process has the run; CannotCreateError or SettingsError for an existing run that may not be resumed; DataError when
    its checkpoints are damaged.
    """
    folder, is_extended = RunFolder(job.request.run), False
    with ExitStack() as stack:
        if group.leads:
            state = fresh_state(job, device)
            warn_of_model(job, reporter)
            is_extended = stack.enter_context(claimed(folder, job, reporter))
            group.tell(job.config.to_dict())
        else:
            # Waits until the leader has checked everything, and fails if the leader is gone. The leader's settings
            # count, since preset auto depends on the machine.
            job = replace(job, config=Config.from_layers(group.tell(None)))
            refuse_unseen(folder, job)
            state, reporter = fresh_state(job, device), Reporter()
        feed = Feed(job.data, job.stages, job.config.training.synthetic, folder.synthetic_path)
        context = RunContext(job, folder, state, reporter, feed, group)
        go_back(context, is_extended)
        run = Run(context, partial(go_back, context))
        # It is a share of the budget, which may be larger than when it was saved.
        validated = context.counters.validated
        validated.progress = min(validated.progress, context.used())
        if group.leads:
            folder.write_config(job.config)
            folder.write_environment(environment_of(job, device, group.size))
        yield run


def refuse_unseen(folder: RunFolder, job: TrainJob) -> None:
    """Raise SettingsError when a process that is not the leader has to read synthetic pairs and cannot."""
    if len(job.stages) > 1 and not folder.folder.is_dir():
        raise SettingsError(
            f"each process reads synthetic pairs from {folder.folder.absolute()}, and this one has no such folder",
            "name an `output` on a disk that all machines share",
        )


@contextmanager
def claimed(folder: RunFolder, job: TrainJob, reporter: Reporter) -> Iterator[bool]:
    """Lock the run folder, moving an existing run aside if asked to; yields whether a resumed run has a new budget."""
    with folder.claim() as move_aside:
        is_extended = False
        if folder.exists() and job.request.overwrite:
            reporter.note(f"the run that was there is now {move_aside()}")
        elif folder.exists():
            refuse_another_run(folder, job)
            folder.refuse_strange_model()
            before, now = folder.read_config().training, job.config.training
            is_extended = any(getattr(before, name) != getattr(now, name) for name in BUDGETS)
        yield is_extended


def refuse_another_run(folder: RunFolder, job: TrainJob) -> None:
    """Raise CannotCreateError or SettingsError when the run in the folder may not be resumed by this job."""
    if not job.request.resume:
        raise CannotCreateError(
            f"{folder.folder} holds a run", "leave `no_resume` out, or add `overwrite` to move it aside"
        )
    refuse_other_models(job, models_of(folder))
    changed = differences(folder.read_config(), job.config)
    if changed:
        raise SettingsError(
            f"the run in {folder.folder} has other settings: {'; '.join(changed)}",
            "use its settings, choose another `output`, or add `overwrite` to move it aside",
        )


def fresh_state(job: TrainJob, device: torch.device) -> TrainState:
    """The state before the first update: the weights of the job's model, or new ones that follow from the seed.

    A model to begin with that has another vocabulary than the data gives its weights to one that has the data's.
    The model may produce the pieces that the data's targets have, those of teachers, and the slots of odd input. Raises
    SettingsError when the job's model has another shape, DataError when its files are damaged.
    """
    data, config, init = job.data, job.config, job.init
    if init:
        refuse_another_model(init, job)
    torch.manual_seed(random_number(config.training.seed, WEIGHT_INIT))
    model = build_model(config.model, data.source_vocabulary, data.target_vocabulary, data.joint)
    model.embeddings.produced.zero_()
    if init and has_vocabulary_of(init, data):
        model.load_state_dict(load_model(init).state_dict())
    elif init:
        inherit(model, load_model(init), job.tokenizers, init.tokenizers)
    produced = model.embeddings.produced
    produced |= torch.from_numpy(data.target_pieces()).to(produced)
    for teacher in job.teachers:  # what it says is learnt
        produced |= load_model(teacher).embeddings.produced.to(produced)
    if job.odd_input:
        first = job.tokenizers[1].first_reserved
        produced[first : first + SLOTS] = 1
    return TrainState.fresh(model.to(device), config.training)


def warn_of_model(job: TrainJob, reporter: Reporter) -> None:
    """Warn when the model to begin with translates other languages than the data's, and tell of another vocabulary."""
    if not job.init:
        return
    begins = job.request.overwrite or not RunFolder(job.request.run).exists()
    if begins and not has_vocabulary_of(job.init, job.data):
        same, all_pieces = shared(job.tokenizers, job.init.tokenizers)
        mend = f"; data prepared with `vocab` {job.init.folder} would have its own"
        reporter.warn(
            f"{job.init.folder} has another vocabulary than {job.data.folder}: {same:,} of {all_pieces:,} pieces begin "
            f"with its vectors, the others with the mean of those of their parts"
            f"{mend if is_of_its_languages(job.init, job.data) else ''}"
        )
    known, wanted = job.init.pairs, job.data.directions
    if lacking(wanted, known, tagged=False):
        reporter.warn(f"{job.init.folder} translates {spoken(known)}, and {job.data.folder} is {spoken(wanted)}")


def refuse_another_model(init: ModelFolder, job: TrainJob) -> None:
    """Raise SettingsError unless the model's shape is that of the settings, with as many vocabularies as the data."""
    data = job.data
    if init.joint != data.joint:
        has, wants = (
            "one vocabulary for both languages" if joint else "two vocabularies" for joint in (init.joint, data.joint)
        )
        own = f", or with `vocab` {init.folder}" if is_of_its_languages(init, data) else ""
        raise SettingsError(
            f"{init.folder} has {has}, and {data.folder} {wants}",
            f"prepare the data again with {'`joint_vocab`' if init.joint else '`separate_vocab`'}{own}",
        )
    before, after = asdict(init.config), asdict(job.config.model)
    named = "" if job.request.preset == "auto" else "`preset` and "
    for name in before:
        if name not in ("dropout",) and before[name] != after[name]:
            raise SettingsError(
                f"{init.folder} has model.{name} {before[name]!r}, and the settings say {after[name]!r}",
                f"leave {named}model.{name} out: a run with `init` has the shape of its model",
            )


def go_back(context: RunContext, is_extended: bool = False) -> None:
    """Put the state where the newest whole checkpoint was saved, or to the beginning when there is none.

    ``is_extended`` says that the run has another budget than before.
    """
    state, folder, leads = context.state, context.folder, context.group.leads
    if not (leads and restore(context)):
        begin_anew(context)
    elif is_extended:
        # A new budget after patience ended the run means that it should go on; and what was the end of the old budget
        # lies before rounds of synthetic pairs by now. Saved before the settings are written.
        if has_ended := out_of_patience(context.training, state.counters):
            state.counters.validated.stale = 0
        stage = state.counters.mixture.stage
        used = budget_used(context.training, state, context.feed.rows.rows_per_epoch, ALONE)  # the leader alone asks
        lies_ahead = stage_at(context.feed.stages, used) < stage
        if reads_again := lies_ahead or context.feed.stages[stage].round == TEACHER:
            state.counters.begin_stage(0, context.feed.rows.rows_per_epoch)
            context.feed.open(0)
        if has_ended or reads_again:
            context.save_checkpoint()
    if leads:
        # No more lines than there are: someone may have deleted some, or written a number of his own.
        state.counters.metrics = folder.rewind_metrics(state.counters.metrics)
        # Time after the checkpoint was used as well, though its updates are lost.
        state.spend(folder.read_seconds())
    state.broadcast(context.group)
    context.feed.open(state.counters.mixture.stage)


def begin_anew(context: RunContext) -> None:
    """Put the state back to the weights that it began with, if it has left them."""
    state = context.state
    if state.counters.step:
        beginning = fresh_state(context.job, state.average.output_weight.device)
        state.objective.model.load_state_dict(beginning.objective.model.state_dict())
        state.average.load_state_dict(beginning.average.state_dict())
        state.optimizer.state.clear()
        state.counters = Counters(seconds=state.counters.seconds)


def restore(context: RunContext) -> bool:
    """Put the state where the newest whole checkpoint was saved; False when none was ever saved."""
    state, data, feed = context.state, context.data, context.feed
    layout = state.layout()

    def restore_from(path: Path) -> None:
        checkpoint = load_checkpoint(path, layout)
        try:
            if checkpoint.state["data"] != data.digest:
                raise SettingsError(
                    f"the run in {context.folder.folder} was trained on other data than {data.folder} holds now",
                    "choose another `output`, or add `overwrite` to move it aside",
                )
            refuse_other_models(context.job, checkpoint.state)
            counters = Counters.from_dict(checkpoint.state["counters"])
            if counters.mixture.stage >= len(context.feed.stages):
                raise ValueError("counters.mixture has a stage that the settings have not")
            feed.reopen(counters.mixture.stage, checkpoint.state.get("synthetic", ""))
            if counters.position.block >= blocks(len(feed.rows)):
                raise ValueError("counters.position lies beyond the data")
            state.restore(checkpoint)
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{path / 'state.json'}: {error}", "restore the file") from None

    return context.folder.checkpoints.restore_newest(restore_from, context.reporter.warn)
