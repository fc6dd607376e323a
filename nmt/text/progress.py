"""How long work tells that it goes on, without knowing whether a person, a log or nobody reads it."""

from typing import Protocol


class Progress(Protocol):
    """A sink of progress, handed down by the command; the library never prints."""

    def start(self, what: str, total: int | None = None, unit: str = "lines") -> None:
        """Begin the stage ``what``, which has ``total`` steps of ``unit`` (None: nobody knows yet)."""

    def advance(self, count: int = 1) -> None:
        """``count`` more steps of the stage are done."""

    def note(self, line: str) -> None:
        """Say one finished line, a fact that a person wants to keep reading."""

    def warn(self, line: str) -> None:
        """Say one warning: the work goes on, and the person should know."""

    def finish(self) -> None:
        """The stage is done."""


class Silent:
    """Progress that nobody reads: the default of the library."""

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
