"""The training loop: a generator that makes one update at a time and tells what happened. It decides nothing else."""

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from math import isfinite

import numpy as np
import torch

from nmt.config import TrainingConfig
from nmt.corpus.batches import Batch, Rows, blocks, pad_batch, plan_block, turned
from nmt.text.ahead import ahead
from nmt.training.counters import Position
from nmt.training.distribution import ALONE, Group
from nmt.training.gradients import Workers
from nmt.training.risk import TARGETS
from nmt.training.schedule import learning_rate, progress
from nmt.training.state import TrainState

TURNS = 2  # begins the seed of the stream that says which pairs are turned round, as 0 and 1 do in ``plan_block``


@dataclass(frozen=True)
class Update:
    """What one update did."""

    step: int
    loss: float  # of a target token, label-smoothed, in nats
    learning_rate: float
    gradient_norm: float  # before clipping
    target_tokens: int
    seconds: float
    progress: float  # share of the budget used up after it
    parts: int = 0  # that its batches were split into because memory was short; 0: they were not
    at_risk: bool = False  # it has learnt from the model's own hypotheses too


@dataclass(frozen=True)
class Divergence:
    """An update that was not made, because its loss or gradient is not finite."""

    loss: float
    gradient_norm: float
    position: Position  # of its first batch
    rows: Sequence[int]  # of the training split, those of all its batches


def batches_from(split: Rows, config: TrainingConfig, at: Position) -> Iterator[tuple[Position, Batch, Position]]:
    """Batches without end from the position ``at`` on, each between its position and the one after it."""
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
            yield before, pad_batch(split, plan[index]), after
        (epoch, block), first, rows = following, 0, 0 if last_block else rows


def budget_used(config: TrainingConfig, state: TrainState, rows: float, group: Group = ALONE) -> float:
    """The share of the budget used up at this moment, for an epoch of ``rows`` pairs, more or less."""
    state.tick()
    counters = state.counters
    counters.seconds = group.as_leader(counters.seconds)
    epochs = counters.position.epoch + min(1.0, counters.position.rows / rows)
    return progress(config, counters.step, epochs, counters.seconds)


def train_steps(
    state: TrainState, split: Rows, config: TrainingConfig, device: torch.device, group: Group = ALONE
) -> Generator[Update | Divergence, None, None]:
    """Make updates until the budget is spent, yielding after each; ``state`` is whole whenever this yields.

    Updates that ``state.counters.skipped`` names are passed over. A Divergence has changed nothing, and ends this: the
    caller decides what becomes of it. Raises BusyError when a pair alone does not fit into memory.
    """
    counters = state.counters
    parameters: list[torch.Tensor] = list(state.objective.model.parameters())
    averages: list[torch.Tensor] = list(state.average.parameters())
    skipped = {place[1:] for place in counters.skipped}
    batches = ahead(batches_from(split, config, counters.position))
    with Workers(state.objective, config, device, group) as workers:
        while (used := budget_used(config, state, split.rows_a_pass, group)) < 1.0:
            start = time.monotonic()
            # Gather the batches of this update: their tokens normalise the loss of each.
            gathered = list(islice(batches, config.accumulate))
            before, after = gathered[0][0], gathered[-1][2]
            if before[:3] in skipped:
                counters.position = after
                continue

            made = [batch for _, batch, _ in gathered]
            if used < config.bidirectional:
                random = np.random.default_rng((TURNS, config.seed, counters.step))
                made = [turned(batch, random.random(len(batch.rows)) < 0.5) for batch in made]
            at_risk = used >= 1.0 - config.minimum_risk
            if at_risk:
                made = [replace(batch, at_risk=True) for batch in made]

            # Forward and backward, then clip, step, average.
            gradient = workers.gradient(made, counters.step)
            group.add_up_gradients(parameters)
            norm = float(torch.nn.utils.clip_grad_norm_(parameters, config.gradient_clip or float("inf"), foreach=True))
            if not (isfinite(gradient.loss) and isfinite(norm)):
                state.optimizer.zero_grad(set_to_none=True)
                rows = [int(row) for _, batch, _ in gathered for row in batch.rows]
                yield Divergence(gradient.loss, norm, before, rows)
                return
            rate = learning_rate(config, counters.step, used)
            for options in state.optimizer.param_groups:
                options["lr"] = rate
            state.optimizer.step()
            state.optimizer.zero_grad(set_to_none=True)
            counters.step += 1
            # A young average must not remember the random weights that it began with. An update at risk, which has
            # learnt from several targets a source, counts for as many.
            decay = min(config.average_decay ** (TARGETS if at_risk else 1), counters.step / (counters.step + 10))
            with torch.no_grad():
                torch._foreach_lerp_(averages, parameters, 1.0 - decay)

            # State update.
            counters.position = after
            seconds = time.monotonic() - start
            counters.target_tokens += gradient.tokens
            counters.learning_rate, counters.gradient_norm = rate, norm
            counters.window.loss += gradient.loss * gradient.tokens
            counters.window.tokens += gradient.tokens
            counters.window.seconds += seconds
            used = budget_used(config, state, split.rows_a_pass, group)
            parts = gradient.parts if gradient.parts > len(gathered) else 0
            yield Update(counters.step, gradient.loss, rate, norm, gradient.tokens, seconds, used, parts, at_risk)
