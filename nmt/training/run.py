"""A training run: calls the loop, and decides when to validate, save, pass over an update and stop."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from nmt.config import Config, TrainingConfig
from nmt.corpus.dataset import Dataset
from nmt.errors import DataError, StorageError
from nmt.scoring.metrics import decisive_metric
from nmt.store.model_folder import ModelAbout, export_model
from nmt.store.run_folder import RunFolder
from nmt.text.tokenizer import Tokenizer
from nmt.training.counters import Counters, Skipped, Window
from nmt.training.distribution import ALONE, Group
from nmt.training.divergence import batch_path, refuse_too_many, write_batch
from nmt.training.loop import Divergence, Update, budget_used, train_steps
from nmt.training.reporter import Reporter
from nmt.training.schedule import out_of_patience, validation_is_due
from nmt.training.state import TrainState
from nmt.training.validation import Validation, validate

LOG_EVERY = 50  # updates between train events of metrics.jsonl
SECONDS_BETWEEN_NOTES = 10  # of the time that is gone, for a budget of minutes whose process is killed


@dataclass(frozen=True)
class TrainReport:
    """How a run ended."""

    outcome: str  # "done", "stopped" (asked to), "patience", "complete" (nothing was left to do)
    counters: Counters
    model: Path
    training: TrainingConfig
    spent: bool  # the budget; a complete run of which it is not was ended by patience
    decisive: str = "bleu"  # the metric by which the best model was chosen, or "chrf"


@dataclass
class Run:
    """One run in one process: its data, folder, settings and state. ``nmt.training.opening`` makes it."""

    data: Dataset
    tokenizers: tuple[Tokenizer, Tokenizer]
    about: ModelAbout
    config: Config
    device: torch.device
    folder: RunFolder
    state: TrainState
    reporter: Reporter
    go_back: Callable[[], None]  # to the last good state on the disk
    group: Group = ALONE  # whose leader alone validates, writes and speaks
    threads: int = field(default_factory=torch.get_num_threads)
    saved_step: int = -1
    noted_seconds: float = 0.0
    short_of_memory: bool = False
    at_risk: bool = False

    @property
    def used(self) -> float:
        return budget_used(self.config.training, self.state, self.data.train.rows_a_pass, self.group)

    @cached_property
    def decisive(self) -> str:
        """The metric that decides which model is the best; the validation set alone says which."""
        return decisive_metric(self.data.valid_target, self.data.target_language)

    @property
    def out_of_patience(self) -> bool:
        return out_of_patience(self.config.training, self.state.counters)

    def train(self, should_stop: Callable[[], bool]) -> TrainReport:
        """Train to the end of the budget or of patience, or until ``should_stop`` says so.

        Raises StorageError, naming the last good checkpoint, when the disk takes no more; DataError when too many
        updates came to nothing; BusyError when a pair alone does not fit into memory.
        """
        counters = self.state.counters
        spent = self.used >= 1.0 and counters.validated.step == counters.step
        if (spent or self.out_of_patience) and self.group.tell(self.folder.model_path.exists()):
            if self.group.leads:
                self.folder.touch()
            return self.report("complete", spent)
        self.reporter.begin(self.facts())
        if self.decisive != "bleu":
            self.reporter.note("most validation references are too short for BLEU's 4-grams: chrF decides what is best")
        try:
            outcome = self.make_updates(should_stop) or self.finish(should_stop)
        except StorageError as error:
            raise StorageError(
                error.what, f"{error.mend}, then give the same command again; {self.last_good()}"
            ) from None
        return self.report(outcome, outcome == "done")

    def report(self, outcome: str, spent: bool) -> TrainReport:
        counters, training = self.state.counters, self.config.training
        return TrainReport(outcome, counters, self.folder.model_path, training, spent, self.decisive)

    def make_updates(self, should_stop: Callable[[], bool]) -> str:
        """Make updates until the budget is spent ("") or something else ends the run."""
        # A signal may have come when a validation was due.
        outcome = self.settle(should_stop) if self.state.counters.validated.due else ""
        while not outcome and self.used < 1.0:
            # Once, and once more after each update that was passed over.
            for event in train_steps(self.state, self.data.train, self.config.training, self.device, self.group):
                if isinstance(event, Divergence):
                    self.pass_over(event)
                else:
                    self.note(event)
                outcome = self.settle(should_stop)
                if outcome:
                    break
        return outcome

    def finish(self, should_stop: Callable[[], bool]) -> str:
        """Score and save what the spent budget came to."""
        counters = self.state.counters
        counters.validated.due = counters.validated.step != counters.step
        outcome = self.settle(should_stop)
        if self.saved_step != counters.step:
            self.save()
        return outcome or "done"

    def note(self, update: Update) -> None:
        """Tell of an update, and decide what is due after it."""
        counters = self.state.counters
        counters.validated.due = validation_is_due(self.config.training, counters, update.progress)
        self.reporter.updated(update, self.state)
        if update.parts and not self.short_of_memory:
            self.short_of_memory = True
            self.reporter.warn(
                f"memory was too short for update {update.step:,}, so it was made in {update.parts} parts, the "
                f"same but for dropout's draw, and slower; smaller `batch_tokens` need less"
            )
        if update.at_risk and not self.at_risk:
            self.at_risk = True
            self.reporter.note(
                f"from update {update.step:,} on it learns from its own translations too; "
                "one takes several times as long"
            )
        if update.step % LOG_EVERY == 0:
            self.log()
        if self.group.leads and counters.seconds - self.noted_seconds > SECONDS_BETWEEN_NOTES:
            self.noted_seconds = counters.seconds
            self.folder.write_seconds(counters.seconds)

    def settle(self, should_stop: Callable[[], bool]) -> str:
        """Validate, save and stop, each if it is due; how the run ended, or "" when it goes on."""
        due = self.state.counters.validated.due
        stop = self.group.any(should_stop())
        if (due or stop or self.save_is_due()) and not self.state.is_finite():
            step = self.state.counters.step
            raise DataError(
                f"training diverged: weights are not finite after update {step}; {self.last_good()}",
                "start again with a lower training.learning_rate",
            )
        if due and not stop:
            self.validate(should_stop)
        stop = self.group.any(should_stop())
        if stop or self.out_of_patience or self.save_is_due():
            self.save()
            stop = self.group.any(should_stop())
        if self.out_of_patience:
            return "patience"
        return "stopped" if stop else ""

    def pass_over(self, divergence: Divergence) -> None:
        """Go on from the last good state without the update that came to nothing."""
        path = batch_path(self.folder.folder, divergence)
        if self.group.leads:
            write_batch(path, divergence, self.data, self.tokenizers)
        skipped = [*self.state.counters.skipped, Skipped(self.state.counters.step, *divergence.position[:3])]
        self.reporter.warn(
            f"update {self.state.counters.step + 1:,} came to loss {divergence.loss} and gradient norm "
            f"{divergence.gradient_norm}, and is passed over; its pairs are in {path}"
        )
        refuse_too_many(skipped, divergence, path)
        # An update that is not made spoils nothing; a weight that is not finite was spoilt by one before it.
        if not self.state.is_finite():
            self.go_back()
            self.saved_step = -1
            self.reporter.warn(
                f"the weights are not finite any more: back to those after step {self.state.counters.step:,}"
            )
        self.state.counters.skipped = skipped

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

    def save_is_due(self) -> bool:
        every, counters = self.config.training.save_every, self.state.counters
        if self.saved_step == counters.step:
            return False
        return counters.step % every == 0 if every else counters.validated.step == counters.step

    def log(self) -> None:
        """Write what happened since the last train event, and begin a new window of sums."""
        counters, window = self.state.counters, self.state.counters.window
        if not window.tokens:
            return
        self.write_event(
            {
                "event": "train",
                "step": counters.step,
                "epoch": counters.position.epoch,
                "loss": window.loss / window.tokens,
                "learning_rate": counters.learning_rate,
                "gradient_norm": counters.gradient_norm,
                "target_tokens": counters.target_tokens,
                "target_tokens_per_second": window.tokens / max(1e-9, window.seconds),
                "seconds": counters.seconds,
            }
        )
        counters.window = Window()

    def write_event(self, event: dict[str, Any]) -> None:
        if self.group.leads:
            self.folder.append_metrics(event)
        self.state.counters.metrics += 1

    def validate(self, should_stop: Callable[[], bool]) -> None:
        """Score the averaged model on the validation set, and export it if it is the best so far.

        When ``should_stop`` says so in the midst of it, it stays due.
        """
        self.log()
        found = None
        if self.group.leads:
            found = validate(self.state, self.data, self.tokenizers, should_stop, self.threads)
        told = self.group.tell(found and [found.step, found.loss, found.bleu, found.chrf])
        if told is None:
            return
        step, loss, bleu, chrf = told
        result = found or Validation(step, loss, bleu, chrf, samples=[])
        counters, validated = self.state.counters, self.state.counters.validated
        # A translation's score decides, since it is what a user sees; the loss does while all scores are alike.
        score = result.chrf if self.decisive == "chrf" else result.bleu
        best = (score, -result.loss) > (validated.best_score, -validated.best_loss)
        if best:
            validated.best_step, validated.best_score, validated.best_loss = result.step, score, result.loss
        validated.stale = 0 if best else validated.stale + 1
        validated.step, validated.progress, validated.due = counters.step, self.used, False
        validated.seconds = counters.seconds
        scores = {"loss": result.loss, "perplexity": result.perplexity, "bleu": result.bleu, "chrf": result.chrf}
        if best and self.group.leads:
            self.export(scores)
        self.write_event({"event": "validation", "step": result.step, **scores})
        self.reporter.validated(result, best)

    def export(self, scores: dict[str, float]) -> None:
        """Write the averaged weights to the run's model folder."""
        counters, position = self.state.counters, self.state.counters.position
        training = {
            "pairs": len(self.data.train),
            "epochs": round(position.epoch + position.rows / self.data.train.rows_a_pass, 2),
            "target_tokens": counters.target_tokens,
        }
        facts = {"step": counters.step, "training": training, "validation": scores, "data": self.data.digest}
        if self.data.profile:
            facts |= {"profile": self.data.profile.facts()}
        export_model(self.folder.model_path, self.state.average.state_dict(), self.about, facts)

    def save(self) -> None:
        """Save a checkpoint; before the first validation the model too, so that a run can be used once it has saved."""
        step = self.state.counters.step
        self.saved_step = step
        if not step or not self.group.leads:  # nothing was learnt yet, or another one saves
            return
        if not self.state.counters.validated.best_step or not self.folder.model_path.exists():
            self.export({})
        checkpoint = self.state.checkpoint({"data": self.data.digest})
        self.folder.save_checkpoint(step, checkpoint, self.config.training.keep)

    def last_good(self) -> str:
        """Where the run stands on the disk, for one that cannot go on."""
        checkpoints = self.folder.checkpoints()
        return f"the last good checkpoint is {checkpoints[-1]}" if checkpoints else "there is no checkpoint yet"
