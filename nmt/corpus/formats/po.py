"""PO, the catalogues of gettext: msgid is translated by msgstr.

polib reads a file as a whole, so it gets the entries in small blocks here. Knows entries; no XML, no tables.
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO

from nmt.corpus.formats.format import Asked, Row, side_of
from nmt.errors import DataError, SettingsError, missing_extra, shown
from nmt.text.languages import is_language
from nmt.text.lines import LONGEST_LINE, one_line, read_lines

_BLOCK = 100  # entries that polib gets at once
_FLAGS = re.compile(r"\s*#,\s*\S.*")
# A line of an entry: the mark of an obsolete one, the keyword, the text in quotes; or a comment.
_LINE = re.compile(
    r'\s*(?:#~(?!\|)\s*)?(?:(?P<keyword>msg(?:ctxt|id|id_plural|str(?:\[\d\])?))\s*)?"[^"\\]*(?:\\.[^"\\]*)*"\s*'
)


def read(file: BinaryIO, asked: Asked, skipped: Counter[str]) -> Iterator[Row]:
    """Read the entries that are translated; a file of the opposite direction is turned round.

    Raises SettingsError when polib is not installed.
    """
    try:
        import polib
    except ImportError:
        raise SettingsError(f"{asked.name}: to read it takes polib", missing_extra("formats")) from None

    is_turned = False
    for first, block in _blocks(file, asked.name):
        try:
            catalogue = polib.pofile("\n".join(block), encoding="utf-8")
        except OSError as error:
            raise _not_po(error, first, asked.name) from None
        if language := catalogue.metadata.get("Language", "").partition("@")[0]:
            is_turned = _is_turned(language, asked)
        for entry in catalogue:
            # The first entry of a block has no number of its own.
            number = first + max(1, entry.linenum) - 1
            if reason := _no_pair(entry):
                skipped[reason] += 1
                continue
            for source, target in _pairs(entry):
                yield (number, target, source) if is_turned else (number, source, target)


def _blocks(file: BinaryIO, name: str) -> Iterator[tuple[int, list[str]]]:
    """Cut the file between entries into blocks of lines, each with the number of its first line."""
    block: list[str] = []
    first, entries, size, is_translated = 1, 0, 0, False
    for number, line in enumerate(read_lines(file, name), start=1):
        match = _LINE.fullmatch(line)
        keyword = match["keyword"] if match else None
        if not match and line.strip() and not line.lstrip().startswith("#"):
            raise DataError(
                f"{name} line {number} is not PO: {shown(line.strip())}",
                "write a keyword and a text in quotes, with the quotes in it escaped",
            )
        if is_translated and line.strip() and (not match or (keyword and not keyword.startswith("msgstr"))):
            is_translated, size, entries = False, 0, entries + 1
            if entries >= _BLOCK:
                yield first, block
                block, first, entries = [], number, 0
        is_translated = is_translated or bool(keyword and keyword.startswith("msgstr"))
        size += len(line)
        if size > LONGEST_LINE:
            raise DataError(
                f"{name} line {number} belongs to an entry of over {LONGEST_LINE} characters", "leave it out"
            )
        # polib would cut the line where str.splitlines does. Of the comments it needs only the flags.
        block.append(one_line(line) if match or _FLAGS.fullmatch(line) else "")
    if block:
        yield first, block


def _no_pair(entry: Any) -> str:
    """The reason why an entry is no pair; "" for one that is."""
    if entry.obsolete:
        return "obsolete"
    if entry.fuzzy:
        return "fuzzy"
    return "" if entry.translated() else "untranslated"


def _pairs(entry: Any) -> Iterator[tuple[str, str]]:
    """The pairs of an entry: one; of one with a plural, that of one thing and that of several.

    Languages without a plural have a single form, which translates the plural.
    """
    forms = entry.msgstr_plural
    if not forms:
        yield entry.msgid, entry.msgstr
    elif len(forms) == 1:
        yield entry.msgid_plural, forms[0]
    else:
        yield entry.msgid, forms[0]
        yield entry.msgid_plural, forms[1]


def _is_turned(language: str, asked: Asked) -> bool:
    """Whether the texts were translated into the source's language, by the header of the file."""
    if not is_language(language):
        return False
    source, target = asked.languages
    if side_of(language, (target, source)) is None:
        raise DataError(
            f"{asked.name} is translated into {language}, which is neither {source} nor {target}",
            "name its language with `target`",
        )
    return side_of(language, (target, source)) == 1


def _not_po(error: OSError, first: int, name: str) -> DataError:
    """The error for a block that polib does not take, with the line in the file."""
    place = re.search(r"line (\d+)\)(?:: (.*))?", str(error))
    line = first + int(place[1]) - 1 if place else first
    reason = f": {place[2]}" if place and place[2] else ""
    return DataError(f"{name} line {line} is not PO{reason}", "check it with msgfmt -c")
