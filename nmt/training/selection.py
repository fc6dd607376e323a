"""Model selection: validates the averaged weights, exports the best ones, and postpones what would take too long.

Knows what a validation costs and what its scores mean; not when one is due.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from math import inf

import torch

from nmt.training.context import RunContext
from nmt.training.log import RunLog
from nmt.training.saving import Saver
from nmt.training.schedule import MINUTES_BETWEEN, seconds_to_validate
from nmt.training.scores import decisive
from nmt.training.validation import TooSlow, Validation, validate

SECONDS_UNTIL_SAVED = 60  # after the start of a validation, when a checkpoint is saved before it ends


@dataclass
class Selection:
    """Validates in the leader; every process of the group books the same result."""

    context: RunContext
    saver: Saver
    log: RunLog
    cost: float = 0.0  # seconds of the last validation, or the estimate for one that was postponed
    threads: int = field(default_factory=torch.get_num_threads)  # for translating; training may lower the number

    @cached_property
    def metric(self) -> str:
        """The metric that decides which model is the best: "bleu", or "chrf" for very short references."""
        return decisive(self.context.data)

    def validate(self, should_stop: Callable[[], bool]) -> None:
        """Score the averaged model on the validation set, and export it if it is the best so far.

        The validation stays due when ``should_stop`` interrupts it, and is dropped when it would take too long.
        """
        group = self.context.group
        self.log.flush()
        # Clocks and disks differ between processes, which must all decide alike: as the leader does.
        is_too_long = group.tell(self.cost > seconds_to_validate(self.context.training, self.context.counters))
        if is_too_long and self.context.used() < 1.0:
            self.postpone()
            return
        result = self.translate(should_stop) if group.leads else None
        figures = [result.step, result.loss, result.bleu, result.chrf] if isinstance(result, Validation) else result
        figures, self.cost, self.saver.saved_step = group.tell([figures, self.cost, self.saver.saved_step])
        if isinstance(figures, float):
            self.cost = figures
            self.postpone()
        elif figures:
            self.book(result if isinstance(result, Validation) else Validation(*figures))

    def translate(self, should_stop: Callable[[], bool]) -> Validation | float | None:
        """The validation; its estimated seconds when they are too many; None when it was interrupted."""
        started, context, counters = time.monotonic(), self.context, self.context.counters

        def interrupted() -> bool:
            # A process killed late in a long validation resumes at the weights that it validates.
            if self.saver.saved_step != counters.step and time.monotonic() - started > SECONDS_UNTIL_SAVED:
                self.saver.save()
            context.state.tick()
            self.log.write_seconds()
            return should_stop()

        keep = context.folder.validation_path
        attempt = partial(validate, context.state, context.job, keep, interrupted, self.threads)
        allowed = seconds_to_validate(context.training, counters)
        is_last = counters.seconds >= 60 * context.training.minutes
        try:
            result = attempt(allowed)
        except TooSlow as error:
            if not is_last:
                return error.seconds
            count = len(context.data.valid_source)
            lines = max(1, int(count * allowed / error.seconds))
            context.reporter.warn(
                f"translating all {count:,} validation pairs would take about {error.seconds:,.0f} s, over a fifth of "
                f"the run: BLEU and chrF are those of {lines:,} of them"
            )
            result = attempt(inf, lines)
        if result:
            self.cost = time.monotonic() - started
            self.saver.saved_step = -1  # the checkpoint does not know of this validation
        return result

    def postpone(self) -> None:
        """Drop a due validation until the next time, and save what it would have saved."""
        counters, validated = self.context.counters, self.context.counters.validated
        validated.progress, validated.due = self.context.used(), False
        is_time = self.context.group.tell(counters.seconds - self.saver.saved_seconds >= 60 * MINUTES_BETWEEN)
        if is_time and not self.context.training.save_every:
            self.saver.save()

    def book(self, result: Validation) -> None:
        """Count a validation, export the model if it is the best so far, and report."""
        counters, validated = self.context.counters, self.context.counters.validated
        # The score of a translation decides, since that is what a user sees; between equal scores the loss decides.
        score = result.chrf if self.metric == "chrf" else result.bleu
        is_best = (score, -result.loss) > (validated.best_score, -validated.best_loss)
        if is_best:
            validated.best_step, validated.best_score, validated.best_loss = result.step, score, result.loss
        stages = self.context.feed.stages
        # Nothing is stale as long as there are pairs to come, which may bring more.
        is_early = any(stage.round for stage in stages[counters.mixture.stage + 1 :])
        validated.stale = 0 if is_best or is_early else validated.stale + 1
        validated.step, validated.progress, validated.due = counters.step, self.context.used(), False
        validated.seconds = counters.seconds
        scores = {"loss": result.loss, "perplexity": result.perplexity, "bleu": result.bleu, "chrf": result.chrf}
        if is_best and self.context.group.leads:
            self.saver.export(scores, result)
        several = {"directions": result.by_direction} if result.directions else {}
        read = {"round": stages[counters.mixture.stage].round} if len(stages) > 1 else {}
        # In every process, for all count the lines of the log; the leader alone has the texts, and writes.
        lines = [sample.shortened() for sample in result.samples]
        self.log.write({"event": "samples", "step": result.step, "lines": lines})
        self.log.write({"event": "validation", "step": result.step, **scores, **several, **read})
        self.context.reporter.validated(result, is_best)
