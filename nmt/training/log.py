"""The log of a run: events for metrics.jsonl, the used seconds on disk, and what the reporter is told of updates.

Knows figures and files; decides nothing.
"""

from dataclasses import dataclass, field
from typing import Any

from nmt.presets import timed_epochs
from nmt.training.budget import SHARE_TO_MEASURE, UPDATES_TO_MEASURE, foreseen, measured
from nmt.training.context import RunContext
from nmt.training.counters import Window
from nmt.training.loop import Update
from nmt.training.schedule import progress

LOG_EVERY = 50  # updates between train events of metrics.jsonl
SECONDS_BETWEEN_NOTES = 10  # at least, between two writings of the used seconds, which a kill would lose


@dataclass
class RunLog:
    """Reports and writes what happens in a run; the leader of the group alone writes."""

    context: RunContext
    given: set[str] = field(default_factory=set)  # notices that are given once
    written_seconds: float = 0.0

    def begin(self) -> None:
        """Report the start of the run, and warn of a budget that looks too small."""
        job, state = self.context.job, self.context.state
        self.context.reporter.begin(job, state)
        passes = timed_epochs(job.config.model, job.task)
        if not state.counters.step and (warning := foreseen(job.config.training, passes, len(job.data.train))):
            self.context.reporter.warn(warning)

    def updated(self, update: Update) -> None:
        """Report an update, and write and warn of what is due after it."""
        reporter = self.context.reporter
        reporter.updated(update, self.context.state)
        if update.parts and self.first("memory"):
            reporter.warn(
                f"out of memory in update {update.step:,}: it was made in {update.parts} parts, the same but for "
                "dropout's draw, and slower; smaller `batch_tokens` need less"
            )
        if update.note and self.first(update.note):
            reporter.note(f"from update {update.step:,} on {update.note}")
        if update.step % LOG_EVERY == 0:
            self.flush()
        self.write_seconds()
        # The speed is known after a share of the budget; after few, slow updates only later.
        share = SHARE_TO_MEASURE if update.step >= UPDATES_TO_MEASURE else 4 * SHARE_TO_MEASURE
        if update.progress >= share and self.first("rate"):
            passes = self.context.epochs()
            if warning := measured(self.context.training, update.progress, update.step, passes):
                reporter.warn(warning)

    def first(self, notice: str) -> bool:
        """Whether a notice is given for the first time in this process."""
        is_first = notice not in self.given
        self.given.add(notice)
        return is_first

    def flush(self) -> None:
        """Write a train event of the updates since the last one, if there are any."""
        counters, window = self.context.counters, self.context.counters.window
        if not window.tokens:
            return
        epochs = self.context.epochs()
        self.write(
            {
                "event": "train",
                "step": counters.step,
                "epoch": int(epochs),
                "loss": window.loss / window.tokens,
                "learning_rate": counters.learning_rate,
                "gradient_norm": counters.gradient_norm,
                "target_tokens": counters.target_tokens,
                "target_tokens_per_second": window.tokens / max(1e-9, window.seconds),
                "seconds": counters.seconds,
                "progress": progress(self.context.training, counters, epochs),
            }
        )
        counters.window = Window()

    def write(self, event: dict[str, Any]) -> None:
        """Append an event to metrics.jsonl, and count it in every process."""
        if self.context.group.leads:
            self.context.folder.append_metrics(event)
        self.context.counters.metrics += 1

    def write_seconds(self) -> None:
        """Write the used seconds to the run folder, at most every SECONDS_BETWEEN_NOTES."""
        seconds = self.context.counters.seconds
        if self.context.group.leads and seconds - self.written_seconds > SECONDS_BETWEEN_NOTES:
            self.written_seconds = seconds
            self.context.folder.write_seconds(seconds)
