"""What the stages of ``prepare`` work with: a scratch that outlives a kill, processes, and a reader of progress.

Knows the names of the scratch's files; not what is in them.
"""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import TypeVar

from nmt.disk.folders import temporary_folder
from nmt.disk.scratch import Scratch, open_scratch
from nmt.text.ahead import heard
from nmt.text.processes import Spread, apart
from nmt.text.progress import Progress
from nmt.version import __version__

T = TypeVar("T")
R = TypeVar("R")

OURS = re.compile(
    r"[a-z]*(?:judged|scored)-[a-z0-9]+\.bin|tokenizer(?:\.target)?\.model|verdicts\.bin|valid\.(?:source|target)\.txt"
    r"|(?:train|valid|mono)-(?:rows|\d{5,}\.(?:source|target))\.bin|mono-(?:verdicts|scores|begins|keys|encoded)\.bin"
)
# Pairs in training corpora below which this process does all: to start others takes as long as 5,000 pairs.
WORTH_PROCESSES = 50_000
_LIBRARIES = ("numpy", "sentencepiece", "py3langid", "ftfy", "lxml", "polib")


@dataclass(frozen=True)
class Means:
    """What the stages of ``prepare`` work with."""

    scratch: Scratch
    progress: Progress
    spread: Spread | None = None  # None: this process does all

    def spreads(self, pairs: int) -> bool:
        """Whether others than this process work on so many pairs."""
        return self.spread is not None and pairs >= WORTH_PROCESSES

    def mapped(
        self, function: Callable[[T], R], pairs: int
    ) -> AbstractContextManager[Callable[[Iterator[T]], Iterator[R]]]:
        """What maps a function over chunks of so many pairs in all, within a block; see ``Spread``."""
        if self.spread is None or not self.spreads(pairs):
            return nullcontext(partial(map, function))
        return self.spread(function)

    def apart(self, pairs: int, stage: str, work: Callable[[], R]) -> R:
        """The result of a stage; of a large corpus it is made in another process, so that its memory is free again."""
        self.progress.start(stage, unit="seconds")
        result = (apart if self.spreads(pairs) else heard)(work, self.progress.advance)
        self.progress.finish()
        return result


def versions() -> dict[str, str]:
    """The versions of all that may judge and encode otherwise after an update."""
    found = {"nmt": __version__, "python": sys.version}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = ""
    return found


@contextmanager
def without_output(progress: Progress, spread: Spread | None = None) -> Iterator[Means]:
    """Means for work that writes nothing beside an output, and begins anew after a kill."""
    with temporary_folder() as folder, open_scratch(folder / "judged", "", OURS) as scratch:
        yield Means(scratch, progress, spread)
