"""What a person sees on stderr while work goes on: a bar on a terminal, a plain line now and then elsewhere."""

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from nmt.text.progress import Progress, Silent

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def terminal_progress(quiet: bool, verbose: bool = False) -> Iterator[Progress]:
    """The Progress that suits stderr. A quiet one still warns; a verbose one speaks ten times as often."""
    if quiet:
        yield Quiet()
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
        )
        with RichProgress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bars:
            yield Bar(bars)
    else:
        yield Plain(SECONDS_BETWEEN_LINES / 10 if verbose else SECONDS_BETWEEN_LINES)


def say(line: str) -> None:
    # A reader that went away sends SIGPIPE, which train answers by saving first; a log may be on a full disk, and a
    # terminal gone. The line is lost, and the work is not.
    with suppress(OSError):
        print(f"nmt: {line}", file=sys.stderr, flush=True)


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table as text, the same on a terminal and in a pipe. Columns of figures are to the right."""
    import io

    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=SIMPLE_HEAD, show_header=any(headings))
    cells = list(rows)
    for number, heading in enumerate(headings):
        figures = all(row[number][:1].isdigit() for row in cells)
        drawn.add_column(heading, justify="right" if figures else "left", no_wrap=True)
    for row in cells:
        drawn.add_row(*map(Text, row))
    # To a string first: standard output gets UTF-8 whatever the locale.
    page = io.StringIO()
    Console(file=page, width=1000).print(drawn)
    lines = [line.rstrip() for line in page.getvalue().splitlines()]
    return "".join(f"{line}\n" for line in lines if line)


class Quiet(Silent):
    """Says warnings and nothing else."""

    def warn(self, line: str) -> None:
        say(f"warning: {line}")


class Plain(Quiet):
    """A line when a stage takes long, for logs and pipes."""

    def __init__(self, seconds_between: float) -> None:
        self.seconds_between = seconds_between

    def start(self, what: str, total: int | None = None, unit: str = "lines") -> None:
        self.what, self.total, self.unit = what, total, unit
        self.done = 0
        self.told = time.monotonic()

    def advance(self, count: int = 1) -> None:
        self.done += count
        if time.monotonic() - self.told > self.seconds_between:
            self.told = time.monotonic()
            say(f"{self.what}: {self.done:,}{f' of {self.total:,}' if self.total else ''} {self.unit}")

    def note(self, line: str) -> None:
        say(line)


class Bar(Quiet):
    """A live bar on a terminal."""

    def __init__(self, bars: "RichProgress") -> None:
        self.bars = bars
        self.task: TaskID | None = None

    def start(self, what: str, total: int | None = None, unit: str = "lines") -> None:
        self.finish()
        self.task = self.bars.add_task(what, total=total, unit=unit)

    def advance(self, count: int = 1) -> None:
        if self.task is not None:
            self.bars.advance(self.task, count)

    def note(self, line: str) -> None:
        self.bars.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def warn(self, line: str) -> None:
        self.note(f"nmt: warning: {line}")

    def finish(self) -> None:
        if self.task is not None:
            self.bars.remove_task(self.task)
            self.task = None
