"""JSON lines: an object on each line, with a key for each side.

The keys stand in the object itself, or in its "translation", as Hugging Face's data sets have it. Knows objects and
keys.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO

from nmt.corpus.formats.format import Asked, Row, by_language, listed
from nmt.disk.untrusted import strict_json
from nmt.errors import DataError, nearest, shown
from nmt.text.lines import read_lines

NESTED = "translation"
_NAME_THEM = "name the two keys with `columns`"
_KINDS = {bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object"}


def read(file: BinaryIO, asked: Asked, skipped: Counter[str]) -> Iterator[Row]:
    """Read the pairs; an empty line is no pair, and null is an empty text.

    Without named keys, they are those of the first object that are codes of the two languages.
    """
    keys = asked.columns
    for number, line in enumerate(read_lines(file, asked.name), start=1):
        if not line.strip():
            continue
        place = f"{asked.name} line {number}"
        try:
            record = strict_json(line.encode())
        except ValueError as error:
            raise DataError(f"{place} is not JSON: {_reason(error)}", "write one JSON object on each line") from None
        if not isinstance(record, dict):
            raise DataError(f"{place} is {_kind(record)}, not an object", 'write it like {"en": "Yes.", "de": "Ja."}')
        objects = _objects(record)
        keys = keys or next((keys for texts in objects if (keys := by_language(texts, asked.languages))), None)
        texts = next((texts for texts in objects if keys and all(key in texts for key in keys)), None)
        if not keys or texts is None:
            raise _no_keys(objects, keys, asked.languages, place)
        yield number, _text(texts, keys[0], place), _text(texts, keys[1], place)


def _objects(record: dict[str, Any]) -> list[dict[str, Any]]:
    """The objects that may have the two texts."""
    inner = record.get(NESTED)
    return [record, inner] if isinstance(inner, dict) else [record]


def _no_keys(
    objects: list[dict[str, Any]], keys: tuple[str, str] | None, languages: tuple[str, str], place: str
) -> DataError:
    """The error for an object without the two keys, with the keys that are there."""
    there = f" and in {NESTED!r} ".join(listed(texts) for texts in objects) or "none at all"
    if not keys:
        return DataError(f"{place} has no keys {' and '.join(languages)}, but {there}", _NAME_THEM)
    every = [key for texts in objects for key in texts]
    key = next((key for key in keys if key not in every), keys[1])
    return DataError(f"{place} has no key {shown(key)}, but {there}", nearest(key, every, _NAME_THEM))


def _text(texts: dict[str, Any], key: str, place: str) -> str:
    value = texts[key]
    if value is None:
        return ""
    if not isinstance(value, str):
        raise DataError(
            f"{place} has {_kind(value)} for {shown(key)}, not a text", "choose keys whose values are texts"
        )
    return value


def _kind(value: object) -> str:
    return "null" if value is None else "a text" if isinstance(value, str) else _KINDS[type(value)]


def _reason(error: ValueError) -> str:
    """What is wrong in a line that is not JSON, in few words: a JSONDecodeError's text repeats the position."""
    column = getattr(error, "colno", None)
    return getattr(error, "msg", str(error)).partition(";")[0] + (f" at column {column}" if column else "")
