"""Lines that came before are not translated again, whatever translates windows. Knows lines and translations; no model.

For output without scores alone: a text does not depend on the lines beside it, but the last digits of a score may.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from nmt.decoding.job import WindowTranslator
from nmt.decoding.request import Line
from nmt.decoding.translation import Translation
from nmt.decoding.windows import Window
from nmt.text.progress import Progress

MOST = 1 << 16  # different lines that are remembered, those seen last: about 50 MB


@dataclass
class Known:
    """A line that was asked for, and its translation once that has come."""

    translation: Translation | None = None


class WithoutRepeats:
    """A translator of windows that asks another one, with blank lines in place of those that it knows.

    A window keeps its number of lines, so that messages name the same ones.
    """

    def __init__(self, translator: WindowTranslator, most: int = MOST) -> None:
        self._translator, self._most = translator, most
        self._known = OrderedDict[str, Known]()

    @property
    def window(self) -> int:
        """See ``WindowTranslator``."""
        return self._translator.window

    @property
    def has_terms(self) -> bool:
        """See ``WindowTranslator``."""
        return self._translator.has_terms

    def about(self) -> dict[str, str | int | float]:
        """See ``WindowTranslator``: texts are the same either way."""
        return self._translator.about()

    def warn(self, progress: Progress) -> None:
        """See ``WindowTranslator``; a line that repeats counts once."""
        self._translator.warn(progress)

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

    def _find(self, line: Line) -> tuple[Known, bool]:
        """What is known of a line, and whether it is new: then it must be asked for."""
        if not isinstance(line, str):
            return Known(), True
        if known := self._known.get(line):
            self._known.move_to_end(line)
            return known, False
        self._known[line] = known = Known()
        if len(self._known) > self._most:
            self._known.popitem(last=False)
        return known, True
