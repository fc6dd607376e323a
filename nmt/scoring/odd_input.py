"""The same test set as odd input: in capitals, with typos, with emoji … and what translations lose by it.

Each form changes the sources by a rule that people's text follows, and says what a translation is then compared with.
Knows lines; no model.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from statistics import fmean
from typing import Any

from nmt.scoring.metrics import References, measures, score_of
from nmt.scoring.systems import System, Texts
from nmt.text.sentences import MARKS

WORDS_TO_A_TYPO = 10
EMOJI = ("😀", "👍", "❤️", "🎉", "🚀", "😂")

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


def capitals(line: str, chance: Random) -> str:
    return line.upper()


def title_case(line: str, chance: Random) -> str:
    return _WORD.sub(lambda word: word[0][:1].upper() + word[0][1:], line)


def without_final_mark(line: str, chance: Random) -> str:
    return without_mark(line)


def typos(line: str, chance: Random) -> str:
    """Two neighbouring letters exchanged in one of ten words, of those that have two that differ."""
    words = list(_WORD.finditer(line))
    places = [place for word in words if (place := exchange_in(line, word.span(), chance)) is not None]
    count = int(len(words) / WORDS_TO_A_TYPO + chance.random())
    letters = list(line)
    for place in chance.sample(places, min(count, len(places))):
        letters[place : place + 2] = letters[place + 1], letters[place]
    return "".join(letters)


def exchange_in(line: str, span: tuple[int, int], chance: Random) -> int | None:
    """The place of two letters of a word that can be exchanged: the first one stays, unless there are but two."""
    start, end = span
    first = start + (end - start > 2)
    places = [place for place in range(first, end - 1) if line[place : place + 2].isalpha()]
    places = [place for place in places if line[place] != line[place + 1]]
    return chance.choice(places) if places else None


def with_emoji(line: str, chance: Random) -> str:
    return f"{line} {chance.choice(EMOJI)}"


def without_mark(text: str) -> str:
    return text.rstrip().rstrip(MARKS).rstrip()


@dataclass(frozen=True)
class Form:
    """A form of odd input."""

    name: str
    change: Callable[[str, Random], str]
    compared: Callable[[str], str] = str  # what of hypotheses and references is compared
    appends: bool = False  # whether the last word of the line is to appear in the translation

    def lines(self, sources: Sequence[str]) -> list[str]:
        """The lines in this form. What is drawn depends on the line's number alone."""
        return [self.change(line, Random(number)) if line.strip() else line for number, line in enumerate(sources)]


FORMS = (
    Form("in capitals", capitals, str.lower),
    Form("in title case", title_case, str.lower),
    Form("without final mark", without_final_mark, without_mark),
    Form("a typo in ten words", typos),
    Form("an emoji at the end", with_emoji, appends=True),
)


@dataclass(frozen=True)
class Suffering:
    """What one system loses by a form; of several runs the means."""

    system: str
    plain: tuple[float, float]  # BLEU and chrF of the lines as they are, compared in the same way
    odd: tuple[float, float]
    kept: float | None = None  # share of lines in which what was appended appears once

    def to_json(self) -> dict[str, Any]:
        """The figures by name."""
        names = ("plain_bleu", "plain_chrf", "bleu", "chrf")
        figures = {name: round(value, 6) for name, value in zip(names, (*self.plain, *self.odd), strict=True)}
        return {"name": self.system, **figures, **({} if self.kept is None else {"kept": round(self.kept, 6)})}


@dataclass(frozen=True)
class OddReport:
    """A form, the lines that it changes, and what systems lose by it."""

    form: str
    changed: int
    systems: list[Suffering]

    def to_json(self) -> dict[str, Any]:
        """The form as JSON has it."""
        return {"name": self.form, "changed": self.changed, "systems": [each.to_json() for each in self.systems]}


def forms_of(sources: Sequence[str]) -> list[tuple[Form, list[str]]]:
    """The forms that change any line, with all lines: a script without capitals has none."""
    found = [(form, form.lines(sources)) for form in FORMS]
    return [(form, lines) for form, lines in found if lines != list(sources)]


def suffered(texts: Texts, form: Form, lines: Sequence[str], systems: Sequence[System]) -> OddReport:
    """What systems lose by a form, whose ``lines`` they translated; the systems of ``texts`` come in the same order."""
    signs = [line.split()[-1] if form.appends and line.strip() else "" for line in lines]
    plain_references = [[form.compared(line) for line in stream] for stream in texts.references]
    odd_references = [
        [f"{line} {sign}".rstrip() for line, sign in zip(s, signs, strict=True)] for s in plain_references
    ]

    def means(system: System, references: References) -> tuple[float, float]:
        outputs = [list(map(form.compared, output)) for output in system.outputs]
        found = measures(("bleu", "chrf"), references, texts.language, outputs).values()
        bleu, chrf = (
            fmean(score_of(measure, counts, False).score for counts in measure.counts(outputs)) for measure in found
        )
        return bleu, chrf

    def share_kept(system: System) -> float:
        pairs = [(line, sign) for output in system.outputs for line, sign in zip(output, signs, strict=True) if sign]
        return fmean(line.count(sign) == 1 for line, sign in pairs)

    found = [
        Suffering(
            odd.name,
            means(plain, plain_references),
            means(odd, odd_references),
            share_kept(odd) if any(signs) else None,
        )
        for plain, odd in zip(texts.systems, systems, strict=False)
    ]
    changed = sum(line != source for line, source in zip(lines, texts.sources or [], strict=True))
    return OddReport(form.name, changed, found)
