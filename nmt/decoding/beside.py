"""Files beside the text to translate: line N says what the translation of line N must or must not have.

They go through all inputs, one after another. Knows lines; no model and no output.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from nmt.decoding.request import Line, Request
from nmt.disk.files import count_lines, open_binary
from nmt.errors import DataError, MissingInputError
from nmt.text.lines import Pause, read_lines


@dataclass(frozen=True)
class Beside:
    """The files by what they say: a prefix, or phrases with tabs between them. A blank line asks for nothing.

    Raises MissingInputError at once for a file that is not there.
    """

    prefix: Path | None = None
    constraints: Path | None = None
    avoid: Path | None = None

    def __post_init__(self) -> None:
        for path in self.files:
            if not path.exists():
                raise MissingInputError(f"there is no file {path}", "check the path")

    @property
    def named(self) -> list[tuple[str, Path]]:
        """The files that there are, by name."""
        files = [("prefix", self.prefix), ("constraints", self.constraints), ("avoid", self.avoid)]
        return [(name, path) for name, path in files if path]

    @property
    def files(self) -> list[Path]:
        """The files that there are."""
        return [path for _, path in self.named]

    @property
    def is_empty(self) -> bool:
        """Whether there is no file."""
        return not self.files

    def check_counts(self, lines: int | None) -> None:
        """Raise DataError unless each file has so many lines, as far as both are known before they are read."""
        for name, path in self.named:
            count = count_lines([path])
            if None not in (lines, count) and count != lines:
                raise unequal(name, path, f"{count:,}", f"{lines:,}")

    def join(self, lines: Iterable[str | Pause]) -> Iterator[Line | Pause]:
        """The lines of an input with what the files say; the next input goes on where this one ended.

        Raises DataError when a file ends before the input does.
        """
        if self.is_empty:
            yield from lines
            return
        for line in lines:
            yield line if isinstance(line, Pause) else self._asked(line)

    def check_end(self) -> None:
        """Raise DataError unless every file has ended with the inputs."""
        for name, path in self.named:
            rest = sum(1 for _ in self._streams[name])
            if rest:
                raise unequal(name, path, f"{self._done[0] + rest:,}", f"{self._done[0]:,}")

    def _asked(self, line: str) -> Line:
        self._done[0] += 1
        texts = {}
        for name, path in self.named:
            text = next(self._streams[name], None)
            if text is None:
                raise unequal(name, path, f"{self._done[0] - 1:,}", f"at least {self._done[0]:,}")
            texts[name] = text
        prefix = texts.pop("prefix", "").strip()
        phrases = {name: tuple(phrase for phrase in text.split("\t") if phrase.strip()) for name, text in texts.items()}
        request = Request(line, prefix, **phrases)
        return request if request.asks else line

    @cached_property
    def _streams(self) -> dict[str, Iterator[str]]:
        return {name: read_lines(open_binary(path), str(path)) for name, path in self.named}

    @cached_property
    def _done(self) -> list[int]:
        return [0]  # lines of the inputs that were read


def unequal(name: str, path: Path, count: str, lines: str) -> DataError:
    """The error of a file that has not a line for each line of the inputs."""
    return DataError(
        f"`{name}` {path} has {count} lines, and the text {lines}", "give it one line for each line of text"
    )
