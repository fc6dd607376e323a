"""The tensors of a Transformer's weights file: names, shapes and types. Imports no torch and reads no file.

``nmt.model.transformer`` makes the same tensors; a test compares the two.
"""

from nmt.config import LEARNED_POSITIONS, ModelConfig
from nmt.store.tensors import Layout

PRODUCED = "embeddings.produced"  # which target pieces may be produced: a byte each, and no weight


def transformer_layout(config: ModelConfig, source_vocabulary: int, target_vocabulary: int, joint: bool) -> Layout:
    """Shape and type of each tensor, by name. ``joint``: source and target share one vocabulary."""
    width, inner = config.width, config.feed_forward
    shapes: dict[str, tuple[int, ...]] = {"embeddings.target.weight": (target_vocabulary, width)}
    if not (config.tied_embeddings and joint):
        shapes["embeddings.source.weight"] = (source_vocabulary, width)
    if not config.tied_embeddings:
        shapes["embeddings.output.weight"] = (target_vocabulary, width)
    if config.positions == "learned":
        for side in ("source", "target"):
            shapes[f"{side}_positions.table.weight"] = (LEARNED_POSITIONS, width)
    norms = ["encoder_norm", "decoder_norm"] if config.norm == "pre" else []
    attentions = {"encoder": ["attention"], "decoder": ["attention", "cross_attention"]}
    for side, layers in (("encoder", config.encoder_layers), ("decoder", config.decoder_layers)):
        for layer in (f"{side}.{number}" for number in range(layers)):
            linears = {}
            for attention in attentions[side]:
                linears[f"{layer}.{attention}.query"] = (width, width)
                linears[f"{layer}.{attention}.key_value"] = (2 * width, width)
                linears[f"{layer}.{attention}.output"] = (width, width)
            linears |= {f"{layer}.feed_forward.inner": (inner, width), f"{layer}.feed_forward.outer": (width, inner)}
            for name, (outputs, inputs) in linears.items():
                shapes |= {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}
            norms += [f"{layer}.{part}_residual.norm" for part in (*attentions[side], "feed_forward")]
    for name in norms:
        shapes |= {f"{name}.weight": (width,), f"{name}.bias": (width,)}
    return {name: (shape, "float32") for name, shape in shapes.items()} | {PRODUCED: ((target_vocabulary,), "uint8")}
