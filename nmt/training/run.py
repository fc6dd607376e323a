"""A training run: calls the loop, and decides when to validate, save, pass over an update and stop."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from math import inf
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
from nmt.training.budget import SHARE_TO_MEASURE, UPDATES_TO_MEASURE, foreseen, measured
from nmt.training.counters import Counters, Skipped, Window
from nmt.training.distribution import ALONE, Group
from nmt.training.divergence import batch_path, refuse_too_many, write_batch
from nmt.training.loop import Divergence, Update, budget_used, train_steps
from nmt.training.reporter import Reporter
from nmt.training.schedule import (
    MINUTES_BETWEEN,
    out_of_patience,
    seconds_to_validate,
    validation_is_due,
)
from nmt.training.state import TrainState
from nmt.training.validation import TooLongError, Validation, validate

LOG_EVERY = 50  # updates between train events of metrics.jsonl
SECONDS_UNTIL_SAVED = 60  # of a validation, after which it is worth a checkpoint of its own
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
    saved_seconds: float = 0.0  # of the run
    seconds_to_validate: float = 0.0  # that the last validation took, or one would have taken
    is_measured: bool = False  # whether the budget holds enough updates
    expected_passes: float = inf  # over the data, that the budget is thought to hold
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
        if not counters.step and (
            warning := foreseen(self.config.training, self.expected_passes, len(self.data.train))
        ):
            self.reporter.warn(warning)
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
        self.note_seconds()
        self.warn_of_a_small_budget(update)

    def note_seconds(self) -> None:
        """Write down the time that is gone, now and then."""
        seconds = self.state.counters.seconds
        if self.group.leads and seconds - self.noted_seconds > SECONDS_BETWEEN_NOTES:
            self.noted_seconds = seconds
            self.folder.write_seconds(seconds)

    def warn_of_a_small_budget(self, update: Update) -> None:
        """Say once, as soon as it shows, that the budget is too small for the model to learn anything."""
        share = SHARE_TO_MEASURE if update.step >= UPDATES_TO_MEASURE else 4 * SHARE_TO_MEASURE
        if self.is_measured or update.progress < share:
            return
        self.is_measured = True
        position = self.state.counters.position
        passes = position.epoch + position.rows / self.data.train.rows_a_pass
        if warning := measured(self.config.training, update.progress, update.step, passes):
            self.reporter.warn(warning)

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
        room = seconds_to_validate(self.config.training, self.state.counters)
        # What clocks and disks say differs between processes, which must all go the same way: the leader's.
        if self.group.tell(self.seconds_to_validate > room) and self.used < 1.0:
            self.postpone()
            return
        found: Validation | float | None = None
        if self.group.leads:
            found = self.translate(should_stop)
        figures = [found.step, found.loss, found.bleu, found.chrf] if isinstance(found, Validation) else found
        told, self.seconds_to_validate, self.saved_step = self.group.tell(
            [figures, self.seconds_to_validate, self.saved_step]
        )
        if told is None:
            return
        if isinstance(told, float):
            self.seconds_to_validate = told
            self.postpone()
            return
        step, loss, bleu, chrf = told
        result = found if isinstance(found, Validation) else Validation(step, loss, bleu, chrf, samples=[])
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

    def translate(self, should_stop: Callable[[], bool]) -> Validation | float | None:
        """The validation; its seconds, when it would take more of them than it may; None when it was stopped."""
        started = time.monotonic()

        def asked() -> bool:
            # Who is killed after a minute of it finds the weights that it was made from.
            if self.saved_step != self.state.counters.step and time.monotonic() - started > SECONDS_UNTIL_SAVED:
                self.save()
            self.state.tick()
            self.note_seconds()
            return should_stop()

        def attempt(allowed: float, lines: int | None = None) -> Validation | None:
            return validate(
                self.state, self.data, self.tokenizers, asked, self.threads, self.folder.validation_path, allowed, lines
            )

        allowed = seconds_to_validate(self.config.training, self.state.counters)
        is_last = self.state.counters.seconds >= 60 * self.config.training.minutes
        try:
            result = attempt(allowed)
        except TooLongError as error:
            if not is_last:
                return error.seconds
            count = len(self.data.valid_source)
            lines = max(1, int(count * allowed / error.seconds))
            self.reporter.warn(
                f"translating all {count:,} validation pairs would take about {error.seconds:,.0f} s, over a fifth of "
                f"the run: BLEU and chrF are those of {lines:,} of them"
            )
            result = attempt(inf, lines)
        if result:
            self.seconds_to_validate = time.monotonic() - started
            self.saved_step = -1  # what is on the disk has not been validated
        return result

    def postpone(self) -> None:
        """Leave a validation that is due to later, and save what it would have saved."""
        counters, validated = self.state.counters, self.state.counters.validated
        validated.progress, validated.due = self.used, False
        is_time = self.group.tell(counters.seconds - self.saved_seconds >= 60 * MINUTES_BETWEEN)
        if is_time and not self.config.training.save_every:
            self.save()

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
        self.saved_step, self.saved_seconds = step, self.state.counters.seconds
        if not step or not self.group.leads:  # nothing was learnt yet, or another one saves
            return
        if not self.state.counters.validated.best_step or not self.folder.model_path.exists():
            self.export({})
        checkpoint = self.state.checkpoint({"data": self.data.digest})
        self.folder.save_checkpoint(step, checkpoint, self.config.training.keep)

    def last_good(self) -> str:
        """Where the run stands on the disk, for one that cannot go on."""
        checkpoints = self.folder.checkpoints.paths()
        return f"the last good checkpoint is {checkpoints[-1]}" if checkpoints else "there is no checkpoint yet"
