"""One place of a model opened: a row of attention, a norm, a residual, or its positions, as plain numbers.

Knows no drawing. D width, E features of a head, S key positions, P positions, K offsets.
"""

from math import inf
from typing import TYPE_CHECKING, Any

from nmt.show.recording import Attended, Sublayer

if TYPE_CHECKING:
    from torch import Tensor

    from nmt.model.family import TranslationModel

DIGITS = 4
POSITIONS = 1_200  # that are measured: more than a learned table has
SHOWN = 40  # positions in the picture
FEATURES = 128  # of the picture; of a wider model some are left out
OFFSETS = 40
STARTS = (0, 50, 1_000)  # positions from which distances are measured


def numbers(values: "Tensor", digits: int = DIGITS) -> Any:
    """Nested lists of rounded numbers; None for -inf, which JSON has not."""
    rounded = (values.double() * 10**digits).round() / 10**digits
    return without_infinity((rounded + 0.0).tolist())  # 0.0 instead of -0.0


def without_infinity(values: Any) -> Any:
    """The same lists with None for -inf."""
    if isinstance(values, list):
        return [without_infinity(value) for value in values]
    return None if values == -inf else values


def opened_row(attended: Attended, weights_HTS: "Tensor", head: int, row: int) -> dict[str, Any]:
    """How a row of weights came about: q·k, times the scale, the mask, softmax; the sum, and the mean of the values.

    ``weights_HTS`` are the model's own.
    """
    weight_S = weights_HTS[head, row]
    opened: dict[str, Any] = {
        "products": numbers(attended.product_HTS[head, row]),
        "scale": attended.scale,
        "scores": numbers(attended.scores()[head, row]),
        "weights": numbers(weight_S, 6),
        "sum": round(float(weight_S.sum()), 9),
    }
    if attended.query_HTE is not None and attended.key_HSE is not None:
        opened |= {"query": numbers(attended.query_HTE[head, row]), "keys": numbers(attended.key_HSE[head])}
    if attended.value_HSE is not None:
        value_SE = attended.value_HSE[head]
        opened |= {"values": numbers(value_SE), "context": numbers(weight_S @ value_SE)}
    return opened


def opened_sublayer(sublayer: Sublayer, position: int) -> dict[str, Any]:
    """LayerNorm's numbers at one position, and what the sublayer adds there."""
    norm = sublayer.norm
    x_D = sublayer.normed_from_TD[position]
    mean, variance = x_D.mean(), x_D.var(unbiased=False)
    deviation = (variance + norm.eps).sqrt()
    return {
        "pre": sublayer.is_pre,
        "before": numbers(sublayer.before_TD[position]),
        "added": numbers(sublayer.added()[position]),
        "after": numbers(sublayer.after_TD[position]),
        "norm": {
            "input": numbers(x_D),
            "mean": round(float(mean), 6),
            "deviation": round(float(deviation), 6),
            "normalised": numbers((x_D - mean) / deviation),
            "gamma": numbers(norm.weight),
            "beta": numbers(norm.bias),
            "output": numbers(sublayer.normed_TD[position]),
        },
    }


def lengths(sublayer: Sublayer) -> dict[str, Any]:
    """How long the vectors are at each position: before the sublayer, what it adds, and after it."""
    return {
        "side": sublayer.side,
        "layer": sublayer.layer,
        "name": sublayer.name,
        "before": numbers(sublayer.before_TD.norm(dim=1), 2),
        "added": numbers(sublayer.added().norm(dim=1), 2),
        "after": numbers(sublayer.after_TD.norm(dim=1), 2),
    }


def opened_positions(model: "TranslationModel") -> dict[str, Any] | None:
    """The positional encoding, measured by four requirements; None for a model without one.

    Unique: the least distance of two positions. Equal distances: how far positions an offset apart are from each other,
    from different starts. Any length: the length of the vectors, up to position 1,199. Deterministic: the largest
    difference of two computations, and the number of learnt parameters.
    """
    import torch

    with torch.inference_mode():
        vector_PD, again_PD = (model.position_vectors(POSITIONS) for _ in range(2))
    if vector_PD is None or again_PD is None:
        return None
    vector_PD = vector_PD.double()
    distance_PP = torch.cdist(vector_PD, vector_PD, compute_mode="donot_use_mm_for_euclid_dist")
    distance_PP.fill_diagonal_(inf)
    nearest = int(distance_PP.argmin())
    apart = range(1, OFFSETS + 1)
    apart_KP = torch.stack([(vector_PD[k:] - vector_PD[:-k]).norm(dim=1)[: STARTS[-1] + 1] for k in apart])
    step = max(2, vector_PD.size(1) // FEATURES * 2)
    shown = [place for place in range(vector_PD.size(1)) if place % step < 2]  # a sine and its cosine
    module = getattr(model, "source_positions", None)
    return {
        "positions": POSITIONS,
        "features": shown,
        "vectors": numbers(vector_PD[:SHOWN, shown], 3),
        "last": numbers(vector_PD[-SHOWN // 4 :, shown], 3),
        "similar": numbers(vector_PD[:SHOWN] @ vector_PD[:SHOWN].T / vector_PD[0].dot(vector_PD[0]), 3),
        "nearest": {
            "distance": round(float(distance_PP.min()), 6),
            "positions": [nearest // POSITIONS, nearest % POSITIONS],
        },
        "distances": {"starts": list(STARTS), "by_start": numbers(apart_KP[:, list(STARTS)].T)},
        "spread": round(float((apart_KP.max(1).values - apart_KP.min(1).values).max()), 9),
        "lengths": numbers(vector_PD[[0, 1, 10, 100, POSITIONS - 1]].norm(dim=1)),
        "difference": float((again_PD.double() - vector_PD).abs().max()),
        "parameters": sum(each.numel() for each in module.parameters()) if module is not None else 0,
    }
