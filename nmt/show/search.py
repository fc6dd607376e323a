"""How a translation was found: how sure the model was of each piece, what else it could be, and which beams died where.

Knows no drawing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import exp
from typing import TYPE_CHECKING

from nmt.config import SearchOptions
from nmt.decoding.engine import Query
from nmt.text.tokenizer import EOS, Tokenizer

if TYPE_CHECKING:
    from torch import Tensor

    from nmt.decoding.engines.pytorch import PyTorchEngine
    from nmt.decoding.roles import Candidates, Role, Rows

CANDIDATES = 5


@dataclass(frozen=True)
class Step:
    """A piece of the target, with the most probable pieces at its place."""

    piece: str
    probability: float
    candidates: list[tuple[str, float]]  # (piece, probability), the most probable first


@dataclass
class Node:
    """A hypothesis of the beam: a piece more than its parent."""

    piece: str
    score: float  # sum of log-probabilities
    parent: "Node | None"
    finished: bool = False
    children: list["Node"] = field(default_factory=list)

    @property
    def path(self) -> list["Node"]:
        """The nodes from the first piece to this one."""
        return [*(self.parent.path if self.parent else []), self]


@dataclass(frozen=True)
class SearchTrace:
    """A translation and how it was found; ``columns`` are empty for a target that was given."""

    target: list[int]
    steps: list[Step]
    columns: list[list[Node]]  # the hypotheses of each length, best first
    best: Node | None  # the hypothesis that became the translation
    length_penalty: float


class Watched:
    """A search role that does as another, of one sentence, and remembers it."""

    def __init__(self, role: "Role", tokenizer: Tokenizer, columns: "Tensor | None") -> None:
        self.role, self.tokenizer, self.piece_of = role, tokenizer, columns
        self.columns: list[list[Node]] = []
        self.rows: list[Node | None] = [None]

    @property
    def enough(self) -> int:
        return self.role.enough

    def choose(self, rows: "Rows", logits_NV: "Tensor", last_B: "Tensor") -> "tuple[Candidates, Candidates]":
        """See ``Role``."""
        ended, continued = self.role.choose(rows, logits_NV, last_B)
        finished, alive = self.nodes(ended, True), self.nodes(continued, False)
        self.columns.append(sorted([*finished, *alive], key=lambda node: -node.score))
        self.rows = list(alive)
        return ended, continued

    def nodes(self, candidates: "Candidates", finished: bool) -> list[Node]:
        """The candidates that are there, as children of the rows that they continue."""
        made = []
        fields = (candidates.score_BC[0], candidates.row_BC[0], candidates.column_BC[0])
        for score, row, column in zip(*(values.tolist() for values in fields), strict=True):
            if score > -float("inf"):
                piece = column if self.piece_of is None else int(self.piece_of[column])
                node = Node(self.tokenizer.pieces([piece])[0], score, self.rows[row], finished)
                if node.parent:
                    node.parent.children.append(node)
                made.append(node)
        return made


def likeliest(
    engine: "PyTorchEngine", source: Sequence[int], target: Sequence[int]
) -> list[tuple[float, list[tuple[int, float]]]]:
    """The probability of each piece of a target and of </s>, each with the likeliest pieces there."""
    (scored,) = engine.score([Query(source)], [target])
    source_1S, _, target_1T, _ = engine.forced_batch([Query(source)], [target])
    value_TC, column_TC = engine.teacher().most_probable(source_1S, target_1T[:, :-1], CANDIDATES)
    others = zip(engine.columns.pieces(column_TC).tolist(), value_TC.exp().tolist(), strict=True)
    found = zip(scored.token_scores or [], others, strict=True)
    return [(exp(score), list(zip(*row, strict=True))) for score, row in found]


def watch(
    engine: "PyTorchEngine", tokenizer: Tokenizer, source: list[int], target: Sequence[int] | None, longest: int
) -> SearchTrace:
    """Translate a source by a beam of 5, or read a given target, and tell how; ``longest`` is the most pieces."""
    from nmt.decoding.beam import Beam

    options = SearchOptions()
    watched, best = Watched(Beam(options.beam_size), tokenizer, engine.columns.piece_V), None
    if target is None:
        engine.role = lambda options, queries: watched
        hypothesis = engine.search([Query(source)], options)[0][0]
        target = hypothesis.pieces[:longest]
        finished = [node for column in watched.columns for node in column if node.finished]
        best = max(finished, key=lambda node: node.score / len(node.path) ** options.length_penalty)
    candidates = likeliest(engine, source, target)
    pieces = tokenizer.pieces([*target, EOS])
    steps = [
        Step(piece, probability, [(tokenizer.pieces([other])[0], share) for other, share in others])
        for piece, (probability, others) in zip(pieces, candidates, strict=True)
    ]
    return SearchTrace(list(target), steps, watched.columns, best, options.length_penalty)
