"""Readers of parallel corpora: two files of aligned lines, or one file that holds both sides; plain or compressed.

Knows names and lines; how a format is read stands in formats/. Nothing of cleaning, pieces or datasets.
"""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from glob import escape
from itertools import zip_longest
from pathlib import Path

from nmt.corpus.formats import FORMATS, format_of, read_file
from nmt.corpus.formats.format import Asked
from nmt.disk.compression import COMPRESSED
from nmt.disk.files import count_lines, open_binary
from nmt.errors import DataError, MissingInputError
from nmt.text.encodings import refuse_format
from nmt.text.languages import language_of, sides_of
from nmt.text.lines import printable, read_lines
from nmt.text.mending import mend

Pair = tuple[str, str]

CHUNK_PAIRS = 1 << 14
CHUNK_CHARACTERS = 1 << 24  # bounds memory: long lines make smaller chunks


@dataclass(frozen=True)
class Corpus:
    """A corpus: the path that names it, and its files, which are a source and a target or one that holds both."""

    path: Path
    files: tuple[Path, ...]
    weight: float = 1.0  # how often an epoch sees each pair
    hashes: tuple[str, ...] = ()  # SHA-256 of each file, checked at every reading
    languages: tuple[str, str] = ("", "")  # of source and target; formats name theirs
    mended: bool = False  # whether damaged text is mended as it is read
    columns: tuple[str, str] | None = None  # names or numbers of those of a table that are the source and the target

    @property
    def name(self) -> str:
        """The path as printable text, even if its bytes are not UTF-8."""
        return printable(str(self.path))


def find_corpus(
    path: Path,
    source_language: str,
    target_language: str,
    weight: float = 1.0,
    columns: tuple[str, str] | None = None,
) -> Corpus:
    """Find the files of a corpus named by their common prefix, or by one file that holds both sides.

    ``columns`` are kept if the file has columns or keys. Raises MissingInputError, naming the file that is missing, and
    DataError for an unsupported format.
    """
    languages = source_language, target_language
    form = format_of(path)
    if form and (path.is_file() or not any(_side(path, language) for language in languages)):
        if not path.is_file():
            raise MissingInputError(f"there is no file {path}", "check the path")
        return Corpus(path, (path,), weight, languages=languages, columns=columns if form.is_table else None)
    if path.is_file():
        refuse_format(path)
    source, target = (_find_side(path, language, languages) for language in languages)
    return Corpus(path, (source, target), weight, languages=languages)


def count_pairs(corpus: Corpus) -> int | None:
    """Number of pairs, for a bar of progress; None where only reading the corpus tells.

    A table's lines are counted, so a header and line breaks within cells count too.
    """
    form = format_of(corpus.files[0]) if len(corpus.files) == 1 else None
    return count_lines(corpus.files[:1]) if form is None or form.is_table else None


def _find_side(path: Path, language: str, languages: tuple[str, str]) -> Path:
    side = _side(path, language)
    if side:
        return side
    codes = _other_codes(path, language, languages)
    if len(codes) > 1:
        raise DataError(
            f"there is no file {path}.{language}, but several of its language: {path}.{f', {path}.'.join(codes)}",
            f"rename the right file to {path}.{language}, or give its ending as the language",
        )
    side = _side(path, codes[0]) if codes else None
    if side is None:
        raise MissingInputError(
            f"there is no file {path}.{language}, nor one with {', '.join(COMPRESSED)} after it",
            "name a corpus by the common prefix of its two files, or name one file that holds both, such as a .tsv",
        )
    return side


def _side(path: Path, code: str) -> Path | None:
    candidates = (Path(f"{path}.{code}{ending}") for ending in ("", *COMPRESSED))
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def _other_codes(path: Path, language: str, languages: tuple[str, str]) -> list[str]:
    """Other codes of the language in names of files with the prefix ``path``, as in ``b.en-US`` for ``en``.

    One that may as well be of the other of both ``languages`` is none.
    """
    codes = {language_of(file) for file in path.parent.glob(f"{escape(path.name)}.*")} - {""}
    own = [languages.index(language)]
    return sorted(code for code in codes if sides_of(code, languages) == own and _side(path, code))


def read_chunks(corpus: Corpus) -> Iterator[list[Pair]]:
    """Read the pairs of a corpus in order, in chunks of bounded size. Raises what ``read_pairs`` raises."""
    chunk: list[Pair] = []
    characters = 0
    for pair in read_pairs(corpus):
        chunk.append(pair)
        characters += len(pair[0]) + len(pair[1])
        if len(chunk) == CHUNK_PAIRS or characters > CHUNK_CHARACTERS:
            yield mend_pairs(chunk) if corpus.mended else chunk
            chunk, characters = [], 0
    if chunk:
        yield mend_pairs(chunk) if corpus.mended else chunk


def mend_pairs(pairs: Sequence[Pair]) -> list[Pair]:
    """The pairs with both sides mended."""
    return [(mend(source), mend(target)) for source, target in pairs]


def read_pairs(corpus: Corpus) -> Iterator[Pair]:
    """Read the pairs of a corpus in order.

    Raises DataError, with file and line, when the sides have unequal line counts, a TSV line does not have exactly one
    tab, the text is not UTF-8, a line is over 1 MiB, or there is no line at all; when one file with both sides is not
    of its format; and at the end, when a file does not match its hash. Warns of what such a file has that is no pair.
    """
    pairs = _read_both(corpus) if len(corpus.files) == 1 else _read_sides(corpus)
    number = 0
    for pair in pairs:
        number += 1
        yield pair
    if not number:
        raise DataError(f"{corpus.files[0]} line 1 is missing: the file is empty", "give a corpus with sentence pairs")


def _lines(corpus: Corpus, side: int) -> Generator[str, None, None]:
    path = corpus.files[side]
    with open_binary(path, corpus.hashes[side] if corpus.hashes else "") as file:
        yield from read_lines(file, str(path))


def _read_sides(corpus: Corpus) -> Iterator[Pair]:
    source, target = corpus.files
    with closing(_lines(corpus, 0)) as sources, closing(_lines(corpus, 1)) as targets:
        for number, (left, right) in enumerate(zip_longest(sources, targets), start=1):
            if left is None or right is None:
                short, long = (source, target) if left is None else (target, source)
                raise DataError(
                    f"{short} ends before line {number}, but {long} has more lines",
                    f"give both files the same number of lines (wc -l {short} {long})",
                )
            yield left, right


def _read_both(corpus: Corpus) -> Iterator[Pair]:
    path = corpus.files[0]
    asked = Asked(str(path), corpus.languages, corpus.columns)
    with open_binary(path, corpus.hashes[0] if corpus.hashes else "") as file:
        yield from read_file(file, format_of(path) or FORMATS["tsv"], asked)
