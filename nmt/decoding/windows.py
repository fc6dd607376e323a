"""Windows: lines that are read ahead and translated together. Knows lines; no model."""

from collections.abc import Iterable, Iterator

from nmt.decoding.batching import WINDOW_CHARACTERS
from nmt.decoding.request import Line, text_of
from nmt.text.lines import PAUSE, Pause


def windows(lines: Iterable[Line | Pause], most: int) -> Iterator[list[Line]]:
    """Groups of at most ``most`` lines. A pause ends a window, however short it is.

    Where a window ends depends only on its lines and on pauses.
    """
    window: list[Line] = []
    characters = 0
    for line in lines:
        if not isinstance(line, Pause):
            window.append(line)
            characters += len(text_of(line))
        if window and (line is PAUSE or len(window) == most or characters >= WINDOW_CHARACTERS):
            yield window
            window, characters = [], 0
    if window:
        yield window
