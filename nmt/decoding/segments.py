"""Segments: what is translated at once, from the shaping of a line to its translation. Knows ids; no engine."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from nmt.decoding.engine import Avoided, Constraint, Edges, Hypothesis, Query
from nmt.text.terms import Found

BEAM = 4  # hypotheses that a beam has at least, nearly always


@dataclass
class Segment:
    """A line, or a part of one, that is translated at once."""

    line: int  # place in the window
    pieces: list[int]
    marked: bool = False  # part of a sentence with a final mark that the line does not have
    part: int = 0  # place in the line
    lent: int = 0  # characters of that mark at its end
    gap: str = " "  # the white space before it in the line; one space before a part of a sentence
    items: Sequence[str] = ()  # what its slots stand for
    signs: str = ""  # its sentence with a sign for each slot
    in_capitals: bool = False  # in the line
    copied: str = ""  # its text, when that has nothing to translate
    terms: Sequence[Found] = ()  # of the glossary, in its text
    told: Sequence[int] = ()  # its pieces with their translations; (): the model does not know such sources
    added: int = 0  # pieces of their translations, which stand in it
    hypotheses: list[Hypothesis] = field(default_factory=list)
    best_text: tuple[Hypothesis, str] | None = None  # of the hypothesis that was the best when it was asked for
    prefix: Sequence[int] = ()
    constraints: Sequence[Constraint] = ()
    avoided: Avoided | None = None
    edges: Edges | None = None

    @property
    def width(self) -> int:
        """Its pieces and </s>, as often as the beam is wider for what must appear: by one hypothesis for each piece."""
        needed = sum(max(map(len, forms), default=0) for forms in self.constraints)
        return (len(self.pieces) + 1) * (1 + needed // BEAM)

    @property
    def is_copied(self) -> bool:
        """Whether it has nothing to translate, and nothing is asked of its translation."""
        return bool(self.copied) and not (self.prefix or self.constraints or self.avoided)

    @property
    def key(self) -> tuple[int, int]:
        """Its line's place in the window, and its own in the line."""
        return self.line, self.part

    def query(self, key: int) -> Query:
        """What the engine gets; ``key`` names it."""
        return Query(self.pieces, key, self.prefix, self.constraints, self.avoided, self.edges)


def twins_of(segments: Sequence[Segment]) -> list[list[Segment]]:
    """The segments in groups that ask an engine for the same, in the order of their first ones."""
    groups: dict[object, list[Segment]] = {}
    for segment in segments:
        # What must not appear is compared by identity: such lines are rare, and seldom alike.
        constraints = tuple(tuple(map(tuple, forms)) for forms in segment.constraints)
        asked = constraints, id(segment) if segment.avoided else None
        groups.setdefault((tuple(segment.pieces), tuple(segment.prefix), asked), []).append(segment)
    return list(groups.values())
