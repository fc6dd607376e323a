"""Every area of the proof, by name: nothing is scanned for. What takes longest comes first, so that no core idles."""

from collections.abc import Iterator, Sequence
from importlib import import_module

from . import damage, disk, kills, order, races, signals
from .area import Area

# Of the other modules: a class of one area, or a list of areas.
OTHERS = {"strangers": "AREAS", "lines": "LinesArea", "translate_kill": "TranslateKillArea"}


def areas_of_others() -> Iterator[Area]:
    for module, name in OTHERS.items():
        try:
            found = getattr(import_module(f".{module}", __package__), name)
        except ModuleNotFoundError as missing:
            if missing.name != f"{__package__}.{module}":
                raise
            continue
        yield from [found()] if isinstance(found, type) else found


AREAS: Sequence[Area] = (
    *areas_of_others(),
    *damage.AREAS,
    *kills.AREAS,
    *disk.AREAS,
    *races.AREAS,
    *signals.AREAS,
    *order.AREAS,
)
