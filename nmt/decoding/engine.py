"""The interface of engines: queries of piece ids in, hypotheses out. Knows no tensor, no text and no model."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from nmt.config import SearchOptions

MAX_PIECES = 400
"""Longest source of a query. Models have seen nothing longer, and the cost of attention is quadratic."""

EXTRA_PIECES = 10
"""Constant part of the length limit: a short source may need many words."""


def length_limit(source_pieces: int, factor: float) -> int:
    """Most pieces of a translation, </s> included. Each sentence has its own, so batching changes no translation."""
    return math.floor(factor * source_pieces) + EXTRA_PIECES


@dataclass(frozen=True)
class Query:
    """One sentence as an engine gets it: ids only."""

    pieces: Sequence[int]  # what the model reads, without </s>; at least one


@dataclass(frozen=True)
class Hypothesis:
    """One translation of a query."""

    pieces: list[int]  # without <s> and </s>
    score: float  # sum of log-probabilities / length^A, where the length counts </s>


class Engine(Protocol):
    """Anything that searches."""

    @property
    def workers(self) -> int:
        """Number of searches it does at once, each in a thread of the caller."""

    def supports(self, options: SearchOptions) -> str | None:
        """None, or the reason why this engine cannot search with these options."""

    def about(self) -> Mapping[str, str | int]:
        """What its results depend on besides the model and the options, by name: itself, its version, its device."""

    def search(self, queries: Sequence[Query], options: SearchOptions) -> list[list[Hypothesis]]:
        """The ``options.n_best`` best hypotheses of each query, best first, in the order of the queries.

        Raises BusyError when the queries do not fit into memory together: fewer may.
        """
