"""Which translations of a window look wrong, and why. Knows no engine.

Each segment is checked against its own source, so that a verdict depends on no other sentence and no other line.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from nmt.config import SearchOptions
from nmt.decoding.checks import CHECKS, TERM, Checks
from nmt.decoding.phrases import failures
from nmt.decoding.request import Request
from nmt.decoding.shaping import Segment, Shaper, SourceTokenizer
from nmt.decoding.translation import Translation
from nmt.text.lines import one_line
from nmt.text.normal import normal


class TargetTokenizer(Protocol):
    """The tokenizer of the target side, as checking uses it."""

    def decode(self, pieces: Sequence[Sequence[int]]) -> list[str]: ...


@dataclass(frozen=True)
class Checking:
    """Checks the hypotheses of segments that were searched with ``options``."""

    checks: Checks
    shaper: Shaper
    source_tokenizer: SourceTokenizer
    target_tokenizer: TargetTokenizer
    options: SearchOptions

    def checked(
        self, translations: Sequence[Translation], segments: Sequence[Segment], told: Mapping[int, Request]
    ) -> list[Translation]:
        """The translations of a window with the names of the checks that each fails.

        The lines ``told``, by their places, ask for phrases.
        """
        failed: list[set[str]] = [set() for _ in translations]
        sources = self.sources([translation.source for translation in translations], segments)
        texts = self.texts(segments)
        for segment, source, text in zip(segments, sources, texts, strict=True):
            failed[segment.line].update(self.failed(segment, source, text))
        for place, request in told.items():
            translation = translations[place]
            if request.text.strip() and any(failures(request, normal(translation.text))):
                failed[place].add(TERM)
        pairs = zip(translations, failed, strict=True)
        return [replace(each, checks=[name for name in CHECKS if name in names]) for each, names in pairs]

    def failed(self, segment: Segment, source: str, text: str) -> list[str]:
        """The names of the checks that the text of a segment's best hypothesis fails."""
        pieces = len(segment.hypotheses[0].pieces)
        is_cut_off = pieces >= segment.query(0).limit(self.options)
        return self.checks.failed(source, text, (len(segment.pieces), pieces), is_cut_off)

    def texts(self, segments: Sequence[Segment]) -> list[str]:
        """The text of the best hypothesis of each segment."""
        decoded = self.target_tokenizer.decode([segment.hypotheses[0].pieces for segment in segments])
        pairs = zip(segments, map(one_line, decoded), strict=True)
        return [self.shaper.unmarked(text) if segment.marked else text for segment, text in pairs]

    def sources(self, lines: Sequence[str], segments: Sequence[Segment]) -> list[str]:
        """The text of each segment, of one that is a whole line the line itself."""
        parts = Counter(segment.line for segment in segments)
        return [lines[each.line] if parts[each.line] == 1 else self._spelled(each) for each in segments]

    def _spelled(self, segment: Segment) -> str:
        text = b"".join(self.source_tokenizer.spell(segment.pieces)).decode("utf-8", "replace")
        return text[: len(text) - segment.lent].strip()


def counts(translations: Sequence[Translation]) -> dict[str, float]:
    """How many translations look wrong, and how many fail each check, by name; none where nothing was checked."""
    names = Counter(name for translation in translations for name in translation.checks or [])
    wrong = sum(bool(translation.checks) for translation in translations)
    return {WRONG: wrong, **names} if wrong else {}


WRONG = "look wrong"


def summary(counted: Mapping[str, float], lines: int) -> str:
    """The counts of ``lines`` lines as a sentence; "" when none looks wrong."""
    if not (wrong := counted.get(WRONG)):
        return ""
    names = ", ".join(f"{name} {counted[name]:,.0f}" for name in CHECKS if counted.get(name))
    which = f"{wrong:,.0f} of {lines:,} lines" if lines > 1 else "the line"
    return f"{which} {'looks' if wrong == 1 else 'look'} wrong: {names}"
