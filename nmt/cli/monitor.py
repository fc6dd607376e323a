"""What ``nmt train`` prints: a live line on a terminal, or a line now and then in a log. Knows no tensor."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from nmt.cli.console import Bar, Plain, clock, is_live, say, with_flags
from nmt.config import BUDGETS
from nmt.text.directions import spoken
from nmt.text.lines import printable
from nmt.text.reserved import RESERVED
from nmt.training.reporter import Reporter

if TYPE_CHECKING:
    from nmt.config import TrainingConfig
    from nmt.training.loop import Update
    from nmt.training.request import TrainJob
    from nmt.training.run import TrainReport
    from nmt.training.state import TrainState
    from nmt.training.validation import Validation

SECONDS_BETWEEN_LINES = 30.0
SMOOTHING = 0.95  # weight of earlier updates in the printed loss and speed


@contextmanager
def monitor(quiet: bool, verbose: bool = False) -> Iterator["Monitor"]:
    """The reporter for stderr. ``verbose`` prints ten times as often, and in a log also sample translations."""
    if quiet:
        yield Monitor()
    elif is_live():
        from rich.console import Console
        from rich.live import Live

        with Live(console=Console(stderr=True), refresh_per_second=4, transient=True) as live:
            yield LiveMonitor(live)
    else:
        yield LogMonitor(verbose)


def budget_of(training: "TrainingConfig") -> str:
    """The budget in words, as ``5,000 steps``."""
    name = next(name for name in BUDGETS if getattr(training, name))
    return f"{getattr(training, name):,g} {name}"


def ending_of(report: "TrainReport") -> tuple[str, str]:
    """(why a complete run has ended, how to train it further)."""
    if report.spent:
        budget = budget_of(report.training)
        return f"the budget of {budget} is spent", f"a larger --{budget.split()[1]} continues this run"
    patience = f"--patience {report.training.patience} ended this run"
    return patience, "a larger --patience or a larger budget continues it"


class Monitor(Reporter):
    """A reporter that prints warnings only."""

    def warn(self, line: str) -> None:
        say(f"warning: {line}")

    def end(self, report: "TrainReport") -> None:
        pass


class LogMonitor(Monitor):
    """A reporter for logs: a line now and then, and one for each validation."""

    def __init__(self, verbose: bool = False) -> None:
        self.verbose = verbose
        self.seconds_between = SECONDS_BETWEEN_LINES / (10 if verbose else 1)
        self.progress: Plain | Bar = Plain(self.seconds_between)  # of long work between updates
        self.loss = self.speed = 0.0
        self.started_at: tuple[float, float] | None = None  # share of the budget used before, and the time
        self.printed_at = 0.0

    def begin(self, job: "TrainJob", state: "TrainState") -> None:
        data, model = job.data, job.config.model
        weights = list(state.objective.model.parameters())
        pieces = data.target_vocabulary - RESERVED
        self.note(
            f"{spoken(data.directions)}, {len(data.train):,} pairs, vocabulary "
            f"{pieces:,}; {model.family} {model.encoder_layers}+{model.decoder_layers} layers, width "
            f"{model.width}, {sum(weight.numel() for weight in weights):,} parameters, on {weights[0].device}; budget "
            f"{budget_of(job.config.training)}"
        )
        if state.counters.step:
            self.note(f"resuming after step {state.counters.step:,}")

    def updated(self, update: "Update", state: "TrainState") -> None:
        now = time.monotonic()
        if self.started_at is None:
            self.started_at = (update.progress, now)
        speed = update.target_tokens / update.seconds
        keep = SMOOTHING if self.speed else 0.0
        self.loss = keep * self.loss + (1 - keep) * update.loss
        self.speed = keep * self.speed + (1 - keep) * speed
        self.show(update, state)

    def show(self, update: "Update", state: "TrainState") -> None:
        if time.monotonic() - self.printed_at >= self.seconds_between:
            self.printed_at = time.monotonic()
            self.note(self.line(update, state))

    def line(self, update: "Update", state: "TrainState", width: int = 1000) -> str:
        """The state of the training; when it is longer than ``width``, without what matters least."""
        counters = state.counters
        validating = counters.validated.due or update.progress >= 1.0
        parts = [
            f"step {update.step:,}",
            f"epoch {update.epoch}",
            f"loss {self.loss:.3f}",
            f"{self.speed:,.0f} tokens/s",
            f"{100 * update.progress:.0f}%",
            "validating" if validating else f"{self.time_left(update)} left",
        ]
        for dispensable in (4, 3, 1, 1, 1, 0):  # the share, the speed, the epoch, the loss, the time; all
            if len(" · ".join(parts)) > width:
                del parts[dispensable]
        return " · ".join(parts)

    def time_left(self, update: "Update") -> str:
        before, started = self.started_at or (0.0, time.monotonic())
        gained = update.progress - before
        if gained <= 0:
            return "?"
        return clock((time.monotonic() - started) / gained * max(0.0, 1.0 - update.progress))

    def validated(self, validation: "Validation", best: bool) -> None:
        mark = " · best so far" if best else ""
        self.note(
            f"validation at step {validation.step:,}: loss {validation.loss:.3f} · perplexity "
            f"{validation.perplexity:.2f} · BLEU {validation.bleu:.1f} · chrF {validation.chrf:.1f}{mark}"
        )
        if validation.directions:
            each = (f"{name} {bleu:.1f} · {chrf:.1f}" for name, (bleu, chrf) in validation.directions.items())
            self.note(f"{'BLEU · chrF':>14}  {', '.join(each)}")
        for sample in validation.samples if self.verbose else ():
            for name in ("source", "hypothesis", "reference"):
                self.note(f"{name:>14}  {getattr(sample, name)}")

    def start(self, what: str, total: int | None = None, unit: str = "lines") -> None:
        self.progress.start(what, total, unit)

    def advance(self, count: int = 1) -> None:
        self.progress.advance(count)

    def finish(self) -> None:
        self.progress.finish()

    def note(self, line: str) -> None:
        say(line)

    def end(self, report: "TrainReport") -> None:
        from nmt.scoring.metrics import NAMES

        counters, validated, metric = report.counters, report.counters.validated, NAMES[report.decisive]
        reason, mend = ending_of(report)
        outcomes = {
            "done": "done: the budget is spent",
            "patience": f"done: no better {metric} for as many validations as patience allows",
            "complete": f"nothing to do: {reason}",
            "stopped": "stopped and saved; the same command resumes",
        }
        best = (
            f"; best {metric} {validated.best_score:.1f} at step {validated.best_step:,}" if validated.best_step else ""
        )
        more = f"; {mend}" if report.outcome == "complete" else ""
        self.note(f"{outcomes[report.outcome]} after step {counters.step:,}{best}; the model is {report.model}{more}")


class LiveMonitor(LogMonitor):
    """A reporter for terminals: one live line or bar, with sample translations above it after each validation."""

    def __init__(self, live: Any) -> None:
        from nmt.cli.live import live_bars

        super().__init__(verbose=True)
        self.live = live
        self.bars = live_bars(live.console)
        self.progress = Bar(self.bars)

    def start(self, what: str, total: int | None = None, unit: str = "lines") -> None:
        super().start(what, total, unit)
        self.live.update(self.bars)  # until the next update shows its line

    def show(self, update: "Update", state: "TrainState") -> None:
        from nmt.cli.live import LONGEST_BAR, SHORTEST_BAR, line

        width = self.live.console.width
        words = self.line(update, state, width)
        room = width - len(words) - len("training  ")
        wide = room >= SHORTEST_BAR
        self.live.update(
            line("training" if wide else "", words, min(room, LONGEST_BAR) if wide else 0, update.progress)
        )

    def note(self, line: str) -> None:
        with suppress(OSError):  # a closed terminal must not end the training
            self.live.console.print(printable(with_flags(line)), markup=False, highlight=False)

    def warn(self, line: str) -> None:
        self.note(f"nmt: warning: {line}")
