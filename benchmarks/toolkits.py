"""JoeyNMT, eole and transformers: their settings, their commands, and the weights of an nmt model in their files.

d features, V pieces.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any, NamedTuple

import sentencepiece
import torch
from corpus import Corpus
from measure import PEERS, PLACE, Arm, peer
from safetensors.torch import load_file, save_file
from torch import Tensor

from nmt.model.positions import sinusoids
from nmt.scoring.evaluate import read_file
from nmt.text.reserved import RESERVED

PACKAGES = {
    "eole": ["eole==0.6.4", "aiohttp", "torch==2.13.0"],  # aiohttp: it imports it, and does not ask for it
    "joeynmt": ["joeynmt==2.3.0", "sentencepiece==0.2.0", "importlib_metadata", "torch==2.13.0"],  # likewise
    "transformers": ["transformers==4.57.6", "sentencepiece", "torch==2.13.0"],
}
PIECES = ".pieces"  # eole writes them
Shape = tuple[int, int, int]  # layers a side, d, features inside the feed-forward layers

TINY: Shape = (4, 128, 256)  # the preset


class Budget(NamedTuple):
    """Padded tokens of a batch, and updates: all of them, between two lines of the log, between two savings."""

    tokens: int
    updates: int
    every: int
    save: int = 100_000


def toolkit(name: str) -> tuple[Path | None, str]:
    """The Python of its environment; or None and why it could not be made."""
    return peer(name, PACKAGES[name])


def write_settings(name: str, corpus: Corpus, data: Path, run: Path, shape: Shape, budget: Budget) -> Path:
    """The file of settings with which JoeyNMT or eole trains on ``corpus``, with the vocabulary of ``data``."""
    languages, train = (corpus.source, corpus.target), corpus.folder / "train"
    filled = Template((PEERS / f"{name}.yaml").read_text(encoding="utf-8")).substitute(
        run=run,
        train=write_pieces(data, train, languages, run.parent) if name == "eole" else train,
        valid=corpus.folder / "valid",
        source=corpus.source,
        target=corpus.target,
        vocabulary=write_vocabulary(data, run.parent),
        tokenizer=data / "tokenizer.model",
        layers=shape[0],
        width=shape[1],
        feed_forward=shape[2],
        **budget._asdict(),
    )
    path = run.with_name(f"{run.name}.yaml")
    path.write_text(filled, encoding="utf-8")
    return path


def training(name: str, python: Path, settings: Path) -> list[str | Path]:
    """The command."""
    if name == "eole":
        return [python.with_name("eole"), "train", "-config", settings]
    return [python, "-m", "joeynmt", "train", settings, "--skip-test"]


def predicting(name: str, python: Path, settings: Path, run: Path, data: Path, source: Path, output: Path) -> Arm:
    """JoeyNMT's or eole's own command that translates ``source`` with the model of ``run``, beam 5."""
    if name == "joeynmt":
        # It translates what comes from standard input; its --output-path fails in 2.3.0.
        line: list[str | Path] = [python, "-m", "joeynmt", "translate", settings]
        return Arm(name, ["sh", "-c", 'exec "$@" <"$0" >"$OUTPUT"', source, *line], output, {"OUTPUT": str(output)})
    output = output.with_suffix(PIECES)
    pieces = write_pieces(data, source.with_suffix(""), [source.suffix[1:]], output.parent)
    flags = ["-beam_size", "5", "-batch_size", "2048", "-batch_type", "tokens", "-compute_dtype", "fp32"]
    files: list[str | Path] = ["-model_path", run / "model", "-src", f"{pieces}{source.suffix}", "-output", output]
    return Arm(name, [python.with_name("eole"), "predict", *files, *flags], output)


def read_output(path: Path, data: Path, lines: int) -> list[str]:
    """The translations that an arm wrote."""
    found = read_file(path)
    if len(found) != lines:
        raise SystemExit(f"{path} has {len(found)} lines, not {lines}")
    if path.suffix == PIECES:
        model = sentencepiece.SentencePieceProcessor(model_file=str(data / "tokenizer.model"))
        found = [model.decode_pieces(line.split()) for line in found]
    return found


def said(command: list[str | Path]) -> str:
    """What a command writes, to either stream; raises CalledProcessError, which has it too."""
    return subprocess.run(
        command, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", cwd=PLACE
    ).stdout


def write_vocabulary(data: Path, place: Path) -> Path:
    """The pieces, a line each, without the control symbols: the peers put their own before them."""
    model = sentencepiece.SentencePieceProcessor(model_file=str(data / "tokenizer.model"))
    numbers = [number for number in range(len(model)) if not (model.is_control(number) or model.is_unknown(number))]
    path = place / "vocabulary"
    path.write_text("".join(f"{model.id_to_piece(number)}\n" for number in numbers), encoding="utf-8")
    return path


def write_pieces(data: Path, text: Path, languages: Sequence[str], place: Path) -> Path:
    """The text in pieces, which is what eole reads."""
    model = sentencepiece.SentencePieceProcessor(model_file=str(data / "tokenizer.model"))
    for language in languages:
        lines = model.encode(read_file(text.with_name(f"{text.name}.{language}")), out_type=str)
        path = place / f"{text.name}.pieces.{language}"
        path.write_text("".join(f"{' '.join(line)}\n" for line in lines), encoding="utf-8")
    return place / f"{text.name}.pieces"


# --- nmt's weights in their files -------------------------------------------------------------------------------------
# What each calls the parts of a layer, and what we call them. JoeyNMT and eole are made to train one update, and its
# file is written again with other numbers, so that all else in it is as they want it.

JOEYNMT = {
    r"(\w+)\.layers\.(\d+)\.(?:src_src|trg_trg)_att\.": r"\1.\2.attention.",
    r"(\w+)\.layers\.(\d+)\.src_trg_att\.": r"\1.\2.cross_attention.",
    r"encoder\.layers\.(\d+)\.layer_norm": r"encoder.\1.attention_residual.norm",
    r"decoder\.layers\.(\d+)\.x_layer_norm": r"decoder.\1.attention_residual.norm",
    r"decoder\.layers\.(\d+)\.dec_layer_norm": r"decoder.\1.cross_attention_residual.norm",
    r"(\w+)\.layers\.(\d+)\.feed_forward\.layer_norm": r"\1.\2.feed_forward_residual.norm",
    r"(\w+)\.layers\.(\d+)\.feed_forward\.pwff_layer\.0": r"\1.\2.feed_forward.inner",
    r"(\w+)\.layers\.(\d+)\.feed_forward\.pwff_layer\.3": r"\1.\2.feed_forward.outer",
    r"^(encoder|decoder)\.layer_norm": r"\1_norm",
    r"\bq_layer": "query",
    r"\bk_layer": "key",
    r"\bv_layer": "value",
    r"attention\.output_layer": "attention.output",
    r"^(?:\w+_embed\.lut|decoder\.output_layer)\.weight": "embeddings.target.weight",
}
EOLE = {
    r"(\w+)\.transformer_layers\.(\d+)\.self_attn\.": r"\1.\2.attention.",
    r"(\w+)\.transformer_layers\.(\d+)\.context_attn\.": r"\1.\2.cross_attention.",
    r"(\w+)\.transformer_layers\.(\d+)\.input_layernorm": r"\1.\2.attention_residual.norm",
    r"(\w+)\.transformer_layers\.(\d+)\.precontext_layernorm": r"\1.\2.cross_attention_residual.norm",
    r"(\w+)\.transformer_layers\.(\d+)\.post_attention_layernorm": r"\1.\2.feed_forward_residual.norm",
    r"(\w+)\.transformer_layers\.(\d+)\.mlp\.gate_up_proj": r"\1.\2.feed_forward.inner",
    r"(\w+)\.transformer_layers\.(\d+)\.mlp\.down_proj": r"\1.\2.feed_forward.outer",
    r"^(encoder|decoder)\.layer_norm": r"\1_norm",
    r"\blinear_query": "query",
    r"\blinear_keys": "key",
    r"\blinear_values": "value",
    r"\bfinal_linear": "output",
    r"^src_emb\.embeddings\.weight": "embeddings.target.weight",
}
MARIAN = {  # from our names to its own; it is post-norm
    r"^(encoder|decoder)\.(\d+)\.": r"model.\1.layers.\2.",
    r"\.attention_residual\.norm": ".self_attn_layer_norm",
    r"\.cross_attention_residual\.norm": ".encoder_attn_layer_norm",
    r"\.feed_forward_residual\.norm": ".final_layer_norm",
    r"\.cross_attention\.": ".encoder_attn.",
    r"\.attention\.": ".self_attn.",
    r"\.query\.": ".q_proj.",
    r"\.output\.": ".out_proj.",
    r"\.feed_forward\.inner\.": ".fc1.",
    r"\.feed_forward\.outer\.": ".fc2.",
    r"^embeddings\.target\.": "model.shared.",
}


def weights(model: Path) -> dict[str, Tensor]:
    """Those of a model of ours; no peer has reserved pieces, or asks which pieces it may produce."""
    tensors: dict[str, Tensor] = load_file(model / "model.safetensors")
    del tensors["embeddings.produced"]
    return {name: tensor[:-RESERVED] if name.startswith("embeddings.") else tensor for name, tensor in tensors.items()}


def translated(names: Mapping[str, Tensor], rules: Mapping[str, str], ours: Mapping[str, Tensor], swap: bool) -> Any:
    """Each tensor of a peer, with our numbers where it has a name of ours. Raises KeyError for a part left over.

    ``swap``: the peer numbers <unk> 0 and padding 1, as we do not.
    """
    found, used = {}, set()
    for name, there in names.items():
        known = name
        for pattern, replacement in rules.items():
            known = re.sub(pattern, replacement, known)
        part = re.sub(r"\.(key|value)\.", ".key_value.", known)
        if part not in ours:
            found[name] = torch.zeros_like(there) if name == "generator.bias" else there
            continue
        tensor = ours[part]
        if part != known:
            tensor = tensor.chunk(2)[".value." in known]
        if part == "embeddings.target.weight" and swap:
            tensor = tensor[[1, 0, *range(2, len(tensor))]]
        if tensor.shape != there.shape:
            raise KeyError(f"{name} is {tuple(there.shape)}, and {part} {tuple(tensor.shape)}")
        found[name] = tensor.clone().contiguous()
        used.add(part)
    if used != ours.keys():
        raise KeyError(f"no place for {sorted(ours.keys() - used)}")
    return found


def to_joeynmt(model: Path, run: Path) -> None:
    """Give the run of one update the weights of ``model``."""
    path = max(run.glob("[0-9]*.ckpt"))
    state = torch.load(path, weights_only=True)
    state["model_state"] = translated(state["model_state"], JOEYNMT, weights(model), swap=True)
    torch.save({"model_state": state["model_state"]}, path)


def to_eole(model: Path, run: Path) -> None:
    """Give the run of one update the weights of ``model``."""
    path = run / "model" / "model.00.safetensors"
    save_file(translated(load_file(path), EOLE, weights(model), swap=True), path)


def to_marian(model: Path, shape: Shape, output: Path) -> None:
    """Write a post-norm ``model`` as transformers reads its Marian."""
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    ours = weights(model)
    layers, width, feed_forward = shape
    sides = {"layers": layers, "ffn_dim": feed_forward, "attention_heads": 4, "layerdrop": 0.0}
    facts = {
        "model_type": "marian",
        "architectures": ["MarianMTModel"],
        "vocab_size": len(ours["embeddings.target.weight"]),
        "d_model": width,
        "max_position_embeddings": 1024,
        "scale_embedding": True,
        "activation_function": "relu",
        "static_position_embeddings": True,
        "share_encoder_decoder_embeddings": True,
        "tie_word_embeddings": True,
        "pad_token_id": 0,
        "bos_token_id": 2,
        "eos_token_id": 3,
        "forced_eos_token_id": None,
        "decoder_start_token_id": 2,
        **{f"{side}_{name}": value for side in ("encoder", "decoder") for name, value in sides.items()},
    }
    (output / "config.json").write_text(json.dumps(facts), encoding="utf-8")
    found = {"final_logits_bias": torch.zeros(1, len(ours["embeddings.target.weight"]))}
    for name, tensor in ours.items():
        for pattern, replacement in MARIAN.items():
            name = re.sub(pattern, replacement, name)
        if "key_value" in name:
            for kind, part in zip(("k_proj", "v_proj"), tensor.chunk(2), strict=True):
                found[name.replace("key_value", kind)] = part.clone()
        else:
            found[name] = tensor
    table = sinusoids(torch.arange(1024), width)
    for side in ("encoder", "decoder"):
        found[f"model.{side}.embed_positions.weight"] = table.clone()
    save_file(found, output / "model.safetensors", metadata={"format": "pt"})
    shutil.copy(model / "tokenizer.model", output)
