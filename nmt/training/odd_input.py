"""Odd input in training: some batches have typos, small letters, no final marks, or signs that are copied.

A model that never saw a typo fails at the first. A whole batch changes in the same way, so that the others do not get
longer by it, and the change is a pure function of seed, update and batch. Knows texts and pieces; no model.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np

from nmt.corpus.batches import Batch, Sentences
from nmt.text.reserved import SIGNS
from nmt.text.sentences import MARKS, final_mark
from nmt.text.tokenizer import Tokenizer
from nmt.training.shown import Shown

TYPO = 1 / 7  # share of the words of a line that get one

_WORD = re.compile(r"[^\W\d_]{2,}")
_SHARED = re.compile(r"\w{3,}")

Pair = tuple[str, str]


def typos(source: str, target: str, chance: Random) -> Pair:
    """Letters of the source exchanged, left out, doubled or mistaken."""

    letters = "".join(_WORD.findall(source))

    def typo(match: re.Match[str]) -> str:
        word = match[0]
        if chance.random() >= TYPO:
            return word
        place = chance.randrange(len(word) - 1)
        kind = chance.random()
        if kind < 0.6:
            return word[:place] + word[place + 1] + word[place] + word[place + 2 :]
        put = "" if kind < 0.75 else 2 * word[place] if kind < 0.85 else chance.choice(letters)
        return word[:place] + put + word[place + 1 :]

    return _WORD.sub(typo, source), target


def small_letters(source: str, target: str, chance: Random) -> Pair:
    """The source in small letters, as titles and capitals are translated."""
    return source.lower(), target


def no_final_mark(source: str, target: str, chance: Random) -> Pair:
    """Both sides without a final mark, if both have one."""
    if not (final_mark(source) and final_mark(target)):
        return source, target
    return source.rstrip(MARKS).rstrip() or source, target.rstrip(MARKS).rstrip() or target


def with_slots(source: str, target: str, chance: Random) -> Pair:
    """Slots at the ends of both sides, and in place of words that both sides have."""
    if any(sign in SIGNS for sign in source + target):
        return source, target
    first = chance.randrange(len(SIGNS) // 2) if chance.random() < 0.5 else 0
    signs = iter(SIGNS[first:])
    gap = " " if chance.random() < 0.8 else ""
    begins, ends = chance.random() < 0.3, chance.random() < 0.6
    if begins:
        sign = next(signs)
        source, target = f"{sign}{gap}{source}", f"{sign}{gap}{target}"
    others = set(_SHARED.findall(target))  # as words: a part of another word is none of them
    shared = [word for word in dict.fromkeys(_SHARED.findall(source)) if word in others]
    shared = [word for word in shared if source.count(word) == target.count(word) == 1]
    shared = [word for word in shared if chance.random() < 0.5][:4]
    for word, sign in zip(shared, signs, strict=False):
        source, target = source.replace(word, sign), target.replace(word, sign)
    if ends or not (begins or shared):
        sign = next(signs)
        inside = chance.random() < 0.3 and final_mark(source) and final_mark(target)
        source, target = (with_end(text, gap + sign, bool(inside)) for text in (source, target))
    return source, target


def with_end(text: str, end: str, inside: bool) -> str:
    """A text with something at its end, or before its final mark."""
    body = text.rstrip(MARKS) if inside else text
    return body + end + text[len(body) :]


CHANGES: Sequence[tuple[float, Callable[[str, str, Random], Pair]]] = (
    (0.6, typos),
    (0.1, small_letters),
    (0.1, no_final_mark),
    (0.2, with_slots),
)
"""The ways in which a batch may change, with their shares of the odd batches."""


@dataclass(frozen=True)
class OddInput(Shown):
    """Changes a ``share`` of the batches, with the tokenizers of both sides."""

    stream = 3

    tokenizers: tuple[Tokenizer, Tokenizer]

    def changed(self, batch: Batch, random: np.random.Generator) -> Batch:
        """See ``Shown``."""
        place = int(np.searchsorted(np.cumsum([share for share, _ in CHANGES]), random.random(), side="right"))
        change = CHANGES[min(place, len(CHANGES) - 1)][1]
        chance = Random(int(random.integers(1 << 62)))
        source, target = self.tokenizers
        lines = source.decode_slotted([ids.tolist() for ids in batch.sources])
        others = target.decode_slotted([ids.tolist() for ids in batch.targets])
        pairs = [change(*pair, chance) for pair in zip(lines, others, strict=True)]
        slots = [True] * len(pairs)
        sources = source.encode_slotted([pair[0] for pair in pairs], slots)
        targets = target.encode_slotted([pair[1] for pair in pairs], slots)
        return Batch(batch.rows, arrays(sources), arrays(targets))


def arrays(rows: Sequence[Sequence[int]]) -> Sentences:
    """Rows of ids as batches hold them."""
    return [np.array(row, np.int64) for row in rows]
