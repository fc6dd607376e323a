"""Chunks of pairs to piece ids. Chunks do not depend on each other, so several processes may encode.

Knows tokenizers, slots and verdicts; no files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import compress
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nmt.corpus.parallel import Pair
from nmt.corpus.shards import Ragged
from nmt.corpus.verdicts import HELD_OUT, KEPT, TOO_LONG, Verdicts
from nmt.text.normal import normal
from nmt.text.profile import ProfileCounter
from nmt.text.slots import Find, slotted, slotted_pair
from nmt.text.tokenizer import Tokenizer
from nmt.text.verbatim import Grammar, LateLines


class Unencoded(NamedTuple):
    """A chunk of a corpus, and what is known of it."""

    corpus: int  # number of its corpus
    name: str  # of the corpus
    role: str  # "train" or "valid"
    start: int  # pairs of the corpus that come before
    pairs: Sequence[Pair]
    verdicts: Verdicts
    language: str  # of the sources; "": unknown
    toward: str  # language of the targets


class Encoded(NamedTuple):
    """A chunk with its pieces."""

    chunk: Unencoded  # without its pairs, and with its pairs over the length limit marked
    rows: Mapping[str, tuple[Ragged, Ragged]]  # source and target of each split
    valid: Sequence[Pair]  # the pairs to validate on
    counted: Mapping[str, Any]  # what a ProfileCounter has counted of the pairs to train on
    late: LateLines


@dataclass(frozen=True)
class Encoder:
    """Encodes pairs: one tokenizer for each side, and the length limit in pieces.

    What both sides have of the ``grammar`` becomes slots. ``tags`` are the pieces that ask for a target language, where
    there are several.
    """

    source: Tokenizer
    target: Tokenizer
    max_length: int
    grammar: Grammar
    tags: Mapping[str, int] = field(default_factory=dict)

    def __call__(self, chunk: Unencoded) -> Encoded:
        """Encode a chunk."""
        verdicts, late = chunk.verdicts.copy(), LateLines()
        wanted = np.flatnonzero((verdicts == KEPT) | (verdicts == HELD_OUT))
        tag = self.tag(chunk.toward)
        kinds = [set[str]() for _ in wanted]
        source, target, fits = self.encode([chunk.pairs[row] for row in wanted.tolist()], tag, kinds)
        for row, some in zip(wanted.tolist(), kinds, strict=True):
            late.add(f"{chunk.name} line {chunk.start + row + 1}", some)
        verdicts[wanted[~fits]] = TOO_LONG
        counter, rows, valid = ProfileCounter(chunk.language), {}, list[Pair]()
        for split, verdict in ((chunk.role, KEPT), ("valid", HELD_OUT)):
            chosen = verdicts[wanted] == verdict
            sources, targets = list(compress(source, chosen)), list(compress(target, chosen))
            tagged = [tag + ids for ids in sources] if tag else sources
            if sources:
                rows[split] = Ragged.of(tagged), Ragged.of(targets)
            texts = [chunk.pairs[row] for row in wanted[chosen].tolist()]
            if split == "train":
                counter.add(texts, map(len, sources), map(len, targets))
            else:
                valid += texts
        return Encoded(chunk._replace(pairs=(), verdicts=verdicts), rows, valid, counter.state(), late)

    def encode(
        self, pairs: Sequence[Pair], tag: Sequence[int] = (), late: Sequence[set[str]] = ()
    ) -> tuple[list[list[int]], list[list[int]], npt.NDArray[np.bool_]]:
        """Encode pairs: source ids, target ids, and whether each pair is within the length limit, bool (pairs,).

        A pair over the limit may come back with empty lists. The ``tag`` is one that its sources get later. Each set of
        ``late`` gets the kinds that are left out of a pair, because their patterns take too long.
        """
        find = self.grammar.find
        finds: list[Find] = [partial(find, late=some) for some in late] or [find] * len(pairs)
        given, pairs = pairs, [slotted_pair(*pair, own, vary=True) for pair, own in zip(pairs, finds, strict=True)]
        slotted = [pair != as_given for pair, as_given in zip(pairs, given, strict=True)]
        may_fit = [self._may_fit(pair) for pair in pairs]
        pairs = [pair if may else ("", "") for pair, may in zip(pairs, may_fit, strict=True)]
        source = self.source.encode_slotted([pair[0] for pair in pairs], slotted)
        target = self.target.encode_slotted([pair[1] for pair in pairs], slotted)
        longest = [max(len(left) + len(tag), len(right)) for left, right in zip(source, target, strict=True)]
        return source, target, np.array(may_fit, bool) & (np.array(longest, np.int64) <= self.max_length)

    def tag(self, target_language: str) -> list[int]:
        """What the sources of a target language begin with."""
        return [self.tags[target_language]] if self.tags else []

    def encode_side(self, texts: Sequence[str], side: int, slots: int) -> tuple[list[list[int]], npt.NDArray[np.bool_]]:
        """Encode texts of one side, 0 for sources: their ids, and whether each is within the length limit.

        The first ``slots`` matches of the grammar become slots, as when a line is translated.
        """
        tokenizer = (self.source, self.target)[side]
        made = [slotted(text, self.grammar.find, slots) for text in texts]
        may_fit = [self._may_fit((text.text, "") if side == 0 else ("", text.text)) for text in made]
        given = [text.text if may else "" for text, may in zip(made, may_fit, strict=True)]
        ids = tokenizer.encode_slotted(given, [text.items for text in made])
        fits = np.fromiter(map(len, ids), np.int64, len(ids)) <= self.max_length
        return ids, fits & np.array(may_fit, bool)

    def _may_fit(self, pair: Pair) -> bool:
        """Whether each side has so few characters that ``max_length`` pieces could spell it; if not, skip encoding."""
        most = self.source.longest * self.max_length, self.target.longest * self.max_length
        return all(len(text) <= limit or len(normal(text)) <= limit for text, limit in zip(pair, most, strict=True))
