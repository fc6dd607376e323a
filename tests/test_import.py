"""``nmt import``: models of transformers and of Marian compute, search and translate as they did before."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import foreign
import numpy as np
import pytest
import torch
from conftest import CORPUS, nmt, write_corpus
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from nmt.config import ModelConfig, SearchOptions
from nmt.decoding.engine import length_limit
from nmt.decoding.translator import Translator
from nmt.errors import NmtError
from nmt.model import build_model
from nmt.model.positions import sinusoids
from nmt.store.card import card
from nmt.store.imported import import_model
from nmt.store.model_folder import ModelFolder, load_model
from nmt.text.lines import one_line
from nmt.text.reserved import RESERVED
from nmt.text.spm_format import BYTE_PIECES, FIRST_PLAIN
from nmt.text.tokenizer import BOS, EOS, Tokenizer, train_tokenizer
from nmt.training.inherited import inherit, names_of
from nmt.training.objective import Objective, TensorBatch
from nmt.version import __version__

BEAM = 4
has_transformers = pytest.mark.skipif(
    not foreign.TRANSFORMERS.exists(),
    reason="no environment of transformers: benchmarks/translate_toolkits.py makes one",
)


@pytest.fixture(scope="module")
def models() -> tuple[bytes, bytes]:
    """SentencePiece models of Korean and of English."""
    return foreign.spm(foreign.text("ko")), foreign.spm(foreign.text("en"))


def by_transformers(what: str, folder: Path, **asked: Any) -> dict[str, Any]:
    """What transformers says."""
    result = subprocess.run(
        [foreign.TRANSFORMERS, Path(__file__).with_name("by_transformers.py"), what, folder],
        input=json.dumps(asked),
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"},
    )
    assert result.returncode == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def compare(folder: Path, imported: Path, sources: list[str], targets: list[str], factor: float) -> None:
    """Hold an imported model to transformers: ids, logits and beams."""
    options = SearchOptions(beam_size=BEAM, n_best=BEAM, max_length_factor=factor, whole_lines=True)
    by_engine = {
        engine: list(Translator.load(imported, options, 200, "cpu", 1, engine).translate(sources))
        for engine in ("torch", "ctranslate2")
    }
    limits = [length_limit(each.source_pieces, factor) for each in by_engine["torch"]]
    theirs = by_transformers("answer", folder, sources=sources, targets=targets, beam=BEAM, limits=limits)
    opened = ModelFolder.open(imported)
    module = load_model(opened)
    row_of = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    names = [tokenizer.pieces(range(tokenizer.size)) for tokenizer in opened.tokenizers]
    produced = module.embeddings.produced.nonzero()[:, 0].tolist()
    column = {row_of[name]: id for id, name in enumerate(names[1]) if id in produced and name in row_of}
    assert len(column) == len(row_of)
    for place, texts in enumerate(zip(sources, targets, strict=True)):
        ids = [tokenizer.encode([text])[0] for tokenizer, text in zip(opened.tokenizers, texts, strict=True)]
        for side, key in enumerate(("sources", "targets")):
            known = [row_of.get(names[side][id], row_of["<unk>"]) for id in [*ids[side], EOS]]
            assert known == theirs[key][place]
        source = torch.tensor([[*ids[0], EOS]])
        with torch.inference_mode():
            hidden = module(source, torch.tensor([source.size(1)]), torch.tensor([[BOS, *ids[1]]]))
            logits = module.logits(hidden)[0]
        expected = torch.tensor(theirs["logits"][place])
        rows = [row for row in column if row != row_of["<pad>"]]
        actual = logits[:, [column[row] for row in rows]]
        assert torch.allclose(actual, expected[:, rows], rtol=0, atol=1e-4)
    for translations in by_engine.values():
        for found, beams in zip(translations, theirs["beams"], strict=True):
            ours = [(found.text, found.score), *((each.text, each.score) for each in found.alternatives)]
            assert [text for text, _ in ours] == [one_line(text) for text, _ in beams]
            assert [score for _, score in ours] == pytest.approx([score for _, score in beams], abs=1e-3)


@has_transformers
def test_a_trained_model_of_transformers_computes_and_searches_as_before(
    models: tuple[bytes, bytes], tmp_path: Path
) -> None:
    folder = foreign.write_hugging_face(tmp_path / "folder", models)
    sources, targets = foreign.text("ko", 24), foreign.text("en", 24)
    trained = by_transformers("train", folder, sources=sources, targets=targets, steps=300, rate=0.01)
    assert trained["loss"] < 2.5
    assert import_model(folder, tmp_path / "model") == ("ko", "en")
    # The last two lines have characters that neither the pieces nor the vocabulary know.
    compare(
        folder, tmp_path / "model", [*sources[:4], "나는 龘龘 학생 ☃.", "½ ﬁ ①"], [*targets[:4], "☃ a ﬁ", "ｗ"], 2.0
    )


KINDS: dict[str, dict[str, Any]] = {
    "gelu, not scaled": dict(activation_function="gelu", scale_embedding=False),
    "relu, untied": dict(activation_function="relu", tie_word_embeddings=False),
}


@has_transformers
@pytest.mark.parametrize("changes", KINDS.values(), ids=KINDS)
def test_a_random_model_of_transformers_computes_and_searches_as_before(
    changes: dict[str, Any], models: tuple[bytes, bytes], tmp_path: Path
) -> None:
    folder = foreign.write_hugging_face(tmp_path / "folder", models, **changes)
    made = nmt("import", folder, "-o", tmp_path / "model")
    assert made.returncode == 0, made.stderr
    compare(folder, tmp_path / "model", foreign.text("ko", 6), foreign.text("en", 6), 0.3)


def by_ctranslate2(folder: Path, place: Path, lines: list[str], limits: list[int]) -> list[str]:
    """The translations of a model of Marian that CTranslate2 converted by itself."""
    import ctranslate2
    import sentencepiece
    from ctranslate2.converters import MarianConverter

    MarianConverter(str(folder / "model.npz"), [str(folder / "vocab.yml")] * 2).convert(str(place))
    model = ctranslate2.Translator(str(place), inter_threads=2, intra_threads=1)
    source, target = (
        sentencepiece.SentencePieceProcessor(model_file=str(folder / f"{side}.spm")) for side in ("source", "target")
    )
    pieces = source.encode(lines, out_type=str)
    answers = [""] * len(lines)
    for limit in set(limits):
        rows = [row for row, its in enumerate(limits) if its == limit]
        results = model.translate_batch(
            [pieces[row] for row in rows],
            beam_size=5,
            max_decoding_length=limit,
            max_batch_size=64,
            disable_unk=True,
        )
        for row, result in zip(rows, results, strict=True):
            answers[row] = target.decode_pieces(result.hypotheses[0]).replace("▁", " ").strip()
    return answers


MARIANS: dict[str, dict[str, Any]] = {
    "swish, post-norm": {},
    "gelu, pre-norm": {
        "transformer-ffn-activation": "gelu",
        "transformer-preprocess": "n",
        "transformer-postprocess": "da",
        "transformer-postprocess-top": "n",
    },
}


@pytest.mark.parametrize("changes", MARIANS.values(), ids=MARIANS)
def test_marian_s_own_files_translate_1000_lines_as_ctranslate2_s_own_converter(
    changes: dict[str, Any], models: tuple[bytes, bytes], tmp_path: Path
) -> None:
    pytest.importorskip("ctranslate2")
    folder = foreign.write_marian(tmp_path / "folder", models, **changes)
    made = nmt("import", folder / "model.npz", "-o", tmp_path / "model", "-s", "ko", "-t", "en")
    assert made.returncode == 0, made.stderr
    lines = (CORPUS / "test.ko").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1000
    options = SearchOptions(max_length_factor=0.3, whole_lines=True)
    ours = list(Translator.load(tmp_path / "model", options, engine="torch").translate(lines))
    limits = [length_limit(each.source_pieces, 0.3) for each in ours]
    theirs = [one_line(text) for text in by_ctranslate2(folder, tmp_path / "converted", lines, limits)]
    assert len(set(theirs)) > 200
    assert [each.text for each in ours] == theirs


def test_an_imported_model_is_trained_further_and_gains(models: tuple[bytes, bytes], tmp_path: Path) -> None:
    folder = foreign.write_hugging_face(
        tmp_path / "folder", models, d_model=32, encoder_attention_heads=4, decoder_attention_heads=4
    )
    train, valid = write_corpus(tmp_path, "train", 0, 300), write_corpus(tmp_path, "valid", 300, 20)
    commands: list[list[str | Path]] = [
        ["import", folder, "-o", tmp_path / "model", "--licence", "CC BY 4.0"],
        ["prepare", "-s", "ko", "-t", "en", "--train", train, "--valid", valid, "--vocab", tmp_path / "model"],
        ["train", tmp_path / "data", "--init", tmp_path / "model", "--steps", "60"],
    ]
    commands[1] += ["-o", tmp_path / "data"]
    commands[2] += ["-o", tmp_path / "run", "--validate-every", "20", "--threads", "1", "--device", "cpu"]
    commands[2] += ["--set", "training.warmup_steps=5", "--set", "training.learning_rate=0.003"]
    for command in commands:
        result = nmt(*command)
        assert result.returncode == 0, result.stderr
    events = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text("utf-8").splitlines()]
    losses = [event["loss"] for event in events if event["event"] == "validation"]
    assert losses == sorted(losses, reverse=True)
    assert losses[0] - losses[-1] > 0.3
    before, after = (load_file(place / "model.safetensors") for place in (tmp_path / "model", tmp_path / "run/model"))
    assert ModelFolder.open(tmp_path / "run").config == ModelFolder.open(tmp_path / "model").config
    assert ModelFolder.open(tmp_path / "run").licence == "CC BY 4.0"
    fitted = card(ModelFolder.open(tmp_path / "run"), "zip")
    assert f"## Origin\n\n- Helsinki-NLP/opus-mt-ko-en, {TRANSFORMERS}\n" in fitted
    assert all(fact in fitted for fact in ("- made by nmt", "300 training pairs", "- after 60 updates"))
    assert not torch.equal(before["embeddings.output_bias"], after["embeddings.output_bias"])
    translated = nmt("translate", tmp_path / "run", input="나는 학생이다.\n龘\n")
    assert (translated.returncode, translated.stdout.count("\n")) == (0, 2)


def test_a_run_with_another_vocabulary_inherits_what_the_imported_model_learnt_and_nothing_else(
    models: tuple[bytes, bytes], tmp_path: Path
) -> None:
    """Pieces that ours have and it had not keep new vectors: bytes, slots, and those that its vocabulary lacks."""
    import_model(foreign.write_marian(tmp_path / "folder", models), tmp_path / "model", ("ko", "en"))
    folder = ModelFolder.open(tmp_path / "model")
    own = [Tokenizer(train_tokenizer(foreign.text(side), "bpe", 1200), "own") for side in ("ko", "en")]
    parent = load_model(folder)
    child = build_model(folder.config, own[0].size, own[1].size, joint=False)
    fresh = {name: tensor.clone() for name, tensor in child.state_dict().items()}
    inherit(child, parent, (own[0], own[1]), folder.tokenizers)
    row_of = foreign.vocabulary(*models)
    for name, tokenizer, model in (("source", own[0], models[0]), ("target", own[1], models[1])):
        made, before = (each[f"embeddings.{name}.weight"] for each in (child.state_dict(), fresh))
        given = load_file(tmp_path / "model" / "model.safetensors")[f"embeddings.{name}.weight"]
        ids = {piece: id for id, piece in enumerate(names_of(folder.tokenizers[name == "target"]))}
        known = {
            piece: given[ids[piece]]
            for piece in {*foreign.pieces_of(model), *row_of} & row_of.keys() & ids.keys() - {"<unk>", "</s>"}
        }
        assert all(vector.any() for vector in known.values())
        counts = {"fresh": 0, "same": 0, "mean": 0}
        for id, piece in enumerate(names_of(tokenizer)):
            if id <= EOS:
                continue
            parts = spelling(piece, known) if FIRST_PLAIN <= id < tokenizer.first_reserved else []
            if not parts:
                counts["fresh"] += 1
                assert made[id].equal(before[id]), piece
                continue
            counts["same" if len(parts) == 1 else "mean"] += 1
            assert made[id].allclose(torch.stack([known[part] for part in parts]).mean(0), atol=1e-6), piece
        assert counts["fresh"] >= len(BYTE_PIECES) + RESERVED
        assert min(counts.values()) > 20, counts


def spelling(name: str, known: Mapping[str, Tensor]) -> list[str]:
    """The longest known pieces of a name from left to right, without characters that none has."""
    while name:
        first = max((piece for piece in known if name.startswith(piece)), key=len, default="")
        if first:
            return [first, *spelling(name[len(first) :], known)]
        name = name[1:]
    return []


def test_a_vocabulary_shared_by_both_sides_stays_one(models: tuple[bytes, bytes], tmp_path: Path) -> None:
    folder = foreign.write_hugging_face(tmp_path / "folder", (models[1], models[1]))
    import_model(folder, tmp_path / "model", ("de", "en"))
    model = ModelFolder.open(tmp_path / "model")
    assert model.joint
    assert (model.source_language, model.target_language) == ("de", "en")
    assert "embeddings.source.weight" not in load_file(tmp_path / "model" / "model.safetensors")


def test_half_precision_and_tables_of_positions_are_read(models: tuple[bytes, bytes], tmp_path: Path) -> None:
    folder = foreign.write_hugging_face(tmp_path / "folder", models)
    import_model(folder, tmp_path / "model")
    tensors = {name: tensor.half() for name, tensor in load_file(folder / "model.safetensors").items()}
    table = sinusoids(torch.arange(512), 16, sines_first=True)
    tensors |= {f"model.{side}.embed_positions.weight": table.clone() for side in ("encoder", "decoder")}
    tensors["lm_head.weight"] = tensors["model.shared.weight"].clone()
    save_file(tensors, folder / "model.safetensors")
    import_model(folder, tmp_path / "half")
    first, second = (load_file(tmp_path / name / "model.safetensors") for name in ("model", "half"))
    assert all(torch.allclose(first[name].float(), second[name].float(), atol=2e-3) for name in first)
    tensors["model.encoder.embed_positions.weight"] += 1
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(NmtError, match="no table of sines and cosines"):
        import_model(folder, tmp_path / "other")


TRANSFORMERS = "a MarianMTModel of transformers"
OF_OPUS = "opus+bt.spm32k-spm32k.transformer-align.model1.npz.best-perplexity.npz"  # as OPUS-MT has them


@pytest.mark.parametrize(
    ("name", "origin"),
    [
        ("Helsinki-NLP/opus-mt-ko-en", f"Helsinki-NLP/opus-mt-ko-en, {TRANSFORMERS}"),
        ("/home/someone/opus-mt-ko-en", f"opus-mt-ko-en, {TRANSFORMERS}"),
        ("C:\\Users\\someone\\mine", f"mine, {TRANSFORMERS}"),
        ("../my_model", f"my\\_model, {TRANSFORMERS}"),
        (OF_OPUS, f"{OF_OPUS}, {TRANSFORMERS}"),
        ("", TRANSFORMERS),
        ("..", TRANSFORMERS),
        ("x" * 100, TRANSFORMERS),
        ("a\n# b", TRANSFORMERS),
        ("[mine](evil)", TRANSFORMERS),
        ({"name": "mine"}, TRANSFORMERS),
    ],
)
def test_the_card_of_an_imported_model_names_its_origin_and_nothing_that_nmt_did_not_do(
    models: tuple[bytes, bytes], tmp_path: Path, name: Any, origin: str
) -> None:
    folder = foreign.write_hugging_face(tmp_path / "folder", models, _name_or_path=name)
    import_model(folder, tmp_path / "model", licence="CC BY 4.0")
    text = card(ModelFolder.open(tmp_path / "model"), "zip")
    assert f"## Origin\n\n- {origin}\n\n## Licence\n\nCC BY 4.0\n" in text
    assert f"- imported by nmt {__version__}\n" in text
    assert not any(wrong in text for wrong in ("made by", "updates", "dataset", "training"))


def test_an_imported_model_replaces_nothing(models: tuple[bytes, bytes], tmp_path: Path) -> None:
    folder = foreign.write_marian(tmp_path / "folder", models)
    first = nmt("import", folder, "-o", tmp_path / "model")
    assert first.returncode == 0
    assert "no file names the languages" in first.stderr
    assert nmt("import", folder, "-o", tmp_path / "model").returncode == 73
    assert nmt("import", tmp_path / "nothing", "-o", tmp_path / "other").returncode == 66


def test_the_loss_of_a_model_with_an_output_bias_is_the_plain_formula_and_so_is_its_gradient() -> None:
    config = ModelConfig(width=16, feed_forward=24, encoder_layers=1, decoder_layers=1, heads=2, output_bias=True)
    torch.manual_seed(1)
    model = build_model(config, 40, 40, True).double()
    bias = cast("nn.Parameter", model.embeddings.output_bias)
    bias.data.normal_()
    model.embeddings.produced[20:30] = 0
    sources, targets = [[5, 6, 7], [8]], [[9, 10], [11, 12, 13, 35]]
    batch = TensorBatch.of([np.array(row) for row in sources], [np.array(row) for row in targets], torch.device("cpu"))
    objective = Objective(model, 0.1).eval()
    objective(batch, 1.0).backward()
    found, bias.grad = cast("Tensor", bias.grad).clone(), None
    hidden = model(batch.source_BS, batch.source_length_B, batch.target_BT[:, :-1]).flatten(0, 1)[batch.place_N]
    logits = model.logits(hidden).masked_fill(model.embeddings.produced == 0, -torch.inf)
    cross_entropy(logits, batch.target_N, reduction="sum").backward()  # type: ignore[no-untyped-call]
    assert torch.allclose(found, cast("Tensor", bias.grad), atol=1e-12)
    assert found.abs().max() > 0.1
