"""``--plan``: what a run would take of this machine, measured by a few updates that are thrown away. Writes nothing."""

import time
from contextlib import closing
from dataclasses import dataclass, replace

import torch

from nmt.config import Config, TrainingConfig
from nmt.corpus.batches import Batch, blocks, pad_batch, plan_block
from nmt.corpus.dataset import Dataset
from nmt.presets import OPERATIONS_A_CORE, Task, operations
from nmt.text.machine import peak_memory_bytes
from nmt.text.progress import Progress, Silent
from nmt.training.gradients import Workers
from nmt.training.loop import Update, train_steps
from nmt.training.opening import fresh_state
from nmt.training.request import TrainJob
from nmt.training.risk import COST
from nmt.training.state import TrainState

WARM_UP, MEASURED = 3, 20  # updates
LONGEST = 60.0  # seconds in which updates are begun
SILENCE = 10.0  # seconds that the longest batch may take without a word before it


@dataclass(frozen=True)
class Plan:
    """What is known of a run before it begins; times leave validation and saving out."""

    config: Config
    task: Task  # what auto chose a preset for
    pairs: int
    parameters: int
    vocabularies: tuple[int, ...]  # one where it is shared
    longest_batch: tuple[int, int, int]  # rows, source positions, target positions
    peak_memory: int  # bytes, of the whole process, or of the GPU
    target_tokens_per_second: float
    seconds_per_update: float  # without hypotheses of the model's own
    updates_per_epoch: int
    checkpoint: int  # bytes on the disk
    model: int  # bytes on the disk

    @property
    def updates(self) -> int:
        """In the budget."""
        training = self.config.training
        if training.minutes:
            share = training.minimum_risk
            return int(60 * training.minutes / self.seconds_per_update * (1 - share + share / COST))
        return training.steps or training.epochs * self.updates_per_epoch

    @property
    def seconds(self) -> float:
        """Of the budget."""
        training = self.config.training
        times = 1 + training.minimum_risk * (COST - 1)
        return training.minutes * 60 or self.updates * self.seconds_per_update * times

    @property
    def disk(self) -> int:
        """Bytes at most: the checkpoints that are kept and one that is saved, and a model that replaces another."""
        return (max(2, self.config.training.keep) + 1) * self.checkpoint + 2 * self.model


def plan(job: TrainJob, device: torch.device, progress: Progress | None = None) -> Plan:
    """Measure what the run of ``job`` would take. Raises what is wrong with its data or settings.

    The budget counts as a fresh run's. It ends after the longest batch and a minute, or the one update that takes
    longer. Raises BusyError when a pair alone does not fit into memory.
    """
    progress = progress or Silent()
    data, config, task = job.data, job.config, job.task
    state = fresh_state(job, device)
    longest = longest_batch(data, config)
    # First, since its memory is the most that any update takes.
    most = replace(longest, at_risk=config.training.minimum_risk > 0)
    expected = seconds_of(config, task, most) if task.cores else 0.0
    progress.start("measuring", 1 + WARM_UP + MEASURED, "updates")
    if expected > SILENCE:
        progress.note(f"measuring: one update of the longest batch takes about {expected:,.0f} s, others a minute")
    with Workers(state.objective, config.training, device) as workers:
        workers.gradient([most] * config.training.accumulate, 0)
    state.optimizer.zero_grad(set_to_none=True)
    progress.advance()
    # A budget of their own: that of the run may be spent before they are made.
    measured = replace(config.training, steps=WARM_UP + MEASURED, epochs=0, minutes=0.0, minimum_risk=0.0)
    found = measure(state, data, measured, device, progress)
    progress.finish()
    seconds = sum(update.seconds for update in found)
    parameters = sum(parameter.numel() for parameter in state.objective.model.parameters())
    checkpoint = state.checkpoint({})
    model = sum(tensor.nbytes for tensor in checkpoint.model.values())
    return Plan(
        config,
        task,
        len(data.train),
        parameters,
        (data.source_vocabulary,) if data.joint else (data.source_vocabulary, data.target_vocabulary),
        (*longest.source.shape, longest.target.shape[1] - 1),
        torch.cuda.max_memory_allocated() if device.type == "cuda" else peak_memory_bytes(),
        sum(update.target_tokens for update in found) / seconds,
        seconds / len(found),
        max(1, batches_per_epoch(data, config) // config.training.accumulate),
        model + sum(tensor.nbytes for tensor in checkpoint.training.values()),
        model,
    )


def measure(
    state: TrainState, data: Dataset, config: TrainingConfig, device: torch.device, progress: Progress
) -> list[Update]:
    """Some updates of the run, as many as begin within a minute, without the first, slower ones; of a few all."""
    updates: list[Update] = []
    end = time.monotonic() + LONGEST
    with closing(train_steps(state, data.train, config, device)) as made:
        for event in made:
            if isinstance(event, Update):
                updates.append(event)
                progress.advance()
            if time.monotonic() > end:
                break
    return updates[WARM_UP:] or updates


def seconds_of(config: Config, task: Task, batch: Batch) -> float:
    """About what an update of such batches takes."""
    tokens = int(batch.target_length.sum()) * config.training.accumulate
    each = operations(config.model, task.vocabulary, task.source_tokens / task.target_tokens)
    times = COST if batch.at_risk else 1.0
    return times * each * tokens / (task.cores * OPERATIONS_A_CORE)


def longest_batch(data: Dataset, config: Config) -> Batch:
    """The batch with the most cells in the first block of the data."""
    plan = plan_block(data.train, config.training.batch_tokens, config.training.seed, 0, 0)
    longest = [sum(int(lengths.max()) + 1 for lengths in data.train.lengths(rows)) for rows in plan]
    cells = [len(rows) * width for rows, width in zip(plan, longest, strict=True)]
    return pad_batch(data.train, plan[cells.index(max(cells))])


def batches_per_epoch(data: Dataset, config: Config) -> int:
    """As many as the first block has, for each block."""
    first = plan_block(data.train, config.training.batch_tokens, config.training.seed, 0, 0)
    return len(first) * blocks(len(data.train))
