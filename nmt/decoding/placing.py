"""Phrases that a plain translation lacks are put where they cost least. Knows no engine.

Most translations have what is asked for already, and the best of all translations is the best of those that have it. So
lines are searched plainly first, and again only where they lack a phrase. Of several segments that may have the phrase
it goes into the one that loses least log-probability by it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from nmt.decoding.engine import Constraint
from nmt.decoding.phrases import Asked, Wanted
from nmt.decoding.segments import Segment
from nmt.text.normal import normal

Search = Callable[[list[Segment]], object]
"""Gives segments their hypotheses."""


class Part:
    """A segment that has been searched, with what its hypotheses have, and the phrases that they are to get."""

    def __init__(self, segment: Segment, texts: Sequence[str]) -> None:
        self.segment = segment
        self.texts = list(map(normal, texts))
        self.had: list[Constraint] = []
        self.new: list[Wanted] = []

    def has(self, phrase: Wanted) -> bool:
        """Whether every hypothesis has it."""
        return all(map(phrase.is_in, self.texts))

    def told(self, more: Sequence[Wanted] = ()) -> Segment:
        """A copy of the segment with its phrases, and more, as constraints."""
        return replace(self.segment, constraints=[*self.had, *(phrase.pieces for phrase in (*self.new, *more))])


@dataclass(frozen=True)
class Placing:
    """Has segments searched again for the phrases that their lines lack.

    ``texts`` makes those of a segment's hypotheses; scores are sums of log-probabilities / length^``length_power``.
    ``tell`` is tried before: it searches without constraints.
    """

    texts: Callable[[Segment], list[str]]
    length_power: float
    tell: Callable[[Sequence[Segment], Search], object] | None = None

    def place(self, asked: Sequence[Asked], segments: Sequence[Segment], search: Search) -> None:
        """Give the segments of a window, which have been searched, hypotheses with what is asked of them."""
        if self.tell:
            self.tell(segments, search)
        known: dict[int, Part] = {}
        for segment in (segment for each in asked for segment in each.segments):
            if id(segment) not in known:
                known[id(segment)] = Part(segment, self.texts(segment))
        lacking: list[tuple[Wanted, list[Part]]] = []
        for each in asked:
            parts = [known[id(segment)] for segment in each.segments]
            for phrase in each.phrases:
                home = next((part for part in parts if part.has(phrase)), None)
                if home:
                    home.had.append(phrase.as_in(home.texts))
                else:
                    lacking.append((phrase, parts))
        for phrase, part in self._homes(lacking, search):
            part.new.append(phrase)
        changed = [part for part in known.values() if part.new]
        again = [part.told() for part in changed]
        search(again)
        for part, segment in zip(changed, again, strict=True):
            part.segment.constraints, part.segment.hypotheses = segment.constraints, segment.hypotheses

    def _homes(self, lacking: Sequence[tuple[Wanted, list[Part]]], search: Search) -> Iterator[tuple[Wanted, Part]]:
        """The part in which each phrase costs least, of those that may have it."""
        tried = [[part.told([phrase]) for part in parts if len(parts) > 1] for phrase, parts in lacking]
        search([segment for some in tried for segment in some])
        for (phrase, parts), some in zip(lacking, tried, strict=True):
            losses = [self._sum(part.segment) - self._sum(told) for part, told in zip(parts, some, strict=False)]
            yield phrase, parts[losses.index(min(losses)) if losses else 0]

    def _sum(self, segment: Segment) -> float:
        """The log-probability of its best hypothesis."""
        best = segment.hypotheses[0]
        length: float = (len(best.pieces) + 1) ** self.length_power
        return best.score * length
