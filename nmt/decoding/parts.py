"""A part of a job: lines of input that become one output, and what is written beside it. Knows no model and no flag."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import NamedTuple

from nmt.decoding.checking import counts, notes
from nmt.decoding.formats import Format
from nmt.decoding.input_lines import InputLines
from nmt.decoding.repeats import WithoutRepeats
from nmt.decoding.request import Line, fingerprint
from nmt.decoding.side_outputs import SideOutput
from nmt.decoding.sinks import Sink, Stream
from nmt.decoding.terms import term_counts
from nmt.decoding.translation import Translation
from nmt.decoding.windows import Window, windows
from nmt.text.lines import Pause
from nmt.text.progress import Progress, Silent
from nmt.version import __version__

Sides = Sequence[tuple[SideOutput, Sink]]


@dataclass(frozen=True)
class Part:
    """Lines of input that become one output."""

    lines: InputLines
    output: Path | None  # None: standard output


class Asked(NamedTuple):
    """A window that is being translated."""

    before: int  # lines before it
    known: list[str]  # its lines, as journals know them
    found: bool  # whether the output has it already
    without: list[tuple[SideOutput, Sink]]  # the other outputs that lack it


class OpenPart:
    """A part whose outputs are open. Windows that they lack go out, and translations come in, both in order."""

    def __init__(self, lines: InputLines, sink: Sink, sides: Sides, format: Format) -> None:
        self.lines, self.sink = lines, sink
        self._sides, self._format = sides, format
        self._asked: deque[Asked] = deque()
        self._is_read = False

    @property
    def waits(self) -> bool:
        """Whether a translation is still to come."""
        return bool(self._asked)

    @property
    def is_done(self) -> bool:
        """Whether its lines are read, and all translations have come."""
        return self._is_read and not self.waits

    def begin(self, work: Mapping[str, str | int | float], resume: bool, progress: Progress) -> None:
        """Open the outputs for what depends on ``work``; ``resume`` keeps what an earlier process left of it."""
        about = {"nmt": __version__, **work, **self._format.about(), "strict": self.lines.strict}
        self.sink.begin(about, resume, progress)
        for side, its_sink in self._sides:  # beside an output that does not resume all is translated again
            its_sink.begin({**about, **side.about()}, resume and not isinstance(self.sink, Stream), Silent())

    def lacking(
        self, lines: Iterable[Line | Pause], size: int, progress: Progress, once: WithoutRepeats | None = None
    ) -> Iterator[Window]:
        """The windows of at most ``size`` of its ``lines`` that an output lacks; ``once`` remembers the others."""
        for window in windows(self.sink.take(lines), size):
            known = list(map(fingerprint, window.lines))
            # Once a window is not found, none after it is: so it does not matter that it is not added yet.
            found, without = self.sink.find(known), [each for each in self._sides if not each[1].find(known)]
            if found and not without:
                progress.advance(len(window.lines))
                if once:
                    once.remember(window.lines, *self.sink.found())
            else:
                self._asked.append(Asked(window.before, known, found, without))
                yield window

    def end(self) -> None:
        """Note that its lines are read."""
        self._is_read = True

    def add(self, translations: Sequence[Translation]) -> None:
        """Write the translations of the oldest window that waits for them."""
        before, known, found, without = self._asked.popleft()
        if not found:
            records = map(self._format.records, count(before), translations)
            sums = counts(translations) | term_counts(translations)
            self.sink.add(known, list(chain.from_iterable(records)), sums, notes(translations))
        for side, its_sink in without:
            its_sink.add(known, side.records(before, translations))

    def finish(self) -> None:
        """Complete the outputs."""
        for sink in (self.sink, *(its_sink for _, its_sink in self._sides)):
            sink.finish(self.lines.count)
