"""Terms of a glossary as phrases that must appear, and which of them the translations have. Knows no engine."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from nmt.decoding.assembling import Assembler
from nmt.decoding.engine import MAX_PIECES, Constraint
from nmt.decoding.phrases import Asked, Phrasebook
from nmt.decoding.segments import Segment
from nmt.decoding.translation import TermUse, Translation
from nmt.text.normal import normal
from nmt.text.terms import Found, Glossary


@dataclass(frozen=True)
class WantedTerm:
    """A ``Wanted`` translation of a term. Its inflected forms count where the search found them by itself."""

    found: Found
    glossary: Glossary
    phrasebook: Phrasebook
    items: Sequence[str] = ()  # that stay as they are: a term in one is no translation

    @cached_property
    def pieces(self) -> Constraint:
        """See ``Wanted``."""
        return self.as_in(())

    def is_in(self, text: str) -> bool:
        """See ``Wanted``."""
        return bool(self.glossary.form_in(self.found, without_items(text, self.items)))

    def as_in(self, texts: Sequence[str]) -> Constraint:
        """See ``Wanted``: in a form that it has there, or one of the glossary's."""
        bare = [without_items(text, self.items) for text in texts]
        forms = [form for text in bare if (form := self.glossary.form_in(self.found, text))]
        for target in self.found.targets:
            forms.append(target)
            if self.found.term.targets:  # it may begin a sentence
                forms.append(target[0].upper() + target[1:])
        return self.phrasebook.constraint(tuple(dict.fromkeys(forms)))


@dataclass(frozen=True)
class Terms:
    """Asks for the terms of a ``glossary`` in the segments that have them."""

    glossary: Glossary
    phrasebook: Phrasebook
    assembler: Assembler

    def tell(self, segments: Sequence[Segment]) -> list[Asked]:
        """What must appear in each segment that has terms: as many, from the first on, as have room."""
        asked = []
        for segment in segments:
            phrases: dict[tuple[str, ...], WantedTerm] = {}
            room = MAX_PIECES
            for found in segment.terms:
                phrase = WantedTerm(found, self.glossary, self.phrasebook, segment.items)
                longest = max(map(len, phrase.pieces), default=room + 1)
                if found.targets not in phrases and longest <= room:
                    phrases[found.targets] = phrase
                    room -= longest
            if phrases:
                segment.edges = self.phrasebook.spelling.edges
                asked.append(Asked([*phrases.values()], [segment]))
        return asked

    def tell_again(self, segments: Sequence[Segment], search: Callable[[list[Segment]], object]) -> None:
        """Give segments whose translations lack a term those of their sources with translations of the terms in them.

        Only where these have all terms: what the model is told costs a little of the rest.
        """
        lacking = [segment for segment in segments if segment.told and not self._has_all(segment)]
        told = [
            replace(each, pieces=[*each.told], added=len(each.told) - len(each.pieces), told=(), hypotheses=[])
            for each in lacking
        ]
        search(told)
        for segment, again in zip(lacking, told, strict=True):
            if self._has_all(again):
                segment.pieces, segment.added, segment.hypotheses = again.pieces, again.added, again.hypotheses

    def _has_all(self, segment: Segment) -> bool:
        """Whether each of its hypotheses has all of its terms."""
        texts = [without_items(normal(text), segment.items) for text in self.assembler.texts(segment)]
        return all(self.glossary.form_in(found, text) for text in texts for found in segment.terms)

    def described(self, translations: Sequence[Translation], segments: Sequence[Segment]) -> list[Translation]:
        """The translations of a window with the terms of their lines."""
        used: list[list[TermUse]] = [[] for _ in translations]
        told = [segment for segment in segments if segment.terms]
        for segment, text in zip(told, map(normal, self.assembler.best(told)), strict=True):
            bare = without_items(text, segment.items)
            used[segment.line] += [self._use(found, bare) for found in segment.terms]
        return [replace(translation, terms=uses) for translation, uses in zip(translations, used, strict=True)]

    def _use(self, found: Found, text: str) -> TermUse:
        for target in found.term.targets:
            if self.glossary.form_in(found._replace(term=found.term._replace(targets=(target,))), text):
                return TermUse(found.words, target, True)
        kept = not found.term.targets and bool(self.glossary.form_in(found, text))
        return TermUse(found.words, found.targets[0], kept)


def without_items(text: str, items: Sequence[str]) -> str:
    """A text without items that stand in it, each once."""
    for item in items:
        text = text.replace(item, " ", 1)
    return text


FOUND, KEPT, LACKING = "terms", "terms kept", "lines that lack a term"


def term_counts(translations: Sequence[Translation]) -> dict[str, float]:
    """How many terms the lines have, how many of them are kept, and how many lines lack one; 0 left out."""
    uses = [translation.terms or [] for translation in translations]
    counted = Counter({FOUND: sum(map(len, uses))})
    counted[KEPT] = sum(use.kept for some in uses for use in some)
    counted[LACKING] = sum(not all(use.kept for use in some) for some in uses)
    return dict(+counted)


def term_summary(counted: Mapping[str, float]) -> str:
    """The counts in words."""
    found, kept, lacking = (counted.get(name, 0) for name in (FOUND, KEPT, LACKING))
    if not found:
        return "no line has a term of the glossary"
    said = f"{kept:,.0f} of {found:,.0f} terms were kept"
    return f"{said}; {lacking:,.0f} line{' lacks' if lacking == 1 else 's lack'} one" if lacking else said
