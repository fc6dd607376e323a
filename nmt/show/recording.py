"""What flows through a model when it reads a sentence pair: scores before softmax, sums and norms. Knows no drawing.

Hooks read the model's own tensors as it computes them, so that nothing is computed by a second formula. One sentence
pair: T query positions, S key positions, H heads, E features of a head, D width.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn

    from nmt.model.attention import MultiHeadAttention
    from nmt.model.family import AttentionMaps, TranslationModel
    from nmt.model.layers import Residual
    from nmt.model.recurrent import Recurrent


@dataclass(frozen=True)
class Attended:
    """One attention as it was computed; queries, keys and values are None where the score is no dot product."""

    product_HTS: "Tensor"  # what the score function gives, before the division
    scale: float  # by which products are multiplied: 1/√E, or 1
    allowed_TS: "Tensor"  # False where a mask makes the score -inf
    query_HTE: "Tensor | None" = None
    key_HSE: "Tensor | None" = None
    value_HSE: "Tensor | None" = None

    def scores(self) -> "Tensor":
        """The scores (H, T, S) that softmax gets, with -inf where the mask is."""
        return (self.product_HTS * self.scale).masked_fill(~self.allowed_TS, -inf)


@dataclass(frozen=True)
class Sublayer:
    """A sublayer with its residual connection and its norm."""

    side: str  # "encoder" or "decoder"
    layer: int  # from 0
    name: str  # "self-attention", "cross-attention" or "feed-forward"
    is_pre: bool  # whether the norm stands before the sublayer
    norm: "nn.LayerNorm"
    before_TD: "Tensor"
    normed_from_TD: "Tensor"  # what the norm gets: the input (pre-norm), or the sum (post-norm)
    normed_TD: "Tensor"
    after_TD: "Tensor"

    def added(self) -> "Tensor":
        """What the sublayer adds to its input, (T, D)."""
        return (self.after_TD if self.is_pre else self.normed_from_TD) - self.before_TD


@dataclass
class Recording:
    """What was seen of one pass."""

    maps: "AttentionMaps"
    attended: dict[str, list[Attended]] = field(default_factory=dict)  # by kind, a layer each
    sublayers: list[Sublayer] = field(default_factory=list)  # in the order in which they are computed
    vector_D: "Tensor | None" = None  # the encoder's last states, where the decoder gets to know nothing else


def record(model: "TranslationModel", source_S: "Tensor", target_T: "Tensor") -> Recording:
    """Read a pair by teacher forcing, </s> last in the source and <s> first in the target."""
    import torch

    recording = Recording({})
    with torch.inference_mode(), hooked(model, recording):
        recording.maps = model.attention_maps(source_S, target_T)
    return recording


@contextmanager
def hooked(model: "TranslationModel", recording: Recording) -> Iterator[None]:
    """Record what the model computes within the block."""
    from nmt.model.recurrent import Recurrent
    from nmt.model.transformer import Transformer

    watchers = _Watchers(recording)
    if isinstance(model, Transformer):
        for side, layers in (("encoder", model.encoder), ("decoder", model.decoder)):
            for number, layer in enumerate(layers):
                watchers.layer(layer, side, number)
    elif isinstance(model, Recurrent):
        watchers.recurrent(model)
    try:
        yield
    finally:
        for handle in watchers.handles:
            handle.remove()
    if watchers.steps:
        recording.attended["cross"] = [_joined(watchers.steps)]


class _Watchers:
    """Hooks that fill a recording."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.handles: list[Any] = []
        self.steps: list[Attended] = []  # of a recurrent decoder

    def layer(self, layer: "nn.Module", side: str, number: int) -> None:
        from nmt.model.transformer import DecoderLayer, EncoderLayer

        assert isinstance(layer, EncoderLayer | DecoderLayer), "a layer of a Transformer"
        self.attention(layer.attention, side)
        self.sublayer(layer.attention_residual, side, number, "self-attention")
        if isinstance(layer, DecoderLayer):
            self.attention(layer.cross_attention, "cross")
            self.sublayer(layer.cross_attention_residual, side, number, "cross-attention")
        self.sublayer(layer.feed_forward_residual, side, number, "feed-forward")

    def attention(self, module: "MultiHeadAttention", kind: str) -> None:
        import torch

        from nmt.model.masks import causal_mask

        def seen(_: "nn.Module", given: tuple[Any, ...], named: dict[str, Any], output: "Tensor") -> None:
            query_1TD, (key_1HSE, value_1HSE) = given[:2]
            query_HTE = module.split(module.query(query_1TD))[0]
            count = query_HTE.size(1), key_1HSE.size(2)
            allowed_TS = torch.ones(count, dtype=torch.bool)
            if named.get("causal"):
                allowed_TS = causal_mask(count[0], query_1TD.device)
            product_HTS = query_HTE @ key_1HSE[0].transpose(1, 2)
            parts = query_HTE, key_1HSE[0], value_1HSE[0]
            self.recording.attended.setdefault(kind, []).append(Attended(product_HTS, module.scale, allowed_TS, *parts))

        self.handles.append(module.register_forward_hook(seen, with_kwargs=True))

    def sublayer(self, module: "Residual", side: str, number: int, name: str) -> None:
        normed: list[tuple[Tensor, Tensor]] = []

        def seen_norm(_: "nn.Module", given: "tuple[Tensor, ...]", output: "Tensor") -> None:
            normed.append((given[0][0], output[0]))

        def seen(_: "nn.Module", given: tuple[Any, ...], output: "Tensor") -> None:
            tensors = given[0][0], *normed.pop(), output[0]
            self.recording.sublayers.append(Sublayer(side, number, name, module.pre, module.norm, *tensors))

        self.handles += [module.norm.register_forward_hook(seen_norm), module.register_forward_hook(seen)]

    def recurrent(self, model: "Recurrent") -> None:
        import torch

        from nmt.model.scores import DotScore, GeneralScore

        def seen(module: "nn.Module", given: "tuple[Tensor, Tensor]", score_1TS: "Tensor") -> None:
            scale: float = 1.0
            parts: tuple[Tensor, ...] = ()
            if isinstance(module, DotScore | GeneralScore):
                scale = module.scale
                parts = given[0], given[1] / scale  # keys were scaled
            everywhere = torch.ones(score_1TS.shape[1:], dtype=torch.bool)
            self.steps.append(Attended(score_1TS / scale, scale, everywhere, *parts))

        def encoded(_: "nn.Module", given: tuple[Any, ...], output: "tuple[Tensor, Tensor]") -> None:
            self.recording.vector_D = output[1][0]

        if model.attends:
            self.handles.append(model.score.register_forward_hook(seen))
        else:
            self.handles.append(model.encoder.register_forward_hook(encoded))


def _joined(steps: list[Attended]) -> Attended:
    """The steps of a recurrent decoder as rows of one attention."""
    import torch

    first = steps[0]
    product_HTS = torch.cat([step.product_HTS for step in steps], dim=1)
    query_HTE = (
        None
        if first.query_HTE is None
        else torch.cat([step.query_HTE for step in steps if step.query_HTE is not None], 1)
    )
    return Attended(product_HTS, first.scale, torch.cat([step.allowed_TS for step in steps]), query_HTE, first.key_HSE)
