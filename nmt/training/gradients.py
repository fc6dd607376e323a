"""The gradient of an update, made by workers: each has a share of every batch, and gradients and dropout of its own.

On a CPU a worker is a thread. Two that have half a batch each are done before two that share out one operation after
the other, most of which are too small for it. Nothing but the last sum makes them wait for each other, and its order is
always the same.
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
from nmt.training.risk import with_hypotheses

WEIGHT_INIT = 2**32 - 1  # stands where an update's number does in the seed of a random stream
LEAST_SHARE = 400  # padded tokens of a batch a worker; fewer do not pay: docs/decisions/one-thread-while-gradients.md


class Gradient(NamedTuple):
    """What the backward passes of an update came to; the gradients themselves are in the parameters' ``grad``."""

    loss: float  # of a target token
    tokens: int
    parts: int  # batches, after those that did not fit into memory were split


def random_number(seed: int, update: int, batch: int = 0, worker: int = 0) -> int:
    """What a random stream begins with: from integers alone, so that resuming needs no saved state of a generator."""
    return int(np.random.SeedSequence((seed, update, batch, worker)).generate_state(1, np.uint64)[0])


@dataclass(frozen=True)
class Worker:
    """One of those who make a gradient. ``generator`` is where its dropout draws from; None is PyTorch's global one."""

    number: int  # among those of all processes
    objective: Objective
    generator: torch.Generator | None = None
    did_not_fit: list[tuple[int, ...]] = field(default_factory=list)  # shapes that memory had no room for

    @classmethod
    def beside(cls, objective: Objective, number: int) -> Self:
        """A worker on the weights of ``objective`` themselves, whose gradients are no one else's."""
        same_weights = {id(weight): nn.Parameter(weight.detach()) for weight in objective.parameters()}
        worker = cls(number, copy.deepcopy(objective, same_weights), torch.Generator())
        for module in worker.objective.modules():
            if isinstance(module, Dropout):
                module.generator = worker.generator
        return worker

    def add_up(self, batches: Sequence[Batch], tokens: int, seed: int, update: int, device: torch.device) -> Gradient:
        """Add up the gradients of these batches' losses / ``tokens``, each with randomness of its own.

        A batch that memory has no room for is split, and all begun again: a backward pass that broke off has left its
        mark on the gradients. None as large is tried whole after that. Only dropout's draw tells the result from that
        of the whole batch. Raises BusyError when a pair alone does not fit.
        """
        while True:
            batches = [part for batch in batches for part in self.parts(batch)]
            loss = 0.0
            for index, batch in enumerate(batches):
                part = self.add(batch, tokens, random_number(seed, update, index, self.number), device)
                if part is None:
                    break
                loss += part
            else:
                return Gradient(loss, tokens, len(batches))
            if len(batch.rows) == 1:
                longest = int(max(batch.source_length[0], batch.target_length[0]))
                raise BusyError(
                    f"out of memory in update {update + 1}, on a single pair of {longest} pieces",
                    "choose a smaller model, or prepare with a smaller `max_length`; the same command goes on",
                )
            self.objective.zero_grad(set_to_none=True)
            self.did_not_fit.append(batch.shape)

    def parts(self, batch: Batch) -> list[Batch]:
        """The batch, halved until no part is in every way as large as one that did not fit: it would not either."""
        for shape in self.did_not_fit:
            if len(batch.rows) > 1 and all(here >= there for here, there in zip(batch.shape, shape, strict=True)):
                return [part for half in halves(batch) for part in self.parts(half)]
        return [batch]

    def add(self, batch: Batch, tokens: int, number: int, device: torch.device) -> float | None:
        """Add a batch to the gradients: its loss / ``tokens``, or None when memory has no room for it."""
        if self.generator:
            self.generator.manual_seed(number)
        else:
            torch.manual_seed(number)
        try:
            with without_cudnn(device):
                if batch.at_risk:
                    batch = with_hypotheses(batch, self.objective.model, device)
                loss, _ = self.objective(TensorBatch.of(batch, device), tokens)
                loss.backward()
                return float(loss.item())
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        # Not in the except clause, whose exception keeps the tensors of the broken pass alive.
        if device.type == "cuda":
            torch.cuda.empty_cache()
        return None


class Workers:
    """Those of this process, each with a share of what ``group`` leaves to it. To be used in a ``with`` statement."""

    def __init__(
        self, objective: Objective, config: TrainingConfig, device: torch.device, group: Group = ALONE
    ) -> None:
        self.seed, self.device, self.group = config.seed, device, group
        self.weights = list(objective.parameters())
        self.threads = torch.get_num_threads()
        count = min(self.threads, config.batch_tokens // group.size // LEAST_SHARE) if device.type == "cpu" else 1
        if count > 1:
            # Two that draw from the same stream would drop the same: everybody's numbers are different.
            self.workers = [Worker.beside(objective, group.rank + group.size * index) for index in range(count)]
            self.pool = ThreadPoolExecutor(count, "gradient", torch.set_num_threads, (self.threads // count,))
        else:
            self.workers = [Worker(group.rank, objective)]

    def __enter__(self) -> Self:
        if len(self.workers) > 1:
            # After each operation that PyTorch shares out, its idle threads spin, on cores that a worker wants: with
            # two trainings on two cores, each was slower than one by six times instead of two.
            torch.set_num_threads(self.threads // len(self.workers))
        return self

    def __exit__(self, *exception: object) -> None:
        if len(self.workers) > 1:
            self.pool.shutdown()
            torch.set_num_threads(self.threads)

    def gradient(self, batches: Sequence[Batch], update: int) -> Gradient:
        """The gradient of all batches' mean loss of a target token, those of other processes' shares not added yet.

        The loss that is returned is everybody's.
        """
        tokens = sum(int(batch.target_length.sum()) for batch in batches)
        ours = [part for batch in batches if (part := share(batch, self.group.rank, self.group.size))]

        def work(worker: Worker, index: int) -> Gradient:
            mine = [part for batch in ours if (part := share(batch, index, len(self.workers)))]
            worker.objective.train()
            return worker.add_up(mine, tokens, self.seed, update, self.device)

        if len(self.workers) == 1:
            found = [work(self.workers[0], 0)]
        else:
            found = list(self.pool.map(work, self.workers, range(len(self.workers))))
            self.collect()
        loss = self.group.sum(sum(gradient.loss for gradient in found))
        return Gradient(loss, tokens, max(gradient.parts for gradient in found))

    def collect(self) -> None:
        """Move the workers' gradients into the weights' own."""
        theirs = [worker.objective.parameters() for worker in self.workers]
        for weight, *copies in zip(self.weights, *theirs, strict=True):
            for copy_of_it in copies:
                if weight.grad is None:
                    weight.grad = copy_of_it.grad
                elif copy_of_it.grad is not None:
                    weight.grad += copy_of_it.grad
                copy_of_it.grad = None
