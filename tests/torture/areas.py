"""The list of all areas. The longest come first, so that no core idles at the end."""

from collections.abc import Sequence

from . import (
    caches,
    clusters,
    damage,
    datasets,
    disk,
    escapes,
    inputs,
    kills,
    links,
    memory,
    order,
    races,
    runs,
    services,
    signals,
    strangers,
    streams,
    working_folder,
)
from .area import Area
from .lines import LinesArea
from .translate_kill import TranslateKillArea

AREAS: Sequence[Area] = (
    *clusters.AREAS,
    *services.AREAS,
    *strangers.AREAS,
    *datasets.AREAS,
    *runs.AREAS,
    *caches.AREAS,
    LinesArea(),
    TranslateKillArea(),
    *damage.AREAS,
    *kills.AREAS,
    *disk.AREAS,
    *races.AREAS,
    *signals.AREAS,
    *order.AREAS,
    *links.AREAS,
    *inputs.AREAS,
    *escapes.AREAS,
    *streams.AREAS,
    *memory.AREAS,
    *working_folder.AREAS,
)
