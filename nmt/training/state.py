"""Everything that changes while a model trains, in one place: what a checkpoint holds and a resumed run starts from."""

import copy
import time
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor

from nmt.config import TrainingConfig
from nmt.model.family import TranslationModel
from nmt.store.run_folder import Checkpoint
from nmt.training.objective import Objective


@dataclass
class Counters:
    """The integers (and sums) of a run. Data order, dropout and schedule follow from them alone."""

    step: int = 0  # updates made
    epoch: int = 0  # position of the next batch in the data: epoch, block of the epoch, batch of the block
    block: int = 0
    batch: int = 0
    rows: int = 0  # pairs seen in this epoch
    seconds: float = 0.0  # wall time of all processes of the run
    target_tokens: int = 0
    learning_rate: float = 0.0  # of the last update, and its gradient norm before clipping
    gradient_norm: float = 0.0
    window_loss: float = 0.0  # sums since the last train event of the metrics
    window_tokens: int = 0
    window_seconds: float = 0.0
    validated_step: int = 0  # step, time and share of the budget of the last validation
    validated_seconds: float = 0.0
    validated_progress: float = 0.0
    best_step: int = 0  # 0: not validated yet
    best_bleu: float = -1.0
    best_loss: float = 0.0
    stale: int = 0  # validations since the best one


@dataclass
class TrainState:
    """Model, its running average, optimizer and counters."""

    objective: Objective
    average: TranslationModel  # the exponential moving average of the model's weights: what is validated and exported
    optimizer: torch.optim.Optimizer
    counters: Counters
    started: float = field(default_factory=time.monotonic)  # minus the seconds of earlier processes

    @classmethod
    def fresh(cls, model: TranslationModel, config: TrainingConfig) -> "TrainState":
        """The state before the first update. ``model`` is on its device already."""
        average = copy.deepcopy(model).requires_grad_(False).eval()
        optimizer = torch.optim.AdamW(
            model.parameters(), lr=0.0, betas=(0.9, 0.98), eps=1e-9, weight_decay=config.weight_decay, fused=True
        )
        return cls(Objective(model, config.label_smoothing), average, optimizer, Counters())

    def restore(self, checkpoint: Checkpoint) -> None:
        """Continue from ``checkpoint``: afterwards nothing tells this state from one that never stopped."""
        self.objective.model.load_state_dict(checkpoint.model)
        self.average.load_state_dict(part_of(checkpoint.training, "average/"))
        moments = {key: part_of(checkpoint.training, f"{key}/") for key in OPTIMIZER_KEYS}
        for name, parameter in self.objective.model.named_parameters():
            self.optimizer.state[parameter] = {key: moments[key][name].to(parameter.device) for key in OPTIMIZER_KEYS}
        self.counters = Counters(**checkpoint.state["counters"])
        self.started -= self.counters.seconds

    def checkpoint(self, facts: dict[str, Any]) -> Checkpoint:
        """The state as tensors by bare parameter name and a few integers; ``facts`` go beside the counters."""
        training = {f"average/{name}": tensor for name, tensor in self.average.state_dict().items()}
        for name, parameter in self.objective.model.named_parameters():
            for key in OPTIMIZER_KEYS if parameter in self.optimizer.state else ():
                training[f"{key}/{name}"] = self.optimizer.state[parameter][key]
        self.tick()
        return Checkpoint(self.objective.model.state_dict(), training, {"counters": asdict(self.counters), **facts})

    def tick(self) -> None:
        """Bring the run's wall time up to date."""
        self.counters.seconds = time.monotonic() - self.started


OPTIMIZER_KEYS = ("step", "exp_avg", "exp_avg_sq")


def part_of(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
