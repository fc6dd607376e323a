"""A training run: makes updates, and carries out what ``nmt.training.decision`` decides after each.

Knows when a run is over and what a divergence means for it; not how updates are made, nor how models are scored.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from nmt.config import TrainingConfig
from nmt.errors import SettingsError, StorageError
from nmt.training.context import RunContext
from nmt.training.counters import Counters, Skipped
from nmt.training.decision import Action, decide
from nmt.training.divergence import batch_path, refuse_too_many, write_batch
from nmt.training.log import RunLog
from nmt.training.loop import Divergence, train_steps
from nmt.training.phases import phase_at
from nmt.training.rounds import Rounds
from nmt.training.saving import Saver, about_model
from nmt.training.schedule import out_of_patience, validation_is_due
from nmt.training.selection import Selection


@dataclass(frozen=True)
class TrainReport:
    """How a run ended."""

    outcome: str  # "done", "stopped" (on request), "patience", "complete" (nothing was left to do)
    counters: Counters
    model: Path
    training: TrainingConfig
    spent: bool  # whether the budget is; a complete run without that was ended by patience
    decisive: str = "bleu"  # the metric by which the best model was chosen, or "chrf"


class Run:
    """A run in one process. Made by ``nmt.training.opening.open_run``."""

    def __init__(self, context: RunContext, go_back: Callable[[], None]) -> None:
        """``go_back`` puts the state back to the last checkpoint; called after a divergence that spoilt the weights."""
        self.context, self.state, self.go_back = context, context.state, go_back
        self.saver, self.log = Saver(context, about_model(context.job)), RunLog(context)
        self.selection = Selection(context, self.saver, self.log)
        self.rounds = Rounds(context, self.saver, self.log)

    def train(self, should_stop: Callable[[], bool]) -> TrainReport:
        """Train to the end of the budget or of patience, or until ``should_stop`` returns True.

        Raises StorageError, naming the last good checkpoint, when the disk fails; DataError when too many updates
        diverge; BusyError when a single pair does not fit into memory; SettingsError when the budget is spent before
        the first update.
        """
        context, counters = self.context, self.context.counters
        is_spent = context.used() >= 1.0 and counters.validated.step == counters.step
        is_over = is_spent or out_of_patience(context.training, counters)
        if is_over and context.group.tell(context.folder.model_path.exists()):
            if context.group.leads:
                context.folder.touch()
            return self.report("complete", is_spent)
        self.log.begin()
        if self.selection.metric != "bleu":
            context.reporter.note("most validation references are too short for BLEU: chrF decides which model is best")
        try:
            action = self.make_updates(should_stop)
            if action is Action.GO_ON:  # the budget is spent
                self.refuse_untrained()
                counters = context.counters
                counters.validated.due = counters.validated.step != counters.step
                action = self.settle(should_stop, spent=True)
            if action is Action.DONE:
                self.rounds.tell_gain()
        except StorageError as error:
            mend = f"{error.mend}, then give the same command again; {self.saver.last_good()}"
            raise StorageError(error.what, mend) from None
        return self.report(action.value, action is Action.DONE)

    def refuse_untrained(self) -> None:
        """Raise SettingsError when the budget was spent before the first update: there is no model."""
        counters, training = self.context.counters, self.context.training
        if not counters.step:
            raise SettingsError(
                f"the budget of {training.minutes:g} minutes was spent before the first update (after "
                f"{counters.seconds:,.0f} s), and {self.context.folder.folder} has no model",
                "give the same command with more `minutes`",
            )

    def report(self, outcome: str, is_spent: bool) -> TrainReport:
        run = self.context
        return TrainReport(outcome, run.counters, run.folder.model_path, run.training, is_spent, self.selection.metric)

    def make_updates(self, should_stop: Callable[[], bool]) -> Action:
        """Make updates until the budget is spent (GO_ON) or something else ends the run."""
        context = self.context
        # A validation is due already when a signal came right before it.
        action = self.settle(should_stop) if context.counters.validated.due else Action.GO_ON
        choose_phase = partial(phase_at, real=len(context.data.train))
        while action is Action.GO_ON and context.used() < 1.0:
            if not self.rounds.turn(should_stop):
                action = self.settle(should_stop)
                continue
            # Begins anew after each divergence, and with each stage.
            means = context.training, context.group, choose_phase, context.job.change, self.rounds.until
            for event in train_steps(self.state, context.feed.rows, *means):
                if isinstance(event, Divergence):
                    self.skip(event)
                else:
                    counters = context.counters
                    is_due = validation_is_due(context.training, counters, event.progress)
                    # The last one of a stage tells what its pairs brought.
                    counters.validated.due = is_due or self.rounds.until <= event.progress < 1.0
                    self.log.updated(event)
                action = self.settle(should_stop)
                if action is not Action.GO_ON:
                    break
        return action

    def settle(self, should_stop: Callable[[], bool], spent: bool = False) -> Action:
        """Validate and save as decided, until the next update is due (GO_ON) or the run is over."""
        context, saver = self.context, self.saver
        while True:
            stop = context.group.any(should_stop())
            action = decide(context.training, context.counters, saver.saved_step, stop, spent)
            if action not in (Action.VALIDATE, Action.SAVE):
                return action
            if action is Action.VALIDATE:
                saver.refuse_spoilt()
                self.selection.validate(should_stop)
            else:
                saver.save()

    def skip(self, divergence: Divergence) -> None:
        """Write down the pairs of a diverged update, and skip it from now on; go back if weights are spoilt."""
        context = self.context
        path = batch_path(context.folder.folder, divergence)
        if context.group.leads:
            write_batch(path, divergence, context.data, context.feed.rows, context.job.tokenizers)
        step = context.counters.step
        skipped = [*context.counters.skipped, Skipped(step, *divergence.position[:3])]
        context.reporter.warn(
            f"update {step + 1:,} has loss {divergence.loss} and gradient norm {divergence.gradient_norm}, and is "
            f"skipped; its pairs are in {path}"
        )
        refuse_too_many(skipped, divergence, path)
        # The skipped update has changed nothing: weights that are not finite were spoilt by an update before it.
        if not context.state.is_finite():
            self.go_back()
            context.reporter.warn(f"weights are not finite: back to those after step {context.counters.step:,}")
        context.counters.skipped = skipped
        self.saver.saved_step = -1  # no checkpoint knows of the skipped update
