"""What a dataset of several directions has beside its rows: tags in front of its sources, and facts of each target.

Knows pieces and counts; no raw text.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from nmt.corpus.scan import Scanned
from nmt.corpus.shards import Split
from nmt.errors import DataError
from nmt.text.directions import Direction, languages_of, targets_of
from nmt.text.profile import Profile, ProfileCounter
from nmt.text.spm_format import FIRST_PLAIN
from nmt.text.telling import Frequencies, frequencies_of
from nmt.text.tokenizer import Tokenizer

ROWS = 1 << 14  # whose pieces are counted at a time


def tags_of(source: Tokenizer, directions: Sequence[Direction]) -> dict[str, int]:
    """The piece that asks for each target language; none where there is one direction.

    Raises DataError for a vocabulary that has none for a language.
    """
    if len(directions) == 1:
        return {}
    tags = {language: source.tag(language) for language in languages_of(directions)}
    if missing := [language for language, tag in tags.items() if tag is None]:
        raise DataError(
            f"the vocabulary of `vocab` has no piece that asks for {', '.join(missing)}",
            "leave `vocab` out, or give one that was learnt for these languages",
        )
    return {language: tag for language, tag in tags.items() if tag is not None}


def summed(counters: Iterable[ProfileCounter]) -> ProfileCounter:
    """What several counters have counted together."""
    total = ProfileCounter()
    for counter in counters:
        total.restore(counter.state())
    return total


def several_facts(
    counts: Mapping[Direction, Sequence[npt.NDArray[np.int64]]],
    corpora: Sequence[Scanned],
    tokenizers: tuple[Tokenizer, Tokenizer],
    counters: Mapping[Direction, ProfileCounter],
    slots: Mapping[str, Any],
) -> dict[str, Any]:
    """The facts of a dataset of several directions; ``corpora`` are those of each corpus of the manifest.

    ``counts`` are those of ``counts_of``.
    """
    directions = list(counters)
    is_joint = tokenizers[0] is tokenizers[1]
    targets = {}
    for target in targets_of(directions):
        profile: Profile = summed(own for (_, to), own in counters.items() if to == target).profile()
        targets[target] = {"profile": replace(profile, **slots).facts()}
    seen: dict[str, npt.NDArray[np.int64]] = {}
    for direction, sides in counts.items():
        for side in (0, 1) if is_joint else (1,):
            seen[direction[side]] = seen.get(direction[side], 0) + sides[side]
    return {
        "corpus_directions": [directions.index(entry.corpus.languages) for entry in corpora],
        "targets": targets,
        "frequencies": {language: told(counts, tokenizers[1]).facts() for language, counts in seen.items()},
    }


def told(counts: npt.NDArray[np.int64], tokenizer: Tokenizer) -> Frequencies:
    """The frequencies of text's pieces, without bytes and reserved pieces."""
    plain = {place: int(counts[place]) for place in np.flatnonzero(counts).tolist()}
    return frequencies_of({id: n for id, n in plain.items() if FIRST_PLAIN <= id < tokenizer.first_reserved})


def counts_of(
    train: Split, corpora: Sequence[Scanned], directions: Sequence[Direction]
) -> dict[Direction, Sequence[npt.NDArray[np.int64]]]:
    """How often each piece occurs in the sources and in the targets of each direction."""
    if len(directions) == 1:
        return {directions[0]: [train.piece_counts("source"), train.piece_counts("target")]}
    of_rows = [directions.index(entry.corpus.languages) for entry in corpora]
    return dict(zip(directions, piece_counts(train, of_rows, len(directions)), strict=True))


def piece_counts(split: Split, groups: Sequence[int], count: int) -> list[list[npt.NDArray[np.int64]]]:
    """How often each piece occurs in the sources and in the targets of each of ``count`` groups of corpora."""
    counts = [[np.zeros(split.vocabulary[side], np.int64) for side in ("source", "target")] for _ in range(count)]
    for start in range(0, len(split), ROWS):
        rows = np.arange(start, min(start + ROWS, len(split)))
        group = np.array(groups, np.int64)[split.corpus_ids(rows)]
        for side, ids in enumerate(split.ids(rows)):
            for number in range(count):
                own = [ids[place] for place in np.flatnonzero(group == number).tolist()]
                if own:
                    sums = counts[number][side]
                    sums += np.bincount(np.concatenate(own), minlength=len(sums))
    return counts
