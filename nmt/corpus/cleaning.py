"""Which pairs are worth training on: rules with figures, each pair dropped by the first rule that speaks.

Judges texts and 64-bit hashes of texts (over 100 million pairs, the chance that one pair is dropped by a collision is
3 in 10,000). Knows no files and no pieces.
"""

from collections.abc import Sequence
from enum import IntEnum
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt

from nmt.text.normal import normal

Verdicts = npt.NDArray[np.uint8]
Hashes = npt.NDArray[np.uint64]

# Beside one word, a short sentence proves nothing by its length: "네." is "Yes, it is."
SHORT = 20


class Verdict(IntEnum):
    """What becomes of a pair; ``rule`` is its name in counts and in dropped.tsv.gz."""

    KEPT = 0
    EMPTY = 1
    SOURCE_EQUALS_TARGET = 2
    LENGTH_RATIO = 3
    IN_TEST = 4
    IN_VALID = 5
    DUPLICATE = 6
    HELD_OUT = 7
    TOO_LONG = 8

    @property
    def rule(self) -> str:
        return self.name.lower().replace("_", "-")


def judge(pairs: Sequence[tuple[str, str]], max_ratio: float) -> tuple[Verdicts, Hashes]:
    """The verdict on each pair by itself, and its hash; texts of the same normal form are the same."""
    verdicts = np.zeros(len(pairs), np.uint8)
    hashes = np.zeros(len(pairs), np.uint64)
    for row, (source, target) in enumerate(pairs):
        source, target = normal(source), normal(target)
        verdicts[row] = _judge_pair(source, target, max_ratio)
        # No text holds a line end, so the two sides cannot be cut in two ways.
        digest = blake2b(f"{source}\n{target}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
        hashes[row] = int.from_bytes(digest, "little")
    return verdicts, hashes


def _judge_pair(source: str, target: str, max_ratio: float) -> Verdict:
    if not source or not target:
        return Verdict.EMPTY
    if source == target:
        return Verdict.SOURCE_EQUALS_TARGET
    shorter, longer = sorted((len(source), len(target)))
    if longer > SHORT and longer > max_ratio * shorter:
        return Verdict.LENGTH_RATIO
    return Verdict.KEPT


def drop_held_out(verdicts: Verdicts, hashes: Hashes, held_out: Hashes, verdict: Verdict) -> None:
    """Mark, in place, the kept pairs that also stand among the held-out ones."""
    verdicts[(verdicts == Verdict.KEPT) & np.isin(hashes, held_out)] = verdict


def drop_duplicates(verdicts: Verdicts, hashes: Hashes) -> None:
    """Mark, in place, every kept pair that was kept before it."""
    kept = np.flatnonzero(verdicts == Verdict.KEPT)
    _, first = np.unique(hashes[kept], return_index=True)
    repeated = np.ones(len(kept), bool)
    repeated[first] = False
    verdicts[kept[repeated]] = Verdict.DUPLICATE


def hold_out(verdicts: Verdicts, seed: int) -> None:
    """Set aside, in place, one kept pair in 20, at most 1,000: the validation set of who names none."""
    kept = np.flatnonzero(verdicts == Verdict.KEPT)
    count = min(1000, len(kept) // 20)
    chosen = np.random.default_rng(seed).choice(len(kept), count, replace=False, shuffle=False)
    verdicts[kept[chosen]] = Verdict.HELD_OUT


def count_rules(verdicts: npt.NDArray[Any]) -> dict[str, int]:
    """How many pairs each rule dropped; rules that dropped none are left out."""
    counts = np.bincount(verdicts, minlength=len(Verdict))
    return {verdict.rule: int(counts[verdict]) for verdict in Verdict if verdict and counts[verdict]}
