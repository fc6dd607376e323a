"""The gradient of an update, computed by workers: each has a part of every batch, and gradients and dropout of its own.

On a CPU a worker is a thread. Splitting the batch over two threads beats parallelising each operation, most of which
are too small for it. Workers wait for each other only at the final sum, whose order is always the same. Knows no
optimizer, no schedule, and no phase by name.
"""

import copy
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple, Self

import numpy as np
import torch
from torch import nn

from nmt.config import TrainingConfig
from nmt.corpus.batches import Batch, halves, share
from nmt.errors import BusyError, is_out_of_memory
from nmt.model.attention import without_cudnn
from nmt.model.layers import Dropout
from nmt.training.distribution import ALONE, Group
from nmt.training.objective import Objective, TensorBatch
from nmt.training.phases.phase import Phase

WEIGHT_INIT = 2**32 - 1  # replaces the number of an update in the seed of the initial weights
LEAST_SHARE = 400  # least padded tokens of a worker's part: docs/decisions/one-thread-while-gradients.md


class Gradient(NamedTuple):
    """What the backward passes of an update return; the gradients themselves are in the parameters' ``grad``."""

    loss: float  # mean of the target tokens
    tokens: int
    parts: int  # number of batches, after those that did not fit into memory were split


def random_number(seed: int, update: int, batch: int = 0, worker: int = 0) -> int:
    """The seed of a random stream, made from integers alone: resuming needs no saved generator state."""
    return int(np.random.SeedSequence((seed, update, batch, worker)).generate_state(1, np.uint64)[0])


@dataclass(frozen=True)
class Worker:
    """Computes the gradient of a part of each batch."""

    number: int  # among the workers of all processes
    objective: Objective
    seed: int
    generator: torch.Generator | None = None  # of its dropout; None: PyTorch's global one
    did_not_fit: list[tuple[int, ...]] = field(default_factory=list)  # shapes of batches that ran out of memory

    def beside(self, number: int) -> Self:
        """Another worker, on the same weights but with gradients of its own."""
        same_weights = {id(weight): nn.Parameter(weight.detach()) for weight in self.objective.parameters()}
        objective = copy.deepcopy(self.objective, same_weights)
        worker = type(self)(number, objective, self.seed, torch.Generator())
        for module in objective.modules():
            if isinstance(module, Dropout):
                module.generator = worker.generator
        return worker

    def accumulate(self, batches: Sequence[Batch], phase: Phase, tokens: int, update: int) -> Gradient:
        """Accumulate the gradients of the batches' losses / ``tokens``, each batch with random numbers of its own.

        A batch that does not fit into memory is halved, and so are later ones as large; then all batches start again,
        because the failed backward pass has already changed some gradients. Only the dropout masks differ from those
        of the whole batch. Raises BusyError when a single pair does not fit.
        """
        while True:
            batches = [part for batch in batches for part in self.parts(batch)]
            losses = self.backward(batches, phase, tokens, update)
            if len(losses) == len(batches):
                return Gradient(sum(losses), tokens, len(batches))
            too_large = batches[len(losses)]
            if len(too_large.rows) == 1:
                raise BusyError(
                    f"out of memory in update {update + 1}, on a single pair of {max(too_large.shape[1:])} pieces",
                    "choose a smaller model, or prepare with a smaller `max_length`; the same command resumes",
                )
            self.objective.zero_grad(set_to_none=True)
            self.did_not_fit.append(too_large.shape)

    def parts(self, batch: Batch) -> list[Batch]:
        """The batch, halved until no part is as large in every dimension as one that did not fit."""
        for shape in self.did_not_fit:
            if len(batch.rows) > 1 and all(size >= limit for size, limit in zip(batch.shape, shape, strict=True)):
                return [part for half in halves(batch) for part in self.parts(half)]
        return [batch]

    def backward(self, batches: Sequence[Batch], phase: Phase, tokens: int, update: int) -> list[float]:
        """The losses of the batches, each with a backward pass; those of fewer batches where the next did not fit."""
        seed_dropout = self.generator.manual_seed if self.generator else torch.manual_seed
        device = self.objective.model.output_weight.device
        losses: list[float] = []
        try:
            with without_cudnn(device):
                targets_of = phase.targets(self.objective.model)
                for index, batch in enumerate(batches):
                    seed_dropout(random_number(self.seed, update, index, self.number))
                    targets, scales = targets_of(batch)
                    padded = TensorBatch.of(batch.sources, targets, device, scales, phase.any_piece)
                    loss = self.objective(padded, tokens)
                    loss.backward()
                    losses.append(float(loss.item()))
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        # Outside the except clause, whose exception keeps the tensors of the failed pass alive.
        if len(losses) < len(batches) and device.type == "cuda":
            torch.cuda.empty_cache()
        return losses


class Workers:
    """The workers of this process, each with a part of what belongs to it in ``group``. A context manager."""

    def __init__(self, objective: Objective, config: TrainingConfig, group: Group = ALONE) -> None:
        self.group = group
        self.weights = list(objective.parameters())
        self.threads = torch.get_num_threads()
        first = Worker(group.rank, objective, config.seed)
        is_on_cpu = objective.model.output_weight.device.type == "cpu"
        count = min(self.threads, config.batch_tokens // group.size // LEAST_SHARE) if is_on_cpu else 1
        if count > 1:
            # Every worker of every process has another number, or some would drop the same features.
            self.workers = [first.beside(group.rank + group.size * index) for index in range(count)]
            self.pool = ThreadPoolExecutor(count, "gradient", torch.set_num_threads, (self.threads // count,))
        else:
            self.workers = [first]

    def __enter__(self) -> Self:
        if len(self.workers) > 1:
            # After each parallel operation PyTorch's idle threads spin on cores that the workers need: with two
            # trainings on two cores, each was six times slower than alone instead of twice.
            torch.set_num_threads(self.threads // len(self.workers))
        return self

    def __exit__(self, *exception: object) -> None:
        if len(self.workers) > 1:
            self.pool.shutdown()
            torch.set_num_threads(self.threads)

    def gradient(self, batches: Sequence[Batch], phase: Phase, update: int) -> Gradient:
        """The gradient of the mean loss of all target tokens in the batches, before all processes' parts are summed.

        The loss that is returned is that of all processes.
        """
        tokens = sum(batch.target_tokens for batch in batches)
        ours = [part for batch in batches if (part := share(batch, self.group.rank, self.group.size))]

        def work(worker: Worker, index: int) -> Gradient:
            parts = [part for batch in ours if (part := share(batch, index, len(self.workers)))]
            worker.objective.train()
            return worker.accumulate(parts, phase, tokens, update)

        if len(self.workers) == 1:
            gradients = [work(self.workers[0], 0)]
        else:
            gradients = list(self.pool.map(work, self.workers, range(len(self.workers))))
            self.collect()
        loss = self.group.sum(sum(gradient.loss for gradient in gradients))
        return Gradient(loss, tokens, max(gradient.parts for gradient in gradients))

    def collect(self) -> None:
        """Add the workers' gradients to those of the weights, always in the same order."""
        copies = [worker.objective.parameters() for worker in self.workers]
        for weight, *theirs in zip(self.weights, *copies, strict=True):
            for parameter in theirs:
                if weight.grad is None:
                    weight.grad = parameter.grad
                elif parameter.grad is not None:
                    weight.grad += parameter.grad
                parameter.grad = None
