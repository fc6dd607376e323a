"""How much one client may ask, and all together, so that no one of them takes the machine. Knows no request."""

from dataclasses import dataclass

from nmt.errors import BusyError


class QueueFullError(BusyError):
    """Too much waits; whoever asks again later may be answered."""


@dataclass(frozen=True)
class Limits:
    """The bounds of a service."""

    body: int = 1 << 19
    """Bytes of a request. All ``connections`` together hold so many bodies at most."""

    chunks: int = 1_000
    """Chunks of a body that comes in chunks."""

    lines: int = 1_000
    """Lines of a request."""

    line: int = 5_000
    """Characters of a line; the line contract allows more, but a line is translated as a whole, and holds up others."""

    waiting_lines: int = 4_000
    """Lines of all requests that are not being translated yet."""

    waiting_size: int = 1 << 20
    """Characters of these lines, and a few more for each."""

    seconds: float = 30.0
    """Longest time from a request to its answer."""

    patience: float = 30.0
    """Seconds that a client may take to send a request, and to read an answer."""

    connections: int = 250
    """Connections at once."""

    quiet: float = 0.002
    """Seconds after the last line in which no other has come, when those that wait are translated."""

    linger: float = 0.02
    """Seconds that a line waits at most for others to be translated with it."""
