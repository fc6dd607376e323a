"""What the Translator sees of an engine: piece ids in, hypotheses out. Knows no tensor, no text and no model."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from nmt.config import SearchOptions


@dataclass(frozen=True)
class Hypothesis:
    """One translation as the search found it."""

    pieces: list[int]  # without <s> and </s>
    score: float  # sum of log-probabilities / length^A, where the length counts </s>


EXTRA_PIECES = 10  # of the length limit, beyond what grows with the source: a short source may need many words


def length_limit(source_pieces: int, factor: float) -> int:
    """The most pieces a translation may have, </s> included. A sentence's own: batching never changes a translation."""
    return math.floor(factor * source_pieces) + EXTRA_PIECES


class Engine(Protocol):
    """Anything that searches. Sources come without </s>; hypotheses come best first, ``options.n_best`` a source."""

    @property
    def workers(self) -> int:
        """How many searches it does at once, in as many threads of the caller."""

    def supports(self, options: SearchOptions) -> str | None:
        """None, or the reason why this engine cannot search so."""

    def about(self) -> Mapping[str, str | int]:
        """What its results depend on besides the model and the options, by name: itself, its version, its device."""

    def search(self, sources: Sequence[Sequence[int]], options: SearchOptions) -> list[list[Hypothesis]]:
        """The hypotheses of each source, in the order of the sources. No source is empty.

        Raises BusyError when they do not fit into memory together: fewer may.
        """
