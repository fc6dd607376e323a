"""Lines as training's lines were: what those never looked like is split at sentence ends, or given a final mark.

A line becomes parts by its own text alone, so it does not matter what it is translated with. Knows no model.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple, Protocol

from nmt.text.lines import printable
from nmt.text.profile import Profile
from nmt.text.progress import Progress
from nmt.text.sentences import ends_in_word, final_mark, split_sentences

ALWAYS = 0.98
"""Share of training's lines with a final mark from which on a line without one is given it."""

MUCH_LONGER = 1.5
"""Times the longest lines of training: a sentence beyond that gets a warning."""


class SourceTokenizer(Protocol):
    """What is asked of the source side's tokenizer."""

    def encode(self, lines: Sequence[str], workers: int = 1) -> list[list[int]]: ...

    def has_bytes(self, pieces: Sequence[int]) -> bool: ...

    def is_strange(self, character: str) -> bool: ...

    def spell(self, pieces: Sequence[int]) -> list[bytes]: ...


class Part(NamedTuple):
    """What a model is given of a line at once."""

    pieces: list[int]
    marked: bool = False  # with a final mark that the line does not have


class Shaper:
    """Makes parts of lines for a model whose training lines had a ``profile``; without one, each line is a part."""

    def __init__(self, tokenizer: SourceTokenizer, profile: Profile | None) -> None:
        self._tokenizer = tokenizer
        self._profile = profile
        self._warned = False
        self._strange_lines = 0
        self._first_strange = ""
        self._is_strange = lru_cache(1 << 14)(tokenizer.is_strange)

    def about(self) -> dict[str, float]:
        """What the parts depend on besides the model."""
        return {"marked from": ALWAYS} if self._profile else {}

    def shape(self, lines: Sequence[str], before: int) -> Iterator[list[Part]]:
        """The parts of each line, in order; ``before`` other lines came before them."""
        encoded = self._tokenizer.encode(lines)
        shaped = [self._texts(line, len(source)) for line, source in zip(lines, encoded, strict=True)]
        texts = [text for some in shaped for text, _ in some]
        anew = iter(self._tokenizer.encode(texts) if texts else [])
        for number, (source, some) in enumerate(zip(encoded, shaped, strict=True)):
            if self._tokenizer.has_bytes(source):
                self._look_for_strange(lines[number], before + number + 1)
            yield [Part(next(anew), marked) for _, marked in some] or [Part(source)]

    def unmarked(self, translation: str) -> str:
        """The translation of a marked part without the mark, if it has it and more."""
        mark = self._profile.target_mark if self._profile else ""
        return translation.rstrip().removesuffix(mark).rstrip() or translation

    def warn_of_length(self, part: Part, number: int, progress: Progress) -> None:
        """Say once that a part of line ``number`` is much longer than training's lines."""
        if self._warned or not self._profile or len(part.pieces) <= MUCH_LONGER * self._profile.longest:
            return
        self._warned = True
        progress.warn(
            f"line {number} has a sentence of {len(part.pieces)} pieces, and hardly a line of training had more than "
            f"{self._profile.longest}: the model may lose words of it"
        )

    def warn_of_strange(self, progress: Progress) -> None:
        """Say how many lines had characters unlike any that training's text had, and which the first ones were."""
        if self._strange_lines:
            lines = f"{self._strange_lines:,} lines have" if self._strange_lines > 1 else "1 line has"
            first = self._first_strange
            progress.warn(f"{lines} characters that the vocabulary lacks, first {first}: the model may lose them")

    def _look_for_strange(self, line: str, number: int) -> None:
        # Of U+FFFD the reader of the lines speaks.
        strange = {sign: None for sign in line if sign != "\ufffd" and self._is_strange(sign)}
        self._strange_lines += bool(strange)
        if strange and not self._first_strange:
            self._first_strange = f"line {number} ({printable(' '.join([*strange][:5]))})"

    def _texts(self, line: str, pieces: int) -> list[tuple[str, bool]]:
        """What is to be encoded instead of a line of so many pieces, and whether it got a mark; [] for the line."""
        if not pieces or not self._profile:
            return []
        # One by one, not as many together as training's lines had: those few long lines taught a model little.
        texts = split_sentences(line)
        if len(texts) <= self._profile.sentences and pieces <= self._profile.longest:
            texts = [line]
        lacking = [self._profile.final >= ALWAYS and not final_mark(text) and ends_in_word(text) for text in texts]
        if len(texts) == 1 and not lacking[0]:
            return []
        mark = self._profile.source_mark
        return [(text.rstrip() + mark if lacks else text, lacks) for text, lacks in zip(texts, lacking, strict=True)]
