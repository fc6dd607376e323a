"""Receivers of news of a training run: a command, a test or nobody. The library never prints; imports no PyTorch."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nmt.training.loop import Update
    from nmt.training.request import TrainJob
    from nmt.training.state import TrainState
    from nmt.training.validation import Validation


class Reporter:
    """What a run calls when something happens. Does nothing; subclasses override what they want to hear of.

    It is a ``nmt.text.progress.Progress``, too, of long work between updates.
    """

    def begin(self, job: "TrainJob", state: "TrainState") -> None:
        """The run is about to train."""

    def updated(self, update: "Update", state: "TrainState") -> None:
        """An update was made."""

    def validated(self, validation: "Validation", best: bool) -> None:
        """A validation was made; ``best`` if no earlier one of the run scored better."""

    def start(self, what: str, total: int | None = None, unit: str = "lines") -> None:
        """Long work between updates begins."""

    def advance(self, count: int = 1) -> None:
        """Some more of it is done."""

    def finish(self) -> None:
        """It has ended."""

    def note(self, line: str) -> None:
        """A line of information for a person."""

    def warn(self, line: str) -> None:
        """A warning for a person: training goes on, but not as intended."""
