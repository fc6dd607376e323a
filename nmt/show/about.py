"""A model's facts as rows of a table: shape, parameters, vocabulary, data, training, scores. Imports no torch."""

import re
from collections import Counter
from collections.abc import Mapping
from math import prod
from typing import TypeGuard

from nmt.config import is_note
from nmt.decoding.usable import Usable
from nmt.disk.manifest import check_file
from nmt.store.model_folder import ModelFolder
from nmt.store.tensors import weight_shapes
from nmt.text.directions import spoken
from nmt.text.reserved import RESERVED

Rows = list[tuple[str, str]]


def about(model: ModelFolder) -> Rows:
    """All facts of a model, as (name, value) rows. Raises DataError for a damaged model."""
    return [
        ("model", str(model.folder)),
        ("languages", languages(model)),
        *origin(model),
        *shape(model),
        *parameters(model),
        ("vocabulary", vocabulary(model)),
        *training(model.manifest),
        *usable(model),
    ]


def languages(model: ModelFolder) -> str:
    """Both languages by code, with their names if the manifest has them; or all directions."""
    if model.directions:
        return spoken(model.directions)
    names = model.manifest.get("languages")
    sides = []
    for side, code in (("source", model.source_language), ("target", model.target_language)):
        name = names.get(side) if isinstance(names, dict) else None
        sides.append(f"{name} ({code})" if name != code and is_note(name) else code)
    return " → ".join(sides)


def origin(model: ModelFolder) -> Rows:
    """The program that wrote the model, the models of others that it is made from, and the licence of its text."""
    by, of = ("imported by", "imported from") if model.is_imported else ("made by", "learnt from")
    program = model.manifest.get("program")
    rows = [(by, program if is_note(program) else ""), (of, "; ".join(model.origins))]
    return [(name, str(value)) for name, value in [*rows, ("licence of its text", model.licence)] if value]


def shape(model: ModelFolder) -> Rows:
    """The model's settings in words; each family uses other settings."""
    config = model.config
    layers = f"{config.encoder_layers} encoder, {config.decoder_layers} decoder; width {config.width}"
    rows = [("family", config.family), ("layers", layers)]
    if config.family == "transformer":
        rows += [
            ("attention", f"{config.heads} heads of {config.width // config.heads}, {config.attention_score} scores"),
            ("feed-forward", f"{config.feed_forward}, {config.activation}"),
            ("norm, positions", f"{config.norm}-norm, {config.positions} positions"),
        ]
    elif config.family == "recurrent":
        rows += [("cell", config.cell), ("attention", f"{config.attention_score} scores")]
    ties = "tied" if config.tied_embeddings else "separate"
    ties += ("" if config.scaled_embeddings else ", not scaled") + (", an output bias" if config.output_bias else "")
    return [*rows, ("embeddings", ties), ("dropout", f"{config.dropout:g}")]


def parameters(model: ModelFolder) -> Rows:
    """The numbers of parameters, by part and in all. Raises DataError for damaged weights."""
    counts: Counter[str] = Counter()
    shapes = weight_shapes(model.weights_path)
    check_file(model.folder, model.manifest, model.weights_path.name)
    for name, size in shapes.items():
        counts[name.partition(".")[0]] += prod(size)
    parts = [(f"parameters: {part.replace('_', ' ')}", f"{count:,}") for part, count in counts.most_common()]
    return [*parts, ("parameters", f"{counts.total():,}")]


def vocabulary(model: ModelFolder) -> str:
    """The sizes of the vocabularies, in words."""
    source, target = (tokenizer.first_reserved for tokenizer in model.tokenizers)
    if model.joint:
        return f"{source:,} pieces, joint, and {RESERVED} reserved"
    return f"{source:,} source pieces, {target:,} target pieces, and {RESERVED} reserved in each"


def training(manifest: Mapping[str, object]) -> Rows:
    """The facts of its training in the manifest; models of older versions or strangers may lack them."""
    rows = []
    data, validation, spent = (manifest.get(key) for key in ("data", "validation", "training"))
    if isinstance(data, str) and re.fullmatch("[0-9a-f]{64}", data):
        rows.append(("data", f"SHA-256 {data[:16]}…"))
    if isinstance(spent, dict):
        spent = {"updates": manifest.get("step"), **spent}
        names = {"pairs": "pairs", "updates": "updates", "epochs": "epochs", "target_tokens": "target tokens"}
        rows += [(f"training {name}", f"{spent[key]:,}") for key, name in names.items() if is_figure(spent.get(key))]
    if isinstance(validation, dict):
        names = {"loss": "loss", "perplexity": "perplexity", "bleu": "BLEU", "chrf": "chrF"}
        known = {name: validation.get(key) for key, name in names.items()}
        rows += [(f"validation {name}", f"{score:.2f}") for name, score in known.items() if is_figure(score)]
    return rows


def usable(model: ModelFolder) -> Rows:
    """What it calls a usable line, if it tells them apart. Raises DataError for a damaged regression."""
    fitted = Usable.read(model.manifest, str(model.folder))
    return [("usable", f"chrF above {fitted.bound:g}, fitted on {fitted.lines:,} lines")] if fitted else []


def is_figure(value: object) -> TypeGuard[int | float]:
    """Whether a value of a manifest is a number of reasonable size."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e18
