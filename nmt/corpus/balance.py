"""Balance of directions by temperature: small ones are seen more often than their share. Knows numbers of pairs.

A direction with n pairs is seen with a probability in proportion to n^(1/T) (Arivazhagan et al. 2019, section 4.2): as
the text has it at T = 1, each equally often when T is large.
"""

from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")

DIGITS = 6  # of a weight


def balanced(pairs: Sequence[float], temperature: float) -> list[float]:
    """How often an epoch sees each pair of each direction, so that it has as many pairs as all of them together."""
    shares = [count ** (1 / temperature) for count in pairs]
    total = sum(pairs) / sum(shares)
    return [round(share * total / count, DIGITS) if count else 1.0 for share, count in zip(shares, pairs, strict=True)]


def repeated(items: Sequence[Item], weight: float) -> list[Item]:
    """The items in their order, each so often that their number grows by ``weight``, evenly; at least one."""
    count = max(1, round(len(items) * weight)) if items else 0
    return [items[place * len(items) // count] for place in range(count)]
