"""Hypotheses become texts, and those of a line's segments one translation. Knows no engine."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from nmt.decoding.engine import Hypothesis
from nmt.decoding.rewriting import Rewriter
from nmt.decoding.segments import Segment
from nmt.decoding.translation import Alternative, Translation, join
from nmt.decoding.usable import Judge
from nmt.text.lines import one_line


class DecodingTokenizer(Protocol):
    """The tokenizer of the target side, as texts need it."""

    def encode_slotted(self, lines: Sequence[str], slotted: Iterable[object]) -> list[list[int]]: ...

    def decode(self, pieces: Sequence[Sequence[int]]) -> list[str]: ...

    def decode_slotted(self, pieces: Sequence[Sequence[int]]) -> list[str]: ...


@dataclass(frozen=True)
class Assembler:
    """Makes texts of what was found for segments, by ``rewriter``, and translations that ``judge`` may judge."""

    tokenizer: DecodingTokenizer
    rewriter: Rewriter
    judge: Judge | None = None

    def copy(self, segments: Sequence[Segment]) -> list[Segment]:
        """Give segments that have nothing to translate their text as their hypothesis, and return them."""
        copied = [segment for segment in segments if segment.is_copied]
        texts, items = [segment.copied for segment in copied], [segment.items for segment in copied]
        for segment, pieces in zip(copied, self.tokenizer.encode_slotted(texts, items), strict=True):
            segment.hypotheses = [Hypothesis(pieces, 0.0)]
        return copied

    def texts(self, segment: Segment) -> list[str]:
        """The text of each hypothesis of a segment."""
        return self._texts([(segment, hypothesis) for hypothesis in segment.hypotheses])

    def best(self, segments: Sequence[Segment]) -> list[str]:
        """The text of the best hypothesis of each segment, which is asked for more than once."""
        found = [(segment, segment.hypotheses[0]) for segment in segments]
        texts = self._texts(found)
        for (segment, hypothesis), text in zip(found, texts, strict=True):
            segment.best_text = hypothesis, text
        return texts

    def _texts(self, found: Sequence[tuple[Segment, Hypothesis]]) -> list[str]:
        """The texts of hypotheses, each with its segment."""
        known = [
            segment.best_text[1] if segment.best_text and segment.best_text[0] is hypothesis else None
            for segment, hypothesis in found
        ]
        made = iter(self._decoded([each for each, text in zip(found, known, strict=True) if text is None]))
        return [next(made) if text is None else text for text in known]

    def _decoded(self, found: Sequence[tuple[Segment, Hypothesis]]) -> list[str]:
        texts = self.tokenizer.decode([hypothesis.pieces for _, hypothesis in found])
        with_items = [place for place, (segment, _) in enumerate(found) if segment.items]
        slotted = self.tokenizer.decode_slotted([found[place][1].pieces for place in with_items])
        for place, text in zip(with_items, slotted, strict=True):
            texts[place] = text
        for place, (segment, _) in enumerate(found):
            if segment.is_copied:  # the pieces of an imported vocabulary may not have all of it
                texts[place] = one_line(segment.copied)
        return [self.rewriter.finished(segment, text) for (segment, _), text in zip(found, texts, strict=True)]

    def translations(self, lines: Sequence[str], segments: Sequence[Segment], checked: bool) -> list[Translation]:
        """The translation of each line, joined from its segments; if ``checked``, it fails no check so far."""
        found = [(segment, hypothesis) for segment in segments for hypothesis in segment.hypotheses]
        texts = iter(self._texts(found))
        ranked: list[list[list[Alternative]]] = [[] for _ in lines]  # for each line the n-best list of each segment
        gaps: list[list[str]] = [[] for _ in lines]
        source_pieces, target_pieces = [0] * len(lines), [0] * len(lines)
        for segment in segments:
            n_best = [Alternative(next(texts), hypothesis.score) for hypothesis in segment.hypotheses]
            ranked[segment.line].append(n_best)
            gaps[segment.line].append(segment.gap)
            source_pieces[segment.line] += len(segment.pieces) - segment.added
            target_pieces[segment.line] += len(segment.hypotheses[0].pieces)
        joined = zip(lines, map(join, ranked, gaps), source_pieces, target_pieces, strict=True)
        return [
            Translation(
                line,
                best.text,
                best.score,
                alternatives,
                source_count,
                target_count,
                checks=[] if checked else None,
                judge=self.judge,
            )
            for line, (best, *alternatives), source_count, target_count in joined
        ]
