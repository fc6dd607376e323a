"""Every area of the proof, by name: nothing is scanned for. What takes longest comes first, so that no core idles."""

from collections.abc import Sequence

from . import damage, disk, kills, order, races, signals, strangers
from .area import Area
from .lines import LinesArea
from .translate_kill import TranslateKillArea

AREAS: Sequence[Area] = (
    *strangers.AREAS,
    LinesArea(),
    TranslateKillArea(),
    *damage.AREAS,
    *kills.AREAS,
    *disk.AREAS,
    *races.AREAS,
    *signals.AREAS,
    *order.AREAS,
)
