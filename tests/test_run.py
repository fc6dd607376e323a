"""Whole training runs: what they learn, write, resume, refuse and move aside; and the models they export."""

import json
import os
import random
import shutil
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import TinyRun, nmt, write_corpus
from safetensors.torch import load_file, save_file

from nmt import Translator
from nmt.cli.monitor import LogMonitor
from nmt.config import Config, Layer, SearchOptions, TrainingConfig
from nmt.disk.manifest import read_manifest, write_manifest
from nmt.errors import CannotCreateError, DataError, MissingInputError, NmtError, SettingsError
from nmt.store.model_folder import ModelFolder
from nmt.training.counters import Counters
from nmt.training.loop import Update
from nmt.training.opening import open_run
from nmt.training.reporter import Reporter
from nmt.training.request import TrainRequest, read_request
from nmt.training.run import TrainReport
from nmt.training.state import TrainState
from nmt.training.validation import Validation

CPU = torch.device("cpu")
SHAPE: Layer = {"model": dict(width=16, feed_forward=24, encoder_layers=1, decoder_layers=1, heads=2)}


@dataclass
class Recorder(Reporter):
    """A reporter that records its calls."""

    updates: list[Update] = field(default_factory=list)
    validations: list[tuple[Validation, bool]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def updated(self, update: Update, state: TrainState) -> None:
        self.updates.append(update)

    def validated(self, validation: Validation, best: bool) -> None:
        self.validations.append((validation, best))

    def note(self, line: str) -> None:
        self.notes.append(line)

    def warn(self, line: str) -> None:
        self.warnings.append(line)


def train(data: Path, run: Path, stop_at: int = 0, **settings: Any) -> tuple[TrainReport, Recorder]:
    """Train a very small model; ``settings`` without a TrainRequest's field of that name are training settings."""
    request = {name: settings.pop(name) for name in ("resume", "overwrite") if name in settings}
    training = {"training": {"steps": 6, "validate_every": 2, "batch_tokens": 400, **settings}}
    recorder = Recorder()
    with open_run(read_request(TrainRequest(data, run, "tiny", (SHAPE, training), **request)), CPU, recorder) as opened:
        return opened.train(lambda: bool(stop_at) and opened.state.counters.step == stop_at), recorder


def events(run: Path) -> list[dict[str, Any]]:
    """The metrics."""
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_a_run_leaves_the_files_of_the_contract(tiny_run: TinyRun) -> None:
    run = tiny_run.run
    seen = {path.name for path in run.iterdir() if path.name[0] != "."}
    assert seen == {"config.toml", "metrics.jsonl", "environment.json", "checkpoints", "model"}
    assert [path.name for path in (run / "checkpoints").iterdir()] == ["step-00000020"]
    assert {path.name for path in (run / "checkpoints" / "step-00000020").iterdir()} == {
        "model.safetensors",
        "training.safetensors",
        "state.json",
        "manifest.json",
    }
    assert {path.name for path in (run / "model").iterdir()} == {
        "model.safetensors",
        "config.toml",
        "tokenizer.model",
        "words.bin",
        "manifest.json",
    }
    read_manifest(run / "model")
    Config.from_layers(tomllib.loads((run / "config.toml").read_text()))


def test_metrics_have_the_keys_of_the_contract(tiny_run: TinyRun) -> None:
    train_keys = ["event", "step", "epoch", "loss", "learning_rate", "gradient_norm", "target_tokens"]
    wanted = {
        "train": [*train_keys, "target_tokens_per_second", "seconds", "progress"],
        "samples": ["event", "step", "lines"],
        "validation": ["event", "step", "loss", "perplexity", "bleu", "chrf"],
    }
    actual = events(tiny_run.run)
    assert {event["event"] for event in actual} == set(wanted)
    for event in actual:
        assert list(event) == wanted[event["event"]]
    lines = [event["lines"] for event in actual if event["event"] == "samples"]
    assert all(list(line) == ["source", "reference", "hypothesis"] for event in lines for line in event)
    assert len({tuple(line["source"] for line in event) for event in lines}) == 1, "other lines than before"


def test_a_run_with_nothing_to_do_says_what_ended_it_and_what_to_change() -> None:
    said: list[str] = []

    class Told(LogMonitor):
        def note(self, line: str) -> None:
            said.append(line)

    told = Told()
    for training, spent in ((TrainingConfig(steps=5000), True), (TrainingConfig(minutes=3.5, patience=4), False)):
        told.end(TrainReport("complete", Counters(step=40), Path("run/model"), training, spent))
    assert said == [
        "nothing to do: the budget of 5,000 steps is spent after step 40; the model is run/model; a larger --steps "
        "continues this run",
        "nothing to do: --patience 4 ended this run after step 40; the model is run/model; a larger --patience or a "
        "larger budget continues it",
    ]


def test_a_complete_run_has_nothing_to_do_and_tells_make_so(short_data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    train(short_data, run)
    manifest = run / "model" / "manifest.json"
    before, metrics = manifest.stat().st_mtime_ns, events(run)
    report, recorder = train(short_data, run)
    assert (report.outcome, recorder.updates) == ("complete", [])
    assert manifest.stat().st_mtime_ns > before
    assert events(run) == metrics


def test_a_larger_budget_goes_on_with_a_complete_run(short_data: Path, tmp_path: Path) -> None:
    train(short_data, tmp_path / "run")
    report, recorder = train(short_data, tmp_path / "run", steps=8, save_every=1, keep=3)
    assert [update.step for update in recorder.updates] == [7, 8]
    assert report.counters.step == 8


def test_a_run_says_once_when_its_updates_begin_to_take_longer(short_data: Path, tmp_path: Path) -> None:
    _, heard = train(short_data, tmp_path / "run", minimum_risk=0.5)
    assert [bool(update.note) for update in heard.updates] == [False] * 3 + [True] * 3
    told = "from update 4 on it learns from its own translations too; one takes several times as long"
    assert [line for line in heard.notes if "translations" in line] == [told]
    _, heard = train(short_data, tmp_path / "other")
    assert not any("translations" in line for line in heard.notes)


def test_keep_counts_the_checkpoints_that_stay(short_data: Path, tmp_path: Path) -> None:
    train(short_data, tmp_path / "run", save_every=1, keep=3)
    names = sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir())
    assert names == ["step-00000004", "step-00000005", "step-00000006"]


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"learning_rate": 0.5}, SettingsError, "training.learning_rate was 0.005, is 0.5"),
        ({"resume": False}, CannotCreateError, "`overwrite`"),
    ],
)
def test_a_run_is_not_resumed_as_another_one(
    short_data: Path, tmp_path: Path, changes: dict[str, Any], error: type[NmtError], words: str
) -> None:
    train(short_data, tmp_path / "run", steps=2)
    before = sorted((path, path.stat().st_mtime_ns) for path in (tmp_path / "run").rglob("*"))
    with pytest.raises(error, match=words):
        train(short_data, tmp_path / "run", **changes)
    assert sorted((path, path.stat().st_mtime_ns) for path in (tmp_path / "run").rglob("*")) == before


def test_other_data_are_refused_on_resume(short_data: Path, tmp_path: Path) -> None:
    train(short_data, tmp_path / "run", steps=2)
    copy = shutil.copytree(short_data, tmp_path / "other")
    lines = (copy / "valid.target.txt").read_text(encoding="utf-8")
    (copy / "valid.target.txt").write_text(lines.replace("a", "A"), encoding="utf-8")
    facts = read_manifest(copy, verify=False)
    facts.pop("files")
    write_manifest(copy, facts)
    with pytest.raises(SettingsError, match="other data"):
        train(copy, tmp_path / "run")


def test_overwrite_moves_the_old_run_aside_and_deletes_nothing(short_data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    train(short_data, run, steps=2)
    old = (run / "model" / "model.safetensors").read_bytes()
    _, recorder = train(short_data, run, steps=2, overwrite=True)
    assert (tmp_path / "run.old-1" / "model" / "model.safetensors").read_bytes() == old
    assert [update.step for update in recorder.updates] == [1, 2]
    assert "run.old-1" in recorder.notes[0]


def test_settings_that_make_no_model_are_refused_before_the_old_run_is_moved(short_data: Path, tmp_path: Path) -> None:
    train(short_data, tmp_path / "run")
    layers: tuple[Layer, ...] = ({"model": {"family": "recurent"}, "training": {"steps": 2}},)
    request = TrainRequest(short_data, tmp_path / "run", "tiny", layers, overwrite=True)
    with pytest.raises(SettingsError, match="recurrent"), open_run(read_request(request), CPU, Recorder()):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize(
    ("fact", "words"),
    [
        ({"format": 2}, "has format 2.*reads format 4.*train the model again"),
        ({"format": 3}, "has format 3.*reads format 4; convert it: nmt export .*/model `to` nmt `output` NEW$"),
        ({"kind": "dataset"}, "is not a model"),
    ],
)
def test_a_model_of_another_format_or_none_is_refused_with_its_own_remedy(
    tiny_run: TinyRun, tmp_path: Path, fact: dict[str, Any], words: str
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_run.run / "model", folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | fact))
    with pytest.raises(DataError, match=words):
        ModelFolder.open(folder)


def test_a_folder_that_is_no_run_is_left_alone(short_data: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(CannotCreateError, match="no training run"):
        train(short_data, tmp_path, overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    "name",
    [
        "model",
        "checkpoints",
        "config.toml",
        "metrics.jsonl",
        ".seconds",
        ".saved",
        ".lock",
        "checkpoints/step-00000002",
    ],
)
def test_a_link_in_a_run_is_refused_and_what_it_leads_to_stays(short_data: Path, tmp_path: Path, name: str) -> None:
    run, elsewhere = tmp_path / "run", tmp_path / "elsewhere"
    train(short_data, run, steps=2)
    (run / name).touch()
    (run / name).rename(elsewhere)
    (run / name).symlink_to(elsewhere)
    before = {path: path.is_dir() or path.read_bytes() for path in tmp_path.rglob("*")}
    with pytest.raises(CannotCreateError, match=f"{name} is a link"):
        train(short_data, run, steps=4)
    assert {path: path.is_dir() or path.read_bytes() for path in tmp_path.rglob("*")} == before


def test_debris_that_is_a_link_is_neither_swept_nor_put_back(short_data: Path, tmp_path: Path) -> None:
    run, elsewhere = tmp_path / "run", tmp_path / "elsewhere"
    train(short_data, run, steps=2)
    shutil.move(run / "model", elsewhere)
    (run / ".model.old-1-x-00ff00").symlink_to(elsewhere)
    with pytest.raises(CannotCreateError, match="old-1-x-00ff00 is a link"):
        train(short_data, run, steps=4)
    assert not (run / "model").exists()
    assert (elsewhere / "manifest.json").exists()


def test_a_run_that_is_reached_by_a_link_goes_on(short_data: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "disk")
    train(short_data, tmp_path / "run", steps=2)
    assert [update.step for update in train(short_data, tmp_path / "run", steps=4)[1].updates] == [3, 4]
    assert (tmp_path / "run").is_symlink()


def test_what_lies_in_the_model_or_a_checkpoint_of_a_run_is_not_deleted(short_data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    train(short_data, run, steps=2)
    note = run / "checkpoints" / "step-00000002" / "note.txt"
    note.touch()
    (run / "model" / "README").touch()
    before = (run / "metrics.jsonl").read_bytes()
    with pytest.raises(CannotCreateError, match="README is no part of a model"):
        train(short_data, run, steps=8)
    assert (run / "metrics.jsonl").read_bytes() == before
    (run / "model" / "README").unlink()
    train(short_data, run, steps=8)
    names = ["step-00000002", "step-00000006", "step-00000008"]
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == names
    assert note.exists()


def test_patience_ends_a_run_after_so_many_validations_without_a_better_one(short_data: Path, tmp_path: Path) -> None:
    # Steps too small to change a translation: each validation scores as the first one, or worse.
    report, recorder = train(
        short_data, tmp_path / "run", steps=50, validate_every=1, patience=3, learning_rate=0.0, average_decay=0.0
    )
    assert report.outcome == "patience"
    assert [best for _, best in recorder.validations] == [True, False, False, False]
    assert (
        train(
            short_data,
            tmp_path / "run",
            steps=50,
            validate_every=1,
            patience=3,
            learning_rate=0.0,
            average_decay=0.0,
        )[0].outcome
        == "complete"
    )


def test_every_file_follows_the_umask(tiny_run: TinyRun) -> None:
    os.umask(umask := os.umask(0))
    files = [path for folder in tiny_run for path in folder.rglob("*")]
    assert {path.name for path in files} > {"model.safetensors", "training.safetensors", "metrics.jsonl"}
    odd = [path for path in files if path.stat().st_mode & 0o777 != (0o777 if path.is_dir() else 0o666) & ~umask]
    assert not odd


def test_a_private_run_stays_private_when_it_is_moved_aside(short_data: Path, tmp_path: Path) -> None:
    train(short_data, tmp_path / "run", steps=1)
    (tmp_path / "run").chmod(0o700)
    train(short_data, tmp_path / "run", steps=2, overwrite=True)
    assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {
        "run": 0o700,
        "run.old-1": 0o700,
    }


STUCK: dict[str, Any] = {"validate_every": 1, "learning_rate": 0.0, "average_decay": 0.0}  # no validation is better


@pytest.mark.parametrize(
    ("more", "outcome", "step"),
    [
        ({"patience": 4}, "patience", 5),
        ({"patience": 0, "steps": 6}, "done", 6),
        ({"steps": 51}, "patience", 5),  # a larger budget alone begins to wait anew
        ({}, "complete", 3),
        ({"patience": 1}, "complete", 3),
    ],
)
def test_a_run_that_patience_ended_goes_on_with_more_of_it_or_a_larger_budget(
    short_data: Path, tmp_path: Path, more: dict[str, int], outcome: str, step: int
) -> None:
    before = {"steps": 50, "patience": 2, **STUCK}
    assert train(short_data, tmp_path / "run", **before)[0].counters.step == 3
    report, recorder = train(short_data, tmp_path / "run", **{**before, **more})
    assert (report.outcome, report.counters.step) == (outcome, step)
    assert len(recorder.validations) == step - 3


def test_a_larger_budget_is_not_forgotten_when_the_run_is_killed_before_it_saves(
    short_data: Path, tmp_path: Path
) -> None:
    settings = {"patience": 2, **STUCK}
    train(short_data, tmp_path / "run", steps=50, **settings)
    more: Layer = {"training": {"steps": 60, "batch_tokens": 400, **settings}}
    with open_run(read_request(TrainRequest(short_data, tmp_path / "run", "tiny", (SHAPE, more))), CPU, Recorder()):
        pass  # the settings are written, and no update is made
    assert train(short_data, tmp_path / "run", steps=60, **settings)[0].counters.step == 5


def test_the_exported_model_is_the_best_validated_average(short_data: Path, tmp_path: Path) -> None:
    report, recorder = train(short_data, tmp_path / "run", save_every=1, keep=10)
    key = {validation.step: (validation.bleu, -validation.loss) for validation, _ in recorder.validations}
    best = max(key, key=lambda step: (key[step], -step))
    exported = load_file(tmp_path / "run" / "model" / "model.safetensors")
    saved = load_file(tmp_path / "run" / "checkpoints" / f"step-{best:08d}" / "training.safetensors")
    assert all(torch.equal(exported[name], saved[f"average/{name}"]) for name in exported)
    assert report.counters.validated.best_step == best


def test_chrf_decides_which_model_is_best_where_references_are_too_short_for_bleu(tmp_path: Path) -> None:
    text = write_corpus(tmp_path, "train", 0, 200)
    for language in ("ko", "en"):
        lines = (tmp_path / f"train.{language}").read_text(encoding="utf-8").splitlines()[:20]
        short = "".join(f"{' '.join(line.rstrip('.').split()[:2])}\n" for line in lines)
        (tmp_path / f"valid.{language}").write_text(short, encoding="utf-8")
    where = ("--train", text, "--valid", tmp_path / "valid", "-o", tmp_path / "data")
    made = nmt("prepare", "-s", "ko", "-t", "en", "--vocab-size", "500", *where)
    assert made.returncode == 0, made.stderr
    report, recorder = train(tmp_path / "data", tmp_path / "run", steps=8, validate_every=1, seed=4)
    assert sum("chrF decides" in note for note in recorder.notes) == 1
    assert report.decisive == "chrf"
    key = {validation.step: (validation.chrf, -validation.loss) for validation, _ in recorder.validations}
    best = report.counters.validated.best_step
    assert key[best] == max(key.values())
    assert report.counters.validated.best_score == key[best][0]
    assert read_manifest(tmp_path / "run" / "model")["step"] == best
    losses = {validation.step: validation.loss for validation, _ in recorder.validations}
    assert best != min(losses, key=lambda step: losses[step]), "BLEU, all 0.0 here, would have left it to the loss"


def test_the_exported_model_alone_copied_elsewhere_translates_the_same(tiny_run: TinyRun, tmp_path: Path) -> None:
    lines = ["나는 학생이다.", "나는 집에 간다."]
    options = SearchOptions(max_length_factor=1.0)
    translated = [translation.text for translation in Translator.load(tiny_run.run, options).translate(lines)]
    copy = shutil.copytree(tiny_run.run / "model", tmp_path / "elsewhere")
    code = (
        "import sys; from nmt import Translator; from nmt.config import SearchOptions\n"
        "found = Translator.load(sys.argv[1], SearchOptions(max_length_factor=1.0)).translate(sys.argv[2:])\n"
        "sys.stdout.buffer.write('\\n'.join(line.text for line in found).encode())"
    )
    result = nmt(copy, *lines, cwd=tmp_path, code=code)
    assert result.stdout.split("\n") == translated, result.stderr


def test_config_of_a_run_repeats_it(tiny_run: TinyRun, tmp_path: Path) -> None:
    again = nmt(
        "train",
        tiny_run.data,
        "-o",
        tmp_path / "again",
        "--config",
        tiny_run.run / "config.toml",
        "--threads",
        "1",
        "--device",
        "cpu",
    )
    assert again.returncode == 0, again.stderr
    first, second = (load_file(run / "model" / "model.safetensors") for run in (tiny_run.run, tmp_path / "again"))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert (tmp_path / "again" / "config.toml").read_bytes() == (tiny_run.run / "config.toml").read_bytes()


def test_a_run_stopped_after_its_last_update_still_gets_its_validation(short_data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    report, recorder = train(short_data, run, stop_at=6, validate_every=100)
    assert (report.outcome, recorder.validations) == ("stopped", [])
    report, recorder = train(short_data, run, validate_every=100)
    assert (report.outcome, [actual.step for actual, _ in recorder.validations]) == ("done", [6])
    assert train(short_data, run, validate_every=100)[0].outcome == "complete"


def test_an_extended_run_validates_as_often_as_one_of_that_budget(
    short_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nmt.training.schedule.UPDATES_BETWEEN", 10)
    steps = {}
    for name, budgets in (("extended", [20, 40]), ("whole", [40])):
        recorders = [
            train(short_data, tmp_path / name, steps=budget, validate_every=0, batch_tokens=60)[1] for budget in budgets
        ]
        steps[name] = [actual.step for recorder in recorders for actual, _ in recorder.validations]
    assert steps["extended"] == steps["whole"] == [10, 20, 30, 40]


def test_the_dataset_may_go_while_a_run_trains(short_data: Path, tmp_path: Path) -> None:
    data = shutil.copytree(short_data, tmp_path / "data")
    request = TrainRequest(data, tmp_path / "run", "tiny", (SHAPE, {"training": {"steps": 2}}))
    with open_run(read_request(request), CPU, Recorder()) as run:
        shutil.rmtree(data)
        assert run.train(lambda: False).outcome == "done"
    assert (tmp_path / "run/model/tokenizer.model").read_bytes() == (short_data / "tokenizer.model").read_bytes()


def damaged(tiny_run: TinyRun, folder: Path, change: Any) -> Path:
    """A copy of the model with ``change`` applied to its tensors, and corrected hashes."""
    copy = shutil.copytree(tiny_run.run / "model", folder / "model")
    tensors = load_file(copy / "model.safetensors")
    change(tensors)
    save_file(tensors, copy / "model.safetensors")
    facts = read_manifest(copy, verify=False)
    facts.pop("files")
    write_manifest(copy, facts)
    return copy


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda tensors: tensors.pop("encoder.0.attention.query.bias"), "is missing from"),
        (lambda tensors: tensors.update(extra=torch.zeros(1)), "does not belong"),
        (lambda tensors: tensors.update({"encoder.0.attention.query.bias": torch.zeros(3)}), r"\(3,\)"),
        (lambda tensors: tensors["encoder.0.attention.query.bias"].fill_(float("nan")), "not finite"),
    ],
)
def test_tensors_that_the_settings_do_not_imply_are_refused(
    tiny_run: TinyRun, tmp_path: Path, change: Any, words: str
) -> None:
    with pytest.raises(DataError, match=words):
        Translator.load(damaged(tiny_run, tmp_path, change))


def test_a_changed_byte_in_a_model_is_found(tiny_run: TinyRun, tmp_path: Path) -> None:
    copy = shutil.copytree(tiny_run.run / "model", tmp_path / "model")
    weights = bytearray((copy / "model.safetensors").read_bytes())
    weights[-100] ^= 1
    (copy / "model.safetensors").write_bytes(weights)
    with pytest.raises(DataError, match="has changed"):
        Translator.load(copy)
    with pytest.raises(MissingInputError, match="no model"):
        Translator.load(tmp_path / "nothing")


@pytest.mark.parametrize("task", [pytest.param("copy", marks=pytest.mark.slow), "reverse"])
def test_a_model_learns_to_copy_and_to_reverse(task: str, tmp_path: Path) -> None:
    """New sequences of words are translated correctly, so attention, positions and masks work."""
    draw = random.Random(7)
    words = ["ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu"]
    lines = sorted({" ".join(draw.choices(words, k=draw.randint(2, 7))) for _ in range(3000)})
    draw.shuffle(lines)
    for name, part in (("train", lines[100:]), ("valid", lines[:100])):
        turned = [line if task == "copy" else " ".join(reversed(line.split())) + " ." for line in part]
        (tmp_path / f"{name}.a").write_text("".join(f"{line}\n" for line in part))
        (tmp_path / f"{name}.b").write_text("".join(f"{line}{' .' if task == 'copy' else ''}\n" for line in turned))
    data, run = tmp_path / "data", tmp_path / "run"
    made = nmt(
        *("prepare", "-s", "a", "-t", "b", "--train", tmp_path / "train", "--valid", tmp_path / "valid", "-o", data),
        *("--clean", "off"),  # such lines are near-copies of each other, and copies have to be copied
    )
    assert made.returncode == 0, made.stderr
    settings: Layer = {
        "model": dict(width=64, feed_forward=128, encoder_layers=1, decoder_layers=1, heads=4, dropout=0.0),
        "training": dict(
            steps=600, batch_tokens=500, learning_rate=5e-3, warmup_steps=100, validate_every=600, bidirectional=0.0
        ),
    }
    recorder = Recorder()
    with open_run(read_request(TrainRequest(data, run, "tiny", (settings,))), CPU, recorder) as opened:
        opened.train(lambda: False)
    hypotheses = [
        translation.text
        for translation in Translator.load(run).translate(
            line for line in (tmp_path / "valid.a").read_text().splitlines()
        )
    ]
    references = (tmp_path / "valid.b").read_text().splitlines()
    right = sum(hypothesis == reference for hypothesis, reference in zip(hypotheses, references, strict=True))
    assert right >= 95, f"{right} of 100"


def test_a_model_is_no_run_and_nothing_is_left_in_it(tiny_run: TinyRun, tmp_path: Path) -> None:
    shutil.copytree(tiny_run.run / "model", tmp_path / "model")
    before = sorted(path.name for path in (tmp_path / "model").iterdir())
    done = nmt("train", tiny_run.data, "-o", tmp_path / "model", "--init", tmp_path / "model", "--steps", "1")
    assert done.returncode == 73
    assert "exists and is no training run" in done.stderr
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == before


COUNTED = """
import sys
from nmt.cli import main
from nmt.corpus.dataset import Dataset
from nmt.store.model_folder import ModelFolder
opened = []
for kind in (Dataset, ModelFolder):
    def counted(cls, folder, open=kind.open.__func__):
        opened.append(cls.__name__)
        return open(cls, folder)
    kind.open = classmethod(counted)
try:
    main()
finally:
    print(*sorted(opened))
"""


@pytest.mark.parametrize("more", [(), ("--plan",)])
def test_a_command_opens_its_data_and_its_model_once(tiny_run: TinyRun, tmp_path: Path, more: tuple[str, ...]) -> None:
    """They are read before PyTorch is imported, and handed down from there."""
    line: list[str | Path] = ["train", tiny_run.data, "-o", tmp_path / "run", *more]
    line += ["--init", tiny_run.run, "--steps", "1", "--batch-tokens", "200", "--quiet"]
    result = nmt(*line, code=COUNTED)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == "Dataset ModelFolder"
