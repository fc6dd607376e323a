"""Documents as inputs and outputs of a job: their segments are its lines, and each becomes a document again.

Knows documents, windows and sinks; no model.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from nmt.decoding.request import Line
from nmt.decoding.sinks import Sink, Stream
from nmt.disk.files import create_binary, written_directly
from nmt.documents import Asked, read
from nmt.documents.document import Document
from nmt.store.journal import Notes, Sums, Work
from nmt.store.resumable import resumable
from nmt.text.lines import Pause
from nmt.text.normal import is_composed
from nmt.text.progress import Progress, Silent

MOST_TOLD = 20
"""Warnings of a document that name a place; more are counted."""


class DocumentLines:
    """The segments of a document as lines. Has what a job needs of ``nmt.decoding.input_lines.InputLines``.

    The file is read at once, so that one that cannot be read is refused before work begins, and again when its turn
    comes. Raises what ``nmt.documents.read`` raises.
    """

    def __init__(self, path: Path, asked: Asked) -> None:
        self.path, self._asked = path, asked
        self.strict, self.typed = True, False
        self.count = 0  # segments read so far
        self.decomposed = 0
        self._total = len(read(path, asked).segments)
        self._document: Document | None = None

    @property
    def files(self) -> list[Path]:
        """The file, as a list."""
        return [self.path]

    def total(self) -> int:
        """The number of segments."""
        return self._total

    def warn_of_mended(self, progress: Progress) -> None:
        """Nothing is mended: what is not UTF-8 was refused."""

    def __iter__(self) -> Iterator[str]:
        self._document = read(self.path, self._asked)
        for text in self._document.segments:
            self.decomposed += not is_composed(text)
            self.count += 1
            yield text

    def written(self, translations: Sequence[str], progress: Progress) -> bytes:
        """The file with the translations, once all segments were read. Warns of what is left as it is."""
        document, self._document = self._document, None
        if document is None:
            raise AssertionError("its segments were not read")
        data, left = document.written(translations)
        for line, reason in left[:MOST_TOLD]:
            progress.warn(f"{self.path} line {line} is left as it is: {reason}")
        if len(left) > MOST_TOLD:
            progress.warn(f"{self.path}: {len(left) - MOST_TOLD:,} more places are left as they are")
        return data


class DocumentSink:
    """A sink that keeps the translations of windows in another one, and makes the document at the end."""

    def __init__(self, inner: Sink, lines: DocumentLines) -> None:
        self._inner, self._document = inner, lines
        self._progress: Progress = Silent()
        self._records: list[str] = []
        self._found: tuple[list[str], Notes] = [], {}

    @property
    def lines(self) -> int:
        """Number of segments whose translations are in it."""
        return self._inner.lines

    @property
    def sums(self) -> Sums:
        """Totals of what was given with the windows."""
        return self._inner.sums

    def begin(self, work: Work, resume: bool, progress: Progress) -> None:
        """See ``nmt.decoding.sinks.Sink``."""
        self._progress = progress
        self._inner.begin(work, resume, progress)

    def take(self, lines: Iterable[Line | Pause]) -> Iterator[Line | Pause]:
        """See ``nmt.decoding.sinks.Sink``."""
        return self._inner.take(lines)

    def find(self, lines: Sequence[str]) -> bool:
        """See ``nmt.decoding.sinks.Sink``."""
        if not self._inner.find(lines):
            return False
        self._found = self._inner.found()
        self._records += self._found[0]
        return True

    def found(self) -> tuple[list[str], Notes]:
        """See ``nmt.decoding.sinks.Sink``."""
        return self._found

    def add(
        self,
        lines: Sequence[str],
        records: Sequence[str],
        sums: Mapping[str, float] | None = None,
        notes: Notes | None = None,
    ) -> None:
        """See ``nmt.decoding.sinks.Sink``."""
        self._records += records
        self._inner.add(lines, records, sums, notes)

    def finish(self, lines: int) -> None:
        """See ``nmt.decoding.sinks.Sink``."""
        self._inner.finish(lines)

    def written(self) -> bytes:
        """The document with all translations that were added or found."""
        return self._document.written(self._records, self._progress)


@contextmanager
def open_document(
    lines: DocumentLines, path: Path | None, stdout: Callable[[], BinaryIO], keep_journal: bool
) -> Iterator[Sink]:
    """The sink of a document, which writes the file ``path`` or standard output when it is finished."""
    if path and not written_directly(path):

        def make() -> None:
            data = sink.written()
            with create_binary(path) as file:
                file.write(data)

        with resumable(path, keep_journal, make) as inner:
            sink = DocumentSink(inner, lines)
            yield sink
        return
    with create_binary(path) if path else nullcontext(stdout()) as stream:
        direct = DocumentSink(Stream(BytesIO()), lines)
        yield direct
        stream.write(direct.written())
        stream.flush()
