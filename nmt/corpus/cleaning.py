"""Cleaning rules: each pair is dropped by the first rule that applies to it, or kept.

The rules see texts and 64-bit hashes of texts. Among 100 million pairs, the chance that a hash collision drops a pair
is 3 in 10,000. Knows no files and no pieces.
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

# Characters. The length ratio of shorter texts proves nothing: "네." is "Yes, it is."
SHORT = 20


class Verdict(IntEnum):
    """The outcome of cleaning for one pair: kept, or the rule that dropped it."""

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
        """The name of the rule in reports and in dropped.tsv.gz, such as ``length-ratio``."""
        return self.name.lower().replace("_", "-")


def judge(pairs: Sequence[tuple[str, str]], max_ratio: float) -> tuple[Verdicts, Hashes]:
    """Apply the rules that need no other pair: verdicts, uint8 (pairs,), and hashes of the pairs, uint64 (pairs,).

    Pairs with the same normal form have the same hash.
    """
    verdicts = np.zeros(len(pairs), np.uint8)
    hashes = np.zeros(len(pairs), np.uint64)
    for row, (source, target) in enumerate(pairs):
        source, target = normal(source), normal(target)
        verdicts[row] = _judge_pair(source, target, max_ratio)
        # A normal text has no line end, so a line end separates the sides without ambiguity.
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
    """Mark, in place, the kept pairs whose hash is also in ``held_out``."""
    verdicts[(verdicts == Verdict.KEPT) & np.isin(hashes, held_out)] = verdict


def drop_duplicates(verdicts: Verdicts, hashes: Hashes) -> None:
    """Mark, in place, each kept pair that repeats an earlier kept pair."""
    kept = np.flatnonzero(verdicts == Verdict.KEPT)
    _, first = np.unique(hashes[kept], return_index=True)
    repeated = np.ones(len(kept), bool)
    repeated[first] = False
    verdicts[kept[repeated]] = Verdict.DUPLICATE


def hold_out(verdicts: Verdicts, seed: int) -> None:
    """Mark, in place, one kept pair in 20, at most 1,000, as the validation set; used when no such set is given."""
    kept = np.flatnonzero(verdicts == Verdict.KEPT)
    count = min(1000, len(kept) // 20)
    chosen = np.random.default_rng(seed).choice(len(kept), count, replace=False, shuffle=False)
    verdicts[kept[chosen]] = Verdict.HELD_OUT


def count_rules(verdicts: npt.NDArray[Any]) -> dict[str, int]:
    """Number of pairs that each rule dropped, by rule name; rules that dropped none are left out."""
    counts = np.bincount(verdicts, minlength=len(Verdict))
    return {verdict.rule: int(counts[verdict]) for verdict in Verdict if verdict and counts[verdict]}
