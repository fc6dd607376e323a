"""Random choices that are the same in every version of Python. Knows random numbers; no words.

All are made from random.random(), the only function whose sequence Python promises to keep.
"""

import random
from collections.abc import Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """A seeded source of random choices."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed).random

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.random() < probability

    def pick(self, items: Sequence[T]) -> T:
        """One of the items, all with the same probability."""
        return items[int(self.random() * len(items))]

    def weighted(self, weights: Mapping[str, float]) -> str:
        """One of the names, with probabilities in proportion to their weights."""
        point = self.random() * sum(weights.values())
        for name, weight in weights.items():
            point -= weight
            if point < 0:
                return name
        return name

    def shuffle(self, items: list[T]) -> None:
        """Shuffle the list in place."""
        for last in range(len(items) - 1, 0, -1):
            chosen = int(self.random() * (last + 1))
            items[last], items[chosen] = items[chosen], items[last]
