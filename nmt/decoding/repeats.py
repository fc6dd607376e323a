"""Lines that came before are not translated again, whatever translates windows. Knows lines and translations; no model.

For texts alone: these do not depend on which lines are known, but the last digits of scores do.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from nmt.decoding.checking import noted
from nmt.decoding.request import Line, text_of
from nmt.decoding.translation import Translation
from nmt.decoding.windows import Window
from nmt.text.progress import Progress

MOST = 1 << 16  # different lines that are remembered, those that were seen last: up to 50 MB
LONGEST = 100  # characters of a line that is: longer ones hardly repeat, and each may be told of as too long


@dataclass
class Known:
    """A line that was asked for, and its translation once that has come."""

    translation: Translation | None = None


class Translates(Protocol):
    """What translates windows, in order; see ``nmt.decoding.job.WindowTranslator``."""

    def translated(self, each: Iterable[Window], progress: Progress) -> Iterator[list[Translation]]: ...


class WithoutRepeats:
    """A translator of windows that asks another one, with blank lines in place of those that it knows.

    A window keeps its number of lines, so that messages name the same ones.
    """

    def __init__(self, translator: Translates, most: int = MOST) -> None:
        self._translator, self._most = translator, most
        self._known = OrderedDict[str, Known]()

    def translated(self, each: Iterable[Window], progress: Progress) -> Iterator[list[Translation]]:
        """The translations of each window, in order."""
        asked = deque[list[tuple[Known, bool]]]()

        def without() -> Iterator[Window]:
            for before, lines in each:
                found = [self._find(line) for line in lines]
                asked.append(found)
                yield Window(before, [line if is_new else "" for line, (_, is_new) in zip(lines, found, strict=True)])

        for translations in self._translator.translated(without(), progress):
            found = asked.popleft()
            for translation, (known, is_new) in zip(translations, found, strict=True):
                if is_new:
                    known.translation = translation
            # Windows come in order, so what an earlier one was asked for is there.
            yield [known.translation for known, _ in found if known.translation]

    def remember(self, lines: Iterable[Line], texts: Iterable[str], notes: Mapping[int, str]) -> None:
        """Take in the next window, which an earlier process has translated, as if this one had."""
        for place, (line, text) in enumerate(zip(lines, texts, strict=True)):
            known, is_new = self._find(line)
            if is_new:
                translation = Translation(text_of(line), text, 0.0)
                known.translation = noted(translation, notes[place]) if place in notes else translation

    def _find(self, line: Line) -> tuple[Known, bool]:
        """What is known of a line, and whether it is new: then it must be asked for."""
        if not isinstance(line, str) or len(line) > LONGEST:
            return Known(), True
        if known := self._known.get(line):
            self._known.move_to_end(line)
            return known, False
        self._known[line] = known = Known()
        if len(self._known) > self._most:
            self._known.popitem(last=False)
        return known, True
