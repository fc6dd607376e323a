"""Several processes that train one model, a share of each batch each: who this one is, and what they agree on.

Gradients are added up in one piece whose layout never changes, so that a run of N processes that is gone on with is the
uninterrupted one, bit for bit: DistributedDataParallel lays its buckets out anew after the first update, and with them
the order of sums. What goes over the network are numbers and JSON; nothing is unpickled. A process alone pays nothing.
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
LONGEST_WAIT = timedelta(days=7)  # for the leader, which validates and saves alone


class PeerLostError(BusyError):
    """Another process of the run has ended before its time. It, or who started it, says why."""


@dataclass(frozen=True)
class Group:
    """The processes of a run as one of them sees them. All call the methods in the same order."""

    rank: int = 0
    size: int = 1
    device: torch.device = CPU

    @property
    def leads(self) -> bool:
        """Whether this is the one that validates, saves and speaks."""
        return self.rank == 0

    def add_up(self, tensor: Tensor) -> Tensor:
        """The sum of everybody's tensor, in its place."""
        if self.size > 1:
            with peers():
                dist.all_reduce(tensor)
        return tensor

    def add_up_gradients(self, parameters: Sequence[Tensor]) -> None:
        """Make each gradient the sum of everybody's; one that is not there counts as zero."""
        if self.size == 1:
            return
        gradients = [torch.zeros_like(one) if one.grad is None else one.grad for one in parameters]
        flat = self.add_up(torch.cat([gradient.reshape(-1) for gradient in gradients]))
        parts = torch.split(flat, [parameter.numel() for parameter in parameters])
        for parameter, part in zip(parameters, parts, strict=True):
            parameter.grad = part.view_as(parameter)

    def sum(self, value: float) -> float:
        """The sum of everybody's figure."""
        if self.size == 1:
            return value
        return float(self.add_up(torch.tensor(value, dtype=torch.float64, device=self.device)).item())

    def any(self, yes: bool) -> bool:
        """Whether anybody says yes."""
        return self.sum(float(yes)) > 0

    def as_leader(self, value: float) -> float:
        """The leader's figure."""
        return self.sum(value if self.leads else 0.0)

    def hand_out(self, tensor: Tensor) -> Tensor:
        """Put the leader's tensor into everybody's."""
        if self.size > 1:
            there = tensor.to(self.device)
            with peers():
                dist.broadcast(there, 0)
            tensor.copy_(there)
        return tensor

    def tell(self, value: Any) -> Any:
        """What the leader says, which is JSON."""
        if self.size == 1:
            return value
        words = json.dumps(value).encode() if self.leads else b""
        length = int(self.as_leader(len(words)))
        data = torch.frombuffer(bytearray(words), dtype=torch.uint8) if self.leads else torch.empty(length).byte()
        return json.loads(bytes(self.hand_out(data).tolist()))


ALONE = Group()


@contextmanager
def peers() -> Iterator[None]:
    """Raise PeerLostError for what PyTorch says when another process is gone."""
    try:
        yield
    except RuntimeError as error:
        raise PeerLostError("another process of this run is gone", "give the same command again: it goes on") from error


@contextmanager
def join(device: torch.device) -> Iterator[Group]:
    """The group that torchrun, or ``nmt train --devices``, started this process in; ALONE when it was not.

    Of a kind of device each process takes the one of its number on its machine. Raises SettingsError when there are
    fewer of them than processes.
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
    # Its functions take the group that there is when they are defined for their default and would keep it: its threads
    # then outlive destroy_process_group, and one that the interpreter's end overtakes aborts the process. An optimizer
    # imports it with its first update.
    from torch.distributed import nn  # noqa: F401  # imported for what it does

    with peers():
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=LONGEST_WAIT)
    try:
        yield Group(int(os.environ["RANK"]), size, device)
    finally:
        dist.destroy_process_group()
