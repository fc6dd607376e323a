"""Tags in the batches of a dataset of several directions: each source begins with the piece that asks for a language.

A phase may exchange the sides of a pair, which then asks for the language of its source; and what training shows in
another way is text, to which no tag belongs. Knows pieces and directions; no model.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nmt.corpus.batches import Batch
from nmt.corpus.dataset import Dataset
from nmt.text.tokenizer import Tokenizer
from nmt.training.shown import Change

Ids = npt.NDArray[Any]


@dataclass(frozen=True)
class Tags:
    """The tags of a dataset's training rows."""

    data: Dataset
    tokenizer: Tokenizer  # of the sources

    def exchanged(self, batch: Batch) -> Batch:
        """The batch with rows whose target has the tag, for their sides were exchanged, with one for the other side."""
        rows = [row for row, ids in enumerate(batch.targets) if len(ids) and self.tokenizer.is_tag(int(ids[0]))]
        if not rows:
            return batch
        sources, targets = list(batch.sources), list(batch.targets)
        directions = self.data.directions_of(self.data.train.corpus_ids(batch.rows[rows]))
        for row, (language, _) in zip(rows, directions, strict=True):
            sources[row] = tagged(self.tokenizer.tag(language) or 0, sources[row])
            targets[row] = targets[row][1:]
        return Batch(batch.rows, sources, targets)

    def around(self, change: Change, batches: Sequence[Batch], step: int) -> Sequence[Batch]:
        """The batches changed, with the tags that they had before."""
        first = [[int(ids[0]) for ids in batch.sources] for batch in batches]
        plain = [Batch(batch.rows, [ids[1:] for ids in batch.sources], batch.targets) for batch in batches]
        return [
            Batch(batch.rows, list(map(tagged, tags, batch.sources)), batch.targets)
            for tags, batch in zip(first, change(plain, step), strict=True)
        ]


def tagged(tag: int, ids: Ids) -> Ids:
    """The ids of a source behind a tag."""
    return np.concatenate([np.array([tag], np.int64), ids])
