"""Everything that changes while a model trains: what a checkpoint holds and a resumed run starts from.

Knows tensors by the names of their parameters; no files and no data.
"""

import copy
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from nmt.config import TrainingConfig
from nmt.model.family import TranslationModel
from nmt.store.checkpoints import Checkpoint
from nmt.training.counters import Counters
from nmt.training.distribution import Group
from nmt.training.objective import Objective, Products

OPTIMIZER_KEYS = ("step", "exp_avg", "exp_avg_sq")


@dataclass
class TrainState:
    """The model, the running average of its weights, the optimizer and the counters."""

    objective: Objective
    average: TranslationModel  # exponential moving average of the weights, which is validated and exported
    optimizer: torch.optim.Optimizer
    counters: Counters
    started: float = field(default_factory=time.monotonic)  # minus the seconds of earlier processes

    @classmethod
    def fresh(cls, model: TranslationModel, config: TrainingConfig) -> "TrainState":
        """The state before the first update. ``model`` must be on its device already."""
        average = copy.deepcopy(model).requires_grad_(False).eval()
        optimizer = torch.optim.AdamW(
            model.parameters(), lr=0.0, betas=(0.9, 0.98), eps=1e-9, weight_decay=config.weight_decay, fused=True
        )
        products = products_of(config.precision, model.output_weight.device)
        return cls(Objective(model, config.label_smoothing, products), average, optimizer, Counters())

    def restore(self, checkpoint: Checkpoint) -> None:
        """Take over the state that was saved: training goes on exactly as if it had never stopped.

        The reader of the checkpoint has checked its tensors against ``layout``. Raises ValueError for counters that
        cannot be, before anything is changed.
        """
        counters = Counters.from_dict(checkpoint.state["counters"])
        self.objective.model.load_state_dict(checkpoint.model)
        self.average.load_state_dict(part_of(checkpoint.training, "average/"))
        moments = {key: part_of(checkpoint.training, f"{key}/") for key in OPTIMIZER_KEYS}
        self.optimizer.zero_grad(set_to_none=True)
        self.optimizer.state.clear()
        for name, parameter in self.objective.model.named_parameters():
            if name in moments["step"]:
                values = {key: moments[key][name].to(parameter.device) for key in OPTIMIZER_KEYS}
                self.optimizer.state[parameter] = values
        self.counters = counters
        self.started = time.monotonic() - counters.seconds

    def layout(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Names, shapes and types of the tensors in a checkpoint's two files, as meta tensors."""
        model = {name: tensor.to("meta") for name, tensor in self.objective.model.state_dict().items()}
        training = {f"average/{name}": tensor for name, tensor in model.items()}
        for name, parameter in self.objective.model.named_parameters():
            shapes = {"step": torch.empty((), dtype=torch.float32, device="meta")}
            for key in OPTIMIZER_KEYS:
                training[f"{key}/{name}"] = shapes.get(key, torch.empty_like(parameter, device="meta"))
        return model, training

    def checkpoint(self, facts: dict[str, Any]) -> Checkpoint:
        """The state as tensors by bare parameter name and plain numbers; ``facts`` are stored beside the counters."""
        training = {f"average/{name}": tensor for name, tensor in self.average.state_dict().items()}
        for name, parameter in self.objective.model.named_parameters():
            for key in OPTIMIZER_KEYS if parameter in self.optimizer.state else ():
                training[f"{key}/{name}"] = self.optimizer.state[parameter][key]
        self.tick()
        return Checkpoint(self.objective.model.state_dict(), training, {"counters": self.counters.to_dict(), **facts})

    def broadcast(self, group: Group) -> None:
        """Give every process of the group the leader's state."""
        if group.size == 1:
            return
        facts = group.tell({"counters": self.counters.to_dict()})
        if not facts["counters"]["step"]:  # the weights follow from the seed
            self.counters = Counters.from_dict(facts["counters"])
            self.started = time.monotonic() - self.counters.seconds
            return
        source = self.checkpoint({}) if group.leads else Checkpoint(*self.layout(), {})
        model, training = (
            {
                name: group.broadcast(torch.empty_like(tensor, device="cpu") if tensor.is_meta else tensor)
                for name, tensor in sorted(tensors.items())
            }
            for tensors in (source.model, source.training)
        )
        if not group.leads:
            self.restore(Checkpoint(model, training, facts))

    def spend(self, seconds: float) -> None:
        """Count at least ``seconds`` of wall time as used by the run."""
        self.started = min(self.started, time.monotonic() - seconds)

    def tick(self) -> None:
        """Update the run's wall time in the counters."""
        self.counters.seconds = time.monotonic() - self.started

    def is_finite(self) -> bool:
        """Whether all weights, averages and moments of the optimizer are finite."""
        moments = [tensor for state in self.optimizer.state.values() for tensor in state.values()]
        weights = [*self.objective.model.state_dict().values(), *self.average.state_dict().values()]
        return all(bool(tensor.isfinite().all()) for tensor in [*weights, *moments])


def products_of(precision: str, device: torch.device) -> Products:
    """The number types of training's matrix products where they are not float32: bfloat16 where it is faster.

    ``precision`` is that of the settings. Emulated bfloat16 is slower than float32. On a CPU "auto" takes bfloat16 for
    the softmax alone: the layers' products are small, and compiled again for each number of rows.
    """
    layers = softmax = precision == "bfloat16"
    if precision == "auto":
        layers = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        softmax = layers or (device.type == "cpu" and torch.cpu._is_avx512_bf16_supported())
    return Products(torch.bfloat16 if layers else None, torch.bfloat16 if softmax else None)


def part_of(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
