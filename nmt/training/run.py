"""A training run: opens the data and the run folder, calls the loop, and decides when to validate, save and stop."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from nmt.config import Config, Layer, preset
from nmt.corpus.dataset import Dataset
from nmt.errors import CannotCreateError, DataError, SettingsError
from nmt.model import build_model
from nmt.store.model_folder import ModelAbout, export_model
from nmt.store.run_folder import RunFolder
from nmt.text.tokenizer import Tokenizer
from nmt.training.loop import WEIGHT_INIT, Update, budget_used, seed_randomness, train_steps
from nmt.training.state import Counters, TrainState
from nmt.training.validation import Validation, validate

LOG_EVERY = 50  # updates between train events of metrics.jsonl
VALIDATIONS = 20  # in a budget, unless settings say otherwise
# At least, between validations that nobody asked for; updates for a run whose budget is not minutes.
MINUTES_BETWEEN, UPDATES_BETWEEN = 1.0, 100

# A resumed run may get more time and save more often; anything else would make it another run.
MAY_CHANGE = {"steps", "epochs", "minutes", "save_every", "keep"}


class Reporter(Protocol):
    """Who is told how training goes: the command, a test, nobody."""

    def begin(self, facts: dict[str, Any]) -> None:
        """The run is about to train: what of, on what, with what."""

    def updated(self, update: Update, state: TrainState) -> None:
        """An update was made."""

    def validated(self, validation: Validation, best: bool) -> None:
        """A validation was made; ``best`` if no earlier one of the run was better."""

    def note(self, line: str) -> None:
        """Something that a person wants to know."""


@dataclass(frozen=True)
class TrainRequest:
    """What a person asks for: where, from which settings, and what to do with a run that is there already."""

    data: Path
    run: Path
    preset: str = "auto"
    layers: tuple[Layer, ...] = ()  # over the preset, the later winning
    resume: bool = True
    overwrite: bool = False


@dataclass(frozen=True)
class TrainReport:
    """How a run ended."""

    outcome: str  # "done", "stopped" (asked to), "patience", "complete" (nothing was left to do)
    counters: Counters
    model: Path


class Run:
    """One run in one process: its data, folder, settings and state."""

    def __init__(self, request: TrainRequest, device: torch.device, reporter: Reporter) -> None:
        self.data = Dataset.open(request.data)
        for name, split in (("training", self.data.train), ("validation", self.data.valid)):
            if not len(split):
                raise DataError(f"{request.data} has no {name} pairs", f"prepare it again with more {name} text")
        self.config = Config.from_layers(preset(request.preset, len(self.data.train)), *request.layers)
        self.folder = RunFolder(request.run)
        self.device = device
        self.reporter = reporter
        self.saved_step = -1
        paths = self.data.source_tokenizer_path, self.data.target_tokenizer_path
        self.tokenizers = Tokenizer.load(paths[0]), Tokenizer.load(paths[1])
        # Read once: the dataset may be prepared anew before the last export.
        self.about = ModelAbout(
            self.config.model,
            {"source": self.data.source_language, "target": self.data.target_language},
            {path.name: path.read_bytes() for path in set(paths)},
        )
        # Before anything is moved aside: settings that make no model are found here.
        seed_randomness(self.config.training.seed, WEIGHT_INIT)
        sizes = (self.data.source_vocabulary, self.data.target_vocabulary)
        model = build_model(self.config.model, *sizes, self.data.joint).to(device)
        self.state = TrainState.fresh(model, self.config.training)
        if self.decide_resume(request):
            self.restore()
        self.folder.create(self.config)

    def decide_resume(self, request: TrainRequest) -> bool:
        """Whether there is a run to go on with. Raises CannotCreateError or SettingsError if there is, but may not."""
        if not self.folder.exists():
            return False
        if request.overwrite:
            self.reporter.note(f"the run that was there is now {self.folder.move_aside()}")
            return False
        if not request.resume:
            raise CannotCreateError(
                f"{request.run} holds a run", "leave --no-resume out, or add --overwrite to move it aside"
            )
        changed = differences(self.folder.read_config(), self.config)
        if changed:
            raise SettingsError(
                f"the run in {request.run} has other settings: {'; '.join(changed)}",
                "use its settings, choose another -o, or add --overwrite to move it aside",
            )
        return True

    def restore(self) -> None:
        checkpoints = self.folder.checkpoints()
        if not checkpoints:
            self.folder.rewind_metrics(0)
            return
        checkpoint = self.folder.load_checkpoint(checkpoints[-1])
        if checkpoint.state["data"] != self.data.digest:
            raise SettingsError(
                f"the run in {self.folder.folder} was trained on other data than {self.data.folder} holds now",
                "choose another -o, or add --overwrite to move it aside",
            )
        self.state.restore(checkpoint)
        counters = self.state.counters
        # A share of the budget, which may be another one now.
        counters.validated_progress = min(counters.validated_progress, self.used)
        self.folder.rewind_metrics(counters.step)

    @property
    def used(self) -> float:
        return budget_used(self.config.training, self.state, len(self.data.train))

    @property
    def out_of_patience(self) -> bool:
        patience = self.config.training.patience
        return 0 < patience <= self.state.counters.stale

    def train(self, should_stop: Callable[[], bool]) -> TrainReport:
        """Train to the end of the budget or of patience, or until ``should_stop`` says so."""
        counters = self.state.counters
        spent = self.used >= 1.0 and counters.validated_step == counters.step
        if (spent or self.out_of_patience) and self.folder.model_path.exists():
            self.folder.touch()
            return TrainReport("complete", counters, self.folder.model_path)
        self.reporter.begin(self.facts())
        for update in train_steps(self.state, self.data.train, self.config.training, self.device):
            self.reporter.updated(update, self.state)
            if update.step % LOG_EVERY == 0:
                self.log()
            stop = should_stop()
            if self.validation_is_due(update):
                # Also when asked to stop, or the resumed run would lack a validation that the uninterrupted one has.
                self.validate()
            if stop or self.out_of_patience or self.save_is_due(update):
                self.save()
            if self.out_of_patience:
                return TrainReport("patience", counters, self.folder.model_path)
            if stop:
                return TrainReport("stopped", counters, self.folder.model_path)
        unscored = counters.validated_step != counters.step
        if unscored:
            self.validate()
        if unscored or self.saved_step != counters.step:
            self.save()
        return TrainReport("done", counters, self.folder.model_path)

    def facts(self) -> dict[str, Any]:
        """What a person wants to know before a long run."""
        return {
            "model": self.config.model,
            "training": self.config.training,
            "pairs": len(self.data.train),
            "parameters": sum(parameter.numel() for parameter in self.state.objective.model.parameters()),
            "vocabulary": (self.data.source_vocabulary, self.data.target_vocabulary),
            "languages": (self.data.source_language, self.data.target_language),
            "device": str(self.device),
            "step": self.state.counters.step,
        }

    def validation_is_due(self, update: Update) -> bool:
        config, counters = self.config.training, self.state.counters
        if config.validate_every:
            return update.step % config.validate_every == 0
        # Translating the validation set takes seconds: a short run has better uses for them.
        if config.minutes:
            rested = counters.seconds - counters.validated_seconds >= 60 * MINUTES_BETWEEN
        else:
            rested = update.step - counters.validated_step >= UPDATES_BETWEEN
        return rested and int(update.progress * VALIDATIONS) > int(counters.validated_progress * VALIDATIONS)

    def save_is_due(self, update: Update) -> bool:
        every = self.config.training.save_every
        return update.step % every == 0 if every else self.state.counters.validated_step == update.step

    def log(self) -> None:
        """Write what happened since the last train event, and begin a new window of sums."""
        counters = self.state.counters
        if not counters.window_tokens:
            return
        event = {
            "event": "train",
            "step": counters.step,
            "epoch": counters.epoch,
            "loss": counters.window_loss / counters.window_tokens,
            "learning_rate": counters.learning_rate,
            "gradient_norm": counters.gradient_norm,
            "target_tokens": counters.target_tokens,
            "target_tokens_per_second": counters.window_tokens / max(1e-9, counters.window_seconds),
            "seconds": counters.seconds,
        }
        self.folder.append_metrics(event)
        counters.window_loss, counters.window_tokens, counters.window_seconds = 0.0, 0, 0.0

    def validate(self) -> None:
        """Score the averaged model on the validation set, and export it if it is the best so far."""
        self.log()
        counters = self.state.counters
        result = validate(self.state, self.data, self.tokenizers)
        # BLEU decides, since it is what a user sees; the loss does while all BLEUs are alike.
        best = (result.bleu, -result.loss) > (counters.best_bleu, -counters.best_loss)
        if best:
            counters.best_step, counters.best_bleu, counters.best_loss = result.step, result.bleu, result.loss
            counters.stale = 0
        else:
            counters.stale += 1
        counters.validated_step, counters.validated_progress = counters.step, self.used
        counters.validated_seconds = counters.seconds
        scores = {"loss": result.loss, "perplexity": result.perplexity, "bleu": result.bleu, "chrf": result.chrf}
        self.folder.append_metrics({"event": "validation", "step": result.step, **scores})
        if best:
            self.export(scores)
        self.reporter.validated(result, best)

    def export(self, scores: dict[str, float]) -> None:
        """Write the averaged weights to the run's model folder."""
        counters = self.state.counters
        training = {
            "pairs": len(self.data.train),
            "epochs": round(counters.epoch + counters.rows / len(self.data.train), 2),
            "target_tokens": counters.target_tokens,
        }
        facts = {"step": counters.step, "training": training, "validation": scores, "data": self.data.digest}
        export_model(self.folder.model_path, self.state.average.state_dict(), self.about, facts)

    def save(self) -> None:
        """Save a checkpoint; before the first validation the model too, so that a run can be used once it has saved."""
        if not self.state.counters.best_step or not self.folder.model_path.exists():
            self.export({})
        checkpoint = self.state.checkpoint({"data": self.data.digest})
        self.folder.save_checkpoint(self.state.counters.step, checkpoint, self.config.training.keep)
        self.saved_step = self.state.counters.step


def differences(old: Config, new: Config) -> list[str]:
    """What keeps a run of settings ``old`` from being resumed with ``new``, in words."""
    before, after = asdict(old), asdict(new)
    return [
        f"{section}.{key} was {before[section][key]!r}, is {after[section][key]!r}"
        for section in before
        for key in before[section]
        if key not in MAY_CHANGE and before[section][key] != after[section][key]
    ]
