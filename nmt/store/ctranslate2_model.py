"""A model folder in CTranslate2's format: a copy made from the safetensors, never what is shipped.

Knows both formats. Imports no torch, so that a translation by CTranslate2 needs none, and numpy only to write.
"""

import math
import re
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nmt.config import ModelConfig
from nmt.errors import SettingsError, missing_extra
from nmt.store.layout import PRODUCED, transformer_layout
from nmt.store.model_folder import ModelFolder
from nmt.store.tensors import Layout, read_arrays
from nmt.text.tokenizer import BOS, EOS, UNK, Tokenizer

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[Any]
    Arrays = Mapping[str, Array]

FORMAT = 4  # raised when the output of write_ctranslate2 changes
POSITIONS = 4096
"""Rows of the exported table of positions: CTranslate2 orders its own sines and cosines otherwise."""

OLDEST = (4, 8, 2)  # first version of CTranslate2 whose import needs no torch
EPSILON = 1e-5  # of LayerNorm, PyTorch's default
NEVER = -1e4  # output bias of a forbidden piece: its exponential is 0, and float16 can hold it


def not_installed() -> str | None:
    """Why CTranslate2 cannot be used here; None when it can."""
    if not find_spec("ctranslate2"):
        return "CTranslate2 is not installed"
    from ctranslate2 import __version__ as version  # importlib.metadata would cost 15 ms

    if tuple(int(number) for number in re.findall(r"\d+", version)[:3]) < OLDEST:
        return f"CTranslate2 is {version}, and at least {'.'.join(map(str, OLDEST))} is needed"
    return None


def installed_version() -> str:
    """The version of CTranslate2; "" where there is none that can be used."""
    if not_installed():
        return ""
    from ctranslate2 import __version__ as version

    return str(version)


def why_not(config: ModelConfig) -> str | None:
    """Why CTranslate2 cannot run such a model; None when it can."""
    if config.family != "transformer":
        return f"CTranslate2 runs Transformers, and this model is {config.family}"
    return None


def write_ctranslate2(model: ModelFolder, folder: Path, compute_type: str = "float32", tagged: bool = False) -> None:
    """Write the model for CTranslate2 into a folder, its weights in ``compute_type``.

    If ``tagged``, CTranslate2 begins each source with the tag of the model's only target, for callers that know none.

    The copy needs no option to give this program's translations: the target's vocabulary omits pieces that no training
    target had (training omits them from its softmax, so their weights are noise), and an output bias forbids the
    control pieces that must stay in it. Raises SettingsError when CTranslate2 cannot run the model or is not installed,
    DataError when the model's files are damaged.
    """
    if reason := not_installed():
        raise SettingsError(reason, missing_extra("fast"))
    from ctranslate2.specs import TransformerSpec

    config = model.config
    if reason := why_not(config):
        raise SettingsError(reason, "set `engine` to torch")
    arrays = read_arrays(model.weights_path, checked_layout(model))
    produced = arrays[PRODUCED].tolist()
    model.check_produced(produced)
    pieces = [id for id, is_produced in enumerate(produced) if is_produced]
    layers = config.encoder_layers, config.decoder_layers
    activation = activation_of(config.activation)
    spec = TransformerSpec.from_config(layers, config.heads, pre_norm=config.norm == "pre", activation=activation)
    embed(spec, arrays, config, pieces)
    forbid(spec, pieces, model.tokenizers[1].control_ids(), arrays.get("embeddings.output_bias"))
    for number, layer in enumerate(spec.encoder.layer):
        attend(layer.self_attention, arrays, f"encoder.{number}.attention", config)
        feed_forward(layer.ffn, arrays, f"encoder.{number}.feed_forward")
    for number, layer in enumerate(spec.decoder.layer):
        attend(layer.self_attention, arrays, f"decoder.{number}.attention", config)
        attend(layer.attention, arrays, f"decoder.{number}.cross_attention", config)
        feed_forward(layer.ffn, arrays, f"decoder.{number}.feed_forward")
    if config.norm == "pre":
        norm(spec.encoder.layer_norm, arrays, "encoder_norm")
        norm(spec.decoder.layer_norm, arrays, "decoder_norm")
    describe(spec, *model.tokenizers, pieces)
    if tagged and model.tag is not None:
        # The start of a translation is set by its own name, so this one is free for sources.
        (spec.config.bos_token,) = model.tokenizers[0].pieces([model.tag])
        spec.config.add_source_bos = True
    spec.validate()
    spec.optimize(quantization=None if compute_type == "float32" else compute_type)
    spec.save(str(folder))


def checked_layout(model: ModelFolder) -> Layout:
    """The layout of the model's tensors. Raises DataError when their file is too large or has changed."""
    source, target = model.tokenizers
    layout = transformer_layout(model.config, source.size, target.size, model.joint)
    model.check_weights(layout)
    return layout


def describe(spec: Any, source: Tokenizer, target: Tokenizer, pieces: Sequence[int]) -> None:
    """Set the vocabularies (the target's has ``pieces`` only), the start and end pieces, and the unknown piece."""
    spec.register_source_vocabulary(source.pieces(range(source.size)))
    spec.register_target_vocabulary(target.pieces(pieces))
    unknown, start, end = target.pieces([UNK, BOS, EOS])
    spec.config.unk_token, spec.config.bos_token, spec.config.eos_token = unknown, start, end
    spec.config.decoder_start_token = start
    spec.config.add_source_eos = True
    spec.config.layer_norm_epsilon = EPSILON


def embed(spec: Any, arrays: "Arrays", config: ModelConfig, pieces: Sequence[int]) -> None:
    """Set embeddings, positions and the output projection; the target's have ``pieces`` only."""
    target = arrays["embeddings.target.weight"]
    spec.encoder.embeddings[0].weight = arrays.get("embeddings.source.weight", target)
    output = arrays.get("embeddings.output.weight", target)
    if len(pieces) < len(target):
        target, output = target[pieces], output[pieces]
    spec.decoder.embeddings.weight, spec.decoder.projection.weight = target, output
    for side, name in ((spec.encoder, "source"), (spec.decoder, "target")):
        learned = arrays.get(f"{name}_positions.table.weight")
        side.position_encodings.encodings = positions(config.width, learned, config.positions == "sines-first")
        side.scale_embeddings = config.scaled_embeddings


def activation_of(name: str) -> Any:
    """CTranslate2's activation function of that name."""
    from ctranslate2.specs import Activation

    names = {"relu": "RELU", "gelu": "GELU", "gelu-sigmoid": "GELUSigmoid", "swish": "SWISH"}
    return Activation[names[name]]


def forbid(spec: Any, pieces: Sequence[int], control: Sequence[int], bias: "Array | None") -> None:
    """Forbid the control pieces except </s> by the output bias, whatever options the model is loaded with."""
    import numpy as np

    never = np.isin(pieces, [id for id in control if id != EOS])
    own = 0.0 if bias is None else bias[pieces]
    spec.decoder.projection.bias = np.where(never, NEVER, own).astype(np.float32)


def positions(width: int, learned: "Array | None", sines_first: bool = False) -> "Array":
    """(POSITIONS, width): sines and cosines in turn or in two halves, or the learned rows, the last one repeated."""
    import numpy as np

    place = np.arange(POSITIONS)
    if learned is not None:
        return np.ascontiguousarray(learned[np.minimum(place, len(learned) - 1)])
    frequency = np.exp(np.arange(0, width, 2) * (-math.log(10000.0) / width))
    angle = place[:, None] * frequency
    both = np.stack((np.sin(angle), np.cos(angle)), axis=1 if sines_first else -1)
    return both.reshape(POSITIONS, width).astype(np.float32)


def attend(spec: Any, arrays: "Arrays", name: str, config: ModelConfig) -> None:
    """Set an attention. Queries, keys and values are one matrix; in cross-attention queries have their own."""
    import numpy as np

    for part in ("weight", "bias"):
        matrices = [arrays[f"{name}.{matrix}.{part}"] for matrix in ("query", "key_value")]
        if len(spec.linear) == 2:
            matrices = [np.concatenate(matrices)]
        for linear_spec, matrix in zip(spec.linear, matrices, strict=False):
            setattr(linear_spec, part, matrix)
    linear(spec.linear[-1], arrays, f"{name}.output")
    norm(spec.layer_norm, arrays, f"{name}_residual.norm")
    if config.attention_score == "dot":
        spec.queries_scale = np.float32(1.0)


def feed_forward(spec: Any, arrays: "Arrays", name: str) -> None:
    """Set a feed-forward layer and its norm."""
    linear(spec.linear_0, arrays, f"{name}.inner")
    linear(spec.linear_1, arrays, f"{name}.outer")
    norm(spec.layer_norm, arrays, f"{name}_residual.norm")


def linear(spec: Any, arrays: "Arrays", name: str) -> None:
    """Set a linear layer."""
    spec.weight, spec.bias = arrays[f"{name}.weight"], arrays[f"{name}.bias"]


def norm(spec: Any, arrays: "Arrays", name: str) -> None:
    """Set a layer norm."""
    spec.gamma, spec.beta = arrays[f"{name}.weight"], arrays[f"{name}.bias"]
