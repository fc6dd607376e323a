"""Corpora of one direction or of several: which of them a path is read for. Knows names of files; no text."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from nmt.corpus.formats import format_of
from nmt.corpus.parallel import Corpus, Pair, find_corpus
from nmt.errors import DataError, MissingInputError
from nmt.text.directions import Direction, spoken


def find_corpora(
    path: Path, directions: Sequence[Direction], weight: float = 1.0, columns: tuple[str, str] | None = None
) -> list[Corpus]:
    """The corpora at a path: one for each direction whose two files are there.

    One file that holds both sides is of the direction in its name, as ``news.en-hau.tsv``, where there are several.
    Raises what ``find_corpus`` raises, MissingInputError when no direction has two files, and DataError for one file
    whose name tells no direction.
    """
    if len(directions) == 1:
        return [find_corpus(path, *directions[0], weight, columns)]
    if path.is_file() and format_of(path):
        named = [direction for direction in directions if "-".join(direction) in path.name.split(".")]
        if len(named) != 1:
            example = "-".join(directions[0])
            raise DataError(
                f"{path} holds both sides of one direction, and its name does not say which",
                f"name it like {example}{path.suffix}, or give a file for each side",
            )
        return [find_corpus(path, *named[0], weight, columns)]
    found = []
    for direction in directions:
        with suppress(MissingInputError):
            found.append(find_corpus(path, *direction, weight, columns))
    if not found:
        raise MissingInputError(
            f"{path} has the two files of no direction ({spoken(directions)})",
            f"name a corpus by the common prefix of its two files, as {path}.{directions[0][0]} and "
            f"{path}.{directions[0][1]}",
        )
    return found


def check_complete(corpora: Sequence[tuple[str, Corpus]], directions: Sequence[Direction]) -> None:
    """Raise DataError for a direction without training pairs, or one of few that have a validation set."""
    for role, needs in (("train", "training"), ("valid", "validation")):
        there = {corpus.languages for its_role, corpus in corpora if its_role == role}
        missing = [direction for direction in directions if direction not in there]
        if missing and (role == "train" or there):
            mend = "leave the direction out, or give its text"
            raise DataError(f"there is no {needs} corpus of {spoken(missing)}", mend)


def toward(pairs: Sequence[Pair], languages: Direction, wanted: Direction) -> Sequence[Pair]:
    """Pairs in ``languages``, exchanged where only so a side is in the same language as the ``wanted`` one."""
    straight = languages[0] == wanted[0] or languages[1] == wanted[1]
    across = languages[0] == wanted[1] or languages[1] == wanted[0]
    return [(target, source) for source, target in pairs] if across and not straight else pairs
