"""Slots that a hypothesis lacks are put where the model finds them most probable. Knows no text and no tensor.

A slot is a piece of the source that has to be in the translation once. The search finds nearly all of them; a lost one
is put between the words of the hypothesis, near to where it stands in the source, and forced decoding says which place
is best. Without forced decoding, as in an ensemble, it goes where it stands in the source.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import fsum
from typing import Protocol, cast

from nmt.decoding.engine import Engine, Hypothesis, Query, Scorer
from nmt.text.edges import OPEN, edge
from nmt.text.profile import Profile

TOKENS = 512  # of a batch to score
PLACES = 32  # between words that are tried, the nearest to where the slot stands in the source


class SlotTokenizer(Protocol):
    """The tokenizer of the target side, as slots need it."""

    @property
    def first_reserved(self) -> int: ...

    @property
    def space(self) -> int: ...

    def spell(self, pieces: Sequence[int]) -> list[bytes]: ...


@dataclass(frozen=True)
class LostSlots:
    """Puts lost ``slots`` (ids) into hypotheses.

    Scores are sums of log-probabilities / length^``length_power``.
    """

    scorer: Scorer | None
    tokenizer: SlotTokenizer
    slots: range
    length_power: float

    @classmethod
    def of(
        cls, engine: Engine, tokenizer: SlotTokenizer, profile: Profile | None, length_power: float
    ) -> "LostSlots | None":
        """For a model whose training had a ``profile``; None if that showed no slots."""
        if not profile or not profile.slots:
            return None
        first = tokenizer.first_reserved
        scorer = cast("Scorer", engine) if engine.scores else None
        return cls(scorer, tokenizer, range(first, first + profile.slots), length_power)

    def complete(self, queries: Sequence[Query], found: Sequence[Sequence[Hypothesis]]) -> list[list[Hypothesis]]:
        """The hypotheses of each query with all slots of their source, those that had lost some by their new scores."""
        return [self._completed(query, beam) for query, beam in zip(queries, found, strict=True)]

    def _completed(self, query: Query, beam: Sequence[Hypothesis]) -> list[Hypothesis]:
        wanted = [piece for piece in query.pieces if piece in self.slots]
        if not wanted or all(set(wanted) <= set(hypothesis.pieces) for hypothesis in beam):
            return list(beam)
        completed = list(beam)
        for rank in range(len(beam)):
            for slot in wanted:
                if slot not in completed[rank].pieces:
                    completed[rank] = self._with(query, completed[rank], slot)
        return sorted(completed, key=lambda hypothesis: -hypothesis.score)

    def _with(self, query: Query, hypothesis: Hypothesis, slot: int) -> Hypothesis:
        """The hypothesis with a slot at its best place, after a space if it has one in the source."""
        pieces, space = hypothesis.pieces, self.tokenizer.space
        before = list(query.pieces).index(slot) - 1
        after_space = before < 0 or query.pieces[before] == space
        spelled = self.tokenizer.spell(pieces)
        begins = [text.startswith(b" ") for text in spelled] + [True]
        places = [place for place in range(len(query.prefix), len(pieces) + 1) if not _is_in_word(spelled, place)]
        share = (before + 1) / max(1, len(query.pieces) - 1)  # of the source that stands before it
        places.sort(key=lambda place: abs(place / max(1, len(pieces)) - share) + (not begins[place]))
        tried = []
        for place in sorted(places[:PLACES]) if self.scorer else places[:1]:
            is_spaced = place == 0 or (after_space and begins[place])
            tried.append([*pieces[:place], *([space] if is_spaced else []), slot, *pieces[place:]])
        if not self.scorer:
            return replace(hypothesis, pieces=tried[0])
        # Batches of this line alone, so that the place depends on no other line.
        size = max(1, TOKENS // (len(pieces) + 3))
        batches = [tried[start : start + size] for start in range(0, len(tried), size)]
        scored = [each for batch in batches for each in self.scorer.score([query] * len(batch), batch)]
        sums = [fsum(each.token_scores or []) for each in scored]
        best = sums.index(max(sums))
        score = sums[best] / (len(tried[best]) + 1) ** self.length_power
        return replace(hypothesis, pieces=tried[best], score=score)


def _is_in_word(spelled: Sequence[bytes], place: int) -> bool:
    """Whether letters that make one word stand on both sides of a place between pieces; the ends are in none."""
    if not 0 < place < len(spelled):
        return False
    before, after = (spelled[at].decode("utf-8", "replace") for at in (place - 1, place))
    return edge(before[-1:]) != OPEN and edge(after[:1]) != OPEN
