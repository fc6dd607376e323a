"""Windows: lines that are translated together, and what becomes of them at once. Knows no model and no file."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from nmt.decoding.request import Line, text_of
from nmt.text.lines import PAUSE, Pause

WINDOW = 4096
"""Lines read ahead and sorted by length: sentences then have under 2% padding, at the cost of a few megabytes."""

WINDOW_CHARACTERS = 1 << 22
"""Characters after which a window ends early, for files of very long lines."""


class Window(NamedTuple):
    """Lines that are translated together, and how many lines came before them."""

    before: int
    lines: list[Line]


def windows(lines: Iterable[Line | Pause], size: int = WINDOW) -> Iterator[Window]:
    """Groups of at most ``size`` lines. A pause ends a window, however short it is.

    Where a window ends depends only on its lines and on pauses.
    """
    before = characters = 0
    window: list[Line] = []
    for line in lines:
        if not isinstance(line, Pause):
            window.append(line)
            characters += len(text_of(line))
        if window and (line is PAUSE or len(window) == size or characters >= WINDOW_CHARACTERS):
            yield Window(before, window)
            before += len(window)
            window, characters = [], 0
    if window:
        yield Window(before, window)


def about_windows(size: int = WINDOW) -> dict[str, int]:
    """What the bounds of windows depend on, by name."""
    return {"window": size, "window characters": WINDOW_CHARACTERS}
