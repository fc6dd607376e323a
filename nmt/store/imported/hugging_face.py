"""Reads a MarianMTModel of Hugging Face's transformers: config.json, model.safetensors, vocab.json and two .spm files.

Opens no pickle. V rows of the vocabulary, D width.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nmt.checked import build
from nmt.config import ModelConfig, is_name
from nmt.disk.untrusted import read_small, strict_json
from nmt.errors import DataError, MissingInputError, SettingsError, shown
from nmt.store.imported.foreign import OTHER_MODEL, ForeignModel, ForeignSide
from nmt.store.layout import transformer_layers
from nmt.store.tensors import Layout, read_header, read_tensors
from nmt.text.spm_format import MOST_PIECES
from nmt.text.tokenizer import LARGEST_MODEL

if TYPE_CHECKING:
    from torch import Tensor

CONFIG, GENERATION, WEIGHTS = "config.json", "generation_config.json", "model.safetensors"
_TOKENIZER = "tokenizer_config.json"
_LARGEST_CONFIG = 1 << 20  # bytes
_LARGEST_VOCABULARY = 1 << 25
_ACTIVATIONS = {"relu": "relu", "gelu": "gelu", "swish": "swish", "silu": "swish"}
_NEVER = ("normalize_before", "normalize_embedding", "add_final_layer_norm")  # which MarianMTModel does not do
_FLOATS = ("float32", "float16", "bfloat16")
_SHARED = ("model.shared.weight", "model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight")
_HEAD, _BIAS = "lm_head.weight", "final_logits_bias"
_POSITIONS = ("model.encoder.embed_positions.weight", "model.decoder.embed_positions.weight")
_PARTS = {
    "attention.query": "self_attn.q_proj",
    "attention.output": "self_attn.out_proj",
    "attention_residual.norm": "self_attn_layer_norm",
    "cross_attention.query": "encoder_attn.q_proj",
    "cross_attention.output": "encoder_attn.out_proj",
    "cross_attention_residual.norm": "encoder_attn_layer_norm",
    "feed_forward.inner": "fc1",
    "feed_forward.outer": "fc2",
    "feed_forward_residual.norm": "final_layer_norm",
}  # our names, and those of transformers; keys and values are two matrices there
_KEY_VALUE = {"attention.key_value": "self_attn", "cross_attention.key_value": "encoder_attn"}


def read_hugging_face(folder: Path) -> ForeignModel:
    """The model of a folder. Raises MissingInputError or DataError, naming the file."""
    refuse_pickles(folder)
    settings = _json(folder / CONFIG, _LARGEST_CONFIG)
    if settings.get("model_type") != "marian":
        raise DataError(f"{folder / CONFIG} has the model_type {shown(settings.get('model_type'))}", OTHER_MODEL)
    if wrong := next((name for name in _NEVER if settings.get(name)), None):
        raise DataError(f"{folder / CONFIG} has {wrong}, and a MarianMTModel does no such thing", OTHER_MODEL)
    reader = _Reader(folder, settings)
    return reader.model()


def refuse_pickles(folder: Path) -> None:
    """Raise DataError or MissingInputError if there are no safetensors, and say how to get them."""
    if (folder / WEIGHTS).exists():
        return
    if pickled := next(iter(sorted(folder.glob("pytorch_model*.bin"))), None):
        convert = f"AutoModelForSeq2SeqLM.from_pretrained({str(folder)!r}).save_pretrained({str(folder)!r})"
        mend = f"get {WEIGHTS} from its origin, or make it by transformers where you trust the file: {convert}"
        raise DataError(f"{pickled} is a pickle, which can run code and is never opened", mend)
    raise MissingInputError(f"there is no {WEIGHTS} in {folder}", "get it from where the folder is from")


class _Reader:
    """Reads one folder, whose settings are given."""

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self.folder = folder
        self.settings = settings
        self.is_tied = self.flag("tie_word_embeddings", True)
        self.is_shared = self.flag("share_encoder_decoder_embeddings", True)
        self.config = self.model_config()

    def model(self) -> ForeignModel:
        """The model."""
        row_of = self.vocabulary("vocab.json", self.number("vocab_size", MOST_PIECES))
        target_rows = row_of
        separate = self.folder / "target_vocab.json"
        if not self.is_shared:
            size = self.number("decoder_vocab_size", MOST_PIECES)
            target_rows = self.vocabulary(separate.name, size) if separate.exists() else row_of
        tensors = self.tensors(len(row_of), len(target_rows))
        source_VD = tensors.pop(self.embeddings[0])
        target_VD = source_VD if self.is_shared else tensors.pop(self.embeddings[1])
        start, padding = self.begins(target_rows)
        sides = [
            ForeignSide(str(path := self.folder / name), read_small(path, LARGEST_MODEL), rows, matrix)
            for name, rows, matrix in (("source.spm", row_of, source_VD), ("target.spm", target_rows, target_VD))
        ]
        return ForeignModel(
            kind="a MarianMTModel of transformers",
            name=name[:200] if isinstance(name := self.settings.get("_name_or_path"), str) else "",
            config=self.config,
            source=sides[0],
            target=sides[1],
            layers=_layers(self.config, tensors),
            start_D=target_VD[start],
            output_VD=None if self.is_tied else tensors[_HEAD],
            bias_V=tensors[_BIAS][0],
            padding=padding,
            longest=self.number("max_position_embeddings", 10**5),
            languages=self.languages(),
        )

    def model_config(self) -> ModelConfig:
        """The shape in our words. Raises DataError for what our Transformer cannot be."""
        shape = {}
        for ours, (first, second) in {
            "heads": ("encoder_attention_heads", "decoder_attention_heads"),
            "feed_forward": ("encoder_ffn_dim", "decoder_ffn_dim"),
        }.items():
            shape[ours] = self.number(first, 1 << 16)
            if self.settings.get(second) != shape[ours]:
                raise self.wrong(second, self.settings.get(second))
        activation = self.settings.get("activation_function", "gelu")
        if not isinstance(activation, str) or activation not in _ACTIVATIONS:
            raise self.wrong("activation_function", activation)
        shape |= {
            "width": self.number("d_model", 1 << 14),
            "encoder_layers": self.number("encoder_layers", 128),
            "decoder_layers": self.number("decoder_layers", 128),
        }
        words = {"activation": _ACTIVATIONS[activation], "norm": "post", "positions": "sines-first"}
        flags = {
            "tied_embeddings": self.is_tied,
            "scaled_embeddings": self.flag("scale_embedding", False),
            "output_bias": True,
        }
        try:
            return build(ModelConfig, {**shape, **words, **flags})
        except SettingsError as error:
            raise DataError(f"{self.folder / CONFIG}: {error.what}", OTHER_MODEL) from None

    def begins(self, row_of: Mapping[str, int]) -> tuple[int, str]:
        """The row that the decoder begins with, and the padding piece. Raises DataError for rows that do not exist."""
        path = self.folder / GENERATION
        settings = {**self.settings, **(_json(path, _LARGEST_CONFIG) if path.exists() else {})}
        rows: dict[str, int] = {}
        for name in ("decoder_start", "pad", "eos"):
            row = settings.get(f"{name}_token_id")
            if type(row) is not int or not 0 <= row < len(row_of):
                raise self.wrong(f"{name}_token_id", row)
            rows[name] = row
        if rows["eos"] != row_of.get("</s>"):
            raise self.wrong("eos_token_id", rows["eos"])
        padding = next(name for name, row in row_of.items() if row == rows["pad"])
        return rows["decoder_start"], "" if padding in ("</s>", "<unk>") else padding

    def tensors(self, source: int, target: int) -> dict[str, "Tensor"]:
        """The tensors by their names in the file, in float32, each of the right shape and with finite values."""
        path, width = self.folder / WEIGHTS, self.config.width
        header = read_header(path)
        shapes: dict[str, tuple[int, ...]] = {_BIAS: (1, target)}
        if self.is_shared:
            there = [name for name in (*_SHARED, *([_HEAD] if self.is_tied else [])) if name in header] or [_SHARED[0]]
            self.embeddings = (there[0], there[0])
            shapes |= dict.fromkeys(there, (source, width))
        else:
            there = [_SHARED[2], *([_HEAD] if self.is_tied and _HEAD in header else [])]
            self.embeddings = (_SHARED[1], _SHARED[2])
            shapes |= {_SHARED[1]: (source, width), **dict.fromkeys(there, (target, width))}
        if not self.is_tied:
            shapes[_HEAD] = (target, width)
        shapes |= _shapes(self.config)
        shapes |= {name: (header[name].shape[0], width) for name in _POSITIONS if name in header}
        layout: Layout = {
            name: (shape, header[name].dtype if name in header and header[name].dtype in _FLOATS else "float32")
            for name, shape in shapes.items()
        }
        tensors = {name: tensor.float() for name, tensor in read_tensors(path, layout).items()}
        for name in there[1:]:
            if not tensors.pop(name).equal(tensors[there[0]]):
                raise DataError(f"tensor {name} in {path} is not {there[0]}, which it is tied to", OTHER_MODEL)
        self.check_positions(path, tensors)
        return tensors

    def check_positions(self, path: Path, tensors: dict[str, "Tensor"]) -> None:
        """Drop tables of positions, which are computed. Raises DataError for tables of other ones."""
        import torch

        from nmt.model.positions import sinusoids

        for name in _POSITIONS:
            if (table := tensors.pop(name, None)) is not None:
                expected = sinusoids(torch.arange(len(table)), self.config.width, sines_first=True)
                if not torch.allclose(table, expected, rtol=0, atol=1e-2):  # float16 has three digits
                    raise DataError(f"tensor {name} in {path} is no table of sines and cosines", OTHER_MODEL)

    def vocabulary(self, name: str, rows: int) -> dict[str, int]:
        """The row of each piece. Raises DataError unless each of so many rows has one piece."""
        path = self.folder / name
        row_of = _json(path, _LARGEST_VOCABULARY)
        whole = all(type(row) is int for row in row_of.values())
        if not whole or sorted(row_of.values()) != list(range(rows)):
            raise DataError(f"{path} does not number {rows} pieces from 0 on", "restore the file from its origin")
        return row_of

    def languages(self) -> tuple[str, str] | None:
        """The languages that the tokenizer's settings name, if they do."""
        path = self.folder / _TOKENIZER
        settings = _json(path, _LARGEST_CONFIG) if path.exists() else {}
        source, target = (settings.get(name) for name in ("source_lang", "target_lang"))
        return (str(source), str(target)) if is_name(source) and is_name(target) else None

    def number(self, name: str, most: int) -> int:
        """A setting that counts something. Raises DataError if it does not."""
        value = self.settings.get(name)
        if type(value) is not int or not 0 < value <= most:
            raise self.wrong(name, value)
        return value

    def flag(self, name: str, default: bool) -> bool:
        """A setting that is true or false. Raises DataError if it is neither."""
        value = self.settings.get(name, default)
        if type(value) is not bool:
            raise self.wrong(name, value)
        return value

    def wrong(self, name: str, value: object) -> DataError:
        """The error for a setting that nmt's Transformer cannot have."""
        return DataError(f"{self.folder / CONFIG} has {name} {shown(value)}", OTHER_MODEL)


def _json(path: Path, largest: int) -> dict[str, Any]:
    """A table of a JSON file. Raises MissingInputError or DataError, naming the file."""
    try:
        table = strict_json(read_small(path, largest))
    except ValueError as error:
        raise DataError(f"{path} is not JSON: {error}", "restore the file from its origin") from None
    if not isinstance(table, dict):
        raise DataError(f"{path} is not a table of settings", "restore the file from its origin")
    return table


def _name_of(layer: str, part: str) -> str:
    return f"model.{layer.replace('.', '.layers.')}.{part}"


def _shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """The shapes of the layers' tensors by their names in the file."""
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, part, kind, shape in transformer_layers(config):
        if part in _KEY_VALUE:
            for half in ("k", "v"):
                shapes[_name_of(layer, f"{_KEY_VALUE[part]}.{half}_proj.{kind}")] = (config.width, *shape[1:])
        else:
            shapes[_name_of(layer, f"{_PARTS[part]}.{kind}")] = shape
    return shapes


def _layers(config: ModelConfig, tensors: Mapping[str, "Tensor"]) -> dict[str, "Tensor"]:
    """The layers' tensors by our names."""
    import torch

    layers = {}
    for layer, part, kind, _ in transformer_layers(config):
        if part in _KEY_VALUE:
            names = [_name_of(layer, f"{_KEY_VALUE[part]}.{half}_proj.{kind}") for half in ("k", "v")]
            layers[f"{layer}.{part}.{kind}"] = torch.cat([tensors[name] for name in names])
        else:
            layers[f"{layer}.{part}.{kind}"] = tensors[_name_of(layer, f"{_PARTS[part]}.{kind}")]
    return layers
