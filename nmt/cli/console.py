"""What commands print: results on stdout, and progress on stderr, as a bar on a terminal and as lines elsewhere.

Knows streams and terminals; not what the work is.
"""

import os
import re
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

from nmt.errors import StorageError
from nmt.text.lines import printable
from nmt.text.progress import Silent

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from nmt.scoring.tables import Table
    from nmt.text.directions import Direction

SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def terminal_progress(quiet: bool, verbose: bool = False) -> Iterator["Quiet"]:
    """The Progress for stderr. ``quiet`` prints warnings only; ``verbose`` prints ten times as often."""
    if quiet:
        yield Quiet()
    elif is_live():
        from rich.console import Console

        from nmt.cli.live import live_bars

        with live_bars(Console(stderr=True)) as bars:
            yield Bar(bars)
    else:
        yield Plain(SECONDS_BETWEEN_LINES / 10 if verbose else SECONDS_BETWEEN_LINES)


def is_live() -> bool:
    """Whether stderr is a terminal on which a line can change."""
    return sys.stderr.isatty() and os.environ.get("TERM", "").lower() not in ("dumb", "unknown")


def with_flags(text: str) -> str:
    """A message of the library with flags in place of its arguments: `batch_tokens` becomes --batch-tokens."""
    return re.sub(r"`([a-z]+(?:_[a-z]+)*)`", lambda name: "--" + name[1].replace("_", "-"), text)


def say(line: str) -> None:
    """Print one line to stderr, without control characters. A failure to print is ignored."""
    # A closed pipe sends SIGPIPE, and train saves before it ends; a log's disk may be full, a terminal closed. Only the
    # line is lost, not the work.
    with suppress(OSError):
        print(f"nmt: {printable(with_flags(line))}", file=sys.stderr, flush=True)


def greet(directions: Sequence["Direction"]) -> None:
    """Tell a person who types lines what becomes of them."""
    from nmt.text.directions import spoken

    say(f"{spoken(directions)}; a line each, Ctrl-D ends")


def prompt(text: str) -> None:
    """Ask a person for a line, on stderr: stdout holds translations alone."""
    with suppress(OSError):
        print(text, end="", file=sys.stderr, flush=True)


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
    return clock(seconds)


def clock(seconds: float) -> str:
    """A time as hours, minutes and seconds: ``1:02:03``."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def closing(count: int, files: int, seconds: float, rate: float, warnings: int) -> str:
    """What a job has done: lines, time, lines a second, and whether something was odd."""
    of = f" of {counted(files, 'file')}" if files > 1 else ""
    speed = f", {rate:,.{0 if rate >= 10 else 1}f} a second" if rate else ""
    odd = f"; {counted(warnings, 'warning')} above" if warnings else ""
    return f"{counted(count, 'line')}{of} in {duration(seconds)}{speed}{odd}"


def counted(number: int, what: str) -> str:
    """A number with its noun: ``1 line``, ``1,000 lines``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


class Quiet(Silent):
    """Progress that prints warnings only, and counts them."""

    warnings = 0

    def warn(self, line: str) -> None:
        self.warnings += 1
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
        self.task = self.bars.add_task(printable(what), total=total, unit=unit)

    def advance(self, count: int = 1) -> None:
        if self.task is not None:
            self.bars.advance(self.task, count)

    def note(self, line: str) -> None:
        with suppress(OSError):  # as in ``say``
            self.bars.console.print(printable(with_flags(f"nmt: {line}")), markup=False, highlight=False)

    def warn(self, line: str) -> None:
        self.warnings += 1
        self.note(f"warning: {line}")

    def finish(self) -> None:
        if self.task is not None:
            self.bars.remove_task(self.task)
            self.task = None
