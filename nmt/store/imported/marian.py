"""Reads Marian's own models: an ``.npz`` file, its vocabularies (``.spm`` or ``.yml``) and decoder.yml.

V rows of a vocabulary, D width.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nmt.checked import build
from nmt.config import ModelConfig
from nmt.disk.untrusted import read_small
from nmt.errors import DataError, MissingInputError, SettingsError, shown
from nmt.store.imported.foreign import OTHER_MODEL, ForeignModel, ForeignSide
from nmt.store.imported.marian_yaml import Settings, read_settings, read_vocabulary
from nmt.store.imported.npz import Npz, open_npz
from nmt.store.layout import transformer_layers
from nmt.text.spm_import import foreign_pieces
from nmt.text.tokenizer import LARGEST_MODEL

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from torch import Tensor

    Array = npt.NDArray[np.float32]

DECODER = "decoder.yml"
_SETTINGS = "special:model.yml"  # an array of the file: its bytes, and a zero
_LARGEST_SETTINGS = 1 << 20  # bytes
_LARGEST_VOCABULARY = 1 << 25
_POSITIONS = 512  # Marian has no limit; its models were trained with shorter lines
_ACTIVATIONS = {"relu": "relu", "gelu": "gelu-sigmoid", "swish": "swish"}
_NORMS = {("n", "da", "n"): "pre", ("", "dan", ""): "post"}  # by the steps before, after and at the top
_MUST: Mapping[str, Sequence[str | list[str]]] = {
    "type": ("transformer",),
    "transformer-decoder-autoreg": ("self-attention",),
    "transformer-no-projection": ("false",),
    "transformer-postprocess-emb": ("", "d"),
    "transformer-train-position-embeddings": ("false",),
    "transformer-tied-layers": ([], ""),
}  # settings that may be absent, and the values that they may have
_PARTS = {
    "attention.query": "self_{W}q",
    "attention.output": "self_{W}o",
    "attention_residual.norm": "self_Wo_ln",
    "cross_attention.query": "context_{W}q",
    "cross_attention.output": "context_{W}o",
    "cross_attention_residual.norm": "context_Wo_ln",
    "feed_forward.inner": "ffn_{W}1",
    "feed_forward.outer": "ffn_{W}2",
    "feed_forward_residual.norm": "ffn_ffn_ln",
}  # our names, and those of Marian, where W is b for a bias
_KEY_VALUE = {"attention.key_value": "self_{W}", "cross_attention.key_value": "context_{W}"}


def read_marian(path: Path) -> ForeignModel:
    """The model of an ``.npz`` file, or the one that a decoder.yml names. Raises MissingInputError or DataError."""
    weights, decoder = _files(path)
    with open_npz(weights) as npz:
        if _SETTINGS not in npz.shapes:
            npz.refuse(f"it has no {_SETTINGS}")
        raw = npz.read(_SETTINGS).tobytes().rstrip(b"\0")
        settings = _settings(raw, f"{_SETTINGS} in {weights}")
        return _Reader(npz, settings).model(_vocabularies(decoder))


def _files(path: Path) -> tuple[Path, Path]:
    """The ``.npz`` file and the settings of its decoder, either of which is at ``path``."""
    if path.suffix == ".npz":
        beside = [path.with_name(f"{path.name}.{DECODER}"), path.with_name(DECODER)]
        if found := next((place for place in beside if place.exists()), None):
            return path, found
        raise MissingInputError(f"there is no {DECODER} beside {path}", "it names the vocabularies: write or get one")
    models = _list(_settings(read_small(path, _LARGEST_SETTINGS), str(path)), "models")
    if len(models) != 1:
        raise DataError(f"{path} names {len(models)} models", "give the .npz file of one")
    return _beside(path, models[0]), path


def _list(settings: Settings, name: str) -> list[str]:
    value = settings.get(name, [])
    return value if isinstance(value, list) else [value]


def _settings(raw: bytes, name: str) -> Settings:
    """Parse settings. Raises DataError, naming where they stand."""
    try:
        if len(raw) > _LARGEST_SETTINGS:
            raise ValueError("they are too long")
        return read_settings(raw.decode("utf-8"))
    except ValueError as error:
        raise DataError(f"{name} is not a file of Marian's settings: {shown(str(error))}", OTHER_MODEL) from None


def _vocabularies(decoder: Path) -> list[Path]:
    """The files of the source's and the target's vocabulary. Raises DataError unless there are two."""
    names = _list(_settings(read_small(decoder, _LARGEST_SETTINGS), str(decoder)), "vocabs")
    if len(names) != 2:
        raise DataError(f"{decoder} names {len(names)} vocabularies, not those of two sides", OTHER_MODEL)
    return [_beside(decoder, name) for name in names]


def _beside(decoder: Path, name: str) -> Path:
    """The file that a decoder.yml names, in its own folder. Raises DataError for what is no name of a file."""
    last = Path(name).name
    if not last or not last.isprintable():
        raise DataError(f"{decoder} names the file {shown(name)}", "restore the file from its origin")
    return decoder.parent / last


class _Reader:
    """Reads one opened file, whose settings are given."""

    def __init__(self, npz: Npz, settings: Settings) -> None:
        self.npz = npz
        self.settings = settings
        self.used = {_SETTINGS}

    def model(self, vocabularies: Sequence[Path]) -> ForeignModel:
        """The model with vocabularies of these files."""
        names = [name for name in ("Wemb", "encoder_Wemb", "decoder_Wemb") if name in self.npz.shapes] or ["Wemb"]
        shared = names[0] == "Wemb"
        matrices = {name: self.tensor(name, None) for name in names}
        source_VD, target_VD = matrices[names[0]], matrices[names[-1]]
        output = next((f"decoder_ff_logit_out_{kind}" for kind in ("W", "Wt") if self.has_output(kind)), "")
        config = self.config(source_VD.size(1), not output)
        sides = [self.side(vocabularies[place], place, matrix) for place, matrix in enumerate((source_VD, target_VD))]
        if vocabularies[0] == vocabularies[1] and shared:
            sides[1] = ForeignSide(sides[1].name, sides[1].spm, sides[0].row_of, source_VD)
        layers = self.layers(config)
        output_VD = self.linear(output, (len(target_VD), config.width)) if output else None
        bias = "decoder_ff_logit_out_b"
        bias_V = self.tensor(bias, (len(target_VD),)) if config.output_bias else None
        if strange := sorted(self.npz.shapes.keys() - self.used):
            raise DataError(f"array {shown(strange[0])} in {self.npz.path} does not belong into it", OTHER_MODEL)
        return ForeignModel(
            kind="an .npz file of Marian",
            name=self.npz.path.name,
            config=config,
            source=sides[0],
            target=sides[1],
            layers=layers,
            start_D=target_VD.new_zeros(config.width),
            output_VD=output_VD,
            bias_V=bias_V,
            longest=_POSITIONS,
        )

    def has_output(self, kind: str) -> bool:
        """Whether the output projection has a matrix of its own."""
        return f"decoder_ff_logit_out_{kind}" in self.npz.shapes

    def config(self, width: int, is_tied: bool) -> ModelConfig:
        """The shape in our words. Raises DataError for what our Transformer cannot be."""
        for name, values in _MUST.items():
            if name in self.settings and self.settings[name] not in values:
                raise self.wrong(name)
        steps = tuple(self.settings.get(f"transformer-{name}", "") for name in _STEPS)
        norm = next((kind for known, kind in _NORMS.items() if known == steps), None)
        activation = self.settings.get("transformer-ffn-activation", "swish")
        if norm is None:
            raise self.wrong("transformer-preprocess")
        if not isinstance(activation, str) or activation not in _ACTIVATIONS:
            raise self.wrong("transformer-ffn-activation")
        inner = self.npz.shapes.get("encoder_l1_ffn_W1", (0, 0))[-1]
        numbers = {
            "width": width,
            "feed_forward": inner,
            "heads": self.number("transformer-heads"),
            "encoder_layers": self.number("enc-depth"),
            "decoder_layers": self.number("dec-depth"),
        }
        words = {"activation": _ACTIVATIONS[activation], "norm": norm, "positions": "sines-first"}
        flags = {"tied_embeddings": is_tied, "output_bias": "decoder_ff_logit_out_b" in self.npz.shapes}
        try:
            return build(ModelConfig, {**numbers, **words, **flags})
        except SettingsError as error:
            raise DataError(f"{self.npz.path}: {error.what}", OTHER_MODEL) from None

    def side(self, vocabulary: Path, place: int, rows_VD: "Tensor") -> ForeignSide:
        """One side of the model: of an ``.spm`` file the pieces' own ids, of a ``.yml`` file the ids there."""
        if vocabulary.suffix == ".spm":
            spm = vocabulary
            row_of = _ids_of(spm)
        else:
            spm = vocabulary.parent / ("source.spm", "target.spm")[place]
            row_of = _read_ids(vocabulary)
        row_of = {name: row for name, row in row_of.items() if row < len(rows_VD)}  # the vocabulary was cut to these
        if len(row_of) != len(rows_VD):
            what = f"{vocabulary} has {len(row_of)} pieces for {len(rows_VD)} rows of {self.npz.path}"
            raise DataError(what, "give the vocabularies that the model was trained with")
        return ForeignSide(str(spm), read_small(spm, LARGEST_MODEL), row_of, rows_VD)

    def layers(self, config: ModelConfig) -> dict[str, "Tensor"]:
        """The layers' tensors by our names."""
        import torch

        found = {}
        for layer, part, kind, shape in _layers_of(config):
            begin, _, number = layer.partition(".")
            prefix = f"{begin}_l{int(number) + 1}_" if number else f"{begin}_"
            if part in _KEY_VALUE:
                half = (config.width, *shape[1:])
                names = [f"{prefix}{_KEY_VALUE[part]}{letter}" for letter in "kv"]
                tensor = torch.cat([self.part(name, kind, half) for name in names])
            else:
                tensor = self.part(f"{prefix}{_PARTS.get(part, part)}", kind, shape)
            found[".".join(filter(None, (layer if number else f"{begin}_norm", part if number else "", kind)))] = tensor
        return found

    def part(self, name: str, kind: str, shape: tuple[int, ...]) -> "Tensor":
        """A linear layer's or a norm's weight or bias."""
        if "{W}" not in name:
            name += "_scale" if kind == "weight" else "_bias"
            return self.tensor(f"{name}_pre" if f"{name}_pre" in self.npz.shapes else name, shape)
        if kind == "weight":
            return self.linear(name.replace("{W}", "W"), shape)
        return self.tensor(name.replace("{W}", "b"), shape)

    def linear(self, name: str, shape: tuple[int, ...]) -> "Tensor":
        """A matrix (outputs, inputs): Marian has inputs first, unless the name ends in ``Wt``."""
        if name.endswith("Wt"):
            return self.tensor(name, shape)
        return self.tensor(name, shape[::-1]).t().contiguous()

    def tensor(self, name: str, shape: tuple[int, ...] | None) -> "Tensor":
        """An array of a shape, without dimensions of 1 before it; None: a matrix. Raises DataError."""
        import numpy as np
        import torch

        if name not in self.npz.shapes:
            raise DataError(f"array {name} is missing from {self.npz.path}", OTHER_MODEL)
        self.used.add(name)
        there = self.npz.shapes[name]
        if shape is None:
            shape = there if len(there) == 2 else (0, 0)
        if there not in (shape, (1, *shape)):
            raise DataError(f"array {name} in {self.npz.path} is {there}, not {shape}", OTHER_MODEL)
        array = self.npz.read(name).reshape(shape)
        if array.dtype != np.float32:
            raise DataError(f"array {name} in {self.npz.path} is not float32", "get the model without quantisation")
        if not (np.isfinite(array.min()) and np.isfinite(array.max())):
            raise DataError(f"array {name} in {self.npz.path} has values that are not finite", "get the file again")
        return torch.from_numpy(array.copy())

    def number(self, name: str) -> int:
        """A setting that counts something. Raises DataError if it does not."""
        value = self.settings.get(name)
        if not isinstance(value, str) or not value.isascii() or not value.isdigit() or len(value) > 6:
            raise self.wrong(name)
        return int(value)

    def wrong(self, name: str) -> DataError:
        """The error for a setting that our Transformer cannot have."""
        return DataError(f"{self.npz.path} has {name} {shown(self.settings.get(name))}", OTHER_MODEL)


_STEPS = ("preprocess", "postprocess", "postprocess-top")


def _layers_of(config: ModelConfig) -> "list[tuple[str, str, str, tuple[int, ...]]]":
    """The tensors of the layers and, before or after them, of the norms at the top."""
    tops = [
        (side, "top_ln", kind, (config.width,))
        for side in ("encoder", "decoder")
        if config.norm == "pre"
        for kind in ("weight", "bias")
    ]
    return [*transformer_layers(config), *tops]


def _ids_of(spm: Path) -> dict[str, int]:
    """The id of each piece of a SentencePiece model. Raises DataError, naming the file."""
    try:
        names = foreign_pieces(read_small(spm, LARGEST_MODEL)).names
    except ValueError as error:
        raise DataError(f"{spm} {error}", OTHER_MODEL) from None
    return {name: id for id, name in enumerate(names)}


def _read_ids(path: Path) -> dict[str, int]:
    try:
        return read_vocabulary(read_small(path, _LARGEST_VOCABULARY).decode("utf-8"))
    except ValueError as error:
        raise DataError(f"{path} is not a vocabulary of Marian: {error}", OTHER_MODEL) from None
