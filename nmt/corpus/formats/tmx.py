"""TMX, translation memories: each unit (tu) has a variant (tuv) for each language, whose text is its segment (seg).

Knows elements and languages; how XML is read stands in markup.py.
"""

from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO

from nmt.corpus.formats.format import Asked, Matcher, Row, listed
from nmt.corpus.formats.markup import LANGUAGE, children, read_units, text_of
from nmt.errors import DataError

_LACKS = "without both languages"


def read(file: BinaryIO, asked: Asked, skipped: Counter[str]) -> Iterator[Row]:
    """Read the units that have both languages; of several variants of a language, the first counts."""
    matcher = Matcher(asked)
    is_empty = True
    for number, unit in read_units(file, asked, "tmx", ("tu",)):
        sides: list[str | None] = [None, None]
        for variant in children(unit, "tuv"):
            side = matcher.side(variant.get(LANGUAGE) or variant.get("lang") or "")
            if side is not None and sides[side] is None:
                sides[side] = " ".join(text_of(segment, asked, number) for segment in children(variant, "seg")[:1])
        source, target = sides
        if source is None or target is None:
            skipped[_LACKS] += 1
            continue
        is_empty = False
        yield number, source, target
    if is_empty and skipped:
        raise DataError(
            f"{asked.name} has no unit with both {' and '.join(asked.languages)}, but with {listed(matcher.codes)}",
            "name two of its languages with `source` and `target`",
        )
