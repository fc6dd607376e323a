"""Phrases become what an engine understands of them: pieces, and where words begin and end. Knows no tensor.

A phrase that must appear is its pieces as in running text: after a space, and after an opening mark. What must not
appear is compared with the text that the pieces spell, however it is cut into pieces.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple, Protocol

from nmt.decoding.engine import MAX_PIECES, Constraint, Edges
from nmt.decoding.remarks import Remarks
from nmt.decoding.request import Request
from nmt.decoding.segments import Segment
from nmt.text.casing import in_capitals
from nmt.text.edges import JOINED, OPEN, edge, has_words
from nmt.text.normal import normal
from nmt.text.progress import Progress
from nmt.text.slots import Find, matched, without_signs
from nmt.text.tokenizer import EOS, UNK

_OPENERS = '"(-'


class SpellingTokenizer(Protocol):
    """The tokenizer of the target side, as phrases need it."""

    @property
    def size(self) -> int: ...

    def encode(self, lines: Sequence[str]) -> list[list[int]]: ...

    def encode_slotted(self, lines: Sequence[str], slotted: Iterable[object]) -> list[list[int]]: ...

    def spell(self, pieces: Sequence[int]) -> list[bytes]: ...


class Wanted(Protocol):
    """What must appear in a translation."""

    @property
    def pieces(self) -> Constraint:
        """What an engine is told."""

    def is_in(self, text: str) -> bool:
        """Whether it stands in a text, which is in normal form."""

    def as_in(self, texts: Sequence[str]) -> Constraint:
        """What an engine is told when another search is to keep it, which is in ``texts``."""


class Asked(NamedTuple):
    """Phrases of which each must appear in one of some segments."""

    phrases: Sequence[Wanted]
    segments: Sequence[Segment]


def phrases_of(asked: Sequence[Asked]) -> dict[tuple[int, int], list[Wanted]]:
    """What each segment may have to have, by its line and its place there."""
    found: dict[tuple[int, int], list[Wanted]] = {}
    for phrases, segments in asked:
        for segment in segments:
            found.setdefault(segment.key, []).extend(phrases)
    return found


@dataclass(frozen=True)
class Phrase:
    """What must appear in the translation of a line: any one of its forms."""

    forms: Sequence[str]
    pieces: Constraint

    def is_in(self, text: str) -> bool:
        """Whether it stands in a text, which is in normal form."""
        return any(_stands_in(text, form) for form in self.forms)

    def as_in(self, texts: Sequence[str]) -> Constraint:
        """See ``Wanted``."""
        return self.pieces


class Phrasebook:
    """Tells segments what their lines ask for, and checks whether translations have it.

    ``find`` finds in a prefix what got slots in the line.
    """

    def __init__(self, tokenizer: SpellingTokenizer, find: Find, remarks: Remarks) -> None:
        self._tokenizer = tokenizer
        self._find = find
        self._remarks = remarks
        self.forms_of = lru_cache(1 << 12)(self._forms_of)

    @cached_property
    def spelling(self) -> "Spelling":
        """How the pieces are spelled."""
        return Spelling(self._tokenizer.spell(range(self._tokenizer.size)))

    def tell(
        self, segments: Sequence[Segment], requests: Mapping[int, Request], before: int, progress: Progress
    ) -> list[Asked]:
        """Give segments what is asked of their lines, by place in the window; ``before`` lines came before it.

        Of a line of several segments the first gets the prefix. Returns what must appear in the line, for ``Placing``.
        """
        asked: list[Asked] = []
        of_line: dict[int, list[Segment]] = {}
        for segment in segments:
            if segment.line in requests:
                of_line.setdefault(segment.line, []).append(segment)
        for place, parts in of_line.items():
            request = requests[place]
            prefix = self._prefix(request.prefix, parts[0].items) if request.prefix.strip() else []
            items = parts[0].items if len(parts) == 1 else ()
            phrases = [Phrase(forms, self._slotted(forms, items)) for forms in request.forms()]
            phrases = [phrase for phrase in phrases if phrase.pieces]
            if max(len(prefix), sum(max(map(len, phrase.pieces)) for phrase in phrases)) > MAX_PIECES:
                progress.warn(
                    f"line {before + place + 1} has a prefix or phrases of over {MAX_PIECES} pieces: they are left out"
                )
                prefix, phrases = [], []
            parts[0].prefix = prefix
            if phrases:
                asked.append(Asked(phrases, parts))
            unwanted = request.unwanted()
            for part in parts:
                part.edges = self.spelling.edges
                part.avoided = AvoidedWords(unwanted, self.spelling) if unwanted else None
        return asked

    def _prefix(self, prefix: str, items: Sequence[str]) -> list[int]:
        """The pieces of what a translation begins with; ``items`` of the source are slots there, too."""
        text = matched(prefix, items, self._find)
        return self._tokenizer.encode_slotted([text], [text != prefix])[0]

    def _slotted(self, forms: Sequence[str], items: Sequence[str]) -> Constraint:
        """The constraint of a phrase; ``items`` of the source are slots there, too, or they would appear twice."""
        return self.constraint(tuple(matched(form, items, self._find) for form in forms))

    def constraint(self, forms: tuple[str, ...]) -> Constraint:
        """The pieces of each form of a phrase, of which one must appear."""
        return list(dict.fromkeys(pieces for form in forms for pieces in self.forms_of(form)))

    def _forms_of(self, phrase: str) -> tuple[tuple[int, ...], ...]:
        """The pieces of a phrase after a space and after an opening mark."""
        texts = [phrase, *(mark + phrase for mark in _OPENERS)]
        spaced, *marked = self._tokenizer.encode_slotted(texts, [without_signs(text) != text for text in texts])
        forms = [tuple(spaced)]
        for mark, pieces in zip(_OPENERS, marked, strict=True):
            spelled = b""
            for place, part in enumerate(self._tokenizer.spell(pieces)):
                if spelled.strip() == mark.encode():
                    forms.append(tuple(pieces[place:]))
                    break
                spelled += part
        return tuple(dict.fromkeys(form for form in forms if form and UNK not in form))

    def check(self, requests: Mapping[int, Request], texts: Sequence[str], before: int) -> None:
        """Count the lines whose translations lack what must appear, or have what must not."""
        for place, request in requests.items():
            if request.text.strip() and (failed := next(failures(request, normal(texts[place])), "")):
                self._remarks.unmet.add(f"line {before + place + 1} ({failed})")


def failures(request: Request, text: str) -> Iterator[str]:
    """What is wrong with a translation."""
    for forms in request.forms():
        if not any(_stands_in(text, form) for form in forms):
            yield f"it lacks {forms[0]}"
    for phrase in request.unwanted():
        if _stands_in(text, phrase):
            yield f"it has {phrase}"


def _stands_in(text: str, phrase: str) -> bool:
    """Whether a text in normal form has a phrase; one in capitals has it in capitals."""
    words = normal(phrase)
    return has_words(text, words) or (text.isupper() and has_words(text, in_capitals(words)))


class Spelling:
    """The bytes of every piece, sorted to find those that begin with given bytes."""

    def __init__(self, spelled: Sequence[bytes]) -> None:
        self.of_piece = spelled
        self._sorted = sorted((text, piece) for piece, text in enumerate(spelled) if piece > EOS)
        ends = [(self._edge(text, 0), self._edge(text, -1)) for text in spelled]
        self.edges = Edges(bytes(first for first, _ in ends), bytes(last for _, last in ends))
        self.openers = [EOS, *(piece for _, piece in self._sorted if self.edges.first[piece] != JOINED)]
        self.inside = lru_cache(1 << 12)(self._inside)

    @staticmethod
    def _edge(text: bytes, place: int) -> int:
        """The edge of a piece's first or last character; a part of a character counts as a letter."""
        characters = text.decode("utf-8", "replace")
        character = characters[place] if characters else ""
        return JOINED if character == "\ufffd" else edge(character)

    def beginning(self, text: bytes) -> Iterator[tuple[bytes, int]]:
        """The pieces that begin with ``text``, with their spelling."""
        for place in range(bisect_left(self._sorted, (text, 0)), len(self._sorted)):
            if not self._sorted[place][0].startswith(text):
                return
            yield self._sorted[place]

    def _inside(self, phrase: str) -> tuple[list[int], list[int]]:
        """The pieces that have a phrase after their first character: as whole words, and so if the word ends there."""
        sought = phrase.encode()
        certain, at_end = [], []
        for text, piece in self._sorted:
            if sought in text[1:]:
                characters = text.decode("utf-8", "replace")
                # Letters around it keep a phrase at either end from counting by itself.
                if has_words(f"x{characters}x", phrase):
                    certain.append(piece)
                elif has_words(f"x{characters}", phrase):
                    at_end.append(piece)
        return certain, at_end


class AvoidedWords:
    """An ``Avoided`` that keeps phrases out of a translation, however the pieces cut them."""

    def __init__(self, phrases: Sequence[str], spelling: Spelling) -> None:
        self._phrases = [(phrase, phrase.encode()) for phrase in map(normal, phrases)]
        self._spelling = spelling
        self._longest = max(len(text) for _, text in self._phrases)
        self._banned = lru_cache(1 << 10)(self._banned_after)

    def after(self, pieces: Sequence[int], is_last: bool) -> Sequence[int]:
        """See ``Avoided``."""
        tail = b""
        for piece in reversed(pieces):
            if len(tail) > self._longest + 4:  # a character more than a phrase, to see where its word begins
                break
            tail = self._spelling.of_piece[piece] + tail
        return self._banned(self._begun(tail), self._may_begin(tail), is_last)

    def _begun(self, tail: bytes) -> tuple[tuple[int, int], ...]:
        """Each phrase that the text ends with a part of, by number, with the bytes of that part."""
        return tuple(
            (number, count)
            for number, (phrase, text) in enumerate(self._phrases)
            for count in range(1, len(text) + 1)
            if tail.endswith(text[:count]) and (edge(phrase[0]) == OPEN or self._may_begin(tail[:-count]))
        )

    @staticmethod
    def _may_begin(text: bytes) -> bool:
        """Whether a word may begin after a text."""
        return edge(text.decode("utf-8", "ignore")[-1:]) == OPEN

    def _banned_after(self, begun: tuple[tuple[int, int], ...], may_begin: bool, is_last: bool) -> tuple[int, ...]:
        """The pieces that would complete a phrase after a text of which so much is ``begun``."""
        banned: set[int] = set()
        for number, (phrase, text) in enumerate(self._phrases):
            certain, at_end = self._spelling.inside(phrase)
            banned.update(certain, at_end if is_last else ())
            if may_begin or edge(phrase[0]) == OPEN:
                banned.update(self._completing(phrase, text, is_last))
            for count in (count for begun_one, count in begun if begun_one == number):
                banned.update(self._completing(phrase, text[count:], is_last))
        return tuple(sorted(banned))

    def _completing(self, phrase: str, rest: bytes, is_last: bool) -> Iterator[int]:
        """The pieces after which the phrase stands there, when the bytes ``rest`` are all that it lacks."""
        if not rest:  # it stands there unless the word goes on
            yield from self._spelling.openers
            return
        for text, piece in self._spelling.beginning(rest):
            following = text[len(rest) :].decode("utf-8", "replace")[:1]
            goes_on = edge(phrase[-1]) != OPEN and (following == "\ufffd" or edge(following) == JOINED)
            may_go_on = edge(phrase[-1]) != OPEN and not following and not is_last
            if not (goes_on or may_go_on):
                yield piece
