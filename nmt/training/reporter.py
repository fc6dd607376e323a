"""Who is told how training goes: the command, a test, nobody. The library never prints."""

from typing import Any, Protocol

from nmt.training.loop import Update
from nmt.training.state import TrainState
from nmt.training.validation import Validation


class Reporter(Protocol):
    """A sink for what happens in a run."""

    def begin(self, facts: dict[str, Any]) -> None:
        """The run is about to train: what of, on what, with what."""

    def updated(self, update: Update, state: TrainState) -> None:
        """An update was made."""

    def validated(self, validation: Validation, best: bool) -> None:
        """A validation was made; ``best`` if no earlier one of the run was better."""

    def note(self, line: str) -> None:
        """Something that a person wants to know."""

    def warn(self, line: str) -> None:
        """Something that a person should know: training goes on, but not as it was meant to."""


class Unheard:
    """A reporter that nobody reads."""

    def begin(self, facts: dict[str, Any]) -> None:
        pass

    def updated(self, update: Update, state: TrainState) -> None:
        pass

    def validated(self, validation: Validation, best: bool) -> None:
        pass

    def note(self, line: str) -> None:
        pass

    def warn(self, line: str) -> None:
        pass
