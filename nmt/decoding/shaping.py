"""Lines become segments that look like training's lines: sentences are split, marked at the end, and cut if too long.

The segments of a line depend on its own text alone, not on its neighbours. Knows no model and no engine.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice, pairwise
from typing import Protocol
from unicodedata import category

from nmt.decoding.cutting import cut
from nmt.decoding.engine import MAX_PIECES
from nmt.decoding.segments import Segment
from nmt.text.annotations import annotated
from nmt.text.casing import CAPITALS, TITLE, as_sentence, case_of, in_capitals
from nmt.text.lines import one_line, printable
from nmt.text.normal import normal
from nmt.text.profile import Profile
from nmt.text.progress import Progress
from nmt.text.sentences import RULES, ends_in_word, final_mark, split_sentences
from nmt.text.slots import Slotted, filled, slotted, spaced, without_signs
from nmt.text.terms import Found, Glossary
from nmt.text.verbatim import VERSION, Grammar, Match, is_code

SELDOM = 0.005
"""Share of training's lines in capitals, or in title case, below which such a line is written as a sentence.

German lines look like titles more often, for their nouns have capitals, so they stay as they are."""

ALWAYS = 0.98
"""Smallest share of training's lines with a final mark for which a line without a mark is given one."""

MUCH_LONGER = 1.5
"""Ratio to the length of training's longest lines above which a sentence gets a warning."""

_SEEN = "LNPS"  # categories of characters that stand for themselves: not accents, spaces and joiners


class SourceTokenizer(Protocol):
    """The tokenizer of the source side, as the Shaper uses it."""

    def encode_slotted(self, lines: Sequence[str], slotted: Iterable[object], workers: int = 1) -> list[list[int]]: ...

    def encode_annotated(
        self, lines: Sequence[str], slotted: Iterable[object], workers: int = 1
    ) -> list[list[int]]: ...

    def has_bytes(self, pieces: Sequence[int]) -> bool: ...

    def is_strange(self, character: str) -> bool: ...

    def spell(self, pieces: Sequence[int]) -> list[bytes]: ...


@dataclass
class _Part:
    """A sentence of a line, before it is cut."""

    text: Slotted
    marked: bool = False
    gap: str = " "
    in_capitals: bool = False
    recased: bool = False  # written as a sentence
    pieces: list[int] = field(default_factory=list)
    terms: Sequence[Found] = ()
    told: Sequence[int] = ()  # its pieces with translations of the terms; (): the model does not know such sources


class Shaper:
    """Makes segments of lines in ``language`` for a model whose training lines had a ``profile``.

    Without a profile, lines are only cut; with ``whole`` they are not split into sentences. Segments know the terms of
    a ``glossary`` in them.
    """

    def __init__(
        self,
        tokenizer: SourceTokenizer,
        profile: Profile | None,
        language: str = "",
        whole: bool = False,
        glossary: Glossary | None = None,
    ) -> None:
        self._tokenizer = tokenizer
        self._profile = profile
        self._language = language
        self._whole = whole
        self._glossary = glossary
        self._slots = profile.slots if profile else 0
        self._grammar = profile.grammar if profile else Grammar(())
        self._warned = False
        self._strange_lines = 0
        self._first_strange = ""
        self._is_strange = lru_cache(1 << 14)(tokenizer.is_strange)

    def about(self) -> dict[str, str | float]:
        """What the segments depend on besides the model, by name."""
        if not self._profile:
            return {}
        told: dict[str, str | float] = {"marked from": ALWAYS, "cased below": SELDOM}
        if self._slots:
            told |= {"slots": self._slots, "grammar": VERSION}
        return told if self._whole else {**told, "sentence rules": RULES, "source language": self._language}

    def segments(self, lines: Sequence[str], before: int, progress: Progress) -> Iterator[Segment]:
        """The segments of all lines, in order; a blank line has none. ``before`` lines came before these."""
        whole = [_Part(slotted(line, self._find, self._slots)) for line in lines]
        self._encode(whole)
        for place, part in enumerate(whole):
            if self._tokenizer.has_bytes(part.pieces):
                self._look_for_strange(without_signs(part.text.text), before + place + 1)
        shaped = [self._parts(line, part) for line, part in zip(lines, whole, strict=True)]
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

    def _segments(self, place: int, part: _Part, number: int, progress: Progress) -> Iterator[Segment]:
        """The segments of a sentence of line ``number``, which has a place in the window."""
        cut_up = self._cut(part.pieces, number, progress)
        mark = self._profile.source_mark if self._profile and part.marked else ""
        (signs, items), in_capitals, copied = part.text, part.in_capitals, self._copied(part.text)
        for pieces in cut_up:
            is_last = pieces is cut_up[-1]
            lacks = part.marked and (is_last or not self._has_mark(pieces))
            gap = part.gap if pieces is cut_up[0] else " "
            lent = len(mark) if is_last else 0
            segment = Segment(place, pieces, lacks, 0, lent, gap, items, signs, in_capitals, copied)
            if len(cut_up) > 1 and self._glossary:
                segment.terms = self._glossary.find(normal(self._spelled(pieces)), part.recased)
            elif part.terms:
                segment.terms, segment.pieces = part.terms, [*(part.told or pieces)]
                segment.added = len(segment.pieces) - len(pieces)
            yield segment

    def _look_for_terms(self, parts: Sequence[_Part], glossary: Glossary) -> None:
        """Give sentences their terms, and the pieces with translations of these, where training showed such sources."""
        told = []
        for part in parts:
            text = normal(part.text.text)
            part.terms = glossary.find(text, part.recased)
            if part.terms and self._profile and self._profile.terms:
                more = annotated(text, [(term.end, term.targets[0]) for term in part.terms])
                told += [(part, more)] * (more != text)
        items = [part.text.items for part, _ in told]
        encoded = self._tokenizer.encode_annotated([text for _, text in told], items)
        for (part, _), pieces in zip(told, encoded, strict=True):
            part.told = pieces if len(pieces) <= MAX_PIECES else ()

    def finished(self, segment: Segment, translation: str) -> str:
        """What was translated of a segment, without a mark that was lent, with its items, in capitals if it was."""
        text = self.unmarked(translation) if segment.marked else translation
        text = in_capitals(text) if segment.in_capitals else text
        return one_line(filled(spaced(text, segment.signs), segment.items) if segment.items else text)

    def _encode(self, parts: Sequence[_Part]) -> None:
        texts = [part.text for part in parts]
        encoded = self._tokenizer.encode_slotted([each.text for each in texts], [each.items for each in texts])
        for part, pieces in zip(parts, encoded, strict=True):
            part.pieces = pieces

    def _copied(self, text: Slotted) -> str:
        """The text if there is nothing to translate: no letter outside its slots, or a line of code; else ""."""
        nothing = self._profile and (not any(map(str.isalpha, text.text)) or is_code(text.text))
        return text.text if nothing else ""

    def unmarked(self, translation: str) -> str:
        """The translation of a marked segment without its final mark, unless it is nothing else."""
        mark = self._profile.target_mark if self._profile else ""
        return translation.rstrip().removesuffix(mark).rstrip() or translation

    def warn_of_strange(self, progress: Progress) -> None:
        """Warn of lines with characters that training's text never had: how many, and the first ones."""
        if self._strange_lines:
            lines = f"{self._strange_lines:,} lines have" if self._strange_lines > 1 else "1 line has"
            first = self._first_strange
            progress.warn(f"{lines} characters that the vocabulary lacks, first {first}: the model may lose them")

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
        strange = {sign: None for sign in line if sign != "\ufffd" and self._is_strange(sign)}
        self._strange_lines += bool(strange)
        if strange and not self._first_strange:
            self._first_strange = f"line {number} ({printable(' '.join([*strange][:5]))})"

    def _parts(self, line: str, whole: _Part) -> list[_Part]:
        """The sentences of a line, those that have to be encoded without pieces."""
        pieces = len(whole.pieces)
        if not pieces or not self._profile:
            return [whole]
        # One sentence a segment, even if training's lines had several: so few long lines taught a model little.
        sentences = [line] if self._whole else split_sentences(line, self._language)
        gaps = ["", *(one_line(sentence[len(sentence.rstrip()) :]) for sentence in sentences)]
        texts = [sentence.strip() for sentence in sentences]
        if len(texts) <= self._profile.sentences and pieces <= self._profile.longest:
            texts = [line]
        cut_up = [slotted(text, self._find, self._slots) for text in texts] if len(texts) > 1 else [whole.text]
        marked = [self._lacks_mark(text, sentence) for text, sentence in zip(texts, cut_up, strict=True)]
        case = self._odd_case(whole.text.text)
        if len(texts) == 1 and not marked[0] and not case:
            return [whole]
        mark, written = self._profile.source_mark, as_sentence if case else str
        return [
            _Part(
                Slotted(written(text.rstrip() + mark if lacks else text), items),
                lacks,
                gap,
                case == CAPITALS,
                bool(case),
            )
            for (text, items), lacks, gap in zip(cut_up, marked, gaps, strict=False)
        ]

    def _odd_case(self, text: str) -> str:
        """The case of a line, where training hardly had such lines; else "".

        A single word in capitals may be a name, like NATO: it stays, unless it takes more pieces than in small letters.
        """
        case = case_of(text)
        usual = {CAPITALS: self._profile.capitals, TITLE: self._profile.titles} if self._profile else {}
        if usual.get(case, 1.0) >= SELDOM:
            return ""
        if case == TITLE or len(text.split()) > 1:
            return case
        given, small = self._tokenizer.encode_slotted([text, as_sentence(text)], [False, False])
        return case if len(small) < len(given) else ""

    def _lacks_mark(self, text: str, sentence: Slotted) -> bool:
        """Whether a sentence is to be lent a final mark; ``text`` is the sentence as it was given."""
        usual = self._profile is not None and self._profile.final >= ALWAYS
        return usual and not final_mark(text) and ends_in_word(text) and not self._copied(sentence)

    def _find(self, text: str) -> list[Match]:
        """What of a text gets slots: by the grammar, and words and signs of which the vocabulary has no character."""
        matches = self._grammar.find(text)
        if text.isascii() or not self._slots:
            return matches
        strange = [sign for sign in set(text) if category(sign)[0] in _SEEN and self._is_strange(sign)]
        if not strange:
            return matches
        runs, found = re.compile(f"[{re.escape(''.join(strange))}]+"), list[Match]()
        # Between the matches, and no more than there are slots: a line may be all such signs.
        for before, after in pairwise([Match(0, 0, ""), *matches, Match(len(text), len(text), "")]):
            left = runs.finditer(text, before.end, after.start)
            found += [Match(*run.span(), "strange") for run in islice(left, self._slots - len(found))]
        return sorted([*matches, *found])
