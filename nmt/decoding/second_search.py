"""What looks wrong is searched again: without repeats, then more widely, then clause by clause. Knows no engine.

What is found takes the place of the first translation only if it fails fewer checks. A segment's result depends on no
other one. Samples and what ``mbr`` chose are not searched again: the first are drawn, the second chosen by consensus.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Self

from nmt.config import SearchOptions
from nmt.decoding.checking import Checking, Judged
from nmt.decoding.cutting import cut, rate_cuts
from nmt.decoding.phrases import Asked, Wanted, phrases_of
from nmt.decoding.segments import Segment
from nmt.errors import BusyError
from nmt.text.normal import normal
from nmt.text.sentences import CLAUSE

Search = Callable[[list[Segment], SearchOptions], object]
"""Gives segments their hypotheses; leaves those that do not fit into memory without any, and raises BusyError."""

NO_REPEAT = 3
"""Pieces in a row that do not appear twice. Four mend fewer loops (docs/experiments/checks.md), two harm plain text."""

NARROW = 2
"""The first beam: with the ban on repeats it mends four lines of five, for a third of the wide beam's time."""

WIDER, WIDE = 2, 10
"""Ratio of the last beam to that of the first translation, and its smallest size."""

MOST = 1024  # hypotheses of a beam

LEAST_PIECES = 8
"""Pieces of a segment that is worth cutting."""

PART = 2 / 3
"""Most of a segment's pieces that one of its clauses has: enough to choose the end of one near the middle."""


@dataclass(frozen=True)
class SecondSearch:
    """Mends segments by searching in several ways, one after another, as long as something looks wrong."""

    checking: Checking
    ways: Sequence[SearchOptions]

    @classmethod
    def of(cls, checking: Checking, asked: SearchOptions) -> Self | None:
        """The second search after one by ``asked``; None for those that have none."""
        if asked.sample is not None or asked.mbr is not None:
            return None
        beams = max(NARROW, asked.n_best), min(max(WIDER * asked.beam_size, WIDE), MOST)
        block = asked.no_repeat_ngram or NO_REPEAT
        return cls(checking, [replace(asked, beam_size=beam, n_best=beam, no_repeat_ngram=block) for beam in beams])

    def mend(self, judged: Sequence[Judged], asked: Sequence[Asked], search: Search) -> None:
        """Search again for what has failed; ``asked`` are the phrases that must appear."""
        wanted = phrases_of(asked)
        for options in self.ways:
            again = [(each, self._copy(each, wanted.get(each.segments[0].key, ()))) for each in judged if each.failed]
            self._search([segment for _, segment in again], search, options)
            for each, segment in again:
                if segment.hypotheses:
                    self._take(each, [segment], self._ranked(segment, each.source))
        self._search_parts([each for each in judged if each.failed], search)

    def _search_parts(self, failed: Sequence[Judged], search: Search) -> None:
        """Translate each segment clause by clause, if a clause ends near its middle."""
        cuts = [(each, self._parts(each.segments[0])) for each in failed]
        self._search([part for _, parts in cuts for part in parts], search, self.ways[-1])
        for each, parts in cuts:
            if not parts or not all(part.hypotheses for part in parts):
                continue
            for part in parts:
                self._ranked(part, self.checking.spelled(part))
            self._take(each, parts, self.checking.failed(parts, each.source))

    @staticmethod
    def _take(judged: Judged, segments: list[Segment], failed: list[str]) -> None:
        """Take what was found if it fails fewer checks."""
        if len(failed) < len(judged.failed):
            judged.segments, judged.failed = segments, failed

    @staticmethod
    def _search(segments: list[Segment], search: Search, options: SearchOptions) -> None:
        # The first translations are there already, so nothing is lost by a lack of memory.
        with suppress(BusyError):
            if segments:
                search(segments, options)

    def _copy(self, judged: Judged, phrases: Sequence[Wanted]) -> Segment:
        """A copy of the segment to search, with those of the ``phrases`` that its translation has."""
        segment = judged.segments[0]
        text = normal(self.checking.assembler.best([segment])[0]) if phrases else ""
        constraints = [phrase.as_in([text]) for phrase in phrases if phrase.is_in(text)]
        return replace(segment, constraints=constraints, hypotheses=[])

    def _parts(self, segment: Segment) -> list[Segment]:
        """Its clauses, or none: phrases, terms and a beginning are the whole's, and half a clause means nothing."""
        count = len(segment.pieces)
        if count < LEAST_PIECES or segment.prefix or segment.constraints or segment.terms:
            return []
        spelled = self.checking.source_tokenizer.spell(segment.pieces)
        rated, slices = rate_cuts(spelled), cut(spelled, int(PART * count))
        if any(rated[place.start] < CLAUSE for place in slices[1:]):
            return []
        base = replace(segment, marked=True, lent=0, hypotheses=[])
        gaps = [segment.gap, *[" "] * (len(slices) - 1)]
        parts = [replace(base, pieces=segment.pieces[place], gap=gap) for place, gap in zip(slices, gaps, strict=True)]
        parts[-1] = replace(parts[-1], marked=segment.marked, lent=segment.lent)
        return parts

    def _ranked(self, segment: Segment, source: str) -> list[str]:
        """Sort the hypotheses of a segment, fewest failed checks first, then by score; returns what the best fails."""
        verdicts = self.checking.verdicts(segment, source)
        # They come in the order of their scores. Those of equals differ in their last digits between engines.
        order = sorted(range(len(verdicts)), key=lambda rank: len(verdicts[rank]))
        kept = order[: self.checking.options.n_best]
        segment.hypotheses = [segment.hypotheses[rank] for rank in kept]
        return verdicts[order[0]]
