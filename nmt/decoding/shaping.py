"""Lines become segments: rewritten as training's lines are, encoded, and cut if too long.

The segments of a line depend on its own text alone, not on its neighbours. Knows no model and no engine.
"""

from collections.abc import Iterator, Sequence

from nmt.decoding.cutting import cut
from nmt.decoding.engine import MAX_PIECES
from nmt.decoding.rewriting import Rewriter, Sentence
from nmt.decoding.segments import Segment
from nmt.decoding.tokenizers import SourceTokenizer
from nmt.text.annotations import annotated
from nmt.text.edges import KOREAN, edge
from nmt.text.lines import printable
from nmt.text.normal import normal
from nmt.text.progress import Progress
from nmt.text.sentences import final_mark
from nmt.text.slots import without_signs
from nmt.text.terms import Found, Glossary

MUCH_LONGER = 1.5
"""Ratio to the length of training's longest lines above which a sentence gets a warning."""


class Shaper:
    """Makes segments of lines that ``rewriter`` writes; with a ``glossary`` they know the terms in them."""

    def __init__(self, tokenizer: SourceTokenizer, rewriter: Rewriter, glossary: Glossary | None = None) -> None:
        self._tokenizer = tokenizer
        self._rewriter = rewriter
        self._profile = rewriter.profile
        self._glossary = glossary
        self._warned = False

    def segments(self, lines: Sequence[str], before: int, progress: Progress) -> Iterator[Segment]:
        """The segments of all lines, in order; a blank line has none. ``before`` lines came before these."""
        numbered = list(enumerate(lines, start=before + 1))
        whole = [Sentence(self._rewriter.slotted(line, number)) for number, line in numbered]
        self._encode(whole)
        for (number, _), part in zip(numbered, whole, strict=True):
            if self._tokenizer.has_bytes(part.pieces):
                self._look_for_strange(without_signs(part.text.text), number)
        shaped = [
            self._rewriter.sentences(line, number, part) for (number, line), part in zip(numbered, whole, strict=True)
        ]
        every = [part for parts in shaped for part in parts]
        self._encode([part for part in every if not part.pieces])
        if self._glossary:
            self._look_for_terms(every, self._glossary)
        for place, parts in enumerate(shaped):
            count = 0
            for part in parts:
                for segment in self._segments(place, part, before + place + 1, progress):
                    segment.part = count
                    yield segment
                    count += 1

    def _segments(self, place: int, part: Sentence, number: int, progress: Progress) -> Iterator[Segment]:
        """The segments of a sentence of line ``number``, which has a place in the window."""
        cut_up = self._cut(part.pieces, number, progress)
        mark = self._profile.source_mark if self._profile and part.marked else ""
        (signs, items), in_capitals, copied = part.text, part.in_capitals, self._rewriter.copied(part.text)
        for pieces in cut_up:
            if copied and len(cut_up) > 1:
                copied = self._spelled(pieces).strip()
            is_last = pieces is cut_up[-1]
            lacks = part.marked and (is_last or not self._has_mark(pieces))
            gap = part.gap if pieces is cut_up[0] else " "
            lent = len(mark) if is_last else 0
            segment = Segment(place, pieces, lacks, 0, lent, gap, items, signs, in_capitals, copied)
            if len(cut_up) > 1 and self._glossary:
                segment.terms = self._glossary.find(normal(self._spelled(pieces)), part.recased)
            elif part.terms:
                segment.terms, segment.told = part.terms, part.told
            yield segment

    def _look_for_terms(self, parts: Sequence[Sentence], glossary: Glossary) -> None:
        """Give sentences their terms, and the pieces with translations of these, where training showed such sources."""
        told = []
        for part in parts:
            text = normal(part.text.text)
            part.terms = self._terms_in(text, part, glossary)
            if part.terms and self._profile and self._profile.terms:
                # As in training, after the whole word: 학교에서⟨ school⟩.
                more = annotated(text, [(_word_end(text, term.end), term.targets[0]) for term in part.terms])
                told += [(part, more)] * (more != text)
        items = [part.text.items for part, _ in told]
        encoded = self._tokenizer.encode_annotated([text for _, text in told], items)
        for (part, _), pieces in zip(told, encoded, strict=True):
            part.told = pieces if len(pieces) <= MAX_PIECES else ()

    def _terms_in(self, text: str, part: Sentence, glossary: Glossary) -> list[Found]:
        """The terms of a sentence, which is encoded as ``text``: found as it was given, before it lost its case.

        Of a line in capitals, terms in capitals are left out that are common words in small letters: IT, US.
        """
        given = normal(part.given) if part.recased else text
        has_lost_case = len(given) != len(text)  # then places in the one are none in the other
        found = glossary.find(text if has_lost_case else given, any_case=has_lost_case)
        return [each for each in found if not (part.in_capitals and self._is_common(each.term.source))]

    def _is_common(self, term: str) -> bool:
        """Whether a term in capitals is a single piece in small letters."""
        is_initials = len(term) > 1 and term.isupper()
        return is_initials and len(self._tokenizer.encode_slotted([term.lower()], [False])[0]) == 1

    def _encode(self, parts: Sequence[Sentence]) -> None:
        texts = [part.text for part in parts]
        encoded = self._tokenizer.encode_slotted([each.text for each in texts], [each.items for each in texts])
        for part, pieces in zip(parts, encoded, strict=True):
            part.pieces = pieces

    def _cut(self, pieces: list[int], number: int, progress: Progress) -> list[list[int]]:
        """The pieces of a sentence of line ``number``, in parts if they are too many; none if it is blank."""
        count = len(pieces)
        if count > MAX_PIECES:
            parts = cut(self._tokenizer.spell(pieces), MAX_PIECES)
            progress.warn(f"line {number} has {count} pieces: it is translated in {len(parts)} parts")
            return [pieces[part] for part in parts]
        if self._profile and not self._warned and count > MUCH_LONGER * self._profile.longest:
            self._warned = True
            progress.warn(
                f"line {number} has a sentence of {count} pieces, and hardly a line of training had more than "
                f"{self._profile.longest}: the model may lose words of it"
            )
        return [pieces] if pieces else []

    def _has_mark(self, pieces: Sequence[int]) -> bool:
        return bool(final_mark(self._spelled(pieces)))

    def _spelled(self, pieces: Sequence[int]) -> str:
        return b"".join(self._tokenizer.spell(pieces)).decode("utf-8", "replace")

    def _look_for_strange(self, line: str, number: int) -> None:
        # The reader of the lines warns of U+FFFD.
        strange = {sign: None for sign in line if sign != "\ufffd" and self._rewriter.is_strange(sign)}
        if strange:
            self._rewriter.remarks.strange.add(f"line {number} ({printable(' '.join([*strange][:5]))})")


def _word_end(text: str, end: int) -> int:
    """Where the word ends of which a term before ``end`` is the beginning: Korean particles may follow."""
    while edge(text[end : end + 1]) == KOREAN:
        end += 1
    return end
