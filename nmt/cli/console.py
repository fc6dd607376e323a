"""What commands print: results on stdout, and progress on stderr, as a bar on a terminal and as lines elsewhere.

Knows streams and terminals; not what the work is.
"""

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

    from nmt.scoring.tables import Table

SECONDS_BETWEEN_LINES = 10.0
NARROW = 60  # columns; a narrower terminal shows figures without a bar
SHORTEST_BAR = 5  # columns


@contextmanager
def terminal_progress(quiet: bool, verbose: bool = False) -> Iterator[Progress]:
    """The Progress for stderr. ``quiet`` prints warnings only; ``verbose`` prints ten times as often."""
    if quiet:
        yield Quiet()
    elif sys.stderr.isatty():
        from rich.console import Console

        with live_bars(Console(stderr=True)) as bars:
            yield Bar(bars)
    else:
        yield Plain(SECONDS_BETWEEN_LINES / 10 if verbose else SECONDS_BETWEEN_LINES)


def live_bars(console: "Console") -> "RichProgress":
    """Live bars of rich, with fewer columns on a narrow terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns: list[ProgressColumn] = [TextColumn("{task.description}", markup=False), MofNCompleteColumn()]
    if console.width >= NARROW:
        columns.insert(1, BarColumn())
        columns.append(TextColumn("{task.fields[unit]}"))
    return RichProgress(*columns, TimeRemainingColumn(), console=console, transient=True)


def with_flags(text: str) -> str:
    """A message of the library with flags in place of its arguments: `batch_tokens` becomes --batch-tokens."""
    return re.sub(r"`([a-z]+(?:_[a-z]+)*)`", lambda name: "--" + name[1].replace("_", "-"), text)


def say(line: str) -> None:
    """Print one line to stderr, without control characters. A failure to print is ignored."""
    # A closed pipe sends SIGPIPE, and train saves before it ends; a log's disk may be full, a terminal closed. Only the
    # line is lost, not the work.
    with suppress(OSError):
        print(f"nmt: {printable(with_flags(line))}", file=sys.stderr, flush=True)


def standard_output() -> BinaryIO:
    """Standard output as a stream of bytes, for results. Raises StorageError when it is closed."""
    if sys.stdout is None:
        raise StorageError("standard output is closed", "leave >&- out, or name a file with --output")
    return sys.stdout.buffer


def show(result: str) -> None:
    """Print a result to standard output, in UTF-8 whatever the locale."""
    stream = standard_output()
    stream.write(result.encode("utf-8", "backslashreplace"))
    stream.flush()


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table as text, the same on a terminal and in a pipe; columns of numbers are aligned right."""
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
    # Into a string: rich would encode for the locale.
    page = io.StringIO()
    Console(file=page, width=1000).print(drawn)
    lines = [line.rstrip() for line in page.getvalue().splitlines()]
    return "".join(f"{line}\n" for line in lines if line)


def table_with_notes(drawn: "Table") -> str:
    """A table of scores as text, with its notes below."""
    return table(drawn.headings, drawn.rows) + "".join(f"{printable(note)}\n" for note in drawn.notes)


def duration(seconds: float) -> str:
    """A time in words: ``3.2 s``, or from a minute on ``1:02:03`` (hours, minutes, seconds)."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def counted(number: int, what: str) -> str:
    """A number with its noun: ``1 line``, ``1,000 lines``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


class Quiet(Silent):
    """Progress that prints warnings only."""

    def warn(self, line: str) -> None:
        say(f"warning: {line}")


class Plain(Quiet):
    """Progress for logs and pipes: a line now and then, for stages that take long."""

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
    """Progress as a live bar on a terminal."""

    def __init__(self, bars: "RichProgress") -> None:
        self.bars = bars
        self.task: TaskID | None = None

    def start(self, what: str, total: int | None = None, unit: str = "lines") -> None:
        self.finish()
        self.task = self.bars.add_task(self.fitted(printable(what), total, unit), total=total, unit=unit)

    def fitted(self, what: str, total: int | None, unit: str) -> str:
        """The words of ``what`` that fit beside the other columns; the bar gets the remaining width."""
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
