"""Phrases that a plain translation lacks are put where they cost least. Knows no engine.

Most translations have what is asked for already, and the best of all translations is the best of those that have it. So
lines are searched plainly first, and again only where they lack a phrase. In a line of several segments the phrase goes
into the segment that loses least log-probability by it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from nmt.decoding.phrases import Phrase
from nmt.decoding.shaping import Segment
from nmt.text.normal import normal

Search = Callable[[list[Segment]], object]
"""Gives segments their hypotheses."""


class Part:
    """A segment that has been searched, with the phrases that its hypotheses have, and those that they are to get."""

    def __init__(self, segment: Segment, texts: Sequence[str]) -> None:
        self.segment = segment
        self.texts = list(map(normal, texts))
        self.had: list[Phrase] = []
        self.new: list[Phrase] = []

    def has(self, phrase: Phrase) -> bool:
        """Whether every hypothesis has it."""
        return all(map(phrase.is_in, self.texts))

    def told(self, more: Sequence[Phrase] = ()) -> Segment:
        """A copy of the segment with its phrases, and more, as constraints."""
        return replace(self.segment, constraints=[phrase.pieces for phrase in (*self.had, *self.new, *more)])


@dataclass(frozen=True)
class Placing:
    """Has segments searched again for the phrases that their lines lack.

    ``texts`` makes those of a segment's hypotheses; scores are sums of log-probabilities / length^``length_power``.
    """

    texts: Callable[[Segment], list[str]]
    length_power: float

    def place(self, segments: Sequence[Segment], wanted: Mapping[int, Sequence[Phrase]], search: Search) -> None:
        """Give segments, which have been searched, hypotheses with what is ``wanted`` of each line of the window."""
        lines: dict[int, list[Part]] = {}
        for segment in segments:
            if segment.line in wanted:
                lines.setdefault(segment.line, []).append(Part(segment, self.texts(segment)))
        lacking: list[tuple[Phrase, list[Part]]] = []
        for line, parts in lines.items():
            for phrase in wanted[line]:
                home = next((part for part in parts if part.has(phrase)), None)
                if home:
                    home.had.append(phrase)
                else:
                    lacking.append((phrase, parts))
        for phrase, part in self._homes(lacking, search):
            part.new.append(phrase)
        changed = [part for parts in lines.values() for part in parts if part.new]
        again = [part.told() for part in changed]
        search(again)
        for part, segment in zip(changed, again, strict=True):
            part.segment.constraints, part.segment.hypotheses = segment.constraints, segment.hypotheses

    def _homes(self, lacking: Sequence[tuple[Phrase, list[Part]]], search: Search) -> Iterator[tuple[Phrase, Part]]:
        """The part of its line in which each phrase costs least."""
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
