"""Texts that stand beside ever different texts: menus, licences and captions of a crawl that were paired by place.

Counts, for each text of a side, with how many different texts it is paired. Knows texts; no language.
"""

from collections import defaultdict
from hashlib import blake2b

import numpy as np

from nmt.corpus.rules.rule import SIDES, Chunk, Scores
from nmt.text.words import bare

MOST = 1 << 20  # texts of a side that are counted; later ones are not
LEAST = 3  # words of a text, below which it may well have many translations


class Boilerplate:
    """The rule ``boilerplate``: with how many different texts the pair's more frequent side stands in the sample."""

    name = "boilerplate"
    about = "has a side that stands beside many different texts"
    unit = "different texts in the sample"
    normal, strict = 20.0, 8.0
    highest = 100.0

    def __init__(self) -> None:
        self._partners: tuple[dict[int, int], dict[int, int]] = ({}, {})

    def learn(self, sample: Chunk) -> None:
        keys = [(hash_of(source), hash_of(target)) for source, target in sample.pairs]
        for side in SIDES:
            partners: defaultdict[int, set[int]] = defaultdict(set)
            for pair in keys:
                if len(partners) < MOST or pair[side] in partners:
                    partners[pair[side]].add(pair[1 - side])
            self._partners[side].clear()
            self._partners[side].update((text, len(others)) for text, others in partners.items() if len(others) > 1)

    def judge(self, chunk: Chunk) -> Scores:
        scores = np.zeros(len(chunk), np.float32)
        for row, pair in enumerate(chunk.pairs):
            for side in SIDES:
                if len(chunk.words[side][row]) >= LEAST:
                    scores[row] = max(scores[row], self._partners[side].get(hash_of(pair[side]), 1))
        return scores


def hash_of(text: str) -> int:
    """64 bits of a text without case, marks and spaces."""
    return int.from_bytes(blake2b(bare(text).encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
