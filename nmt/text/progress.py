"""How long work reports its progress. Knows stages and counts; not whether a person, a log or nobody reads them."""

from typing import Protocol


class Progress(Protocol):
    """Receiver of progress reports, passed down by a command; the library itself never prints."""

    def start(self, what: str, total: int | None = None, unit: str = "lines") -> None:
        """Begin the stage ``what`` of ``total`` steps, counted in ``unit``; None: the total is unknown."""

    def advance(self, count: int = 1) -> None:
        """Report ``count`` more steps of the stage as done."""

    def note(self, line: str) -> None:
        """Report a fact, in one line that stays visible."""

    def warn(self, line: str) -> None:
        """Report a warning, in one line; the work continues."""

    def finish(self) -> None:
        """End the stage."""


class Silent:
    """Progress that discards every report: the default of the library."""

    def start(self, what: str, total: int | None = None, unit: str = "lines") -> None:
        pass

    def advance(self, count: int = 1) -> None:
        pass

    def note(self, line: str) -> None:
        pass

    def warn(self, line: str) -> None:
        pass

    def finish(self) -> None:
        pass
