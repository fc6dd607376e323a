"""Lines become segments that look like training's lines: sentences are split, marked at the end, and cut if too long.

The segments of a line depend on its own text alone, not on its neighbours. Knows no model and no engine.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

from nmt.decoding.cutting import cut
from nmt.decoding.engine import MAX_PIECES, Avoided, Constraint, Edges, Hypothesis, Query
from nmt.text.lines import one_line, printable
from nmt.text.profile import Profile
from nmt.text.progress import Progress
from nmt.text.sentences import RULES, ends_in_word, final_mark, split_sentences

ALWAYS = 0.98
"""Smallest share of training's lines with a final mark for which a line without a mark is given one."""

MUCH_LONGER = 1.5
"""Ratio to the length of training's longest lines above which a sentence gets a warning."""


class SourceTokenizer(Protocol):
    """The tokenizer of the source side, as the Shaper uses it."""

    def encode(self, lines: Sequence[str], workers: int = 1) -> list[list[int]]: ...

    def has_bytes(self, pieces: Sequence[int]) -> bool: ...

    def is_strange(self, character: str) -> bool: ...

    def spell(self, pieces: Sequence[int]) -> list[bytes]: ...


@dataclass
class Segment:
    """A line, or a part of one, that is translated at once."""

    line: int  # place in the window
    pieces: list[int]
    marked: bool = False  # part of a sentence with a final mark that the line does not have
    part: int = 0  # place in the line
    lent: int = 0  # characters of that mark at its end
    gap: str = " "  # the white space before it in the line; one space before a part of a sentence
    hypotheses: list[Hypothesis] = field(default_factory=list)
    prefix: Sequence[int] = ()
    constraints: Sequence[Constraint] = ()
    avoided: Avoided | None = None
    edges: Edges | None = None

    @property
    def width(self) -> int:
        """Its pieces and </s>."""
        return len(self.pieces) + 1

    def query(self, key: int) -> Query:
        """What the engine gets; ``key`` names it."""
        return Query(self.pieces, key, self.prefix, self.constraints, self.avoided, self.edges)


def twins_of(segments: Sequence[Segment]) -> list[list[Segment]]:
    """The segments in groups that ask an engine for the same, in the order of their first ones."""
    groups: dict[object, list[Segment]] = {}
    for segment in segments:
        # What must or must not appear is compared by identity: such lines are rare, and seldom alike.
        asked = id(segment) if segment.constraints or segment.avoided else None
        groups.setdefault((tuple(segment.pieces), tuple(segment.prefix), asked), []).append(segment)
    return list(groups.values())


class Shaper:
    """Makes segments of lines in ``language`` for a model whose training lines had a ``profile``.

    Without a profile, lines are only cut; with ``whole`` they are not split into sentences.
    """

    def __init__(
        self, tokenizer: SourceTokenizer, profile: Profile | None, language: str = "", whole: bool = False
    ) -> None:
        self._tokenizer = tokenizer
        self._profile = profile
        self._language = language
        self._whole = whole
        self._warned = False
        self._strange_lines = 0
        self._first_strange = ""
        self._is_strange = lru_cache(1 << 14)(tokenizer.is_strange)

    def about(self) -> dict[str, str | float]:
        """What the segments depend on besides the model, by name."""
        if not self._profile:
            return {}
        marked: dict[str, str | float] = {"marked from": ALWAYS}
        return marked if self._whole else {**marked, "sentence rules": RULES, "source language": self._language}

    def segments(self, lines: Sequence[str], before: int, progress: Progress) -> Iterator[Segment]:
        """The segments of all lines, in order; a blank line has none. ``before`` lines came before these."""
        encoded = self._tokenizer.encode(lines)
        shaped = [self._texts(line, len(pieces)) for line, pieces in zip(lines, encoded, strict=True)]
        texts = [text for parts in shaped for text, _, _ in parts]
        encoded_again = iter(self._tokenizer.encode(texts) if texts else [])
        for place, (line, pieces, parts) in enumerate(zip(lines, encoded, shaped, strict=True)):
            number = before + place + 1
            if self._tokenizer.has_bytes(pieces):
                self._look_for_strange(line, number)
            count = 0
            again = [(next(encoded_again), marked, gap) for _, marked, gap in parts]
            for part, marked, gap in again or [(pieces, False, " ")]:
                cut_up = self._cut(part, number, progress)
                mark = self._profile.source_mark if self._profile and marked else ""
                for segment in cut_up:
                    is_last = segment is cut_up[-1]
                    lacks = marked and (is_last or not self._has_mark(segment))
                    lent = len(mark) if is_last else 0
                    yield Segment(place, segment, lacks, count, lent, gap=gap if segment is cut_up[0] else " ")
                    count += 1

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
        return bool(final_mark(b"".join(self._tokenizer.spell(pieces)).decode("utf-8", "replace")))

    def _look_for_strange(self, line: str, number: int) -> None:
        # The reader of the lines warns of U+FFFD.
        strange = {sign: None for sign in line if sign != "\ufffd" and self._is_strange(sign)}
        self._strange_lines += bool(strange)
        if strange and not self._first_strange:
            self._first_strange = f"line {number} ({printable(' '.join([*strange][:5]))})"

    def _texts(self, line: str, pieces: int) -> list[tuple[str, bool, str]]:
        """The sentences to encode in place of a line of so many pieces, maybe none.

        Each with whether it got a mark, and the white space before it.
        """
        if not pieces or not self._profile:
            return []
        # One sentence a segment, even if training's lines had several: so few long lines taught a model little.
        sentences = [line] if self._whole else split_sentences(line, self._language)
        gaps = ["", *(one_line(sentence[len(sentence.rstrip()) :]) for sentence in sentences)]
        texts = [sentence.strip() for sentence in sentences]
        if len(texts) <= self._profile.sentences and pieces <= self._profile.longest:
            texts = [line]
        lacking = [self._profile.final >= ALWAYS and not final_mark(text) and ends_in_word(text) for text in texts]
        if len(texts) == 1 and not lacking[0]:
            return []
        mark = self._profile.source_mark
        return [
            (text.rstrip() + mark if lacks else text, lacks, gap)
            for text, lacks, gap in zip(texts, lacking, gaps[: len(texts)], strict=True)
        ]
