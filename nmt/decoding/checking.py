"""Which translations of a window look wrong, and why. Knows no engine.

Each segment is checked against its own source, so that a verdict depends on no other sentence and no other line.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from nmt.config import SearchOptions
from nmt.decoding.assembling import Assembler
from nmt.decoding.checks import CHECKS, TERM, Checks
from nmt.decoding.phrases import failures
from nmt.decoding.request import Request
from nmt.decoding.segments import Segment
from nmt.decoding.tokenizers import SourceTokenizer
from nmt.decoding.translation import Translation
from nmt.text.annotations import without_added
from nmt.text.normal import normal
from nmt.text.sentences import join_sentences
from nmt.text.slots import filled
from nmt.text.verbatim import find

HANDED_OVER = ("address", "tag", "field", "variable", "printf")
"""Kinds of what programs read: numbers, dates and paths may be written in another way."""


@dataclass
class Judged:
    """A segment that has been searched, or the parts that took its place, with what looks wrong."""

    segments: list[Segment]
    source: str
    failed: list[str]  # names of checks
    failed_first: list[str]  # by the first translation

    @property
    def line(self) -> int:
        """Place of its line in the window."""
        return self.segments[0].line


@dataclass(frozen=True)
class Checking:
    """Checks the hypotheses of segments that were searched with ``options``."""

    checks: Checks
    assembler: Assembler
    source_tokenizer: SourceTokenizer
    options: SearchOptions

    def judge(self, lines: Sequence[str], segments: Sequence[Segment]) -> list[Judged]:
        """The verdict on the best hypothesis of each segment of the ``lines`` of a window."""
        parts, texts = Counter(segment.line for segment in segments), self.assembler.best(segments)
        judged = []
        for segment, text in zip(segments, texts, strict=True):
            source = lines[segment.line] if parts[segment.line] == 1 else self.spelled(segment)
            # What is copied on purpose is no mistake.
            failed = [] if segment.is_copied else self._failed(source, text, [segment])
            judged.append(Judged([segment], source, failed, failed))
        return judged

    def failed(self, parts: Sequence[Segment], source: str) -> list[str]:
        """The names of the checks that the best hypotheses of parts fail together; ``source`` is the whole."""
        joined = join_sentences(self.assembler.best(parts), [part.gap for part in parts])
        return self._failed(source, joined, parts)

    def verdicts(self, segment: Segment, source: str) -> list[list[str]]:
        """The names of the checks that each hypothesis of a segment fails."""
        each = [replace(segment, hypotheses=[hypothesis]) for hypothesis in segment.hypotheses]
        pairs = zip(each, self.assembler.texts(segment), strict=True)
        return [self._failed(source, text, [alone]) for alone, text in pairs]

    def _failed(self, source: str, text: str, parts: Sequence[Segment]) -> list[str]:
        """The names of the checks that the translation of parts fails, which are the whole source."""
        return self.checks.failed(source, text, *self._lengths(parts), self._unprotected(source, parts))

    def _unprotected(self, source: str, parts: Sequence[Segment]) -> list[str]:
        """What must stay as it is, where slots do not see to it: the model has none, or too few for this source."""
        slots = self.assembler.rewriter.slots
        if slots and all(len(part.items) < slots for part in parts):
            return []
        return [source[start:end] for start, end, _ in find(source, HANDED_OVER)]

    def described(
        self, translations: Sequence[Translation], judged: Sequence[Judged], told: Mapping[int, Request]
    ) -> list[Translation]:
        """The translations of a window, which were made as ``checked``, with the names of the checks that each fails.

        The lines ``told``, by their places, ask for phrases; lines may lack terms.
        """
        failed: list[set[str]] = [set() for _ in translations]
        first: list[set[str]] = [set() for _ in translations]
        for each in judged:
            failed[each.line].update(each.failed)
            first[each.line].update(each.failed_first)
        for place, request in told.items():
            if request.text.strip() and any(failures(request, normal(translations[place].text))):
                failed[place].add(TERM)
        for place, translation in enumerate(translations):
            if not all(term.kept for term in translation.terms or ()):
                failed[place].add(TERM)
        return [
            replace(translation, checks=[name for name in CHECKS if name in now], mended=bool(before and not now))
            if before or now
            else translation
            for translation, before, now in zip(translations, first, failed, strict=True)
        ]

    def spelled(self, segment: Segment) -> str:
        """The text of a segment that is a part of its line."""
        text = b"".join(self.source_tokenizer.spell(segment.pieces)).decode("utf-8", "replace")
        own = without_added(text) if segment.added else text
        return filled(own[: len(own) - segment.lent].strip(), segment.items)

    def _lengths(self, parts: Sequence[Segment]) -> tuple[tuple[int, int], bool]:
        """The pieces of both sides of a segment in parts, and whether one of them ends at the limit of length."""
        source = target = 0
        is_cut_off = False
        for part in parts:
            count = len(part.hypotheses[0].pieces)
            is_cut_off = is_cut_off or count >= part.query(0).limit(self.options)
            source += len(part.pieces) - part.added
            target += count
        return (source, target), is_cut_off


WRONG, MENDED = "look wrong", "mended"


def counts(translations: Sequence[Translation]) -> dict[str, float]:
    """How many translations look wrong, how many fail each check, by its name, and how many were mended; 0 left out."""
    counted = Counter(name for translation in translations for name in translation.checks or [])
    counted[WRONG] = sum(bool(translation.checks) for translation in translations)
    counted[MENDED] = sum(translation.mended for translation in translations)
    return dict(+counted)


def notes(translations: Sequence[Translation]) -> dict[int, str]:
    """What is counted of each translation, by its place; those of which nothing is are left out."""
    said = {
        place: ",".join([*(translation.checks or []), *([MENDED] if translation.mended else [])])
        for place, translation in enumerate(translations)
    }
    return {place: note for place, note in said.items() if note}


def noted(translation: Translation, note: str) -> Translation:
    """The translation as ``counts`` counts the one that the note is of."""
    names = note.split(",")
    return replace(translation, checks=[name for name in names if name != MENDED], mended=MENDED in names)


def summary(counted: Mapping[str, float], lines: int) -> str:
    """The counts of ``lines`` lines in words; "" when none looks wrong, or did."""
    said = []
    if wrong := counted.get(WRONG):
        names = ", ".join(f"{name} {counted[name]:,.0f}" for name in CHECKS if counted.get(name))
        said.append(f"{wrong:,.0f} of {lines:,} lines look{'s' if wrong == 1 else ''} wrong: {names}")
    if mended := counted.get(MENDED):
        of = "" if said else f" of {lines:,} lines"
        said.append(f"{mended:,.0f}{of} {'was' if mended == 1 else 'were'} mended by a second search")
    return "; ".join(said)
