"""Windows of pairs, scored by the workers of a cluster; a job sees no difference to a ``Scoring``."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from nmt.config import EngineOptions
from nmt.decoding.forced import PairWindow, ScoredPair, Scoring
from nmt.spread.cluster import Cluster
from nmt.spread.pool import About, Pool
from nmt.spread.sent import Heard, Sent, of_workers, one_at_a_time, pool_of, with_version, without_version
from nmt.store.model_folder import ModelFolder
from nmt.text.progress import Progress
from nmt.text.tokenizer import Tokenizer
from nmt.text.verbatim import LateLines


class Done(NamedTuple):
    """What a worker sends back of a window."""

    scored: list[ScoredPair]
    heard: Heard
    late: list[LateLines]  # of each direction


@dataclass
class Scores:
    """The work of a worker: to get the models, and score windows of pairs with them."""

    models: Sequence[Sent]  # that of the direction, and with two that of the other
    wanted: EngineOptions
    normalize: bool
    _scoring: Scoring | None = field(default=None, init=False)

    def begin(self) -> About:
        """See ``Work``. Raises what loading raises."""
        with one_at_a_time():
            self._scoring = Scoring.of([model.open() for model in self.models], self.wanted, self.normalize)
        return with_version(self._scoring.about())

    def __call__(self, item: PairWindow) -> Done:
        """See ``Work``."""
        assert self._scoring, "begin comes first"
        heard = Heard()
        scored = self._scoring.score(item.pairs, item.before, heard)
        return Done(scored, heard, [scorer.take_late() for scorer in self._scoring.scorers])


@contextmanager
def scorers(
    cluster: Cluster, models: Sequence[ModelFolder], wanted: EngineOptions, normalize: bool, progress: Progress
) -> Iterator["ClusterScoring"]:
    """Within the block, workers of the cluster score by opened ``models``, as ``Scoring.of`` does. Raises likewise."""
    own = of_workers(wanted)
    with pool_of(Scores([*map(Sent.of, models)], own, normalize), cluster, own, progress) as pool:
        yield ClusterScoring(pool, [model.tokenizers[1] for model in models])


class ClusterScoring:
    """Scores windows of pairs by a pool of workers."""

    def __init__(self, pool: Pool[PairWindow, Done], tokenizers: Sequence[Tokenizer]) -> None:
        self._pool, self.tokenizers = pool, tokenizers
        self._late = [LateLines() for _ in tokenizers]

    def about(self) -> dict[str, str | int | float]:
        """See ``Scoring.about``: the same on one machine and on many."""
        return without_version(self._pool.about())

    def scored(self, each: Iterable[PairWindow], progress: Progress) -> Iterator[list[ScoredPair]]:
        """The pairs of each window with their scores, in order; windows are read ahead as far as there are workers."""
        for scored, heard, late in self._pool.map(iter(each), named):
            for own, later in zip(self._late, late, strict=True):
                own.add_all(later)
            heard.say(progress)
            progress.advance(len(scored))
            yield scored

    def warn(self, progress: Progress) -> None:
        """See ``Scoring.warn``; tells of workers that were lost, too."""
        for late in self._late:
            late.warn(progress)
        self._pool.warn()


def named(window: PairWindow) -> str:
    """A window in the words of an error."""
    return f"scoring pairs {window.before + 1:,} to {window.before + len(window.pairs):,}"
