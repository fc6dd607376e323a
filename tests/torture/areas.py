"""Every area of the proof, by name: nothing is scanned for. The longest come first, so that two processes end alike."""

from collections.abc import Sequence

from . import damage, disk, kills, order, races, signals
from .area import Area

AREAS: Sequence[Area] = (
    *damage.AREAS,
    *kills.AREAS,
    *disk.AREAS,
    *races.AREAS,
    *signals.AREAS,
    *order.AREAS,
)
