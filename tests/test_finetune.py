"""Fine-tuning: from a model's weights, with a model's vocabulary, and with weighted corpora."""

import json
import re
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import TinyRun, equal, nmt, weights, write_corpus
from test_run import Recorder

from nmt.config import Layer, ModelConfig, PrepareOptions
from nmt.corpus.batches import plan_block
from nmt.corpus.dataset import Dataset
from nmt.corpus.prepare import PrepareRequest, prepare
from nmt.disk.manifest import read_manifest, write_manifest
from nmt.errors import SettingsError
from nmt.model import build_model
from nmt.model.layers import Dropout
from nmt.presets import PRESETS
from nmt.settings_file import read_toml
from nmt.store.model_folder import ModelAbout, ModelFolder, export_model, load_model
from nmt.store.run_folder import RunFolder
from nmt.text.reserved import RESERVED
from nmt.text.tokenizer import EOS, Tokenizer
from nmt.training.inherited import names_of, spelled
from nmt.training.models import is_of_its_languages
from nmt.training.opening import fresh_state, open_run, warn_of_model
from nmt.training.reporter import Reporter
from nmt.training.request import TrainJob, TrainRequest, read_request
from nmt.training.saving import licence_of

CPU = torch.device("cpu")
SMALL = ModelConfig(width=32, feed_forward=32, encoder_layers=1, decoder_layers=1, heads=2)


def train(data: Path, run: Path, init: Path | None, stop_at: int = 0, **settings: Any) -> Path:
    layers = ({"training": {"steps": 6, "batch_tokens": 400, "odd_input": 0.0, **settings}},)
    with open_run(read_request(TrainRequest(data, run, "auto", layers, init=init)), CPU, Reporter()) as opened:
        return opened.train(lambda: 0 < stop_at <= opened.state.counters.step).model


@pytest.fixture(scope="module")
def more(tiny_run: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of other pairs, with the vocabulary of the tiny run."""
    folder = tmp_path_factory.mktemp("more")
    train, valid = write_corpus(folder, "train", 400, 80), write_corpus(folder, "valid", 500, 20, among=600)
    command: list[str | Path] = [
        "prepare",
        "-s",
        "ko",
        "-t",
        "en",
        "--train",
        train,
        "--valid",
        valid,
        "--vocab",
        tiny_run.run,
    ]
    made = nmt(*command, "-o", folder / "data")
    assert made.returncode == 0, made.stderr
    assert "one vocabulary of 600 pieces" in made.stderr
    again = nmt(*command, "-o", folder / "data")
    assert "is up to date" in again.stderr
    return folder / "data"


def test_a_given_vocabulary_is_the_one_that_the_pairs_are_encoded_with(tiny_run: TinyRun, more: Path) -> None:
    assert (more / "tokenizer.model").read_bytes() == (tiny_run.data / "tokenizer.model").read_bytes()
    data = Dataset.open(more)
    tokenizer = Tokenizer.load(tiny_run.run / "model" / "tokenizer.model")
    lines = (more.parent / "train.ko").read_text(encoding="utf-8").splitlines()
    assert data.train.ids([0])[0][0].tolist() == tokenizer.encode(lines)[0]


def test_a_model_may_produce_what_a_target_of_its_data_has_and_what_the_model_before_it_may(
    tiny_run: TinyRun, more: Path, tmp_path: Path
) -> None:
    def pieces(data: Path) -> set[int]:
        splits = Dataset.open(data).train, Dataset.open(data).valid
        return {0, 1, 2, 3} | {int(id) for split in splits for row in split.ids(range(len(split)))[1] for id in row}

    def produced(model: Path) -> set[int]:
        return set(weights(model)["embeddings.produced"].nonzero()[:, 0].tolist())

    assert produced(tiny_run.run / "model") == pieces(tiny_run.data)
    assert produced(train(more, tmp_path / "anew", None)) == pieces(more)
    both = produced(train(more, tmp_path / "further", tiny_run.run))
    assert both == pieces(tiny_run.data) | pieces(more)
    assert pieces(tiny_run.data) - pieces(more), "the example must have pieces that the new data has not"


def test_a_vocabulary_that_is_not_there_or_has_a_size_is_refused(tiny_run: TinyRun, tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path, "train", 0, 50)
    command: list[str | Path] = [
        "prepare",
        "-s",
        "ko",
        "-t",
        "en",
        "--train",
        corpus,
        "-o",
        tmp_path / "data",
        "--vocab",
    ]
    missing = nmt(*command, tmp_path)
    assert (missing.returncode, missing.stderr.count("\n")) == (66, 1)
    both = nmt(*command, tiny_run.run, "--vocab-size", "500")
    assert (both.returncode, both.stderr.count("\n")) == (2, 1)


def test_a_run_begins_with_the_weights_of_its_model(tiny_run: TinyRun, more: Path, tmp_path: Path) -> None:
    still = train(more, tmp_path / "still", tiny_run.run, learning_rate=0.0)
    before, after = weights(tiny_run.run / "model"), weights(still)
    del before["embeddings.produced"]  # which the new data's targets add to
    assert all(torch.allclose(after[name], before[name], rtol=0, atol=1e-6) for name in before)
    assert not equal(train(more, tmp_path / "moving", tiny_run.run), tiny_run.run / "model")
    assert ModelFolder.open(still).config == ModelFolder.open(tiny_run.run / "model").config


@pytest.mark.parametrize("dropout", [0.0, 0.25])
def test_a_run_that_begins_with_a_model_has_the_dropout_that_is_asked_for(
    tiny_run: TinyRun, tmp_path: Path, dropout: float
) -> None:
    layers: tuple[Layer, ...] = ({"model": {"dropout": dropout}, "training": {"steps": 6}},)
    job = read_request(TrainRequest(tiny_run.data, tmp_path / "run", "auto", layers, init=tiny_run.run))
    assert job.config.model.dropout == dropout
    assert rates(fresh_state(job, CPU).objective.model) == {dropout}
    assert rates(load_model(ModelFolder.open(tiny_run.run))) == {0.2}, "the model before has another"


def rates(model: torch.nn.Module) -> set[float]:
    """The rates of all its dropout."""
    return {part.rate for part in model.modules() if isinstance(part, Dropout)}


def test_a_model_names_the_licences_of_its_text_and_of_the_model_that_it_began_with(
    tiny_run: TinyRun, more: Path, tmp_path: Path
) -> None:
    asked = TrainRequest(more, tmp_path / "run", "tiny", init=tiny_run.run)
    job = read_request(asked)
    for own, wanted in (("", "MIT"), ("MIT", "MIT"), ("CC BY 4.0", "CC BY 4.0 AND MIT"), ("MIT AND X", "MIT AND X")):
        job.data.licence = own
        assert licence_of(job) == wanted


def test_a_run_that_began_with_a_model_resumes_exactly(tiny_run: TinyRun, more: Path, tmp_path: Path) -> None:
    whole = train(more, tmp_path / "whole", tiny_run.run)
    train(more, tmp_path / "halves", tiny_run.run, stop_at=3)
    assert equal(train(more, tmp_path / "halves", tiny_run.run), whole)


@pytest.fixture(scope="module")
def twin(tiny_run: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model of the tiny run under another digest."""
    folder = shutil.copytree(tiny_run.run / "model", tmp_path_factory.mktemp("twin") / "model")
    facts = read_manifest(folder)
    write_manifest(folder, {**{name: fact for name, fact in facts.items() if name != "files"}, "step": 19})
    return folder


@pytest.fixture(scope="module")
def with_text(tiny_run: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset with text of its source language, so that a run has the same settings with a teacher and without."""
    folder = tmp_path_factory.mktemp("text")
    train, valid = write_corpus(folder, "train", 400, 80), write_corpus(folder, "valid", 500, 20)
    text = write_corpus(folder, "books", 600, 40).with_suffix(".ko")
    asked = PrepareRequest("ko", "en", (train,), valid, (), folder / "data", vocabulary=tiny_run.run, mono=(text,))
    prepare(asked, PrepareOptions())
    return folder / "data"


def begun(asked: TrainRequest, stop_at: int = 0) -> None:
    """Open a run, and make a few updates."""
    with open_run(read_request(asked), CPU, Reporter()) as opened:
        if stop_at:
            opened.train(lambda: opened.state.counters.step >= stop_at)


def models(first: Path, second: Path) -> dict[str, dict[str, Any]]:
    """What a run may be given of two models, by words."""
    return {
        "none": {},
        "init": {"init": first},
        "another init": {"init": second},
        "teacher": {"teachers": (first,)},
        "two teachers": {"teachers": (first, second)},
        "both": {"init": first, "teachers": (first,)},
    }


def test_a_run_resumes_with_the_models_that_it_began_with_and_with_no_others(
    tiny_run: TinyRun, twin: Path, with_text: Path, tmp_path: Path
) -> None:
    """From its beginning on, though it has no checkpoint; and the run is left as it was."""
    shape = {"model": asdict(ModelFolder.open(twin).config)}
    layers: Any = (shape, {"training": {"steps": 6, "odd_input": 0.0, "bidirectional": 0.0}})
    given = models(tiny_run.run, twin)
    for before, first in given.items():
        run = tmp_path / before
        begun(TrainRequest(with_text, run, "tiny", layers, **first))
        files = {path: path.read_bytes() for path in run.iterdir()}
        for now, second in given.items():
            if now != before:
                with pytest.raises(SettingsError, match=r"began with.* `(init|teacher)`; (give|leave) .*`overwrite`"):
                    begun(TrainRequest(with_text, run, "tiny", layers, **second))
                assert {path: path.read_bytes() for path in run.iterdir()} == files
        begun(TrainRequest(with_text, run, "tiny", layers, **first))


def test_the_settings_of_a_run_repeat_it_with_its_models_and_are_refused_without(
    tiny_run: TinyRun, twin: Path, tmp_path: Path
) -> None:
    both: dict[str, Any] = {"init": tiny_run.run, "teachers": (tiny_run.run, twin)}
    run, settings = tmp_path / "run", ({"training": {"steps": 6, "odd_input": 0.0}},)
    begun(TrainRequest(tiny_run.data, run, "auto", settings, **both))
    config, copy = run / "config.toml", Path(shutil.copy(run / "config.toml", tmp_path))
    link = tmp_path / "link.toml"
    link.symlink_to(config)

    def again(config: Path, **given: Any) -> TrainJob:
        asked = TrainRequest(tiny_run.data, tmp_path / "again", "auto", (read_toml(config),), config=config)
        return read_request(replace(asked, **given))

    flags = {"init": f"`init` {tiny_run.run}", "teachers": f"`teacher` {tiny_run.run} `teacher` {twin}"}
    for given in ((), ("init",), ("teachers",)):
        for file in (config, link):
            with pytest.raises(SettingsError) as refused:
                again(file, **{name: both[name] for name in given})
            missing = " ".join(flag for name, flag in flags.items() if name not in given)
            assert refused.value.mend == f"add {missing}, or copy the file to have its settings alone"
    assert again(config, **both).config == RunFolder(run).read_config()
    again(copy, teachers=both["teachers"])
    answer = nmt("train", tiny_run.data, "-o", tmp_path / "again", "--config", config)
    assert (answer.returncode, answer.stderr.count("\n")) == (78, 1)
    assert f"add --init {tiny_run.run} --teacher {tiny_run.run} --teacher {twin}, or" in answer.stderr


@pytest.mark.parametrize("before", ["none", "init"])
def test_checkpoints_have_the_models_too_and_older_ones_resume_without(
    before: str, tiny_run: TinyRun, twin: Path, with_text: Path, tmp_path: Path
) -> None:
    shape = {"model": asdict(ModelFolder.open(twin).config)}
    layers: Any = (shape, {"training": {"steps": 6, "odd_input": 0.0, "bidirectional": 0.0}})
    asked, given = TrainRequest(with_text, tmp_path / "run", "tiny", layers), models(tiny_run.run, twin)
    begun(replace(asked, **given[before]), stop_at=1)
    (tmp_path / "run" / "environment.json").unlink()
    others = [more for name, more in given.items() if name != before]
    for more in others:
        with pytest.raises(SettingsError, match=r"began with.* `(init|teacher)`; (give|leave) .*`overwrite`"):
            begun(replace(asked, **more))
    (checkpoint,) = (tmp_path / "run" / "checkpoints").iterdir()
    state = json.loads((checkpoint / "state.json").read_text())
    (checkpoint / "state.json").write_text(json.dumps({name: state[name] for name in state.keys() - {*MODELS}}))
    facts = read_manifest(checkpoint, verify=False)
    write_manifest(checkpoint, {name: facts[name] for name in facts.keys() - {"files"}})
    begun(replace(asked, **given["another init"]))


MODELS = ("init", "teachers")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset with another vocabulary than the tiny run's."""
    folder = tmp_path_factory.mktemp("other")
    corpus = write_corpus(folder, "train", 600, 500)
    made = nmt("prepare", "-s", "ko", "-t", "en", "--train", corpus, "--vocab-size", "900", "-o", folder / "data")
    assert made.returncode == 0, made.stderr
    return folder / "data"


def test_a_run_with_another_vocabulary_begins_with_the_models_vectors_of_its_pieces(
    tiny_run: TinyRun, other: Path, tmp_path: Path
) -> None:
    layers = ({"training": {"steps": 2, "odd_input": 0.0}},)
    request = TrainRequest(other, tmp_path / "run", "auto", layers, init=tiny_run.run)
    job, parent = read_request(request), ModelFolder.open(tiny_run.run)
    made, before = fresh_state(job, CPU).average.state_dict(), load_model(parent).state_dict()
    assert all(made[name].equal(before[name]) for name in before if not name.startswith("embeddings."))
    own, known = (
        {name: id for id, name in enumerate(names_of(each[0]))} for each in (job.tokenizers, parent.tokenizers)
    )
    vectors, theirs = made["embeddings.target.weight"], before["embeddings.target.weight"]
    assert len(own.keys() & known.keys()) > 200
    assert all(vectors[own[name]].equal(theirs[known[name]]) for name in own.keys() & known.keys())
    missing = [name for name in own.keys() - known.keys() if EOS < own[name] < len(own) - RESERVED]
    cut = {name: spelling(name, known) for name in missing}
    assert sum(map(bool, cut.values())) > 10
    for name, pieces in cut.items():
        if not pieces:
            continue
        parts = [known[piece] for piece in pieces]
        assert vectors[own[name]].allclose(sum(theirs[part] for part in parts) / len(parts), atol=1e-6)
    mask = torch.from_numpy(job.data.target_pieces())
    assert made["embeddings.produced"].bool().equal(mask), "what it produces is what its data has"


def spelling(name: str, known: dict[str, int]) -> list[str]:
    """A name cut into known pieces, the longest first; [] for one with characters that are bytes there."""
    if not set(name) <= known.keys():
        return []
    first = max((piece for piece in known if name.startswith(piece)), key=len)
    rest = name[len(first) :]
    return [first, *(spelling(rest, known) if rest else [])]


def test_such_a_run_says_so_and_resumes_exactly(tiny_run: TinyRun, other: Path, tmp_path: Path) -> None:
    recorder = Recorder()
    whole = train(other, tmp_path / "whole", tiny_run.run)
    train(other, tmp_path / "halves", tiny_run.run, stop_at=3)
    assert equal(train(other, tmp_path / "halves", tiny_run.run), whole)
    request = TrainRequest(other, tmp_path / "told", "auto", ({"training": {"steps": 2}},), init=tiny_run.run)
    with open_run(read_request(request), CPU, recorder):
        pass
    assert re.search(
        r"another vocabulary than .*: \d+ of \d+ pieces begin with its vectors, .*`vocab`", "\n".join(recorder.warnings)
    )


def test_what_cannot_be_spelled_is_spelled_by_its_bytes_or_not_at_all() -> None:
    known = {"▁ab": 1, "c": 2, "<0xED>": 3, "<0x95>": 4, "<0x9C>": 5}
    assert spelled("▁abc", known, 3) == [1, 2]
    assert spelled("c한", known, 3) == [2, 3, 4, 5]
    assert spelled("xy", known, 3) == []


def export_random(folder: Path, data: Dataset, config: ModelConfig = SMALL) -> Path:
    """A model with random weights and the vocabulary of a dataset, from Korean into English."""
    torch.manual_seed(3)
    module = build_model(config, data.source_vocabulary, data.target_vocabulary, data.joint)
    paths = {data.source_tokenizer_path, data.target_tokenizer_path}
    about = ModelAbout(config, {"source": "ko", "target": "en"}, {path.name: path.read_bytes() for path in paths})
    export_model(folder, module.state_dict(), about, {})
    return folder


def prepared(folder: Path, languages: tuple[str, str], joint: bool, first: int = 0) -> Path:
    """A dataset of Korean and English pairs from the ``first`` on, called by any languages."""
    corpus = write_corpus(folder, "train", first, 60)
    for old, new in zip(("ko", "en"), languages, strict=True):
        shutil.copy(f"{corpus}.{old}", f"{folder / 'named'}.{new}")
    asked = PrepareRequest(*languages, (folder / "named",), None, (), folder / "data")
    prepare(asked, PrepareOptions(joint_vocab=joint, clean="off"))
    return folder / "data"


@pytest.mark.parametrize("joint", [True, False])
@pytest.mark.parametrize(("languages", "are_its_own"), [(("ko", "en"), True), (("fr", "de"), False)])
def test_the_vocabulary_of_a_model_is_advised_for_data_of_its_languages_alone(
    joint: bool, languages: tuple[str, str], are_its_own: bool, tmp_path: Path
) -> None:
    """Other languages would be spelled by its pieces: they need a vocabulary of their own, of the same kind."""
    own = Dataset.open(prepared(tmp_path / "own", ("ko", "en"), joint))
    parent = export_random(tmp_path / "model", own)
    needed = "`joint_vocab`" if joint else "`separate_vocab`"
    cure = f"prepare the data again with {needed}" + f", or with `vocab` {parent}" * are_its_own
    with pytest.raises(SettingsError) as refused:
        train(prepared(tmp_path / "other", languages, not joint), tmp_path / "run", parent)
    assert refused.value.mend == cure
    like, recorder = prepared(tmp_path / "like", languages, joint, first=100), Recorder()
    warn_of_model(read_request(TrainRequest(like, tmp_path / "run", init=parent)), recorder)
    assert "has another vocabulary than" in recorder.warnings[0]
    assert ("`vocab`" in recorder.warnings[0]) == are_its_own


def test_the_vocabularies_of_the_other_direction_are_not_those_of_the_data(tmp_path: Path) -> None:
    data = Dataset.open(prepared(tmp_path, ("en", "ko"), joint=True))
    files: list[str] = []
    for name, fits in (("tokenizer.model", True), ("tokenizer.target.model", False)):
        files.append(name)
        model = ModelFolder(tmp_path, SMALL, "ko", "en", {"files": files})
        assert is_of_its_languages(model, data) == fits


def test_a_model_of_another_shape_is_refused_with_its_remedy(tiny_run: TinyRun, tmp_path: Path) -> None:
    layers: Any = ({"training": {"steps": 2}, "model": {"encoder_layers": 7}},)
    request = TrainRequest(tiny_run.data, tmp_path / "run", "auto", layers, init=tiny_run.run)
    with (
        pytest.raises(SettingsError, match=r"model.encoder_layers 1, and the settings say 7"),
        open_run(read_request(request), CPU, Reporter()),
    ):
        pass
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("preset", sorted(PRESETS))
@pytest.mark.parametrize("has_teacher", [False, True])
def test_a_named_preset_of_another_shape_than_the_models_is_refused(
    preset: str, has_teacher: bool, tiny_run: TinyRun, tmp_path: Path
) -> None:
    teachers = (tiny_run.run,) * has_teacher
    request = TrainRequest(tiny_run.data, tmp_path / "run", preset, init=tiny_run.run, teachers=teachers)
    with (
        pytest.raises(
            SettingsError, match=r"has model\.\w+ .*, and the settings say .*; leave `preset` and model\.\w+ out"
        ),
        open_run(read_request(request), CPU, Reporter()),
    ):
        pass
    assert not (tmp_path / "run").exists()
    shape = asdict(ModelFolder.open(tiny_run.run).config)  # by settings over the preset
    fresh_state(read_request(replace(request, layers=({"model": shape},))), CPU)


@pytest.mark.parametrize("preset", ["student", "rnn"])
def test_a_named_preset_of_the_models_own_shape_gives_its_dropout(
    preset: str, tiny_run: TinyRun, tmp_path: Path
) -> None:
    layers: tuple[Layer, ...] = ({"model": {"dropout": 0.25}},)
    begun = read_request(TrainRequest(tiny_run.data, tmp_path / "first", preset, layers))
    model = export_random(tmp_path / "model", begun.data, begun.config.model)
    job = read_request(TrainRequest(tiny_run.data, tmp_path / "second", preset, init=model))
    assert job.config.model == replace(begun.config.model, dropout=PRESETS[preset]["model"]["dropout"])
    made = fresh_state(job, CPU).objective.model.embeddings.target.weight
    assert made.equal(weights(model)["embeddings.target.weight"])


def test_a_pass_sees_each_pair_as_often_as_its_corpus_weighs(tmp_path: Path) -> None:
    corpora = [write_corpus(tmp_path, f"part{number}", 100 * number, 100) for number in range(3)]
    command: list[str | Path] = ["prepare", "-s", "ko", "-t", "en", "-o", tmp_path / "data", "--vocab-size", "500"]
    for corpus, weight in zip(corpora, ("", "=3", "=0.25"), strict=True):
        command += ["--train", f"{corpus}{weight}"]
    made = nmt(*command)
    assert made.returncode == 0, made.stderr
    data = Dataset.open(tmp_path / "data")
    sizes = np.bincount(data.train.corpus_ids(range(len(data.train))))
    assert data.train.rows_per_epoch == pytest.approx(sizes @ [1, 3, 0.25])
    passes = 40
    seen = np.zeros(len(data.train))
    for epoch in range(passes):
        rows = np.concatenate(plan_block(data.train, 400, 1, epoch, 0))
        counts = np.bincount(rows, minlength=len(data.train))
        corpus_of = np.array(data.train.corpus_ids(range(len(data.train))))
        assert set(counts[corpus_of == 0]) == {1}
        assert set(counts[corpus_of == 1]) == {3}
        assert set(counts[corpus_of == 2]) == {0, 1}
        seen += counts
    assert seen[corpus_of == 2].mean() / passes == pytest.approx(0.25, abs=0.03)
    shutil.copytree(tmp_path / "data", tmp_path / "before")
    assert nmt(*command[:-1], f"{corpora[2]}=0.5").returncode == 0
    assert Dataset.open(tmp_path / "data").digest != Dataset.open(tmp_path / "before").digest


@pytest.mark.parametrize("weight", ["0", "0.0", "1001"])
def test_a_weight_that_is_none_is_refused(weight: str, tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path, "train", 0, 20)
    result = nmt("prepare", "-s", "ko", "-t", "en", "--train", f"{corpus}={weight}", "-o", tmp_path / "data")
    assert (result.returncode, result.stderr.count("\n")) == (2, 1)
    assert weight in result.stderr


def test_a_pass_that_would_draw_no_pair_has_one(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path, "train", 0, 40)
    made = nmt("prepare", "-s", "ko", "-t", "en", "--train", f"{corpus}=0.001", "-o", tmp_path / "data")
    assert made.returncode == 0, made.stderr
    split = Dataset.open(tmp_path / "data").train
    assert all(sum(map(len, plan_block(split, 400, 1, epoch, 0))) >= 1 for epoch in range(20))
    assert any(sum(map(len, plan_block(split, 400, 1, epoch, 0))) == 1 for epoch in range(20))


def test_two_vocabularies_that_are_taken_are_told_as_two(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path, "train", 0, 300)
    command: list[str | Path] = ["prepare", "-s", "ko", "-t", "en", "--train", corpus]
    first = nmt(*command, "--separate-vocab", "--vocab-size", "600", "-o", tmp_path / "first")
    second = nmt(*command, "--vocab", tmp_path / "first", "-o", tmp_path / "second")
    for made in (first, second):
        assert made.returncode == 0, made.stderr
        assert "vocabularies of 600 and 600 pieces" in made.stderr


def test_two_vocabularies_train_one_direction(tmp_path: Path) -> None:
    train, valid = write_corpus(tmp_path, "train", 0, 300), write_corpus(tmp_path, "valid", 400, 20)
    data, run = tmp_path / "data", tmp_path / "run"
    command: list[str | Path] = ["prepare", "-s", "ko", "-t", "en", "--train", train, "--valid", valid, "-o", data]
    assert nmt(*command, "--separate-vocab", "--vocab-size", "600").returncode == 0
    with open_run(read_request(TrainRequest(data, run, "tiny")), CPU, Reporter()) as opened:
        assert opened.context.training.bidirectional == 0.0
    request = TrainRequest(data, tmp_path / "other", "tiny", ({"training": {"bidirectional": 0.5}},))
    with pytest.raises(SettingsError, match="needs one vocabulary"), open_run(read_request(request), CPU, Reporter()):
        pass
    assert not (tmp_path / "other").exists()


def test_a_model_of_another_direction_is_said(tiny_run: TinyRun, more: Path, tmp_path: Path) -> None:
    class Warned(Reporter):
        def __init__(self) -> None:
            self.lines: list[str] = []

        def warn(self, line: str) -> None:
            self.lines.append(line)

    corpus = more.parent / "train"
    for old, new in (("ko", "fr"), ("en", "ko")):
        shutil.copy(f"{corpus}.{old}", f"{tmp_path / 'train'}.{new}")
    made = nmt(
        *("prepare", "-s", "fr", "-t", "ko", "--train", tmp_path / "train"),
        *("--vocab", tiny_run.run, "-o", tmp_path / "data", "--clean", "off"),
    )
    assert made.returncode == 0, made.stderr
    for data, said in ((more, []), (tmp_path / "data", ["ko → en", "fr → ko"])):
        warned = Warned()
        request = TrainRequest(
            data, tmp_path / f"run{len(said)}", "auto", ({"training": {"steps": 6}},), init=tiny_run.run
        )
        with open_run(read_request(request), CPU, warned):
            pass
        assert [re.findall(r"\w\w → \w\w", line) for line in warned.lines] == [said] * bool(said)
