"""``nmt export --to nmt``: a model of format 3 with the reserved pieces translates and scores as it did without them.

``older-models.tar.xz`` has four models that nmt wrote at 7d446c4, before there were reserved pieces, and what each of
its engines made of the lines below: two hypotheses a line with their scores, and scores of given translations.
"""

import json
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from shlex import quote

import pytest
import torch
from conftest import CORPUS, TinyRun, nmt
from safetensors.torch import load_file, save_file

from nmt.config import EngineOptions, SearchOptions
from nmt.decoding.engine import Hypothesis, Query
from nmt.decoding.engines.pytorch import PyTorchEngine
from nmt.decoding.loading import load_engine
from nmt.decoding.translator import Translator
from nmt.disk.manifest import read_manifest, write_manifest
from nmt.errors import DataError
from nmt.model import build_model
from nmt.store.conversion import convert
from nmt.store.layout import PRODUCED
from nmt.store.model_folder import CONVERTED, ModelFolder, load_model
from nmt.store.tensors import layout_of, read_tensors
from nmt.text.reserved import RESERVED, SIGNS, SLOTS
from nmt.text.tokenizer import EOS, SOURCE_TOKENIZER, TARGET_TOKENIZER

NAMES = [f"{family}, {ties}" for family in ("transformer", "recurrent") for ties in ("tied, joint", "untied, separate")]
LINES, REFERENCES = (
    (CORPUS / f"test.{language}").read_text(encoding="utf-8").splitlines()[:12] for language in ("ko", "en")
)
OPTIONS = SearchOptions(beam_size=4, n_best=2, max_length_factor=0.3, no_repeat_ngram=2)


@contextmanager
def rewritten(folder: Path, copy: Path, **facts: object) -> Iterator[Path]:
    """A copy of a model folder, to change; its manifest then lists what is there, with other facts."""
    shutil.copytree(folder, copy)
    yield copy
    manifest = read_manifest(copy, verify=False)
    (copy / "manifest.json").unlink()
    write_manifest(copy, {**manifest, **facts})


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("older")
    with tarfile.open(Path(__file__).with_name("older-models.tar.xz")) as models:
        models.extractall(folder, filter="data")
    return folder / "format-3"


@pytest.fixture(scope="module")
def converted(older: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The four models, converted: one by the command, the others by what it calls."""
    folder = tmp_path_factory.mktemp("converted")
    for name in NAMES[1:]:
        (folder / name).mkdir()
        convert(older / name, folder / name)
    run = older / "run"
    shutil.copytree(older / NAMES[0], run / "model")
    made = nmt("export", run, "--to", "nmt", "-o", folder / NAMES[0])
    assert made.returncode == 0, made.stderr
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_translations_and_scores_are_those_that_the_older_program_gave(older: Path, converted: Path, name: str) -> None:
    before = json.loads((older / name / "expected.json").read_text(encoding="utf-8"))
    assert before.keys() == ({"torch", "ctranslate2"} if "transformer" in name else {"torch"})
    for engine, expected in before.items():
        if engine == "ctranslate2":
            pytest.importorskip("ctranslate2")
        translator = Translator.load(converted / name, OPTIONS, engine=engine, threads=1, device="cpu")
        for found, wanted in zip(translator.translate(LINES), expected["translations"], strict=True):
            hypotheses = [(found.text, found.score), *((each.text, each.score) for each in found.alternatives)]
            assert [text for text, _ in hypotheses] == [text for text, _ in wanted]
            # On this machine they are equal to the bit; another processor may add in another order.
            assert [score for _, score in hypotheses] == pytest.approx([score for _, score in wanted], rel=1e-5)
        assert [each.score for each in scored(converted / name, engine)] == pytest.approx(expected["scores"], rel=1e-5)


def scored(path: Path, engine: str) -> list[Hypothesis]:
    """The scores of the references."""
    model = ModelFolder.open(path)
    source, target = model.tokenizers
    opened = load_engine(model, OPTIONS, EngineOptions(device="cpu", threads=1, engine=engine))
    return opened.score([Query(ids) for ids in source.encode(LINES)], target.encode(REFERENCES))


@pytest.mark.parametrize("name", NAMES)
def test_the_weights_without_the_new_rows_search_and_score_the_same_to_the_bit(
    older: Path, converted: Path, name: str
) -> None:
    model = ModelFolder.open(converted / name)
    source, target = model.tokenizers
    module = build_model(model.config, source.first_reserved, target.first_reserved, model.joint)
    layout = layout_of(module.state_dict())
    module.load_state_dict(read_tensors(older / name / "model.safetensors", layout))
    engines = PyTorchEngine.of(module.eval(), range(3)), PyTorchEngine.of(load_model(model), target.control_ids())
    queries = [Query(ids) for ids in source.encode(LINES)]
    first, second = (engine.search(queries, OPTIONS) for engine in engines)
    assert first == second
    first, second = ([engine.score(queries, target.encode(REFERENCES))] for engine in engines)
    assert first == second


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_new_stays_as_it_was(older: Path, converted: Path, name: str) -> None:
    before, after = ModelFolder.open(older / name, CONVERTED), ModelFolder.open(converted / name)
    assert asdict(after.config) == asdict(before.config)
    assert (after.source_language, after.target_language) == ("ko", "en")
    facts = {key: value for key, value in before.manifest.items() if key not in ("format", "files")}
    assert {key: after.manifest[key] for key in facts} == facts
    assert after.manifest["files"].keys() == before.manifest["files"].keys() - {"expected.json"}
    module = load_model(after)
    for vocabulary, weight in zip(after.tokenizers, (module.embeddings.source, module.embeddings.target), strict=True):
        rows = (weight or module.embeddings.target).weight
        assert len(rows) == vocabulary.size
        assert rows[vocabulary.first_reserved :].count_nonzero() == 0
    assert module.embeddings.produced[-RESERVED:].count_nonzero() == 0


def test_a_converted_vocabulary_is_what_prepare_learns_now(tiny_run: TinyRun, tmp_path: Path) -> None:
    """The tiny run's model, put back into format 3 and converted, has the vocabulary that prepare learnt."""
    model = ModelFolder.open(tiny_run.run)
    tokenizer = (model.folder / SOURCE_TOKENIZER).read_bytes()
    start = tokenizer.index("<0>▁".encode()) - 4
    stop = tokenizer.index("<direction-31>▁".encode()) + len("<direction-31>▁".encode()) + 7
    tensors = {
        name: tensor[:-RESERVED] if name.startswith("embeddings.") else tensor
        for name, tensor in load_model(model).state_dict().items()
    }
    with rewritten(model.folder, tmp_path / "older", format=CONVERTED) as folder:
        (folder / SOURCE_TOKENIZER).write_bytes(tokenizer[:start] + tokenizer[stop:])
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / "model.safetensors")
    (tmp_path / "new").mkdir()
    convert(tmp_path / "older", tmp_path / "new")
    assert (tmp_path / "new" / SOURCE_TOKENIZER).read_bytes() == tokenizer
    kept = load_model(ModelFolder.open(tmp_path / "new")).state_dict()
    for name, tensor in load_model(model).state_dict().items():
        rows = slice(0, -RESERVED) if name.startswith("embeddings.") else slice(None)
        assert torch.equal(kept[name][rows], tensor[rows])


def test_an_older_model_is_refused_in_one_line_that_names_the_command(older: Path) -> None:
    folder = older / NAMES[0]
    remedy = f"convert it: nmt export {quote(str(folder))} --to nmt --output NEW"
    commands: list[list[str | Path]] = [
        ["translate", folder],
        ["evaluate", folder, CORPUS / "test"],
        ["export", folder, "--to", "ctranslate2", "-o", older / "none"],
    ]
    for command in commands:
        refused = nmt(*command, input="집\n")
        assert (refused.returncode, refused.stderr.count("\n")) == (65, 1), refused.stderr
        assert refused.stderr.endswith(f"has format 3, and this nmt reads format 4; {remedy}\n")
    refused = nmt("prepare", "-s", "ko", "-t", "en", "--train", CORPUS / "valid", "--vocab", folder, "-o", older / "d")
    assert (refused.returncode, refused.stderr.count("\n")) == (65, 1), refused.stderr
    assert "does not end with the 64 reserved pieces; " in refused.stderr
    assert "nmt export --to nmt converts older models" in refused.stderr
    assert not (older / "d").exists()


def test_a_model_of_this_format_needs_no_conversion(tiny_run: TinyRun, tmp_path: Path) -> None:
    refused = nmt("export", tiny_run.run, "--to", "nmt", "-o", tmp_path / "new")
    assert refused.returncode == 65
    assert refused.stderr.endswith("has format 4, and models of format 3 can be converted; use it as it is\n")
    assert not (tmp_path / "new").exists()
    refused = nmt("export", tiny_run.run, "--to", "nmt", "-o", tmp_path / "new", "--compute-type", "int8")
    assert (refused.returncode, "--compute-type is for ctranslate2" in refused.stderr) == (2, True)


@pytest.mark.parametrize("file", [SOURCE_TOKENIZER, TARGET_TOKENIZER, "model.safetensors", "config.toml"])
def test_a_damaged_older_model_is_not_converted(older: Path, tmp_path: Path, file: str) -> None:
    name = NAMES[1]
    with rewritten(older / name, tmp_path / "older") as folder:
        whole = (folder / file).read_bytes()
        (folder / file).write_bytes(whole[: len(whole) // 2])
    (tmp_path / "new").mkdir()
    with pytest.raises(DataError, match=file):
        convert(tmp_path / "older", tmp_path / "new")


def test_an_older_model_that_lets_no_translation_end_is_not_converted(older: Path, tmp_path: Path) -> None:
    with rewritten(older / NAMES[0], tmp_path / "older") as folder:
        tensors = load_file(folder / "model.safetensors")
        tensors[PRODUCED][3] = 0
        save_file(tensors, folder / "model.safetensors")
    (tmp_path / "new").mkdir()
    with pytest.raises(DataError, match="lets no translation end"):
        convert(tmp_path / "older", tmp_path / "new")


@pytest.mark.parametrize("name", NAMES)
def test_a_model_to_which_the_reserved_pieces_seem_likely_produces_none(
    converted: Path, tmp_path: Path, name: str
) -> None:
    model = ModelFolder.open(converted / name)
    with rewritten(model.folder, tmp_path / "likely") as folder:
        tensors = load_file(folder / "model.safetensors")
        output = tensors.get("embeddings.output.weight", tensors["embeddings.target.weight"])
        output[-RESERVED:] = 1.5 * output[EOS + 1 :][tensors[PRODUCED][EOS + 1 :] == 1].repeat(3, 1)[:RESERVED]
        tensors[PRODUCED][-RESERVED:] = 1
        save_file(tensors, folder / "model.safetensors")
    likely, (source, target) = ModelFolder.open(tmp_path / "likely"), model.tokenizers
    queries = [Query(ids) for ids in source.encode(LINES)]
    free = PyTorchEngine.of(load_model(likely), range(3)).search(queries, OPTIONS)
    assert {piece for each in free for hypothesis in each for piece in hypothesis.pieces} & set(target.control_ids())
    for engine in ("torch", "ctranslate2") if "transformer" in name else ("torch",):
        opened = load_engine(likely, OPTIONS, EngineOptions(device="cpu", threads=1, engine=engine))
        found = opened.search(queries, OPTIONS)
        pieces = {piece for each in found for hypothesis in each for piece in hypothesis.pieces}
        assert pieces
        assert max(pieces) < target.first_reserved + SLOTS
        translator = Translator(opened, source, target, OPTIONS)  # slots of nothing are left out
        assert not any(sign in text.text for text in translator.translate(LINES) for sign in SIGNS)
