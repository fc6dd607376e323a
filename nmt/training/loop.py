"""The training loop: a generator that makes one update at a time and tells what happened. It decides nothing else."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from math import isfinite

import numpy as np
import torch

from nmt.config import TrainingConfig
from nmt.corpus.batches import Batch, blocks, pad_batch, plan_block
from nmt.corpus.shards import Split
from nmt.errors import DataError
from nmt.training.objective import TensorBatch
from nmt.training.schedule import learning_rate, progress
from nmt.training.state import Counters, TrainState

WEIGHT_INIT = 2**32 - 1  # stands where an update's number does in the seed of a random stream


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


def seed_randomness(seed: int, update: int, micro_batch: int = 0, rank: int = 0) -> None:
    """Set PyTorch's random state from integers alone, so that resuming needs no saved state of a generator."""
    torch.manual_seed(int(np.random.SeedSequence((seed, update, micro_batch, rank)).generate_state(1, np.uint64)[0]))


def batches_from(split: Split, config: TrainingConfig, at: Counters) -> Iterator[tuple[Batch, tuple[int, ...]]]:
    """Batches without end from the position ``at`` on, each with the position (epoch, block, batch, rows) after it."""
    epoch, block, first, rows = at.epoch, at.block, at.batch, at.rows
    while True:
        plan = plan_block(split, config.batch_tokens, config.seed, epoch, block)
        last_block = block + 1 == blocks(len(split))
        for index in range(first, len(plan)):
            rows += len(plan[index])
            after = (epoch, block, index + 1, rows)
            if index + 1 == len(plan):
                after = (epoch + 1, 0, 0, 0) if last_block else (epoch, block + 1, 0, rows)
            yield pad_batch(split, plan[index]), after
        epoch, block, first, rows = (epoch + 1, 0, 0, 0) if last_block else (epoch, block + 1, 0, rows)


def budget_used(config: TrainingConfig, state: TrainState, rows: int) -> float:
    """The share of the budget used up at this moment, for an epoch of ``rows`` pairs."""
    state.tick()
    counters = state.counters
    return progress(config, counters.step, counters.epoch + counters.rows / rows, counters.seconds)


def train_steps(state: TrainState, split: Split, config: TrainingConfig, device: torch.device) -> Iterator[Update]:
    """Make updates until the budget is spent, yielding after each; ``state`` is whole whenever this yields.

    Raises DataError when a loss or gradient is not finite; the weights are then those before that update.
    """
    counters, model = state.counters, state.objective.model
    parameters: list[torch.Tensor] = list(model.parameters())
    averages: list[torch.Tensor] = list(state.average.parameters())
    batches = batches_from(split, config, counters)
    while (used := budget_used(config, state, len(split))) < 1.0:
        start = time.monotonic()
        # Gather the batches of this update: their tokens normalise the loss of each.
        micro_batches = list(islice(batches, config.accumulate))
        tokens = sum(int(batch.target_length.sum()) for batch, _ in micro_batches)

        # Forward and backward, each micro-batch with randomness of its own.
        state.objective.train()
        loss = 0.0
        for index, (batch, _) in enumerate(micro_batches):
            seed_randomness(config.seed, counters.step, index)
            part, _ = state.objective(TensorBatch.of(batch, device), tokens)
            part.backward()
            loss += part.item()
        # Clip, step, average.
        norm = float(torch.nn.utils.clip_grad_norm_(parameters, config.gradient_clip or float("inf"), foreach=True))
        if not (isfinite(loss) and isfinite(norm)):
            raise DataError(
                f"training diverged at update {counters.step + 1}: loss {loss}, gradient norm {norm}",
                "start again with a lower training.learning_rate",
            )
        rate = learning_rate(config, counters.step, used)
        for group in state.optimizer.param_groups:
            group["lr"] = rate
        state.optimizer.step()
        state.optimizer.zero_grad(set_to_none=True)
        counters.step += 1
        # A young average must not remember the random weights that it began with.
        decay = min(config.average_decay, counters.step / (counters.step + 10))
        with torch.no_grad():
            torch._foreach_lerp_(averages, parameters, 1.0 - decay)

        # State update.
        counters.epoch, counters.block, counters.batch, counters.rows = micro_batches[-1][1]
        seconds = time.monotonic() - start
        counters.target_tokens += tokens
        counters.learning_rate, counters.gradient_norm = rate, norm
        counters.window_loss += loss * tokens
        counters.window_tokens += tokens
        counters.window_seconds += seconds
        used = budget_used(config, state, len(split))
        yield Update(counters.step, loss, rate, norm, tokens, seconds, used)
