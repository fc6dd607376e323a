"""``--plan``: the time, memory and disk that a run would take, measured by a few updates that are thrown away.

Writes nothing.
"""

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf

import numpy as np
import torch

from nmt.config import Config, TrainingConfig
from nmt.corpus.batches import Batch, Integers, blocks, plan_block, read_batch
from nmt.corpus.dataset import Dataset
from nmt.corpus.shards import ROW, id_type
from nmt.presets import FLOPS_PER_CORE, Task, operations
from nmt.text.machine import peak_memory_bytes
from nmt.text.progress import Progress, Silent
from nmt.text.reserved import RESERVED
from nmt.training.gradients import Workers
from nmt.training.loop import Update, train_steps
from nmt.training.mixed import factors_of
from nmt.training.opening import fresh_state
from nmt.training.phases import phases_of
from nmt.training.phases.phase import Phase
from nmt.training.request import TrainJob
from nmt.training.searches import searching
from nmt.training.stages import TEACHER, Stage, longest_round, most_texts, planned, share_of
from nmt.training.state import TrainState
from nmt.training.synthetic import longest_of

WARM_UP, MEASURED = 3, 20  # updates
TRANSLATED = 128  # texts
LONGEST = 60.0  # seconds after which no further update begins
SILENCE = 10.0  # seconds; when the longest batch is expected to take longer, a note is printed first


@dataclass(frozen=True)
class PlannedRound:
    """What the making of a round of synthetic pairs would take."""

    stage: Stage
    texts: float  # translated at most
    seconds: float


@dataclass(frozen=True)
class PlannedTexts:
    """What rounds may translate, measured with a few of the texts."""

    count: int = 0
    seconds: float = 0.0  # for one text
    bytes: float = 0.0  # of the pair of one text, on the disk


@dataclass(frozen=True)
class Plan:
    """The estimated costs of a run. Times do not include validation and saving."""

    config: Config
    task: Task  # by which auto chooses a preset
    pairs: int
    pairs_per_epoch: float  # of the dataset, each as often as its weight says
    parameters: int
    vocabularies: tuple[int, ...]  # pieces without the reserved ones; one if both sides share it
    longest_batch: tuple[int, int, int]  # rows, source positions, target positions
    peak_memory: int  # bytes of the process, or of the GPU
    target_tokens_per_second: float
    seconds_per_update: float  # in a phase of cost 1
    updates_per_epoch: int  # of the dataset's pairs; estimated from the first block of the data
    checkpoint: int  # bytes on the disk
    model: int  # bytes on the disk
    stages: Sequence[Stage]
    texts: PlannedTexts

    @property
    def updates(self) -> int:
        """Number of updates the budget allows."""
        training = self.config.training
        if training.minutes:
            return self._updates_within(60 * training.minutes - self.making)
        return training.steps or round(training.epochs * self.updates_per_epoch * self._longer(1))

    @property
    def epochs(self) -> float:
        """Passes over the pairs within the budget, whose epochs are longer where they have synthetic pairs."""
        return self.config.training.epochs or self.updates / self.updates_per_epoch * self._longer(-1)

    def _longer(self, power: int) -> float:
        """The mean over the budget of how much longer an epoch is than one of the dataset, to a power."""
        texts, total = {each.stage: each.texts for each in self.rounds}, 0.0
        for number, stage in enumerate(self.stages):
            share, made = share_of(self.stages, number), texts.get(stage, 0.0)
            if stage.round == TEACHER:  # its pairs weigh as much as those of the dataset
                made *= self.pairs_per_epoch / self.pairs
            real, synthetic = factors_of(self.pairs_per_epoch, made, self.config.training.synthetic) if made else (1, 0)
            total += share * (real + synthetic * made / self.pairs_per_epoch) ** power
        return total

    def _updates_within(self, seconds: float) -> int:
        per_plain_update = sum(share / phase.cost for share, phase in phases_of(self.config.training))
        return int(seconds / self.seconds_per_update * per_plain_update)

    @cached_property
    def rounds(self) -> Sequence[PlannedRound]:
        """The rounds of synthetic pairs: each translates what its stage will read, as far as there is text and time."""
        training, made = self.config.training, []
        every = planned(training, self.pairs_per_epoch, self.task.longer_side)
        if training.minutes:
            every = self._updates_within(60 * training.minutes) / self.updates_per_epoch * self.pairs_per_epoch
        for number, stage in enumerate(self.stages):
            if stage.round:
                read = inf if training.minutes and stage.round == TEACHER else every * share_of(self.stages, number)
                in_time = longest_round(training, stage) / self.texts.seconds
                texts = min(self.texts.count, most_texts(training, read), in_time)
                made.append(PlannedRound(stage, texts, texts * self.texts.seconds))
        return made

    @property
    def making(self) -> float:
        """Seconds in which texts are translated for synthetic pairs."""
        return sum(each.seconds for each in self.rounds)

    @property
    def seconds(self) -> float:
        """Duration of the whole budget."""
        training = self.config.training
        mean_cost = sum(share * phase.cost for share, phase in phases_of(training))
        return training.minutes * 60 or self.updates * self.seconds_per_update * mean_cost + self.making

    @property
    def disk(self) -> int:
        """Peak use of the disk in bytes: checkpoints and one being saved, a model that replaces another, rounds."""
        made = round(sum(each.texts for each in self.rounds) * self.texts.bytes)
        return (max(2, self.config.training.keep) + 1) * self.checkpoint + 2 * self.model + made


def plan(job: TrainJob, device: torch.device, progress: Progress | None = None) -> Plan:
    """Measure what a fresh run of ``job`` would take.

    Measures the longest batch, then further updates for a minute, at least one. Raises SettingsError or DataError for a
    model to begin with that does not fit, BusyError when a single pair does not fit into memory.
    """
    progress = progress or Silent()
    data, config, task = job.data, job.config, job.task
    state = fresh_state(job, device)
    first_block = plan_block(data.train, config.training.batch_tokens, config.training.seed, 0, 0)
    longest = longest_batch(data, first_block)
    phases = sorted((phase for _, phase in reversed(phases_of(config.training))), key=lambda phase: phase.cost)
    cheapest, costliest = phases[0], phases[-1]
    expected = costliest.cost * seconds_of(config, task, longest) if task.cores else 0.0
    progress.start("measuring", 1 + WARM_UP + MEASURED, "updates")
    if expected > SILENCE:
        progress.note(f"measuring: one update of the longest batch takes about {expected:,.0f} s, others a minute")
    # First the longest batch of the costliest phase, which takes more memory than any other update.
    with Workers(state.objective, config.training) as workers:
        workers.gradient(
            costliest.batches([longest] * config.training.accumulate, np.random.default_rng(0)), costliest, 0
        )
    state.optimizer.zero_grad(set_to_none=True)
    progress.advance()
    # A budget of their own, since the run's may be spent before they are made.
    budget = replace(config.training, steps=WARM_UP + MEASURED, epochs=0, minutes=0.0)
    updates = measure(state, data, budget, cheapest, progress)
    progress.finish()
    seconds = sum(update.seconds for update in updates)
    parameters = sum(parameter.numel() for parameter in state.objective.model.parameters())
    checkpoint = state.checkpoint({})
    model = sum(tensor.nbytes for tensor in checkpoint.model.values())
    return Plan(
        config,
        task,
        len(data.train),
        data.train.rows_per_epoch,
        parameters,
        tuple(size - RESERVED for size in (data.source_vocabulary, data.target_vocabulary)[: 1 if data.joint else 2]),
        longest.shape,
        torch.cuda.max_memory_allocated() if device.type == "cuda" else peak_memory_bytes(),
        sum(update.target_tokens for update in updates) / seconds,
        seconds / len(updates),
        max(1, len(first_block) * blocks(len(data.train)) // config.training.accumulate),
        model + sum(tensor.nbytes for tensor in checkpoint.training.values()),
        model,
        job.stages,
        texts_of(job, state, progress),
    )


def texts_of(job: TrainJob, state: TrainState, progress: Progress) -> PlannedTexts:
    """What rounds of synthetic pairs may translate, and what that takes; measured with texts of all files.

    An untrained model ends no translation, so its are limited to about the length of the text.
    """
    if len(job.stages) == 1:
        return PlannedTexts()
    with searching(job, state, job.stages[1], torch.get_num_threads(), factor=1.0) as (texts, _):
        count = len(texts.split)
        measured = min(count, TRANSLATED)
        rows = np.arange(measured) * count // measured
        progress.start("measuring", measured, "translations")
        started = time.monotonic()
        texts.pairs(rows, longest_of(job.data), lambda: False, progress)
        seconds = (time.monotonic() - started) / measured
        progress.finish()
        # Of monolingual text only one side is there yet: the other will be about as long.
        pieces = sum(job.data.mono.pieces) * 2 if job.data.mono and not job.teachers else sum(job.data.train.pieces)
        each = id_type(max(job.data.source_vocabulary, job.data.target_vocabulary)).itemsize
        return PlannedTexts(count, seconds, ROW.itemsize + each * pieces / count)


def measure(state: TrainState, data: Dataset, config: TrainingConfig, phase: Phase, progress: Progress) -> list[Update]:
    """Updates of the phase that begin within a minute, without the slower first ones unless they are all."""
    updates: list[Update] = []
    end = time.monotonic() + LONGEST
    with closing(train_steps(state, data.train, config, choose_phase=lambda *_: phase)) as made:
        for event in made:
            if isinstance(event, Update):
                updates.append(event)
                progress.advance()
            if time.monotonic() > end:
                break
    return updates[WARM_UP:] or updates


def seconds_of(config: Config, task: Task, batch: Batch) -> float:
    """Estimated duration of a plain update of such batches on a CPU."""
    tokens = batch.target_tokens * config.training.accumulate
    each = operations(config.model, task.vocabulary, task.source_tokens / task.target_tokens)
    return each * tokens / (task.cores * FLOPS_PER_CORE)


def longest_batch(data: Dataset, plan: list[Integers]) -> Batch:
    """The batch with the most cells in a block of the data."""
    longest = [sum(int(lengths.max()) + 1 for lengths in data.train.lengths(rows)) for rows in plan]
    cells = [len(rows) * width for rows, width in zip(plan, longest, strict=True)]
    return read_batch(data.train, plan[cells.index(max(cells))])
