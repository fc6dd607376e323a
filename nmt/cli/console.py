"""What a person sees on stderr while work goes on: a bar on a terminal, a plain line now and then elsewhere."""

import re
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from textwrap import shorten
from typing import TYPE_CHECKING, BinaryIO

from nmt.errors import StorageError
from nmt.text.lines import printable
from nmt.text.progress import Progress, Silent

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

SECONDS_BETWEEN_LINES = 10.0
NARROW = 60  # columns; in fewer there is no bar, only its figures
SHORTEST_BAR = 5


@contextmanager
def terminal_progress(quiet: bool, verbose: bool = False) -> Iterator[Progress]:
    """The Progress that suits stderr. A quiet one still warns; a verbose one speaks ten times as often."""
    if quiet:
        yield Quiet()
    elif sys.stderr.isatty():
        from rich.console import Console

        with live_bars(Console(stderr=True)) as bars:
            yield Bar(bars)
    else:
        yield Plain(SECONDS_BETWEEN_LINES / 10 if verbose else SECONDS_BETWEEN_LINES)


def live_bars(console: "Console") -> "RichProgress":
    """Bars whose columns fit into a narrow terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns: list[ProgressColumn] = [TextColumn("{task.description}", markup=False), MofNCompleteColumn()]
    if console.width >= NARROW:
        columns.insert(1, BarColumn())
        columns.append(TextColumn("{task.fields[unit]}"))
    return RichProgress(*columns, TimeRemainingColumn(), console=console, transient=True)


def with_flags(text: str) -> str:
    """A message of the library, which names arguments like `batch_tokens`, with flags in their place."""
    return re.sub(r"`([a-z]+(?:_[a-z]+)*)`", lambda name: "--" + name[1].replace("_", "-"), text)


def say(line: str) -> None:
    """Print one line to stderr, safe for a terminal whatever is in it."""
    # A reader that went away sends SIGPIPE, which train answers by saving first; a log may be on a full disk, and a
    # terminal gone. The line is lost, and the work is not.
    with suppress(OSError):
        print(f"nmt: {printable(with_flags(line))}", file=sys.stderr, flush=True)


def standard_output() -> BinaryIO:
    """Standard output, as bytes: results are UTF-8 whatever the locale. Raises StorageError when it is closed."""
    if sys.stdout is None:
        raise StorageError("standard output is closed", "leave >&- out, or name a file with --output")
    return sys.stdout.buffer


def show(result: str) -> None:
    """Write a result to standard output."""
    stream = standard_output()
    stream.write(result.encode("utf-8", "backslashreplace"))
    stream.flush()


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
        drawn.add_column(Text(printable(heading)), justify="right" if figures else "left", no_wrap=True)
    for row in cells:
        drawn.add_row(*(Text(printable(cell)) for cell in row))
    # To a string first: standard output gets UTF-8 whatever the locale.
    page = io.StringIO()
    Console(file=page, width=1000).print(drawn)
    lines = [line.rstrip() for line in page.getvalue().splitlines()]
    return "".join(f"{line}\n" for line in lines if line)


def duration(seconds: float) -> str:
    """A time for a person: ``3.2 s``, or hours, minutes and seconds."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def counted(number: int, what: str) -> str:
    """``1 line``, ``1,000 lines``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


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
        self.task = self.bars.add_task(self.fitted(printable(what), total, unit), total=total, unit=unit)

    def fitted(self, what: str, total: int | None, unit: str) -> str:
        """The words of ``what`` that have room beside the other columns; the bar gets the rest."""
        from rich.cells import cell_len
        from rich.progress import BarColumn

        figures = 2 * len(str(total or 10**6)) + 1
        room = self.bars.console.width - len(f" {unit} 0:00:00") - figures - 2
        bar = self.bars.columns[1]
        if not isinstance(bar, BarColumn):
            return shorten(what, max(room + len(f" {unit}"), 1), placeholder="…", break_on_hyphens=False)
        fits = shorten(what, max(room - SHORTEST_BAR, 1), placeholder=" …", break_on_hyphens=False)
        bar.bar_width = max(SHORTEST_BAR, min(40, room - cell_len(fits)))
        return fits

    def advance(self, count: int = 1) -> None:
        if self.task is not None:
            self.bars.advance(self.task, count)

    def note(self, line: str) -> None:
        self.bars.console.print(printable(with_flags(f"nmt: {line}")), markup=False, highlight=False)

    def warn(self, line: str) -> None:
        self.note(f"warning: {line}")

    def finish(self) -> None:
        if self.task is not None:
            self.bars.remove_task(self.task)
            self.task = None
