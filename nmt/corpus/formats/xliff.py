"""XLIFF 1.2 and 2.0: units with a source and, once it is translated, a target.

Knows elements and states; how XML is read stands in markup.py.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO

from nmt.corpus.formats.format import MOST_LANGUAGES, Asked, Row, listed, side_of
from nmt.corpus.formats.markup import LANGUAGE, children, local, read_units, text_of
from nmt.errors import DataError

_UNTRANSLATED = frozenset(("new", "needs-translation", "initial"))  # states; "initial" is that of 2.0
_Pair = tuple[Any, Any]  # the elements of a source and of its target; None where there is no target


def read(file: BinaryIO, asked: Asked, skipped: Counter[str]) -> Iterator[Row]:
    """Read the units that are translated; a file of the opposite direction is turned round."""
    turned: dict[tuple[str, str], bool | None] = {}
    is_empty = True
    for number, unit in read_units(file, asked, "xliff", ("trans-unit", "unit")):
        languages = _languages(unit)
        if languages not in turned:
            if len(turned) == MOST_LANGUAGES:
                raise DataError(f"{asked.name} has over {MOST_LANGUAGES} pairs of languages", "repair the file")
            turned[languages] = _is_turned(languages, asked)
        if turned[languages] is None:
            skipped["in other languages"] += 1
            continue
        for source, target in _segments(unit):
            texts = [text_of(part, asked, number) if part is not None else "" for part in (source, target)]
            if not texts[1]:
                skipped["untranslated"] += 1
                continue
            is_empty = False
            yield (number, texts[1], texts[0]) if turned[languages] else (number, texts[0], texts[1])
    if is_empty and turned and set(turned.values()) == {None}:
        there = listed(f"{source} to {target or 'an unnamed language'}" for source, target in turned)
        raise DataError(
            f"{asked.name} has nothing from {asked.languages[0]} to {asked.languages[1]}, but {there}",
            "name its languages with `source` and `target`",
        )


def _languages(unit: Any) -> tuple[str, str]:
    """The codes of source and target, as the file or the unit's own target names them; "" for one that is not named."""
    source, target = "", ""
    for element in unit.iterancestors():
        source = source or element.get("source-language") or element.get("srcLang") or ""
        target = target or element.get("target-language") or element.get("trgLang") or ""
    own = next((part.get(LANGUAGE) for part in children(unit, "target")), None)
    return source, target or own or ""


def _is_turned(languages: tuple[str, str], asked: Asked) -> bool | None:
    """Whether the file translates from the target's language into the source's; None for other languages."""
    first, second = (side_of(code, asked.languages) if code else None for code in languages)
    if first is None or (languages[1] and second != 1 - first):
        return None
    return first == 1


def _segments(unit: Any) -> Iterator[_Pair]:
    if local(unit) == "unit":
        for segment in children(unit, "segment"):
            yield _source_and_target(segment, segment.get("state"))
        return
    source, target = _source_and_target(unit, None)
    # The segments of 1.2 are marked: those of source and target with the same mid belong together.
    marked = {mark.get("mid"): mark for mark in _marks(target)}
    sources = [mark for part in children(unit, "seg-source") for mark in _marks(part)]
    if marked and sources:
        yield from ((mark, marked.get(mark.get("mid"))) for mark in sources)
    else:
        yield source, target


def _source_and_target(parent: Any, state: str | None) -> _Pair:
    source = next(iter(children(parent, "source")), None)
    target = next(iter(children(parent, "target")), None)
    if target is not None and (state or target.get("state")) in _UNTRANSLATED:
        target = None
    return source, target


def _marks(element: Any) -> list[Any]:
    if element is None:
        return []
    return [mark for mark in element.iter("{*}mrk") if mark.get("mtype") == "seg"]
