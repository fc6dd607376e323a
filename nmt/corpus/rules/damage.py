"""Text that was damaged on its way: mojibake, entities, loops, doubled lines. Judged on each side; the worse counts.

ftfy judges mojibake; without the extra ``clean`` that rule has no opinion. Knows characters; no language.
"""

import re
import zlib
from collections import Counter
from html import unescape

import numpy as np

from nmt.corpus.rules.rule import Chunk, Scores, unknown

_ENTITY = re.compile(r"&(?:[A-Za-z][A-Za-z0-9]{1,30}|#\d{1,7}|#[xX][0-9A-Fa-f]{1,6});")
SHORT = 40  # characters, below which a text cannot be called a loop


class Mojibake:
    """The rule ``mojibake``: sequences of characters that come of decoding text by a wrong encoding."""

    name = "mojibake"
    about = "has characters that come of decoding a text by a wrong encoding, such as Ã¼ for ü"
    unit = "damaged sequences"
    normal, strict = 0.0, 0.0
    highest = 4.0

    def learn(self, sample: Chunk) -> None:
        pass

    def judge(self, chunk: Chunk) -> Scores:
        try:
            from ftfy.badness import badness
        except ImportError:
            return unknown(len(chunk))
        worst = (max(0 if text.isascii() else badness(text) for text in pair) for pair in chunk.pairs)
        lost = (max(text.count("\ufffd") for text in pair) for pair in chunk.pairs)
        return np.fromiter(map(max, worst, lost), np.float32, len(chunk))


class Entities:
    """The rule ``entities``: HTML entities that stand in the place of characters, for each word."""

    name = "entities"
    about = "has HTML entities, such as &nbsp;, in the place of characters"
    unit = "entities for each word"
    normal, strict = 0.2, 0.0
    highest = 1.0

    def learn(self, sample: Chunk) -> None:
        pass

    def judge(self, chunk: Chunk) -> Scores:
        return np.fromiter((_entities(*pair) for pair in chunk.pairs), np.float32, len(chunk))


class Repetition:
    """The rule ``repetition``: how far a text can be compressed, because it repeats itself."""

    name = "repetition"
    about = "has a side that repeats itself over and over"
    unit = "times that zlib makes the text shorter"
    normal, strict = 3.0, 2.5
    highest = 10.0

    def learn(self, sample: Chunk) -> None:
        pass

    def judge(self, chunk: Chunk) -> Scores:
        return np.fromiter((max(map(_compressed, pair)) for pair in chunk.pairs), np.float32, len(chunk))


class Doubled:
    """The rule ``doubled``: how many letters of one side stand there twice, and not on the other side."""

    name = "doubled"
    about = "has a side that says everything twice, and the other does not"
    unit = "letters that are repeated"
    normal, strict = 20.0, 12.0  # "--enable-row-security enable row security" is no damage
    highest = 200.0

    def learn(self, sample: Chunk) -> None:
        pass

    def judge(self, chunk: Chunk) -> Scores:
        return np.fromiter((abs(_repeated(source) - _repeated(target)) for source, target in chunk.pairs), np.float32)


def _repeated(text: str) -> int:
    """The letters of the first half of a text whose second half is the same, but for marks and spaces; else 0."""
    letters = _MARKS.sub("", text)
    half = len(letters) // 2
    return half if letters[:half] * 2 == letters else 0


_MARKS = re.compile(r"[\W_]+")


def _entities(source: str, target: str) -> float:
    """Entities for each word of the worse side: of letters and spaces all, of other signs those of one side alone.

    Both sides of marked-up text have the same &lt; and &amp;.
    """
    if "&" not in source and "&" not in target:
        return 0.0
    left, right = (Counter(_ENTITY.findall(text)) for text in (source, target))
    worst = 0.0
    for text, here, there in ((source, left, right), (target, right, left)):
        letters = sum(count for entity, count in here.items() if _is_letter(entity))
        others = sum(count for entity, count in (here - there).items() if not _is_letter(entity))
        worst = max(worst, (letters + others) / max(len(_ENTITY.sub(" ", text).split()), 1))
    return worst


def _is_letter(entity: str) -> bool:
    character = unescape(entity)
    return character != entity and (character.isalnum() or character.isspace())


def _compressed(text: str) -> float:
    if len(text) < SHORT:
        return 1.0
    data = text.encode("utf-8", "surrogatepass")
    return len(data) / len(zlib.compress(data, 1))
