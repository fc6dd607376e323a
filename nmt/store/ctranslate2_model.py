"""A model folder as CTranslate2 reads it: made from the safetensors, never the thing that is shipped.

Knows both formats; imports no torch, so that a translation by CTranslate2 needs none, and numpy only to write.
"""

import math
import re
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nmt.config import ModelConfig
from nmt.errors import SettingsError, missing_extra
from nmt.store.model_folder import ModelFolder
from nmt.store.tensors import read_arrays
from nmt.text.tokenizer import BOS, EOS, UNK, Tokenizer

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[Any]
    Arrays = Mapping[str, Array]
Shapes = dict[str, tuple[int, ...]]
Wanted = dict[str, tuple[tuple[int, ...], str]]  # shapes and types

POSITIONS = 4096
"""Rows of the exported table of positions: CTranslate2 has no formula for the order of sines that the models have."""

OLDEST = (4, 8, 2)  # CTranslate2 whose import needs no torch
PRODUCED = "embeddings.produced"  # which pieces may stand in a translation: a byte each, and no weight
LEARNED_POSITIONS = 1024  # rows of a learned table; see nmt.model.positions
EPSILON = 1e-5  # of LayerNorm, PyTorch's own
NEVER = -1e4  # output bias of a piece that is never produced: exp of it is 0, and float16 still holds it


def not_installed() -> str | None:
    """Why there is no CTranslate2 to work with here, or None when there is."""
    if not find_spec("ctranslate2"):
        return "CTranslate2 is not installed"
    from ctranslate2 import __version__ as version  # importlib.metadata would cost 15 ms

    if tuple(int(number) for number in re.findall(r"\d+", version)[:3]) < OLDEST:
        return f"CTranslate2 is {version}, and at least {'.'.join(map(str, OLDEST))} is needed"
    return None


def why_not(config: ModelConfig) -> str | None:
    """Why CTranslate2 cannot run such a model, or None when it can."""
    if config.family != "transformer":
        return f"CTranslate2 runs Transformers, and this model is {config.family}"
    return None


def write_ctranslate2(model: ModelFolder, folder: Path, compute_type: str = "float32") -> None:
    """Fill the folder with the model for CTranslate2, its weights in ``compute_type``.

    Whoever loads it gets the program's translations without an option: pieces that no training target had are left out
    of the target's vocabulary, and an output bias forbids the control pieces that have to stay in it. Training leaves
    the former out of its softmax, so their weights are noise. Raises SettingsError when CTranslate2 cannot run the
    model or is not installed, DataError when the model's files are not what they should be.
    """
    if reason := not_installed():
        raise SettingsError(reason, missing_extra("fast"))
    from ctranslate2.specs import Activation, TransformerSpec

    config = model.config
    if reason := why_not(config):
        raise SettingsError(reason, "set `engine` to torch")
    arrays = read_arrays(model.weights_path, check_weights(model))
    produced = arrays[PRODUCED].tolist()
    model.check_produced(produced)
    pieces = [id for id, is_produced in enumerate(produced) if is_produced]
    layers = config.encoder_layers, config.decoder_layers
    spec = TransformerSpec.from_config(layers, config.heads, pre_norm=config.norm == "pre", activation=Activation.RELU)
    embed(spec, arrays, config, pieces)
    forbid(spec, pieces, model.tokenizers[1].control_ids())
    for number, layer in enumerate(spec.encoder.layer):
        attend(layer.self_attention, arrays, f"encoder.{number}.attention", config)
        feed_forward(layer.ffn, arrays, f"encoder.{number}.feed_forward")
    for number, layer in enumerate(spec.decoder.layer):
        attend(layer.self_attention, arrays, f"decoder.{number}.attention", config)
        attend_source(layer.attention, arrays, f"decoder.{number}.cross_attention", config)
        feed_forward(layer.ffn, arrays, f"decoder.{number}.feed_forward")
    if config.norm == "pre":
        norm(spec.encoder.layer_norm, arrays, "encoder_norm")
        norm(spec.decoder.layer_norm, arrays, "decoder_norm")
    describe(spec, *model.tokenizers, pieces)
    spec.validate()
    spec.optimize(quantization=None if compute_type == "float32" else compute_type)
    spec.save(str(folder))


def check_weights(model: ModelFolder) -> Wanted:
    """The shape and type that each tensor must have. Raises DataError when the file is too large, or not as it was."""
    source, target = model.tokenizers
    found = shapes(model.config, source.size, target.size, model.joint)
    model.check_weights(sum(4 * math.prod(shape) for shape in found.values()) + target.size)
    return {name: (shape, "float32") for name, shape in found.items()} | {PRODUCED: ((target.size,), "uint8")}


def describe(spec: Any, source: Tokenizer, target: Tokenizer, pieces: Sequence[int]) -> None:
    """The vocabularies, the target's of ``pieces``, and which pieces begin, end and stand for the unknown."""
    spec.register_source_vocabulary(source.pieces(range(source.size)))
    spec.register_target_vocabulary(target.pieces(pieces))
    unknown, start, end = target.pieces([UNK, BOS, EOS])
    spec.config.unk_token, spec.config.bos_token, spec.config.eos_token = unknown, start, end
    spec.config.decoder_start_token = start
    spec.config.add_source_eos = True
    spec.config.layer_norm_epsilon = EPSILON


def embed(spec: Any, arrays: "Arrays", config: ModelConfig, pieces: Sequence[int]) -> None:
    """Embeddings, positions and the output projection, the target's of ``pieces``."""
    target = arrays["embeddings.target.weight"]
    spec.encoder.embeddings[0].weight = arrays.get("embeddings.source.weight", target)
    output = arrays.get("embeddings.output.weight", target)
    if len(pieces) < len(target):
        target, output = target[pieces], output[pieces]
    spec.decoder.embeddings.weight, spec.decoder.projection.weight = target, output
    for side, name in ((spec.encoder, "source"), (spec.decoder, "target")):
        side.position_encodings.encodings = positions(config.width, arrays.get(f"{name}_positions.table.weight"))


def forbid(spec: Any, pieces: Sequence[int], control: Sequence[int]) -> None:
    """Keep the control pieces but </s> from being produced, under every option of whoever loads the model."""
    import numpy as np

    never = np.isin(pieces, [id for id in control if id != EOS])
    spec.decoder.projection.bias = np.where(never, NEVER, 0.0).astype(np.float32)


def positions(width: int, learned: "Array | None") -> "Array":
    """(POSITIONS, width): sines and cosines in turn, or the learned rows, of which the last serves all after it."""
    import numpy as np

    place = np.arange(POSITIONS)
    if learned is not None:
        return np.ascontiguousarray(learned[np.minimum(place, len(learned) - 1)])
    frequency = np.exp(np.arange(0, width, 2) * (-math.log(10000.0) / width))
    angle = place[:, None] * frequency
    return np.stack((np.sin(angle), np.cos(angle)), axis=-1).reshape(POSITIONS, width).astype(np.float32)


def attend(spec: Any, arrays: "Arrays", name: str, config: ModelConfig) -> None:
    """Self-attention: CTranslate2 keeps queries, keys and values in one matrix."""
    import numpy as np

    for part in ("weight", "bias"):
        both = arrays[f"{name}.query.{part}"], arrays[f"{name}.key_value.{part}"]
        setattr(spec.linear[0], part, np.concatenate(both))
    finish_attention(spec, arrays, name, config)


def attend_source(spec: Any, arrays: "Arrays", name: str, config: ModelConfig) -> None:
    """Cross-attention: the queries apart from keys and values."""
    linear(spec.linear[0], arrays, f"{name}.query")
    linear(spec.linear[1], arrays, f"{name}.key_value")
    finish_attention(spec, arrays, name, config)


def finish_attention(spec: Any, arrays: "Arrays", name: str, config: ModelConfig) -> None:
    linear(spec.linear[-1], arrays, f"{name}.output")
    norm(spec.layer_norm, arrays, f"{name}_residual.norm")
    if config.attention_score == "dot":
        import numpy as np

        spec.queries_scale = np.float32(1.0)


def feed_forward(spec: Any, arrays: "Arrays", name: str) -> None:
    linear(spec.linear_0, arrays, f"{name}.inner")
    linear(spec.linear_1, arrays, f"{name}.outer")
    norm(spec.layer_norm, arrays, f"{name}_residual.norm")


def linear(spec: Any, arrays: "Arrays", name: str) -> None:
    spec.weight, spec.bias = arrays[f"{name}.weight"], arrays[f"{name}.bias"]


def norm(spec: Any, arrays: "Arrays", name: str) -> None:
    spec.gamma, spec.beta = arrays[f"{name}.weight"], arrays[f"{name}.bias"]


def shapes(config: ModelConfig, source_vocabulary: int, target_vocabulary: int, joint: bool) -> Shapes:
    """The name and shape of every weight of a Transformer, which PyTorch's module has as well."""
    width = config.width
    found: Shapes = {"embeddings.target.weight": (target_vocabulary, width)}
    if not (config.tied_embeddings and joint):
        found["embeddings.source.weight"] = (source_vocabulary, width)
    if not config.tied_embeddings:
        found["embeddings.output.weight"] = (target_vocabulary, width)
    if config.positions == "learned":
        found |= dict.fromkeys(
            [f"{side}_positions.table.weight" for side in ("source", "target")], (LEARNED_POSITIONS, width)
        )
    norms = ["encoder_norm", "decoder_norm"] if config.norm == "pre" else []
    for side, layers in (("encoder", config.encoder_layers), ("decoder", config.decoder_layers)):
        for layer in range(layers):
            attentions = ["attention"] if side == "encoder" else ["attention", "cross_attention"]
            for attention in attentions:
                name = f"{side}.{layer}.{attention}"
                found |= linear_shapes(f"{name}.query", width, width)
                found |= linear_shapes(f"{name}.key_value", width, 2 * width)
                found |= linear_shapes(f"{name}.output", width, width)
            name = f"{side}.{layer}.feed_forward"
            found |= linear_shapes(f"{name}.inner", width, config.feed_forward)
            found |= linear_shapes(f"{name}.outer", config.feed_forward, width)
            norms += [f"{side}.{layer}.{part}_residual.norm" for part in (*attentions, "feed_forward")]
    for name in norms:
        found |= {f"{name}.weight": (width,), f"{name}.bias": (width,)}
    return found


def linear_shapes(name: str, inputs: int, outputs: int) -> Shapes:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}
