"""Terms in training: in some batches translations of words are written after them (Dinu et al. 2019).

Which word translates which says the dataset's lexicon. Half of the time the usual form of a translation is written, not
that of this pair, so that the model learns to inflect what it is told. A whole batch is annotated, but for rows without
a known word, and what is written is a pure function of seed, update and batch. Knows texts and pieces; no model.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from random import Random
from typing import NamedTuple

import numpy as np

from nmt.corpus.batches import Batch
from nmt.corpus.lexicon import Translated
from nmt.text.annotations import annotated
from nmt.text.tokenizer import Tokenizer
from nmt.text.words import stems_of
from nmt.training.shown import Shown

MOST = 3  # terms of a row
USUAL = 0.5  # share of terms whose translation is in its usual form
PAIRED = 0.3  # share of terms that are two words, where the next one is known too
ENDING = 4  # letters in which forms of a word differ at most

Span = tuple[int, int]


class Known(NamedTuple):
    """A word of a source whose translation is known: where both stand, and the translation's usual form."""

    source: Span
    target: Span
    usual: str


def known_words(source: str, target: str, lexicon: Mapping[str, Translated]) -> list[Known]:
    """The words of a source whose translations stand in the target, in order.

    Stems are five letters, so a word with the stem of a translation may be another one, or a compound, which does not
    count.
    """
    places = {stem: (start, end) for start, end, stem in reversed(stems_of(target))}
    found = []
    for start, end, stem in stems_of(source):
        translated = lexicon.get(stem)
        if translated and (place := places.get(translated.stem)) and _is_form(target[slice(*place)], translated.form):
            found.append(Known((start, end), place, translated.form))
    return found


def with_terms(source: str, target: str, lexicon: Mapping[str, Translated], chance: Random) -> str:
    """The source with translations of up to ``MOST`` of its words after them; without a known word it stays as it is.

    Two neighbouring words, whose translations are neighbours, may be one term.
    """
    known = known_words(source, target, lexicon)
    chosen = sorted(chance.sample(range(len(known)), min(len(known), chance.randint(1, MOST))))
    places, end = [], 0
    for place in chosen:
        words = [known[place]]
        if words[0].source[0] < end:  # part of the term before
            continue
        if place + 1 < len(known) and chance.random() < PAIRED:
            pair = sorted((words[0], known[place + 1]), key=lambda word: word.target)
            if all(_are_neighbours(text, *spans) for text, spans in _gaps(source, target, known[place], pair)):
                words = pair
        is_usual = chance.random() < USUAL
        end = max(word.source[1] for word in words)
        places.append((end, " ".join(_written(word, target, is_usual) for word in words)))
    return annotated(source, places)


def _gaps(source: str, target: str, first: Known, pair: Sequence[Known]) -> list[tuple[str, tuple[Span, Span]]]:
    """Both texts, each with the places of both words of a pair in its order."""
    other = next(word for word in pair if word is not first)
    return [(source, (first.source, other.source)), (target, (pair[0].target, pair[1].target))]


def _are_neighbours(text: str, first: Span, second: Span) -> bool:
    return second[0] > first[1] and text[first[1] : second[0]].isspace()


def _written(word: Known, target: str, is_usual: bool) -> str:
    """The translation of a word in its usual form, or as the target has it."""
    return word.usual if is_usual else target[slice(*word.target)]


def _is_form(word: str, usual: str) -> bool:
    """Whether two words differ in no more than an ending."""
    letters = zip(word.casefold(), usual.casefold(), strict=False)
    shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], letters))
    return shared >= max(1, len(word) - ENDING, len(usual) - ENDING)


@dataclass(frozen=True)
class ShownTerms(Shown):
    """Annotates a ``share`` of the batches, by the tokenizer of both sides."""

    stream = 4

    tokenizer: Tokenizer
    lexicon: Mapping[str, Translated]

    def changed(self, batch: Batch, random: np.random.Generator) -> Batch:
        """See ``Shown``."""
        chance = Random(int(random.integers(1 << 62)))
        sources, targets = (
            self.tokenizer.decode_slotted([ids.tolist() for ids in side]) for side in (batch.sources, batch.targets)
        )
        told = [with_terms(*pair, self.lexicon, chance) for pair in zip(sources, targets, strict=True)]
        changed = [row for row, text in enumerate(told) if text != sources[row]]
        encoded = self.tokenizer.encode_annotated([told[row] for row in changed], [True] * len(changed))
        rows = list(batch.sources)
        for row, ids in zip(changed, encoded, strict=True):
            rows[row] = np.array(ids, np.int64)
        return Batch(batch.rows, rows, batch.targets)
