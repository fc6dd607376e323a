"""Two engines as one: a fast one for plain search, another for phrases, which is loaded when they are asked for.

A line that has its terms already never loads the second. Knows no engine by name.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from threading import Lock

from nmt.config import SearchOptions
from nmt.decoding.engine import FullEngine, Hypothesis, Query
from nmt.decoding.engines.forked import tell_of_forks


class BothEngines:
    """A ``FullEngine`` that searches with ``plain`` what asks for no phrases, and the rest with what ``load`` gives.

    ``about_phrases`` is what results of the second depend on, by name; to know it, it need not be loaded.
    """

    scores = True

    def __init__(self, plain: FullEngine, load: Callable[[], FullEngine], about_phrases: dict[str, str]) -> None:
        self.plain = plain
        self.workers = plain.workers
        self.score_tokens = plain.score_tokens
        self._about = about_phrases
        self._load = load
        self._loaded: FullEngine | None = None
        self._loading = Lock()
        tell_of_forks(self)

    def after_fork(self) -> None:
        """Renew the lock, which another thread of the parent may have held."""
        self._loading = Lock()

    @property
    def for_phrases(self) -> FullEngine:
        """The second engine. Raises what loading it raises."""
        with self._loading:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded

    def supports(self, options: SearchOptions) -> str | None:
        """See ``Engine``."""
        return self.plain.supports(replace(options, phrases=False))

    def about(self) -> dict[str, str | int]:
        """Both engines."""
        return {**self.plain.about(), **self._about}

    def search(self, queries: Sequence[Query], options: SearchOptions) -> list[list[Hypothesis]]:
        """See ``Engine``. Raises what the engines raise."""
        found: dict[int, list[Hypothesis]] = {}
        for has_phrases in (False, True):
            places = [place for place, query in enumerate(queries) if query.has_phrases is has_phrases]
            if places:
                engine = self.for_phrases if has_phrases else self.plain
                found |= zip(places, engine.search([queries[place] for place in places], options), strict=True)
        return [found[place] for place in range(len(queries))]

    def score(self, queries: Sequence[Query], targets: Sequence[Sequence[int]]) -> list[Hypothesis]:
        """See ``Scorer``."""
        return self.plain.score(queries, targets)
