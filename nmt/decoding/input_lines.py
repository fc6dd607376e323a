"""The lines of files and of standard input, with a ``PAUSE`` wherever a live input stops for a moment.

A person who types a line, or a program that sends one and waits, gets an answer at once; a file or a busy pipe is
translated in large windows. Both follow from PAUSE. Knows the line contract; no model and no output.
"""

import io
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from select import select
from typing import BinaryIO, Protocol, cast

from nmt.disk.files import count_lines, open_binary
from nmt.errors import MissingInputError, StorageError
from nmt.text import encodings
from nmt.text.lines import PAUSE, Pause, read_lines
from nmt.text.normal import is_composed
from nmt.text.progress import Progress

PATIENCE = 0.02  # seconds without a new byte after which the input pauses
STANDARD_INPUT = Path("-")
TO_PIPE = "check the path; a sentence is piped in: echo SENTENCE | nmt translate MODEL"

_CHUNK = 1 << 16
_LONG_LINE = 1 << 20  # bytes; a longer line is read to its end without a pause


class InputLines:
    """The lines of all inputs, one input after another; ``-`` is standard input, which yields PAUSE when it pauses.

    Raises MissingInputError at once for an input that is not there, and DataError for a format whose lines are not
    sentences; while iterating, DataError for a broken file and, when ``strict``, for bytes that are not UTF-8. When not
    ``strict``, such bytes become U+FFFD and their lines are counted.
    """

    def __init__(self, inputs: Sequence[Path], strict: bool = False) -> None:
        self.inputs = list(inputs) or [STANDARD_INPUT]
        self.strict = strict
        self.count = 0  # lines read so far
        self.mended = 0  # lines with bytes that are not UTF-8
        self.first_mended = ""  # the first of them, by file and number
        self.sample = b""  # some of them, as long as no line of UTF-8 was met
        self.prompt: Callable[[str], None] | None = None  # what asks a person for each line
        self.decomposed = 0  # lines that are not in Unicode's NFC
        self._is_utf_8 = False  # whether a line of UTF-8 beyond ASCII was met
        for path in self.inputs:
            if path != STANDARD_INPUT and not os.path.exists(path):
                raise MissingInputError(f"there is no file {path}", TO_PIPE if is_text(path) else "check the path")
            encodings.refuse_format(path, also=("tsv",))

    def total(self) -> int | None:
        """The number of lines in all inputs, or None when it is unknown before they are read."""
        return count_lines(self.inputs)

    @property
    def files(self) -> list[Path]:
        """The inputs as paths of the system: /dev/stdin may be a file, too."""
        return [Path("/dev/stdin") if path == STANDARD_INPUT else path for path in self.inputs]

    @property
    def typed(self) -> bool:
        """Whether a person types some of the lines at a terminal."""
        return STANDARD_INPUT in self.inputs and sys.stdin is not None and sys.stdin.isatty()

    def warn_of_mended(self, progress: Progress) -> None:
        """Warn if lines were not UTF-8: how many, the first of them, and the likely encoding."""
        if self.mended:
            what = f"{self.mended} lines were" if self.mended > 1 else "1 line was"
            encoding = encodings.likely(self.sample)
            guess = f"; it looks like {encoding}: iconv -f {encoding} -t UTF-8 makes it UTF-8" if encoding else ""
            progress.warn(
                f"{what} not UTF-8 and got U+FFFD where it broke, first {self.first_mended}; `strict` refuses it{guess}"
            )

    def __iter__(self) -> Iterator[str | Pause]:
        for path in self.inputs:
            if path == STANDARD_INPUT:
                yield from self.watch(standard_input(), encodings.STANDARD_INPUT)
            else:
                with closing(open_binary(path)) as file:
                    yield from self.watch(file, str(path))

    def watch(self, stream: BinaryIO, name: str) -> Iterator[str | Pause]:
        """The lines of one input; counts those that were not UTF-8."""
        watched = _LastLine(stream)
        lines = read_lines(cast(BinaryIO, watched), name, self.strict)
        number = 0
        while True:
            if isinstance(stream, LiveStream) and not stream.line_ready():
                yield PAUSE
                if self.prompt:
                    self.prompt("> ")
            line = next(lines, None)
            if line is None:
                if self.prompt and isinstance(stream, LiveStream):
                    self.prompt("\n")
                return
            number += 1
            # U+FFFD may also be a character of the input itself.
            if "\ufffd" in line and line.encode() not in watched.raw:
                self.mended += 1
                self.first_mended = self.first_mended or f"{name} line {number}"
                if not self._is_utf_8 and len(self.sample) < encodings.SAMPLE:
                    self.sample += watched.raw
            elif not line.isascii():
                self._is_utf_8, self.sample = True, b""
            self.decomposed += not is_composed(line)
            self.count += 1
            yield line


def is_text(path: Path) -> bool:
    """Whether a path looks like a sentence that someone wants to translate, not like a file's name."""
    return not str(path).isascii() or any(character.isspace() for character in str(path))


class LiveStream(io.RawIOBase):
    """Lines from a descriptor; it can tell whether a line is there without waiting for one."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._buffer = bytearray()
        self._start = 0  # of what has not been read yet
        self._searched = 0  # no line ends before this place
        self._ended = False

    def line_ready(self, patience: float = PATIENCE) -> bool:
        """Whether a line or the end is there, or bytes keep coming with less than ``patience`` seconds between."""
        while self._line_end() < 0 and not self._ended and len(self._buffer) - self._start < _LONG_LINE:
            if not select([self.descriptor], [], [], patience)[0]:
                return False
            self._fill()
        return True

    def readline(self, size: int | None = -1) -> bytes:
        """One line with its end, the rest of the input, or ``size`` bytes of a longer line; b"" at the end."""
        most = sys.maxsize if size is None or size < 0 else size
        while (end := self._line_end()) < 0 and not self._ended and len(self._buffer) - self._start < most:
            self._fill()
        stop = min(end + 1 if end >= 0 else len(self._buffer), self._start + most)
        line = bytes(self._buffer[self._start : stop])
        self._start = self._searched = stop
        return line

    def _line_end(self) -> int:
        end = self._buffer.find(b"\n", self._searched)
        self._searched = len(self._buffer) if end < 0 else end
        return end

    def _fill(self) -> None:
        del self._buffer[: self._start]
        self._searched -= self._start
        self._start = 0
        try:
            select([self.descriptor], [], [])  # a non-blocking descriptor raises an error while it has no byte
            chunk = os.read(self.descriptor, _CHUNK)
        except OSError as error:
            raise StorageError(
                f"reading standard input failed: {error.strerror}", "check where it comes from"
            ) from None
        self._ended = not chunk
        self._buffer += chunk


class _Lines(Protocol):
    def readline(self, size: int, /) -> bytes: ...


class _LastLine:
    """A stream that keeps the bytes of the last line read."""

    def __init__(self, stream: _Lines) -> None:
        self._stream = stream
        self.raw = b""

    def readline(self, size: int) -> bytes:
        self.raw = self._stream.readline(size)
        return self.raw


def standard_input() -> BinaryIO:
    """Standard input as bytes; a LiveStream if it is a file descriptor. Raises MissingInputError when it is closed."""
    if sys.stdin is None or getattr(sys.stdin, "name", "") == os.devnull:  # the command's stand-in for a closed one
        raise MissingInputError("standard input is closed", "name an input file, or pipe text in")
    try:
        return cast(BinaryIO, LiveStream(sys.stdin.fileno()))
    except (OSError, AttributeError):  # another stream in its place, as in tests
        return sys.stdin.buffer
