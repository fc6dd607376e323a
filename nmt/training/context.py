"""What the parts of a run share: the checked request, the folder, the state and the group. Decides nothing."""

from dataclasses import dataclass

from nmt.config import TrainingConfig
from nmt.corpus.dataset import Dataset
from nmt.store.run_folder import RunFolder
from nmt.training.counters import Counters
from nmt.training.distribution import ALONE, Group
from nmt.training.loop import budget_used
from nmt.training.mixed import Feed
from nmt.training.reporter import Reporter
from nmt.training.request import TrainJob
from nmt.training.state import TrainState


@dataclass(frozen=True)
class RunContext:
    """The fixed parts of one run in one process; only the state changes while it trains."""

    job: TrainJob
    folder: RunFolder
    state: TrainState
    reporter: Reporter
    feed: Feed  # the rows that updates read
    group: Group = ALONE  # its leader alone validates, writes and reports

    @property
    def data(self) -> Dataset:
        return self.job.data

    @property
    def training(self) -> TrainingConfig:
        return self.job.config.training

    @property
    def counters(self) -> Counters:
        return self.state.counters

    def used(self) -> float:
        """The share of the budget used so far. All processes of the group must call it together."""
        return budget_used(self.training, self.state, self.feed.rows.rows_per_epoch, self.group)

    def epochs(self) -> float:
        """Passes over the training pairs so far."""
        return self.counters.epochs(self.feed.rows.rows_per_epoch)

    def save_checkpoint(self) -> None:
        """Write the state to the run folder. Raises StorageError when the disk fails."""
        checkpoint = self.state.checkpoint({"data": self.data.digest, **self.job.models, **self.feed.facts})
        self.folder.save_checkpoint(self.counters.step, checkpoint, self.training.keep)
