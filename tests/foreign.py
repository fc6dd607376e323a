"""Models of other toolkits, tiny and random, as their toolkits write them."""

import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import sentencepiece
import torch
from conftest import CORPUS, ROOT
from safetensors.torch import save_file
from torch import Tensor

TRANSFORMERS = ROOT / "build/bench/peers/transformers/bin/python"
"""The environment that the benchmarks make for transformers."""

WIDTH, INNER, HEADS, LAYERS = 16, 24, 2, (2, 1)

HUGGING_FACE: Mapping[str, Any] = {
    "model_type": "marian",
    "architectures": ["MarianMTModel"],
    "_name_or_path": "Helsinki-NLP/opus-mt-ko-en",
    "activation_function": "swish",
    "d_model": WIDTH,
    "encoder_layers": LAYERS[0],
    "decoder_layers": LAYERS[1],
    "encoder_attention_heads": HEADS,
    "decoder_attention_heads": HEADS,
    "encoder_ffn_dim": INNER,
    "decoder_ffn_dim": INNER,
    "max_position_embeddings": 512,
    "scale_embedding": True,
    "static_position_embeddings": True,
    "normalize_before": False,
    "normalize_embedding": False,
    "add_final_layer_norm": False,
    "share_encoder_decoder_embeddings": True,
    "eos_token_id": 0,
    "dropout": 0.1,
    "num_beams": 4,
}
MARIAN: Mapping[str, Any] = {
    "type": "transformer",
    "dim-emb": WIDTH,
    "enc-depth": LAYERS[0],
    "dec-depth": LAYERS[1],
    "transformer-heads": HEADS,
    "transformer-dim-ffn": INNER,
    "transformer-ffn-activation": "swish",
    "transformer-preprocess": '""',
    "transformer-postprocess": "dan",
    "transformer-postprocess-emb": "d",
    "transformer-decoder-autoreg": "self-attention",
    "transformer-no-projection": "false",
    "transformer-guided-alignment-layer": "last",
    "transformer-tied-layers": "\n  []",
    "tied-embeddings-all": "true",
}


def text(language: str, lines: int = 1000) -> list[str]:
    """Lines of the bundled corpus."""
    return (CORPUS / f"train.{language}").read_text(encoding="utf-8").splitlines()[:lines]


def spm(lines: Iterable[str], size: int = 700, kind: str = "unigram", **options: Any) -> bytes:
    """A SentencePiece model as spm_train makes it by itself: with rules of normalisation and without bytes.

    Its coverage is low, so that texts have characters that it does not know.
    """
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_writer=model,
        vocab_size=size,
        model_type=kind,
        minloglevel=5,
        hard_vocab_limit=kind == "bpe",
        num_threads=1,
        **{"character_coverage": 0.98, **options},
    )
    return model.getvalue()


def pieces_of(model: bytes) -> list[str]:
    """The pieces of a model but for those of its own that no text has."""
    loaded = sentencepiece.SentencePieceProcessor(model_proto=model)
    ids = range(len(loaded))
    return [loaded.id_to_piece(id) for id in ids if not (loaded.is_control(id) or loaded.is_unknown(id))]


def vocabulary(*models: bytes, leave_out: int = 40) -> dict[str, int]:
    """A joint vocabulary as marian-vocab makes it: of the pieces that some text had, not of all that models have."""
    both = dict.fromkeys(piece for model in models for piece in pieces_of(model)[:-leave_out])
    return {piece: id for id, piece in enumerate(["</s>", "<unk>", *both])}


def random(generator: torch.Generator, *shape: int) -> Tensor:
    """Weights whose outputs are far from uniform."""
    return torch.randn(*shape, generator=generator) * (0.5 if len(shape) > 1 else 0.2)


def hugging_face_tensors(config: Mapping[str, Any], rows: int, seed: int = 1) -> dict[str, Tensor]:
    """Random weights of a MarianMTModel."""
    dice = torch.Generator().manual_seed(seed)
    width = config["d_model"]
    tensors = {"model.shared.weight": random(dice, rows, width), "final_logits_bias": random(dice, 1, rows)}
    tensors["model.shared.weight"][-1] = 0
    for side in ("encoder", "decoder"):
        for layer in range(config[f"{side}_layers"]):
            name = f"model.{side}.layers.{layer}"
            for part in ("self_attn", *(["encoder_attn"] if side == "decoder" else [])):
                for matrix in ("q_proj", "k_proj", "v_proj", "out_proj"):
                    tensors[f"{name}.{part}.{matrix}.weight"] = random(dice, width, width)
                    tensors[f"{name}.{part}.{matrix}.bias"] = random(dice, width)
                tensors[f"{name}.{part}_layer_norm.weight"] = 1 + random(dice, width)
                tensors[f"{name}.{part}_layer_norm.bias"] = random(dice, width)
            for part, shape in (("fc1", (INNER, width)), ("fc2", (width, INNER))):
                tensors[f"{name}.{part}.weight"] = random(dice, *shape)
                tensors[f"{name}.{part}.bias"] = random(dice, shape[0])
            tensors[f"{name}.final_layer_norm.weight"] = 1 + random(dice, width)
            tensors[f"{name}.final_layer_norm.bias"] = random(dice, width)
    return tensors


def write_hugging_face(folder: Path, models: tuple[bytes, bytes], **changes: Any) -> Path:
    """A folder of a random MarianMTModel; ``changes`` go into its config.json."""
    folder.mkdir(parents=True)
    row_of = vocabulary(*dict.fromkeys(models))
    row_of["<pad>"] = pad = len(row_of)
    config = {**HUGGING_FACE, "vocab_size": pad + 1, "decoder_vocab_size": pad + 1}
    config = {**config, "pad_token_id": pad, "decoder_start_token_id": pad, **changes}
    tensors = hugging_face_tensors(config, pad + 1)
    if not config.get("tie_word_embeddings", True):
        tensors["lm_head.weight"] = random(torch.Generator().manual_seed(9), pad + 1, config["d_model"])
    generation = {name: config[f"{name}_token_id"] for name in ("pad", "eos", "decoder_start")}
    tokenizer = {"source_lang": "ko", "target_lang": "en", "tokenizer_class": "MarianTokenizer"}
    for name, table in (
        ("config.json", config),
        ("generation_config.json", {f"{name}_token_id": id for name, id in generation.items()}),
        ("tokenizer_config.json", tokenizer),
        ("vocab.json", row_of),
    ):
        (folder / name).write_text(json.dumps(table, ensure_ascii=False), encoding="utf-8")
    (folder / "source.spm").write_bytes(models[0])
    (folder / "target.spm").write_bytes(models[1])
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    return folder


def marian_arrays(settings: Mapping[str, Any], rows: int, seed: int = 1) -> dict[str, npt.NDArray[Any]]:
    """Random weights by Marian's names."""
    dice = torch.Generator().manual_seed(seed)
    suffix = "_pre" if settings["transformer-preprocess"] == "n" else ""

    def norm(name: str) -> dict[str, Tensor]:
        return {f"{name}_ln_scale": 1 + random(dice, 1, WIDTH), f"{name}_ln_bias": random(dice, 1, WIDTH)}

    tensors = {"Wemb": random(dice, rows, WIDTH), "decoder_ff_logit_out_b": random(dice, 1, rows)}
    for side, layers in zip(("encoder", "decoder"), LAYERS, strict=True):
        for layer in range(1, layers + 1):
            name = f"{side}_l{layer}"
            for part in ("self", *(["context"] if side == "decoder" else [])):
                for letter in "qkvo":
                    tensors[f"{name}_{part}_W{letter}"] = random(dice, WIDTH, WIDTH)
                    tensors[f"{name}_{part}_b{letter}"] = random(dice, 1, WIDTH)
                tensors |= {f"{key}{suffix}": value for key, value in norm(f"{name}_{part}_Wo").items()}
            tensors |= {f"{name}_ffn_W1": random(dice, WIDTH, INNER), f"{name}_ffn_b1": random(dice, 1, INNER)}
            tensors |= {f"{name}_ffn_W2": random(dice, INNER, WIDTH), f"{name}_ffn_b2": random(dice, 1, WIDTH)}
            tensors |= {f"{key}{suffix}": value for key, value in norm(f"{name}_ffn_ffn").items()}
        if suffix:
            tensors |= norm(f"{side}_top")
    arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
    written = "".join(f"{key}: {value}\n" for key, value in settings.items())
    return {**arrays, "special:model.yml": np.frombuffer(written.encode() + b"\0", np.int8)}


def write_marian(folder: Path, models: tuple[bytes, bytes], **changes: Any) -> Path:
    """A folder of a random model of Marian with a joint vocabulary; ``changes`` go into its settings."""
    folder.mkdir(parents=True)
    row_of = vocabulary(*dict.fromkeys(models))
    arrays: dict[str, Any] = marian_arrays({**MARIAN, **changes}, len(row_of))
    np.savez(folder / "model.npz", **arrays)
    lines = (f"{json.dumps(piece, ensure_ascii=False)}: {id}\n" for piece, id in row_of.items())
    (folder / "vocab.yml").write_text("".join(lines), encoding="utf-8")
    decoder = "relative-paths: true\nmodels:\n  - model.npz\nvocabs:\n  - vocab.yml\n  - vocab.yml\nbeam-size: 6\n"
    (folder / "decoder.yml").write_text(decoder, encoding="utf-8")
    (folder / "source.spm").write_bytes(models[0])
    (folder / "target.spm").write_bytes(models[1])
    return folder
