"""Which head of a map shows most, for a page or a picture to begin with. Knows no drawing.

The average of all heads shows little: heads look at different things. Of cross-attention the clearest head is the one
that aligns best, of self-attention the one whose rows look at the most different places.
"""

from collections.abc import Collection
from typing import NamedTuple

import numpy as np

from nmt.decoding.word_links import Link, links_of
from nmt.show.attention import AttentionMap, Weights


class Choice(NamedTuple):
    """A head, counted from 0, and why it was chosen."""

    layer: int
    head: int
    why: str


def clearest(attention: AttentionMap, links: Collection[Link]) -> Choice:
    """The head to begin with; ``links`` are between the words of the source and of the target."""
    layers, heads, *_ = attention.weights.shape
    if (layers, heads) == (1, 1):
        return Choice(0, 0, "the only head")
    places = [(layer, head) for layer in range(layers) for head in range(heads)]
    if attention.kind == "cross" and links:
        words = attention.by_words().weights
        found = {place: agreement(words[place], links) for place in places}
        layer, head = max(places, key=lambda place: (found[place], information(attention.weights[place])))
        why = f"of all heads its words agree best with the word links (F1 {found[layer, head]:.2f})"
    else:
        spread = {place: information(attention.weights[place]) for place in places}
        layer, head = max(places, key=lambda place: spread[place])
        why = f"of all heads its rows look at the most different places ({spread[layer, head]:.1f} bits)"
    return Choice(layer, head, why)


def agreement(words_UR: Weights, links: Collection[Link]) -> float:
    """F1 of the links that the weights between words give, measured by ``links``; </s> of both sides is left out."""
    own_UR = words_UR[:-1, :-1]
    total_U1 = own_UR.sum(1, keepdims=True)
    share_UR = np.divide(own_UR, total_U1, out=np.zeros_like(own_UR), where=total_U1 > 0)
    given = set(links_of(share_UR)) if share_UR.size else set()
    return 2 * len(given & set(links)) / max(1, len(given) + len(links))


def information(weights_TS: Weights) -> float:
    """Bits that a row tells of the column it looks at: the mutual information of both, each row as probable as another.

    It is 0 where all rows look at the same places, as in a head that always looks at </s>, and highest where each row
    looks at one place of its own.
    """
    return entropy(weights_TS.mean(0)) - float(np.mean([entropy(row) for row in weights_TS]))


def entropy(share_S: Weights) -> float:
    """Shannon entropy of a distribution, in bits."""
    there = share_S[share_S > 0]
    return float(-(there * np.log2(there)).sum())
