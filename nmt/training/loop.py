"""The training loop: a generator that makes one update at a time and yields what happened.

Knows no phase by name, no files and no validation: the caller validates, saves and stops.
"""

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import isfinite

import numpy as np
import torch
from torch import Tensor

from nmt.config import TrainingConfig
from nmt.corpus.batches import Batch, Rows, blocks, plan_block, read_batch
from nmt.text.ahead import ahead
from nmt.training.counters import Position
from nmt.training.distribution import ALONE, Group
from nmt.training.gradients import Workers
from nmt.training.phases import phase_at
from nmt.training.phases.phase import Phase, PhaseAt
from nmt.training.schedule import learning_rate, progress
from nmt.training.shown import Change, unchanged
from nmt.training.state import TrainState

PHASE_STREAM = 2  # begins the seed of the phases' random numbers, as 0 and 1 do in ``plan_block``


@dataclass(frozen=True)
class Update:
    """An update that was made."""

    step: int
    loss: float  # mean of the target tokens, label-smoothed, in nats
    learning_rate: float
    gradient_norm: float  # before clipping
    target_tokens: int
    seconds: float
    progress: float  # share of the budget used after it
    parts: int = 0  # number of parts into which its batches were split for want of memory; 0: not split
    note: str = ""  # what its phase tells a person
    epoch: int = 1  # the pass over the pairs in which it began, from 1


@dataclass(frozen=True)
class Divergence:
    """An update that was not made, because its loss or gradient is not finite."""

    loss: float
    gradient_norm: float
    position: Position  # of its first batch
    rows: Sequence[int]  # row numbers of all its batches in the training split


def batches_from(split: Rows, config: TrainingConfig, at: Position) -> Iterator[tuple[Position, Batch, Position]]:
    """Batches without end from the position ``at``, each between its position and the one after it."""
    epoch, block, first, rows = at
    while True:
        plan = plan_block(split, config.batch_tokens, config.seed, epoch, block)
        last_block = block + 1 == blocks(len(split))
        following = (epoch + 1, 0) if last_block else (epoch, block + 1)
        for index in range(first, len(plan)):
            before = Position(epoch, block, index, rows)
            rows += len(plan[index])
            after = Position(epoch, block, index + 1, rows)
            if index + 1 == len(plan):
                after = Position(*following, 0, 0 if last_block else rows)
            yield before, read_batch(split, plan[index]), after
        (epoch, block), first, rows = following, 0, 0 if last_block else rows


def budget_used(config: TrainingConfig, state: TrainState, rows: float, group: Group = ALONE) -> float:
    """The share of the budget used so far. ``rows`` is the mean number of pairs in an epoch."""
    state.tick()
    counters = state.counters
    counters.seconds = group.as_leader(counters.seconds)
    if not counters.step:
        counters.untrained_seconds = counters.seconds
    return progress(config, counters, counters.epochs(rows))


def train_steps(
    state: TrainState,
    split: Rows,
    config: TrainingConfig,
    group: Group = ALONE,
    choose_phase: PhaseAt = phase_at,
    change: Change = unchanged,
    until: float = 1.0,
) -> Generator[Update | Divergence, None, None]:
    """Make updates until the share ``until`` of the budget is used, yielding after each; ``state`` is consistent then.

    ``choose_phase`` is given the share used so far, and ``change`` what it reads. Skips the updates in
    ``state.counters.skipped``. Yields a Divergence and ends when a loss or gradient is not finite; the state is then
    that before the update. Raises BusyError when a single pair does not fit into memory.
    """
    counters = state.counters
    weights, averages = (list[Tensor](model.parameters()) for model in (state.objective.model, state.average))
    skipped = {place[1:] for place in counters.skipped}
    stream = ahead(batches_from(split, config, counters.position))
    with Workers(state.objective, config, group) as workers:
        while (used := budget_used(config, state, split.rows_per_epoch, group)) < until:
            start, epoch = time.monotonic(), 1 + int(counters.epochs(split.rows_per_epoch))
            # Gather the batches of this update.
            gathered = list(islice(stream, config.accumulate))
            before, after = gathered[0][0], gathered[-1][2]
            if before[:3] in skipped:
                counters.position = after
                continue
            # The phase decides what is read and predicted.
            phase = choose_phase(config, used)
            batches = change(read_by(phase, gathered, config.seed, counters.step), counters.step)
            # Forward and backward pass, sum over all processes, clip.
            gradient = workers.gradient(batches, phase, counters.step)
            group.all_reduce_gradients(weights)
            norm = float(torch.nn.utils.clip_grad_norm_(weights, config.gradient_clip or float("inf"), foreach=True))
            if not (isfinite(gradient.loss) and isfinite(norm)):
                state.optimizer.zero_grad(set_to_none=True)
                rows = np.concatenate([batch.rows for _, batch, _ in gathered]).tolist()
                yield Divergence(gradient.loss, norm, before, rows)
                return
            # Update the weights, then their running average.
            rate = learning_rate(config, counters.step, used)
            take_step(state, weights, averages, rate, config.average_decay**phase.targets_per_source)
            # Update the counters.
            counters.position, counters.learning_rate, counters.gradient_norm = after, rate, norm
            seconds, counters.target_tokens = time.monotonic() - start, counters.target_tokens + gradient.tokens
            counters.window.add(gradient.loss, gradient.tokens, seconds)
            used = budget_used(config, state, split.rows_per_epoch, group)
            others = used, gradient.parts if gradient.parts > len(batches) else 0, phase.note, epoch
            yield Update(counters.step, gradient.loss, rate, norm, gradient.tokens, seconds, *others)


def read_by(
    phase: Phase, gathered: Sequence[tuple[Position, Batch, Position]], seed: int, step: int
) -> Sequence[Batch]:
    """The gathered batches as a phase reads them in an update."""
    random = np.random.default_rng((PHASE_STREAM, seed, step))
    return phase.batches([batch for _, batch, _ in gathered], random)


def take_step(state: TrainState, weights: list[Tensor], averages: list[Tensor], rate: float, decay: float) -> None:
    """Update the weights by their gradients, which are then cleared, and their running averages."""
    for options in state.optimizer.param_groups:
        options["lr"] = rate
    state.optimizer.step()
    state.optimizer.zero_grad(set_to_none=True)
    state.counters.step += 1
    # A young average must forget the random weights that it began with.
    decay = min(decay, state.counters.step / (state.counters.step + 10))
    with torch.no_grad():
        torch._foreach_lerp_(averages, weights, 1.0 - decay)
