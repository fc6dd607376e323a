"""Files of text in one language, read in parts. Knows names and lines; no rule of cleaning."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nmt.corpus.mono_split import NAME
from nmt.corpus.parallel import CHUNK_CHARACTERS
from nmt.corpus.rules.rule import AT_A_TIME
from nmt.disk.files import open_binary, sha256
from nmt.errors import DataError, MissingInputError
from nmt.text.languages import name_before_compression, sides_of
from nmt.text.lines import printable, read_lines
from nmt.text.mending import mend
from nmt.text.sentences import split_sentences


@dataclass(frozen=True)
class Text:
    """A file of text in one language."""

    path: Path
    side: int  # 0: in the source language, 1: in the target language
    language: str
    digest: str  # SHA-256, checked at every reading
    mended: bool = False  # whether damaged text is mended as it is read


@dataclass(frozen=True)
class Part:
    """Some texts of one file, in their order."""

    text: int  # number of the file
    side: int
    lines: Sequence[str]
    begins: Sequence[bool]  # whether each begins a line of the file; others are later sentences of one


def find_texts(paths: Sequence[Path], languages: tuple[str, str], fix: bool) -> list[Text]:
    """The texts of these files, whose endings say their language: ``books.de``, ``news.en.gz``.

    Raises MissingInputError for a file that does not exist, DataError for one of another language or of either.
    """
    texts = []
    for path in paths:
        if not path.is_file():
            raise MissingInputError(f"there is no file {path}", "check the path")
        sides = sides_of(_ending(path, languages), languages)
        if len(sides) != 1:
            names = " or ".join(languages)
            what = f"{path} may be of {names}" if sides else f"{path} does not end in {names}"
            raise DataError(what, f"name a text by its language, as books.{languages[1]}")
        texts.append(Text(path, sides[0], languages[sides[0]], sha256(path), fix))
    return texts


def _ending(path: Path, languages: Sequence[str]) -> str:
    """What the name ends in: one of the languages, which may be any word and have dots, or its last part."""
    plain = name_before_compression(path)
    own = (language for language in sorted(languages, key=len, reverse=True) if plain.name.endswith(f".{language}"))
    return next(own, plain.suffix[1:])


def inputs_of(texts: Sequence[Text]) -> list[dict[str, Any]]:
    """The manifest's facts about the texts."""
    return [
        {"role": NAME, "path": printable(str(text.path)), "sha256": {printable(str(text.path)): text.digest}}
        for text in texts
    ]


def parts_of(texts: Sequence[Text], sentences: int, done: Sequence[int]) -> Iterator[Part]:
    """All texts but the first that are ``done`` of each file; a line of more than ``sentences`` sentences is split."""
    for number, (text, skipped) in enumerate(zip(texts, done, strict=True)):
        lines: list[str] = []
        begins: list[bool] = []
        characters = 0
        for place, (line, is_first) in enumerate(_lines(text, sentences)):
            if place < skipped:
                continue
            lines.append(line)
            begins.append(is_first)
            characters += len(line)
            if len(lines) == AT_A_TIME or characters > CHUNK_CHARACTERS:
                yield Part(number, text.side, lines, begins)
                lines, begins, characters = [], [], 0
        if lines:
            yield Part(number, text.side, lines, begins)


def _lines(text: Text, sentences: int) -> Iterator[tuple[str, bool]]:
    """What the lines are split into, and whether it is the first part of its line."""
    with open_binary(text.path, text.digest) as file:
        for line in read_lines(file, str(text.path)):
            line = mend(line) if text.mended else line
            parts = split_sentences(line, text.language)
            own = parts if len(parts) > max(1, sentences) else [line]
            yield from ((part, place == 0) for place, part in enumerate(own))
