"""Pairs of tags that a translation lost or put around too much go around the words that are linked to theirs.

The text is translated without its pairs, and each is put back where that can be told: around one run of words, from the
first to the last that are linked to words within the pair alone. Knows codes of documents, words and links; no file.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from nmt.decoding.loading import load_aligner
from nmt.decoding.request import Request
from nmt.decoding.translation import Translation
from nmt.decoding.translator import Translator
from nmt.decoding.windows import Window
from nmt.decoding.word_links import Link
from nmt.documents.kept import lost, tidied
from nmt.errors import SettingsError
from nmt.text.progress import Progress, Silent

VERSION = 1
"""Of what is put where."""

MORE, TIMES = 0.2, 2
"""A pair has too much in it with so much more of the text's letters and so many times its own: a model that has seen no
tags puts them around the whole of a text."""

_PAIR = re.compile(r"<(?P<close>/?)g(?P<number>[0-9]{1,6})>")
_WORD = re.compile(r"\S+")


@dataclass(frozen=True)
class Bare:
    """A line without its pairs of tags, and the characters of it that each pair has in it, in the order of pairs."""

    text: str
    spans: Mapping[str, tuple[int, int]]  # by number

    @classmethod
    def of(cls, line: str) -> "Bare | None":
        """None where there is no pair, where pairs cross, or where one has no letter in it."""
        opened, spans = list[str](), dict[str, tuple[int, int]]()
        text, last = "", 0
        for found in _PAIR.finditer(line):
            text, last = text + line[last : found.start()], found.end()
            number = found["number"]
            if not found["close"] and number not in spans:
                opened.append(number)
                spans[number] = len(text), -1
            elif not opened or opened.pop() != number:
                return None
            else:
                spans[number] = spans[number][0], len(text)
        text += line[last:]
        is_empty = any(not any(map(str.isalnum, text[start:end])) for start, end in spans.values())
        return None if not spans or opened or is_empty else cls(text, spans)

    def is_outgrown(self, translation: "Bare | None") -> bool:
        """Whether a pair has far more in it in the translation."""
        if not translation:
            return False
        letters, theirs = sum(map(str.isalnum, self.text)), sum(map(str.isalnum, translation.text))
        for number in self.spans:
            own, new = (sum(map(str.isalnum, each.text[slice(*each.spans[number])])) for each in (self, translation))
            if new > TIMES * own and new / theirs > own / letters + MORE:
                return True
        return False

    def tagged(self, translation: str, links: Sequence[Link]) -> str:
        """The translation with the pairs; "" where their places cannot be told. ``links`` are of both texts' words."""
        whole = [word.span() for word in _WORD.finditer(translation)]
        theirs, ours = _words(translation), _words(self.text)
        edges = [edge for span in self.spans.values() for edge in span]
        if any(self.text[:edge][-1:].isalnum() and self.text[edge : edge + 1].isalnum() for edge in edges):
            return ""  # links are of whole words
        sources: dict[int, set[int]] = {}
        for source, target in links:
            sources.setdefault(target, set()).add(source)
        placed = dict[str, tuple[int, int]]()
        for number, (start, end) in self.spans.items():
            inside = {place for place, (first, last) in enumerate(ours) if first < end and start < last}
            own = [place for place, linked in sources.items() if linked <= inside]
            if not own or any(not sources.get(at, inside) & inside for at in range(min(own), max(own) + 1)):
                return ""
            # Signs around words are in the pair where they are in it in the source.
            first = (theirs if self.text[start].isalnum() else whole)[min(own)][0]
            last = (theirs if self.text[end - 1].isalnum() else whole)[max(own)][1]
            placed[number] = first, last
        both = [(one, other) for one in placed for other in placed]
        if any(_relation(self.spans, *each) != _relation(placed, *each) for each in both):
            return ""
        return _with_pairs(translation, placed)


def _words(text: str) -> list[tuple[int, int]]:
    """The characters of each word, without signs around it."""
    found = []
    for word in _WORD.finditer(text):
        letters = [at for at in range(*word.span()) if text[at].isalnum()]
        found.append((letters[0], letters[-1] + 1) if letters else word.span())
    return found


def _relation(spans: Mapping[str, tuple[int, int]], one: str, other: str) -> tuple[bool, bool]:
    """Whether one pair is within the other, and whether it is apart from it."""
    (start, end), (first, last) = spans[one], spans[other]
    return first <= start and end <= last, end <= first or last <= start


def _with_pairs(text: str, spans: Mapping[str, tuple[int, int]]) -> str:
    """The text with a pair around each of the spans, which do not cross; of equal ones the first is outside."""
    tags = [(end, 0, -start, -order, f"</g{number}>") for order, (number, (start, end)) in enumerate(spans.items())]
    tags += [(start, 1, -end, order, f"<g{number}>") for order, (number, (start, end)) in enumerate(spans.items())]
    made, last = "", 0
    for at, *_, tag in sorted(tags):
        made, last = made + text[last:at] + tag, at
    return made + text[last:]


class LinkedTags:
    """Translates windows by ``inner``, and lines that lost or moved their pairs of tags again, without them.

    Has what a job needs of a ``Translator``. What aligns words is loaded for the first such line; without PyTorch, and
    for lines that ask for something, translations stay as they are.
    """

    def __init__(self, inner: Translator) -> None:
        self._inner = inner
        self.window, self.has_terms = inner.window, inner.has_terms

    def about(self) -> dict[str, str | int | float]:
        """See ``Translator.about``."""
        return {**self._inner.about(), "tags by links": VERSION}

    def warn(self, progress: Progress) -> None:
        """See ``Translator.warn``."""
        self._inner.warn(progress)

    def translated(self, each: Iterable[Window], progress: Progress) -> Iterator[list[Translation]]:
        """See ``Translator.translated``."""
        for window in each:
            (translations,) = self._inner.translated([window], progress)
            broken = {
                place: bare
                for place, (line, found) in enumerate(zip(window.lines, translations, strict=True))
                if not isinstance(line, Request)
                and (bare := Bare.of(found.source))
                and (lost(found.source, own := tidied(found.source, found.text)) or bare.is_outgrown(Bare.of(own)))
            }
            if broken and self._aligning:
                again = self._aligning.translate([bare.text for bare in broken.values()], Silent())
                for (place, bare), found in zip(broken.items(), again, strict=True):
                    text = bare.tagged(found.text, found.alignment or [])
                    old = translations[place]
                    if text and not lost(old.source, text):
                        links = None if old.alignment is None else found.alignment
                        translations[place] = replace(found, source=old.source, text=text, alignment=links)
            yield translations

    @cached_property
    def _aligning(self) -> Translator | None:
        return linking(self._inner)


def linking(translator: Translator) -> Translator | None:
    """The same translator with word links; None without PyTorch, and for a model without attention."""
    loaded = translator.loaded
    if not loaded:
        return None
    try:
        aligner = load_aligner(loaded.models[0], None if len(loaded.models) > 1 else loaded.engine, loaded.wanted)
    except (ImportError, SettingsError):
        return None
    options = replace(loaded.options, alignments=True)
    return Translator.made(replace(loaded, options=options, aligner=aligner), translator.target_language)
