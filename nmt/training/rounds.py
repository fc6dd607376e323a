"""Goes from one stage of a run to the next: makes the pairs of a round, then lets updates read them.

Knows when, and what a round may take; not how pairs are made or mixed.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf
from statistics import fmean
from typing import Any

import torch

from nmt.errors import NmtError
from nmt.scoring.gains import SCORES, Gain, gains_of, title
from nmt.scoring.metrics import NAMES
from nmt.training.context import RunContext
from nmt.training.log import RunLog
from nmt.training.saving import Saver
from nmt.training.searches import searching
from nmt.training.stages import TEACHER, longest_round, most_texts, planned, share_of, stage_at
from nmt.training.synthetic import Interrupted, Making


def who(name: str) -> str:
    """The maker of the pairs of a round, in words."""
    return "the teacher" if name == TEACHER else f"round {name}: the model"


@dataclass
class Rounds:
    """The stages of a run in one process; the leader alone makes pairs."""

    context: RunContext
    saver: Saver
    log: RunLog
    threads: int = field(default_factory=torch.get_num_threads)  # for translating; training may lower the number

    @property
    def until(self) -> float:
        """The share of the budget at which this stage ends."""
        stages, following = self.context.feed.stages, self.context.counters.mixture.stage + 1
        return stages[following].begins if following < len(stages) else 1.0

    def turn(self, should_stop: Callable[[], bool]) -> bool:
        """Go to the stage that the budget has reached; False when ``should_stop`` interrupted the making of its pairs.

        All processes of the group must call it together.
        """
        counters, feed = self.context.counters, self.context.feed
        while (number := stage_at(feed.stages, self.context.used())) > counters.mixture.stage:
            self.tell_gain()
            if feed.stages[number].round and not self._make(number, should_stop):
                return False
            counters.begin_stage(number, feed.rows.rows_per_epoch)
            feed.open(number)
            self.saver.saved_step = -1  # no checkpoint knows of this stage
        return True

    def tell_gain(self) -> None:
        """Report the scores before and after the stage that ends now, if it has read synthetic pairs."""
        context = self.context
        name = context.feed.stages[context.counters.mixture.stage].round
        gains = list[Gain]()
        if name and context.group.leads:
            with suppress(NmtError):  # no run ends because someone has changed its log
                gains = gains_of(context.folder.read_metrics())
        if gains and gains[-1].round == name and (before := gains[-1].before):
            last = gains[-1]
            scores = (f"{NAMES[score]} {before[score]:.1f} → {last.after[score]:.1f}" for score in SCORES)
            context.reporter.note(f"with {title(name)}, in {last.ends - last.begins:,} updates: {' · '.join(scores)}")

    def _make(self, number: int, should_stop: Callable[[], bool]) -> bool:
        """Make the pairs of a stage, and report them; False when interrupted."""
        context, name = self.context, self.context.feed.stages[number].round
        self.log.flush()
        if context.group.tell(self.saver.saved_step) != context.counters.step:
            self.saver.save()  # a process killed meanwhile resumes with this same model
        most = self.worth(number)  # asks all processes
        facts = context.group.tell(self._facts(number, most, should_stop) if context.group.leads else None)
        if facts is None:
            return False
        dropped = ", ".join(f"{check} {count:,}" for check, count in facts["dropped"].items()) or "nothing"
        tell = context.reporter.note if facts["pairs"] else context.reporter.warn
        tell(
            f"{who(name)} made {facts['pairs']:,} pairs of {facts['texts']:,} texts in {facts['seconds']:,.0f} s; "
            f"dropped: {dropped}"
        )
        known = {key: facts[key] for key in ("texts", "pairs", "dropped", "seconds")}
        self.log.write({"event": "synthetic", "step": context.counters.step, "round": name, **known})
        return True

    def _facts(self, number: int, most: float, should_stop: Callable[[], bool]) -> Mapping[str, Any] | None:
        context = self.context

        def interrupted() -> bool:
            context.state.tick()
            self.log.write_seconds()
            return should_stop()

        stage = context.feed.stages[number]
        with searching(context.job, context.state, stage, self.threads) as (texts, work):
            making = Making(
                context.feed.path(stage.round),
                texts,
                context.data,
                work,
                (context.training.seed, number),
                most,
                context.reporter,
                longest_round(context.training, stage),
                # A larger budget reads more of what a teacher says; other rounds are another model's by then.
                most if stage.round == TEACHER and most < inf else 0.0,
            )
            context.reporter.note(f"{who(stage.round)} translates up to {making.total:,} texts")
            try:
                return making.make(interrupted)
            except Interrupted:
                return None

    def worth(self, number: int) -> float:
        """Texts that are worth translating for a stage, for training will read no more.

        Minutes tell nothing of that: what they read follows from the pace so far.
        """
        context, task = self.context, self.context.job.task
        read = planned(context.training, context.data.train.rows_per_epoch, task.longer_side)
        if context.training.minutes and context.counters.step:
            sides = [task.target_tokens, *([task.source_tokens] if context.training.bidirectional else [])]
            read = context.counters.target_tokens / (fmean(sides) / task.pairs) / context.used()
        return most_texts(context.training, read * share_of(context.feed.stages, number))
