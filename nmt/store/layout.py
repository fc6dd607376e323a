"""The tensors of a Transformer's weights file: names, shapes and types. Imports no torch and reads no file.

``nmt.model.transformer`` makes the same tensors; a test compares the two.
"""

from collections.abc import Iterator

from nmt.config import LEARNED_POSITIONS, ModelConfig
from nmt.store.tensors import Layout

PRODUCED = "embeddings.produced"  # which target pieces may be produced: a byte each, and no weight


def transformer_layout(config: ModelConfig, source_vocabulary: int, target_vocabulary: int, joint: bool) -> Layout:
    """Shape and type of each tensor, by name. ``joint``: source and target share one vocabulary."""
    width = config.width
    shapes: dict[str, tuple[int, ...]] = {"embeddings.target.weight": (target_vocabulary, width)}
    if not (config.tied_embeddings and joint):
        shapes["embeddings.source.weight"] = (source_vocabulary, width)
    if not config.tied_embeddings:
        shapes["embeddings.output.weight"] = (target_vocabulary, width)
    if config.output_bias:
        shapes["embeddings.output_bias"] = (target_vocabulary,)
    if config.positions == "learned":
        for side in ("source", "target"):
            shapes[f"{side}_positions.table.weight"] = (LEARNED_POSITIONS, width)
    for name in ("encoder_norm", "decoder_norm") if config.norm == "pre" else ():
        shapes |= {f"{name}.weight": (width,), f"{name}.bias": (width,)}
    shapes |= {f"{layer}.{part}.{kind}": shape for layer, part, kind, shape in transformer_layers(config)}
    return {name: (shape, "float32") for name, shape in shapes.items()} | {PRODUCED: ((target_vocabulary,), "uint8")}


def transformer_layers(config: ModelConfig) -> Iterator[tuple[str, str, str, tuple[int, ...]]]:
    """Each tensor of the layers as its layer, its part of it, ``weight`` or ``bias``, and its shape."""
    width, inner = config.width, config.feed_forward
    attentions = {"encoder": ["attention"], "decoder": ["attention", "cross_attention"]}
    for side, layers in (("encoder", config.encoder_layers), ("decoder", config.decoder_layers)):
        linears = {"feed_forward.inner": (inner, width), "feed_forward.outer": (width, inner)}
        for name in attentions[side]:
            linears |= {f"{name}.query": (width, width), f"{name}.key_value": (2 * width, width)}
            linears[f"{name}.output"] = (width, width)
        norms = [f"{part}_residual.norm" for part in (*attentions[side], "feed_forward")]
        for layer in (f"{side}.{number}" for number in range(layers)):
            for part, (outputs, inputs) in linears.items():
                yield layer, part, "weight", (outputs, inputs)
                yield layer, part, "bias", (outputs,)
            for part in norms:
                yield layer, part, "weight", (width,)
                yield layer, part, "bias", (width,)
