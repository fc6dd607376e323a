"""Filters of the PyTorch search: functions that mask logits before they become probabilities. Knows no model.

So a masked piece's probability goes to the others, and a piece that is forced has the log-probability 0, as in
CTranslate2. B sentences of the batch, N rows, V columns, T pieces of a row (<s> first), P pieces of a prefix, E exempt
pieces, W windows of a row, S pieces of a window.
"""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from nmt.decoding.engine import Avoided
from nmt.decoding.roles import Columns, Filter, Rows
from nmt.text.tokenizer import EOS


def forbid(pieces: Iterable[int], columns: Columns) -> Filter:
    """A filter that never lets these pieces be produced: unknown, padding, <s> and the like. </s> is always allowed."""
    column_F = columns.of(set(pieces) - {EOS})

    def mask(rows: Rows, logits_NV: Tensor) -> Tensor:
        return logits_NV.index_fill_(1, column_F, -torch.inf)

    return mask


def begin_with(prefixes: Sequence[Sequence[int]], device: torch.device) -> Filter:
    """A filter that makes each sentence of the batch begin with its prefix, given as columns."""
    column_BP = padded(prefixes, device)
    longest = column_BP.size(1)

    def mask(rows: Rows, logits_NV: Tensor) -> Tensor:
        place = rows.prefix_NT.size(1) - 1
        if place >= longest:
            return logits_NV
        column_N = column_BP[rows.sentence_of_row, place]
        forced_NV = torch.full_like(logits_NV, -torch.inf).scatter_(1, column_N.clamp(min=0)[:, None], 0.0)
        return forced_NV.where((column_N >= 0)[:, None], logits_NV)

    return mask


def no_early_end(least: int) -> Filter:
    """A filter that lets no translation of fewer than ``least`` pieces end, unless nothing else is possible."""

    def mask(rows: Rows, logits_NV: Tensor) -> Tensor:
        if rows.prefix_NT.size(1) > least:
            return logits_NV
        others_NV = logits_NV.index_fill(1, torch.tensor([EOS], device=logits_NV.device), -torch.inf)
        return others_NV.where((others_NV > -torch.inf).any(1, keepdim=True), logits_NV)

    return mask


def no_repeats(size: int, exempt: Sequence[Sequence[int]], columns: Columns) -> Filter:
    """A filter that lets no ``size`` pieces in a row appear twice in a translation (Paulus et al. 2018).

    Each sentence's ``exempt`` pieces may end a repetition.
    """
    exempt_BE = padded(exempt, columns.device)

    def mask(rows: Rows, logits_NV: Tensor) -> Tensor:
        pieces_NT = rows.prefix_NT[:, 1:]
        if pieces_NT.size(1) < size:
            return logits_NV
        window_NWS = pieces_NT.unfold(1, size, 1)
        newest_N1S = pieces_NT[:, None, pieces_NT.size(1) - size + 1 :]
        piece_NW = window_NWS[:, :, -1]
        free_NWE = piece_NW[:, :, None] == exempt_BE[rows.sentence_of_row][:, None]
        repeats_NW = (window_NWS[:, :, :-1] == newest_N1S).all(2) & ~free_NWE.any(2)
        # A piece may end several windows, of which only some are repeated: the least bound holds.
        bound_NW = torch.full_like(piece_NW, torch.inf, dtype=logits_NV.dtype).masked_fill(repeats_NW, -torch.inf)
        return logits_NV.scatter_reduce(1, columns.places(piece_NW), bound_NW, "amin")

    return mask


def avoid(avoided: Sequence[Avoided | None], limits: Sequence[int], columns: Columns) -> Filter:
    """A filter that keeps what each sentence avoids out of its translation of at most ``limits`` pieces.

    A row is looked at in Python: what it must avoid depends on its text, not on a few pieces.
    """

    def mask(rows: Rows, logits_NV: Tensor) -> Tensor:
        length = rows.prefix_NT.size(1)
        places: list[int] = []
        pieces: list[int] = []
        for row, (sentence, prefix) in enumerate(
            zip(rows.sentence_of_row.tolist(), rows.prefix_NT[:, 1:].tolist(), strict=True)
        ):
            if words := avoided[sentence]:
                unwanted = words.after(prefix, length == limits[sentence])
                places += [row] * len(unwanted)
                pieces += unwanted
        column_F = columns.places(torch.tensor(pieces, dtype=torch.long, device=logits_NV.device))
        row_F = torch.tensor(places, dtype=torch.long, device=logits_NV.device)
        offered_F = column_F >= 0
        return logits_NV.index_put_((row_F[offered_F], column_F[offered_F]), logits_NV.new_tensor(-torch.inf))

    return mask


def padded(rows: Sequence[Sequence[int]], device: torch.device) -> Tensor:
    """Rows of numbers as a tensor, right-padded with -1."""
    numbers = [torch.tensor(row, dtype=torch.long) for row in rows]
    return pad_sequence(numbers, batch_first=True, padding_value=-1).to(device)
