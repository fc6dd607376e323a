"""Several processes that train one model, each on a part of each batch: their ranks, sums and broadcasts.

Gradients are all-reduced as one tensor whose layout never changes, so that a resumed run of N processes equals the
uninterrupted one, bit for bit: DistributedDataParallel reorders its buckets after the first update, and with them the
sums. Only numbers and JSON go over the network; nothing is unpickled. A single process pays nothing. Knows no model.
"""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from nmt.errors import BusyError, SettingsError

CPU = torch.device("cpu")
LONGEST_WAIT = timedelta(days=7)  # for the leader, which alone validates and saves
LONGEST_CONNECT = timedelta(minutes=1)  # to the store of whoever started the processes, which is there before them


class PeerLostError(BusyError):
    """Another process of the run has ended too early. That process, or the one that started it, reports the cause."""


@dataclass(frozen=True)
class Group:
    """The processes of a run, as seen by one of them. All call the methods in the same order."""

    rank: int = 0
    size: int = 1
    device: torch.device = CPU

    @property
    def leads(self) -> bool:
        """Whether this process validates, saves and prints messages."""
        return self.rank == 0

    def all_reduce(self, tensor: Tensor) -> Tensor:
        """Replace the tensor by the sum of all processes' tensors, and return it."""
        if self.size > 1:
            with peers():
                dist.all_reduce(tensor)
        return tensor

    def all_reduce_gradients(self, weights: Sequence[Tensor]) -> None:
        """Replace each gradient by the sum of all processes' gradients; a missing one counts as zero."""
        if self.size == 1:
            return
        gradients = [torch.zeros_like(weight) if weight.grad is None else weight.grad for weight in weights]
        flat = self.all_reduce(torch.cat([gradient.reshape(-1) for gradient in gradients]))
        parts = torch.split(flat, [weight.numel() for weight in weights])
        for weight, part in zip(weights, parts, strict=True):
            weight.grad = part.view_as(weight)

    def sum(self, value: float) -> float:
        """The sum of all processes' values."""
        if self.size == 1:
            return value
        return float(self.all_reduce(torch.tensor(value, dtype=torch.float64, device=self.device)).item())

    def any(self, yes: bool) -> bool:
        """Whether ``yes`` is true in any process."""
        return self.sum(float(yes)) > 0

    def as_leader(self, value: float) -> float:
        """The leader's value, in all processes."""
        return self.sum(value if self.leads else 0.0)

    def broadcast(self, tensor: Tensor) -> Tensor:
        """Replace the tensor by the leader's, and return it."""
        if self.size > 1:
            on_device = tensor.to(self.device)
            with peers():
                dist.broadcast(on_device, 0)
            tensor.copy_(on_device)
        return tensor

    def tell(self, value: Any) -> Any:
        """The leader's value, broadcast as JSON."""
        if self.size == 1:
            return value
        text = json.dumps(value).encode() if self.leads else b""
        length = int(self.as_leader(len(text)))
        data = torch.frombuffer(bytearray(text), dtype=torch.uint8) if self.leads else torch.empty(length).byte()
        return json.loads(bytes(self.broadcast(data).tolist()))


ALONE = Group()


@contextmanager
def peers() -> Iterator[None]:
    """Turn the error that PyTorch raises when another process is gone into PeerLostError."""
    try:
        yield
    except RuntimeError as error:
        raise PeerLostError("another process of this run is gone", "run the same command again to resume") from error


@contextmanager
def join(device: torch.device) -> Iterator[Group]:
    """The group of this process, as started by torchrun or ``nmt train --devices``; a group of one otherwise.

    Each process takes the GPU of its local rank. Raises SettingsError when there are fewer GPUs than processes.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Group(device=device)
        return
    if device.type == "cuda":
        number = int(os.environ.get("LOCAL_RANK", "0"))
        if number >= torch.cuda.device_count():
            raise SettingsError(
                f"there are {torch.cuda.device_count()} GPUs here, and process {number + 1} wants one",
                "start as many processes as there are GPUs",
            )
        device = torch.device("cuda", number)
        torch.cuda.set_device(device)
    # Imported before there is a group: its functions keep the group that exists when they are defined as a default
    # argument. The threads of the group would then outlive destroy_process_group, and a thread that still runs when the
    # interpreter ends aborts the process. Otherwise the first update of an optimizer imports this module.
    from torch.distributed import nn  # noqa: F401  # imported for its side effect

    rank, backend = int(os.environ["RANK"]), "nccl" if device.type == "cuda" else "gloo"
    with peers():
        dist.init_process_group(backend, store=starters_store(), rank=rank, world_size=size, timeout=LONGEST_WAIT)
    try:
        yield Group(rank, size, device)
    finally:
        dist.destroy_process_group()


def starters_store() -> Any:
    """The store that torchrun or ``nmt train --devices`` has opened for the rendezvous; None where rank 0 opens it.

    Raises RuntimeError when it cannot be reached: who started this process is gone.
    """
    if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True":
        return None
    address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    store = dist.TCPStore(address, port, is_master=False, timeout=LONGEST_CONNECT)  # type: ignore[attr-defined]
    store.set_timeout(LONGEST_WAIT)
    return store
