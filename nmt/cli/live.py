"""A live line on a terminal: how far a stage of work is, in as many words as fit. Knows rich; not what the work is.

Each refresh measures the terminal anew, in cells: a Korean syllable has two.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from nmt.cli.console import clock

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
    from rich.progress import Progress, Task
    from rich.text import Text

SHORTEST_BAR, LONGEST_BAR = 8, 60  # cells


def live_bars(console: "Console") -> "Progress":
    """Live lines of rich, one for each task; a task has a field ``unit``."""
    from rich.progress import Progress

    class Lines(Progress):
        """Tasks as lines that fit."""

        def get_renderables(self) -> "Iterable[RenderableType]":
            """All lines."""
            yield Stages(self)

    return Lines(console=console, transient=True)


class Stages:
    """The lines, drawn for the width that the terminal has at that moment."""

    def __init__(self, progress: "Progress") -> None:
        self.progress = progress

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        for task in self.progress.tasks:
            yield stage_line(task, options.max_width)


def stage_line(task: "Task", width: int) -> "Text":
    """A task in a line of at most ``width`` cells: the richest that leaves its name whole, else the barest."""
    from rich.cells import cell_len

    what, done, unit = task.description, int(task.completed), task.fields["unit"]
    left = f"{clock(task.time_remaining)} left" if task.total and task.time_remaining is not None else ""
    if not task.total:
        count, short, share = (f"{done:,} {unit}", f"{done:,}", "") if done else ("", "", "")
    else:
        count, short = f"{done:,} of {int(task.total):,} {unit}", f"{done:,}/{int(task.total):,}"
        share = f"{100 * done / task.total:.0f}%"
    speed = f"{task.speed:,.{0 if task.speed >= 10 else 1}f} {unit}/s" if task.speed else ""
    for figures, bar in (
        ([count, share, speed, left], SHORTEST_BAR),
        ([count, left], SHORTEST_BAR),
        ([short, left], SHORTEST_BAR),
        ([short, left], 0),
    ):
        end = " · ".join(filter(None, figures))
        room = width - cell_len(what) - cell_len(end) - 2
        if room >= bar + (bar > 0):
            return line(what, end, min(room - 1, LONGEST_BAR) if bar and task.total else 0, done / (task.total or 1))
    # A figure that does not fit is left out: cut off, it would be another number.
    ends = (" · ".join(filter(None, figures)) for figures in ([short, left], [short], []))
    end = next(end for end in ends if cell_len(end) <= width)
    return line(shortened(what, width - cell_len(end) - bool(end)), end, 0, 0.0)


def line(what: str, end: str, bar: int, share: float) -> "Text":
    """The parts of a line, with a ``bar`` of so many cells between them; without colour its ends still differ."""
    from rich.text import Text

    drawn = Text(what, no_wrap=True, overflow="crop")
    if bar:
        full = min(bar, round(bar * share))
        drawn.append(" ").append("━" * full, "bar.complete").append("─" * (bar - full), "bar.back")
    return drawn.append(f" {end}" if drawn and end else end)


def shortened(text: str, cells: int) -> str:
    """The words of a text that fit into some cells, with ``…`` after them where some do not."""
    from rich.cells import cell_len

    if cell_len(text) <= cells:
        return text
    words = text.split()
    while words and cell_len(" ".join(words)) + 2 > cells:
        words.pop()
    return " ".join([*words, "…"]) if words else ""
