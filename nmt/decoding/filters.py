"""Filters of the PyTorch search: functions that mask logits before they become probabilities. Knows no model."""

from collections.abc import Iterable

import torch
from torch import Tensor

from nmt.decoding.roles import Columns, Filter, Rows
from nmt.text.tokenizer import EOS


def forbid(pieces: Iterable[int], columns: Columns) -> Filter:
    """A filter that never lets these pieces be produced: unknown, padding, <s> and the like. </s> is always allowed."""
    column_F = columns.of(set(pieces) - {EOS})

    def mask(rows: Rows, logits_NV: Tensor) -> Tensor:
        return logits_NV.index_fill_(1, column_F, -torch.inf)

    return mask
