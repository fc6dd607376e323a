"""An engine of a model of several directions, as one that knows one: each query begins with the tag of a language.

Knows ids; no engine and no language.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, TypeVar

from nmt.config import SearchOptions
from nmt.decoding.engine import Aligner, Engine, FullEngine, Hypothesis, Query

if TYPE_CHECKING:
    from nmt.decoding.engine import Weights

AnyEngine = TypeVar("AnyEngine", bound=Engine, covariant=True)


def tagged(queries: Sequence[Query], tag: int) -> list[Query]:
    """The queries with the tag in front of what the model reads."""
    return [replace(query, pieces=[tag, *query.pieces], tags=1) for query in queries]


@dataclass(frozen=True)
class Directed(Generic[AnyEngine]):
    """An ``Engine`` that searches with another one for translations into the language of a ``tag``."""

    engine: AnyEngine
    tag: int

    @property
    def workers(self) -> int:
        return self.engine.workers

    @property
    def scores(self) -> bool:
        return self.engine.scores

    def supports(self, options: SearchOptions) -> str | None:
        """See ``Engine``."""
        return self.engine.supports(options)

    def about(self) -> dict[str, str | int]:
        """The engine, and the tag."""
        return {**self.engine.about(), "tag": self.tag}

    def search(self, queries: Sequence[Query], options: SearchOptions) -> list[list[Hypothesis]]:
        """See ``Engine``."""
        return self.engine.search(tagged(queries, self.tag), options)


class FullyDirected(Directed[FullEngine]):
    """The same of an engine that scores, too."""

    @property
    def score_tokens(self) -> int | None:
        return self.engine.score_tokens

    def score(self, queries: Sequence[Query], targets: Sequence[Sequence[int]]) -> list[Hypothesis]:
        """See ``Scorer``."""
        return self.engine.score(tagged(queries, self.tag), targets)


@dataclass(frozen=True)
class DirectedAligner:
    """An ``Aligner`` that gives no weight to the tag, which stands for no word."""

    aligner: Aligner
    tag: int

    @property
    def workers(self) -> int:
        return self.aligner.workers

    def align(self, queries: Sequence[Query], targets: Sequence[Sequence[int]]) -> "list[Weights]":
        """See ``Aligner``."""
        found = []
        for weights_TS in self.aligner.align(tagged(queries, self.tag), targets):
            own_TS = weights_TS[:, 1:]
            total_T1 = own_TS.sum(1, keepdims=True)
            total_T1[total_T1 == 0] = 1.0
            found.append(own_TS / total_T1)
        return found


def directed(engine: FullEngine, tag: int | None) -> FullEngine:
    """The engine for a language; the engine itself where there is no tag."""
    return engine if tag is None else FullyDirected(engine, tag)


def directed_aligner(aligner: Aligner | None, tag: int | None) -> Aligner | None:
    """The same of an aligner."""
    return aligner if aligner is None or tag is None else DirectedAligner(aligner, tag)
