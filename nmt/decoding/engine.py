"""The interface of engines: queries of piece ids in, hypotheses out. Knows no tensor, no text and no model."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from nmt.config import SearchOptions
from nmt.errors import DataError

if TYPE_CHECKING:
    import numpy as np

    Weights = np.ndarray[Any, np.dtype[np.float64]]

MAX_PIECES = 400
"""Longest source of a query. Models have seen nothing longer, and the cost of attention is quadratic."""

NEVER_SEEN = -20.0
"""Log-probability that stands for a piece which no target of training had, where a given translation has it.

No search produces such a piece, so its probability is 0; a finite value leaves the other pieces their say. It is below
what a model trained with label smoothing gives to any piece (docs/decisions/never-seen-pieces-count-20.md).
"""

IMPOSSIBLE = -5000.0
"""Log-probability below which a piece was forbidden: CTranslate2's bias is -10,000, PyTorch's logit -inf."""

EXTRA_PIECES = 10
"""Constant part of the length limit: a short source may need many words."""


def length_limit(source_pieces: int, factor: float) -> int:
    """Most pieces of a translation, </s> included. Each sentence has its own, so batching changes no translation."""
    return math.floor(factor * source_pieces) + EXTRA_PIECES


Constraint = Sequence[Sequence[int]]
"""What must appear in a translation: the pieces of any one of these alternatives, side by side."""


@dataclass(frozen=True)
class Edges:
    """The first and the last character of each piece of the vocabulary, as ``nmt.text.edges`` sorts them.

    An alternative that begins within a word counts only after the end of one, and one that ends in a letter counts
    unless the next piece continues the word.
    """

    first: bytes  # (V,)
    last: bytes  # (V,)


class Avoided(Protocol):
    """What must not appear in a translation."""

    def after(self, pieces: Sequence[int], is_last: bool) -> Sequence[int]:
        """The pieces that must not come next, after ``pieces`` (without <s>); ``is_last``: the next is the last."""


@dataclass(frozen=True)
class Query:
    """One sentence as an engine gets it: ids only."""

    pieces: Sequence[int]  # what the model reads, without </s>; at least one
    key: int = 0  # names the query whatever its batch: what is drawn for it depends on this
    prefix: Sequence[int] = ()  # what its translation begins with
    constraints: Sequence[Constraint] = ()  # what must appear, in any order
    avoided: Avoided | None = None
    edges: Edges | None = None  # None: constraints count anywhere
    tags: int = 0  # pieces at the beginning that are no text

    @property
    def has_phrases(self) -> bool:
        """Whether something must or must not appear."""
        return bool(self.constraints or self.avoided)

    def limit(self, options: SearchOptions) -> int:
        """Most pieces of its translation, </s> included; it has room for all that is given."""
        given = len(self.prefix)
        if self.constraints:
            given += sum(max(map(len, constraint)) for constraint in self.constraints)
        return max(length_limit(len(self.pieces) - self.tags, options.max_length_factor) + given, options.min_length)


@dataclass(frozen=True)
class Hypothesis:
    """One translation of a query."""

    pieces: list[int]  # without <s> and </s>
    score: float  # sum of log-probabilities / length^A, where the length counts </s>
    token_scores: list[float] | None = None  # log-probability of each piece and of </s>, when asked for


class Engine(Protocol):
    """Anything that searches."""

    @property
    def workers(self) -> int:
        """Number of searches it does at once, each in a thread of the caller."""

    def supports(self, options: SearchOptions) -> str | None:
        """None, or the reason why this engine cannot search with these options."""

    @property
    def scores(self) -> bool:
        """Whether it is a ``Scorer`` too."""

    def about(self) -> Mapping[str, str | int]:
        """What its results depend on besides the model and the options, by name: itself, its version, its device."""

    def search(self, queries: Sequence[Query], options: SearchOptions) -> list[list[Hypothesis]]:
        """The ``options.n_best`` best hypotheses of each query, best first, in the order of the queries.

        Raises BusyError when the queries do not fit into memory together: fewer may.
        """


class Scorer(Protocol):
    """Anything that says how probable given translations are."""

    @property
    def workers(self) -> int:
        """Number of batches it scores at once, each in a thread of the caller."""

    @property
    def score_tokens(self) -> int | None:
        """Padded tokens of a batch to score, where its last digits depend on the batch; None: any number will do."""

    def about(self) -> Mapping[str, str | int]:
        """What its results depend on besides the model, by name: itself, its version, its device."""

    def score(self, queries: Sequence[Query], targets: Sequence[Sequence[int]]) -> list[Hypothesis]:
        """Forced decoding: each target (without </s>) as a hypothesis of its query, with token scores.

        The score is that of search with a length penalty of 1, the mean of the token scores. A piece that the model
        never produces has ``NEVER_SEEN``, and the model reads <unk> in its place. Raises BusyError as ``search`` does.
        """


class Aligner(Protocol):
    """Anything that says which source pieces the pieces of given translations come from."""

    @property
    def workers(self) -> int:
        """Number of batches it aligns at once, each in a thread of the caller."""

    def align(self, queries: Sequence[Query], targets: Sequence[Sequence[int]]) -> "list[Weights]":
        """The share (T, S) of each source piece in each piece of a target, </s> of neither side counted.

        Rows sum to one, or to zero where the model looked at </s> alone. Raises BusyError as ``search`` does.
        """


class NotNumbersError(DataError):
    """A model's outputs are not numbers."""

    def __init__(
        self,
        what: str = "the model's outputs are not numbers (NaN)",
        mend: str = "its training diverged: take another one",
    ) -> None:
        super().__init__(what, mend)


class FullEngine(Engine, Scorer, Protocol):
    """An engine that searches and scores, as every engine of a model folder does."""


def forced(target: Sequence[int], token_scores: Sequence[float]) -> Hypothesis:
    """The hypothesis of a given target, from the log-probabilities of its pieces and of </s>.

    Raises NotNumbersError for one that is not a number.
    """
    scores = [NEVER_SEEN if score < IMPOSSIBLE else score for score in token_scores]
    mean = math.fsum(scores) / len(scores)
    if mean != mean:
        raise NotNumbersError
    return Hypothesis(list(target), mean, scores)
