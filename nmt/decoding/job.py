"""Translating files: windows of lines go through the translator into a sink, so that a killed job resumes.

A window of lines is the unit: it is translated at once, and its translations are saved together or not at all. Knows
no flag, no model and no format of a journal.
"""

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

from nmt.decoding.beside import Beside
from nmt.decoding.checking import summary
from nmt.decoding.forced import ScoredPair
from nmt.decoding.formats import Format
from nmt.decoding.input_lines import STANDARD_INPUT, InputLines
from nmt.decoding.parts import OpenPart, Part
from nmt.decoding.repeats import WithoutRepeats
from nmt.decoding.side_outputs import SideOutput
from nmt.decoding.sinks import open_sink
from nmt.decoding.terms import term_summary
from nmt.decoding.translation import Translation
from nmt.decoding.windows import Window
from nmt.disk.durable import cannot_create
from nmt.disk.files import written_directly
from nmt.errors import UsageError
from nmt.store.journal import Sums, add_sums, beside
from nmt.store.resumable import forget_journal
from nmt.text.machine import peak_memory_bytes
from nmt.text.normal import say_decomposed
from nmt.text.progress import Progress


class WindowTranslator(Protocol):
    """What a job needs of a ``Translator``; others may translate windows elsewhere, several at once."""

    @property
    def window(self) -> int:
        """The most lines that are translated together."""

    @property
    def has_terms(self) -> bool:
        """Whether it has a glossary."""

    def about(self) -> dict[str, str | int | float]:
        """All that translations and the bounds of windows depend on besides the lines, by name."""

    def translated(self, each: Iterable[Window], progress: Progress) -> Iterator[list[Translation]]:
        """The translations of each window, in order."""

    def warn(self, progress: Progress) -> None:
        """Warn of lines that the model may not translate well, and of translations that are not as asked."""


class Tally:
    """Counts and times of a job; windows that were done before it do not count."""

    def __init__(self) -> None:
        self.began = self.ready = time.monotonic()
        self.lines = self.source_tokens = self.target_tokens = 0

    @property
    def seconds(self) -> float:
        """Seconds since the job began."""
        return time.monotonic() - self.began

    @property
    def lines_per_second(self) -> float:
        """Lines translated in a second, from when the model was loaded."""
        return self.lines / max(time.monotonic() - self.ready, 1e-9)

    def add(self, translations: Sequence[Translation] | Sequence[ScoredPair]) -> None:
        self.lines += len(translations)
        self.source_tokens += sum(translation.source_pieces for translation in translations)
        self.target_tokens += sum(translation.target_pieces for translation in translations)

    def figures(self) -> dict[str, float]:
        """The figures by name. Tokens are pieces, without </s>; ``seconds`` excludes loading the model."""
        seconds = time.monotonic() - self.ready
        return {
            "lines": self.lines,
            "source_tokens": self.source_tokens,
            "target_tokens": self.target_tokens,
            "seconds": round(seconds, 4),
            "load_seconds": round(self.ready - self.began, 4),
            "target_tokens_per_second": round(self.target_tokens / max(seconds, 1e-9), 2),
            "peak_memory_bytes": peak_memory_bytes(),
        }


class Opened(NamedTuple):
    """A part with its open outputs, which the ``stack`` closes."""

    part: OpenPart
    stack: ExitStack


class Job:
    """Inputs to translate and the outputs that they become: one output for all, or in a folder one for each input.

    ``output`` is a file, a folder (it ends in a slash, or exists) or None for standard output; ``strict`` refuses input
    that is not UTF-8; ``resume`` keeps what an earlier process left of the same job. Raises MissingInputError for an
    input that is not there, and UsageError when inputs for a folder have no file name, or the same one. The files
    ``beside`` the inputs go through all of them, one after another. ``sides`` are written beside one output. With
    ``once`` a line that came before is not translated again, if nothing is ``beside``. With ``keep`` the same job finds
    its outputs done: what it needs for that is the caller's to remove.
    """

    def __init__(
        self,
        inputs: Sequence[Path],
        output: str | None,
        format: Format,
        strict: bool = False,
        resume: bool = True,
        beside: Beside | None = None,
        sides: Sequence[SideOutput] = (),
        once: bool = False,
        keep: bool = False,
    ) -> None:
        if output == "":
            raise UsageError("`output` is empty", "name a file or a folder")
        self.format, self.resume, self.beside = format, resume, beside or Beside()
        self.counted: Sums = {}  # of lines that look wrong, those of earlier processes included
        self.sides = sides
        self.once = once and self.beside.is_empty
        self.folder = Path(output) if output and (output.endswith(os.sep) or os.path.isdir(output)) else None
        if self.folder:
            for side in sides:
                raise UsageError(f"`{side.name}` is one file, and {self.folder} gets several", "name one output file")
            self.parts = [
                Part(InputLines([path], strict), self.folder / path.name) for path in named(inputs, self.folder)
            ]
        else:
            self.parts = [Part(InputLines(inputs, strict), Path(output) if output else None)]
        self._keep, self._keep_meanwhile = keep, keep or len(self.parts) > 1

    @property
    def typed(self) -> bool:
        """Whether a person types some of the lines at a terminal."""
        return any(part.lines.typed for part in self.parts)

    def ask_by(self, prompt: Callable[[str], None]) -> None:
        """Call ``prompt`` with ``> `` when a live input waits for a line, with a line end when it ends."""
        for part in self.parts:
            part.lines.prompt = prompt

    @property
    def count(self) -> int:
        """Lines read so far."""
        return sum(part.lines.count for part in self.parts)

    def inputs(self) -> list[Path]:
        """The files that the job reads."""
        return [*(file for part in self.parts for file in part.lines.files), *self.beside.files]

    def outputs(self) -> Iterator[tuple[str, Path]]:
        """(name in errors, path) of each file that the job writes, FILE.partial and FILE.journal included."""
        files = [("`output`", part.output) for part in self.parts]
        for name, path in [*files, *((f"`{side.name}`", side.path) for side in self.sides)]:
            yield (name, path) if path else ("standard output", Path("/dev/stdout"))
            if path and not written_directly(path):
                partial, journal = beside(path)
                yield f"FILE.partial of {name}", partial
                yield f"FILE.journal of {name}", journal

    def total(self) -> int | None:
        """The number of lines in all inputs, or None when it is unknown before they are read."""
        totals = [part.lines.total() for part in self.parts]
        return None if None in totals else sum(total or 0 for total in totals)

    def run(
        self,
        load: Callable[[], WindowTranslator],
        progress: Progress,
        stdout: Callable[[], BinaryIO],
        total: int | None,
    ) -> Tally:
        """Translate all inputs; ``total`` is the number of lines that ``progress`` shows, or None.

        An output is locked before ``load`` is called, for loading takes seconds. Raises BusyError for an output that
        another process writes, CannotCreateError or StorageError when an output fails, and what the translator and the
        inputs raise. An error says after which line the same job resumes.
        """
        tally = Tally()
        if not self.beside.is_empty:
            self.beside.check_counts(self.total())

        @cache
        def loaded() -> WindowTranslator:
            translator = load()
            tally.ready = time.monotonic()
            progress.start("translating", total)
            return translator

        if self.folder:
            loaded()
            make_folder(self.folder)
        with ExitStack() as stack:
            first = self._open(self.parts[0], stack, stdout)  # locked before the model is loaded
            self._translate(first, loaded(), tally, progress, lambda part: self._open(part, stack, stdout))
        progress.finish()
        for part in self.parts:
            if part.output and self._keep_meanwhile and not self._keep:
                forget_journal(part.output)
        self.warn(loaded(), progress)
        return tally

    def _open(self, part: Part, above: ExitStack, stdout: Callable[[], BinaryIO]) -> Opened:
        """Open the outputs of a part, until it is closed or the stack ``above`` is."""
        stack = above.enter_context(ExitStack())
        sink = stack.enter_context(open_sink(part.output, stdout, keep_journal=self._keep_meanwhile))
        sides = [(side, stack.enter_context(open_sink(side.path, stdout, False))) for side in self.sides]
        return Opened(OpenPart(part.lines, sink, sides, self.format), stack)

    def _translate(
        self,
        first: Opened,
        translator: WindowTranslator,
        tally: Tally,
        progress: Progress,
        open_part: Callable[[Part], Opened],
    ) -> None:
        """Translate all parts, of which the ``first`` is open; one may be read while those before it are translated."""
        opened = deque([first])
        once = WithoutRepeats(translator) if self.once else None

        def lacking() -> Iterator[Window]:
            for number, part in enumerate(self.parts):
                if number:
                    opened.append(open_part(part))
                own = opened[-1].part
                own.begin(translator.about(), self.resume, progress)
                yield from own.lacking(self.beside.join(part.lines), translator.window, progress, once)
                if part is self.parts[-1]:
                    self.beside.check_end()
                own.end()
                self._finish(opened)

        for translations in (once or translator).translated(lacking(), progress):
            next(each.part for each in opened if each.part.waits).add(translations)
            tally.add(translations)
            self._finish(opened)

    def _finish(self, opened: deque[Opened]) -> None:
        """Complete and close the parts that are done."""
        for part, stack in [each for each in opened if each.part.is_done]:
            part.finish()
            add_sums(self.counted, part.sink.sums)
            stack.close()
            opened.remove(Opened(part, stack))

    def warn(self, translator: WindowTranslator, progress: Progress) -> None:
        """Tell of lines that the model may not translate well, that look wrong, or that had to be changed."""
        translator.warn(progress)
        if looks := summary(self.counted, self.count):
            progress.note(looks)
        if translator.has_terms:
            progress.note(term_summary(self.counted))
        for part in self.parts:
            part.lines.warn_of_mended(progress)
        decomposed = sum(part.lines.decomposed for part in self.parts)
        if decomposed:
            progress.warn(say_decomposed(decomposed))


def named(inputs: Sequence[Path], folder: Path) -> list[Path]:
    """The inputs, which have different file names. Raises UsageError for standard input, or two of one name."""
    if not inputs or STANDARD_INPUT in inputs:
        raise UsageError(f"standard input has no name for a file in {folder}", "name the output file")
    by_name: dict[str, Path] = {}
    for path in inputs:
        first = by_name.setdefault(path.name, path)
        if first is not path:
            raise UsageError(f"{first} and {path} would both become {folder / path.name}", "give one in a run")
    return list(inputs)


def make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_create(path, error) from None
