"""Exact resumption after everything that may interrupt a run: damage, signals, races, divergence, full disks."""

import ctypes
import errno
import itertools
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import nmt, started, write_corpus
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from test_distribution import write_traps
from test_run import CPU, SHAPE, Recorder, events, train

from nmt.corpus.dataset import Dataset
from nmt.disk.manifest import read_manifest, write_manifest
from nmt.disk.untrusted import cannot_open
from nmt.errors import BusyError, DataError, NmtError, StorageError
from nmt.store.kept import Kept
from nmt.store.run_folder import RunFolder
from nmt.text.tokenizer import EOS, Tokenizer
from nmt.training.counters import Counters, Position, Skipped, Validated, Window
from nmt.training.objective import Objective, TensorBatch
from nmt.training.opening import open_run
from nmt.training.request import TrainRequest, read_request
from nmt.training.verify import first_difference

LAST = "checkpoints/step-00000006"


def assert_same_run(first: Path, second: Path) -> None:
    """Require that weights, optimizer, averages, counters and metrics are the same bits, except for times."""
    assert first_difference(first, second) == ""


def listing(folder: Path) -> list[tuple[Path, int, bytes]]:
    """Everything in a folder, with its times and contents."""
    return [
        (path, path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in sorted(folder.rglob("*"))
    ]


@pytest.fixture(scope="module")
def whole(short_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An uninterrupted run of six updates, to compare with."""
    run = tmp_path_factory.mktemp("whole") / "run"
    train(short_data, run)
    return run


@pytest.fixture(scope="module")
def half(short_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same run, stopped after four updates, with checkpoints at two and four."""
    run = tmp_path_factory.mktemp("half") / "run"
    train(short_data, run, stop_at=4)
    assert [path.name for path in RunFolder(run).checkpoints.paths()] == ["step-00000002", "step-00000004"]
    return run


@pytest.mark.parametrize("every", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_a_run_asked_to_stop_at_any_moment_and_gone_on_with_equals_the_uninterrupted_one(
    every: int, short_data: Path, whole: Path, tmp_path: Path
) -> None:
    """Tests every ``every``-th moment at which a run checks whether to stop, also during validations."""
    moments = 0
    for moment in count(1, every):
        run = tmp_path / f"run-{moment}"
        asked = iter(range(1, 10**9))
        with open_run(read_request(request(short_data, run)), CPU, Recorder()) as opened:
            report = opened.train(lambda asked=asked, moment=moment: next(asked) >= moment)  # type: ignore[misc]
        if report.outcome == "done":
            break
        assert report.outcome == "stopped"
        train(short_data, run)
        assert_same_run(run, whole)
        moments += 1
    assert moments > 14 / every, "six updates, three validations in several batches"


def request(data: Path, run: Path, **settings: Any) -> TrainRequest:
    training = {"training": {"steps": 6, "validate_every": 2, "batch_tokens": 400, **settings}}
    return TrainRequest(data, run, "tiny", (SHAPE, training))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


@pytest.mark.parametrize("damage", [cut, flip, Path.unlink])
@pytest.mark.parametrize("name", ["model.safetensors", "training.safetensors", "state.json", "manifest.json"])
def test_a_damaged_checkpoint_is_named_put_aside_and_the_one_before_it_used(
    short_data: Path, half: Path, whole: Path, tmp_path: Path, name: str, damage: Any
) -> None:
    run = shutil.copytree(half, tmp_path / "run")
    damage(run / "checkpoints" / "step-00000004" / name)
    _, recorder = train(short_data, run)
    (warning,) = recorder.warnings
    assert name in warning
    assert "step-00000004.bad" in warning
    assert (run / "checkpoints" / "step-00000004.bad").is_dir()
    assert recorder.updates[0].step == 3
    assert_same_run(run, whole)


def as_a_user() -> None:
    """Drop root's rights in a new process, so that file permissions apply."""
    if os.geteuid() == 0:
        for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
            ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP


@pytest.mark.skipif(sys.platform != "linux" and os.geteuid() == 0, reason="root may read everything here")
@pytest.mark.parametrize("name", ["checkpoints/step-00000004/model.safetensors", "checkpoints/step-00000004"])
def test_what_may_not_be_read_is_no_damage(short_data: Path, half: Path, tmp_path: Path, name: str) -> None:
    run = shutil.copytree(half, tmp_path / "run")
    before = listing(run)
    mode = (run / name).stat().st_mode
    (run / name).chmod(0)
    command: list[str | Path] = ["train", short_data, "-o", run, "--config", run / "config.toml", "--threads", "1"]
    answer = nmt(*command, preexec_fn=as_a_user)
    (run / name).chmod(mode)
    assert answer.returncode == 66
    assert re.fullmatch(r"nmt: error: .*step-00000004\S* cannot be read: Permission denied; .*\n", answer.stderr)
    assert [path for path, *_ in listing(run)] == [path for path, *_ in before]


@pytest.mark.skipif(sys.platform == "darwin", reason="names of files are UTF-8 there")
def test_a_path_that_is_not_utf8_is_no_damage(short_data: Path, whole: Path, tmp_path: Path) -> None:
    run = tmp_path / os.fsdecode(b"run-\xff")
    train(short_data, run, stop_at=4)
    _, recorder = train(short_data, run)
    assert recorder.warnings == []
    assert_same_run(run, whole)


def test_what_a_run_is_made_with_may_have_a_name_that_is_not_utf8(tmp_path: Path) -> None:
    run, facts = RunFolder(tmp_path), {"data": os.fsdecode(b"/\xff/\x1b\\") + "한", "cores": "2"}
    run.write_environment(facts)
    assert run.read_environment() == facts


def test_an_error_of_the_disk_is_no_damage(half: Path, tmp_path: Path) -> None:
    run = RunFolder(shutil.copytree(half, tmp_path / "run"))
    for error in (cannot_open(Path("x"), OSError(errno.ESTALE, "gone")), StorageError("reading x failed", "…")):

        def fail(folder: Path, error: NmtError = error) -> None:
            raise error

        with pytest.raises(StorageError):
            run.checkpoints.restore_newest(fail, pytest.fail)
    assert len(run.checkpoints.paths()) == 2


def test_without_a_whole_checkpoint_a_run_is_refused_as_often_as_it_is_tried(
    short_data: Path, half: Path, tmp_path: Path
) -> None:
    run = shutil.copytree(half, tmp_path / "run")
    for checkpoint in RunFolder(run).checkpoints.paths():
        cut(checkpoint / "model.safetensors")
    for _ in range(2):
        with pytest.raises(DataError, match=r"no whole checkpoint is left in .*; .*`overwrite`"):
            train(short_data, run)
    _, recorder = train(short_data, run, overwrite=True)
    assert recorder.updates[0].step == 1


def test_checkpoints_of_another_format_are_no_damage_unless_one_of_ours_is_among_them(
    short_data: Path, half: Path, whole: Path, tmp_path: Path
) -> None:
    run = shutil.copytree(half, tmp_path / "run")
    paths = [checkpoint / "manifest.json" for checkpoint in RunFolder(run).checkpoints.paths()]
    ours = [path.read_text() for path in paths]
    for path, text in zip(paths, ours, strict=True):
        path.write_text(text.replace('"format": 5', '"format": 2'))
    with pytest.raises(DataError, match="not a checkpoint of format 5"):
        train(short_data, run)
    assert all(path.exists() for path in paths)
    paths[0].write_text(ours[0])
    _, recorder = train(short_data, run)
    assert "step-00000004.bad" in recorder.warnings[0]
    assert_same_run(run, whole)


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_second_starter_is_told_so_and_changes_nothing(short_data: Path, tmp_path: Path, overwrite: bool) -> None:
    run = tmp_path / "run"
    with open_run(read_request(request(short_data, run)), CPU, Recorder()) as opened:
        opened.train(lambda: opened.state.counters.step == 4)
        before = listing(tmp_path)
        with pytest.raises(BusyError, match="in use by another process"):
            train(short_data, run, overwrite=overwrite)
        assert listing(tmp_path) == before
    assert train(short_data, run)[0].outcome == "done"


def test_a_run_that_moved_another_aside_is_locked_too(short_data: Path, half: Path, tmp_path: Path) -> None:
    run = shutil.copytree(half, tmp_path / "run")
    with open_run(read_request(replace(request(short_data, run), overwrite=True)), CPU, Recorder()):
        with pytest.raises(BusyError):
            train(short_data, run)
        assert (tmp_path / "run.old-1" / "model" / "manifest.json").exists()


def test_debris_of_a_killed_save_is_gone_after_the_run_goes_on(
    short_data: Path, half: Path, whole: Path, tmp_path: Path
) -> None:
    run = shutil.copytree(half, tmp_path / "run")
    dead = f".step-00000005.partial-{2**22 + 1}-{here()}-00ff00"  # no process has so high a number
    (run / "checkpoints" / dead).mkdir()
    (run / "checkpoints" / dead / "model.safetensors").write_bytes(b"half of it")
    train(short_data, run)
    assert not [path for path in run.rglob("*") if "partial" in path.name]
    assert_same_run(run, whole)


def here() -> str:
    from nmt.disk.debris import partial_name

    return partial_name(Path("x")).name.split("-")[2]


def test_metrics_that_a_kill_cut_are_written_again(short_data: Path, half: Path, whole: Path, tmp_path: Path) -> None:
    run = shutil.copytree(half, tmp_path / "run")
    with (run / "metrics.jsonl").open("ab") as file:
        file.write(b'{"event": "train", "step": 5}\n\xff\xfe{"event": "tr')
    train(short_data, run)
    assert_same_run(run, whole)


def test_a_validation_that_outlasts_every_process_is_made_all_the_same(
    short_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its translations are saved batch by batch, here a few lines each."""
    monkeypatch.setattr("nmt.training.scores.SEARCH_TOKENS", 20)
    at_once, parts, processes = tmp_path / "whole", tmp_path / "parts", 0
    train(short_data, at_once, steps=4)
    outcome = ""
    while outcome not in ("done", "complete") and processes < 40:
        asked = count(1)
        with open_run(read_request(request(short_data, parts, steps=4)), CPU, Recorder()) as opened:
            outcome = opened.train(lambda asked=asked: next(asked) > 5).outcome  # type: ignore[misc]
        processes += 1
    assert 6 < processes < 40, "each process has time for a few batches"
    assert_same_run(parts, at_once)
    assert not (parts / ".validation").exists()


def test_a_validation_that_is_long_is_saved_before_it_ends(
    short_data: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that is killed during it resumes where it began."""
    monkeypatch.setattr("nmt.training.selection.SECONDS_UNTIL_SAVED", -1.0)
    run = tmp_path / "run"

    class KilledError(Exception):
        pass

    with open_run(read_request(request(short_data, run)), CPU, Recorder()) as opened:
        asked = count(1)

        def killed() -> bool:
            if opened.state.counters.step == 2 and next(asked) == 3:
                raise KilledError
            return False

        with pytest.raises(KilledError):
            opened.train(killed)
    assert [path.name for path in RunFolder(run).checkpoints.paths()] == ["step-00000002"]
    train(short_data, run)
    assert_same_run(run, whole)


def test_what_is_kept_after_a_line_without_its_end_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    with closing(Kept(path, "work")) as kept:
        kept.put("first", 1)
    for cut in range(len(path.read_bytes())):
        path.with_name("cut").write_bytes(path.read_bytes()[: -1 - cut])
        with closing(Kept(path.with_name("cut"), "work")) as kept:
            kept.put("more", 2)
        with closing(Kept(path.with_name("cut"), "work")) as kept:
            assert kept.get("more") == 2


@given(st.lists(st.tuples(st.text(max_size=3), st.lists(st.floats(allow_nan=False)))), st.integers(0, 400), st.data())
def test_what_is_kept_is_what_was_put_or_nothing(
    entries: list[tuple[str, list[float]]], cut_at: int, data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kept"
        with closing(Kept(path, "work")) as kept:
            for key, value in entries:
                kept.put(key, value)
        written = path.read_bytes()
        with closing(Kept(path, "work")) as kept:
            assert all(kept.get(key) == value for key, value in dict(entries).items())
        damaged = bytearray(written[:cut_at])
        if damaged and data.draw(st.booleans()):
            damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= 1
        path.write_bytes(damaged)
        with closing(Kept(path, "work")) as kept:
            for key, _ in entries:
                assert kept.get(key) in [None, *(value for name, value in entries if name == key)]
            kept.put("more", 1)
        with closing(Kept(path, "work")) as kept:
            assert kept.get("more") == 1
        with closing(Kept(path, "other work")) as kept:
            assert kept.get("more") is None
            kept.drop()
        assert not path.exists()


@pytest.mark.parametrize("lines", [2**53, 10**15])
def test_metrics_that_were_never_written_are_not_waited_for(
    short_data: Path, half: Path, whole: Path, tmp_path: Path, lines: int
) -> None:
    run = shutil.copytree(half, tmp_path / "run")
    change_state(run / "checkpoints" / "step-00000004", metrics=lines)
    train(short_data, run)
    assert_same_run(run, whole)


def test_a_position_beyond_the_data_is_damage(short_data: Path, half: Path, whole: Path, tmp_path: Path) -> None:
    run = shutil.copytree(half, tmp_path / "run")
    change_state(run / "checkpoints" / "step-00000004", position=[0, 10**6, 0, 0])
    _, recorder = train(short_data, run)
    assert "counters.position lies beyond the data: that checkpoint is now" in recorder.warnings[0]
    assert_same_run(run, whole)


def change_state(checkpoint: Path, **counters: Any) -> None:
    """Change the counters of a checkpoint, and correct its hashes."""
    state = json.loads((checkpoint / "state.json").read_text())
    state["counters"] |= counters
    (checkpoint / "state.json").write_text(json.dumps(state))
    facts = read_manifest(checkpoint, verify=False)
    facts.pop("files")
    write_manifest(checkpoint, facts)


@given(
    st.lists(st.sampled_from([b"{}\n", b"\n", b"x" * 9 + b"\n", b"y" * 40 + b"\n"]), max_size=6),
    st.binary(max_size=9).filter(lambda tail: b"\n" not in tail),
    st.integers(0, 9),
)
def test_rewinding_keeps_so_many_whole_lines(lines: list[bytes], tail: bytes, kept: int) -> None:
    """It ends at a line that is too long to be from nmt."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("nmt.store.run_folder.LONGEST_EVENT", 20)
        run = RunFolder(Path(folder))
        run.metrics_path.write_bytes(b"".join(lines) + tail)
        ours = list(itertools.takewhile(lambda line: len(line) <= 20, lines))
        assert run.rewind_metrics(kept) == min(kept, len(ours))
        assert run.metrics_path.read_bytes() == b"".join(ours[:kept])


def test_time_lost_with_a_killed_process_counts_in_a_budget_of_minutes(
    short_data: Path, half: Path, tmp_path: Path
) -> None:
    run = shutil.copytree(half, tmp_path / "run")
    RunFolder(run).write_seconds(590.0)
    settings = {"steps": 0, "minutes": 10.0}
    with open_run(read_request(request(short_data, run, **settings)), CPU, Recorder()) as opened:
        assert opened.context.used() > 0.95
        assert opened.state.counters.step == 4


SMALL = [f"--set=model.{name}" for name in ("width=16", "feed_forward=24", "encoder_layers=1", "decoder_layers=1")]
SMALL.append("--batch-tokens=400")


# Files may have so many bytes.
LIMITED = """
import resource, sys
from nmt.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)),) * 2)
main()
"""


def test_a_disk_that_fills_up_while_saving_names_the_last_good_checkpoint(short_data: Path, tmp_path: Path) -> None:
    """The kernel's limit on file size stands for a full disk: writing beyond it fails."""
    run = tmp_path / "run"
    arguments: list[str | Path] = [
        short_data,
        "-o",
        run,
        "--preset",
        "tiny",
        "--validate-every",
        "2",
        "--threads",
        "1",
    ]
    arguments += SMALL
    assert nmt("train", *arguments, "--steps", "2").returncode == 0
    before = (run / "checkpoints" / "step-00000002" / "training.safetensors").read_bytes()
    full = nmt(str(len(before) // 2), "train", *arguments, "--steps", "4", code=LIMITED)
    assert full.returncode == 74
    assert full.stderr.splitlines()[-1].startswith("nmt: error: writing ")
    assert "the last good checkpoint is " in full.stderr
    assert "step-00000002" in full.stderr
    assert not [path for path in tmp_path.rglob("*") if "partial" in path.name]
    assert (run / "checkpoints" / "step-00000002" / "training.safetensors").read_bytes() == before
    again = nmt("train", *arguments, "--steps", "4")
    assert again.returncode == 0, again.stderr


# --- divergence -------------------------------------------------------------------------------------------------------


class Poison:
    """Makes the loss of chosen updates infinite or NaN, as an overflow would."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, poisoned: set[Any]) -> None:
        self.forward = Objective.forward
        self.poisoned = poisoned
        monkeypatch.setattr(Objective, "forward", lambda *arguments: self(*arguments))

    def __call__(self, objective: Objective, batch: TensorBatch, normaliser: float) -> torch.Tensor:
        loss = self.forward(objective, batch, normaliser)
        key = tuple(batch.source_BS[0, : batch.source_length_B[0]].tolist())
        return loss * float("nan") if objective.training and key in self.poisoned else loss


def sources(data: Path) -> Iterator[tuple[int, ...]]:
    """The first source of each training batch, in order, which identifies the batch here."""
    from nmt.config import TrainingConfig
    from nmt.training.loop import batches_from

    config = TrainingConfig(steps=6, batch_tokens=400)
    for _, batch, _ in batches_from(Dataset.open(data).train, config, Position()):
        yield (*batch.sources[0].tolist(), EOS)


def test_an_update_that_is_not_finite_is_passed_over_and_its_pairs_are_written_with_their_lines(
    short_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    third = [next_ for next_, _ in zip(sources(short_data), range(4), strict=False)][2]
    Poison(monkeypatch, {third})
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    _, recorder = train(short_data, whole)
    (warning,) = recorder.warnings
    path = whole / "skipped-1-1-3.tsv"
    assert str(path) in warning
    assert [update.step for update in recorder.updates] == [1, 2, 3, 4, 5, 6], "six updates are made all the same"
    heading, *rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    assert heading == ["corpus", "line", "source", "target"]
    for corpus, line, source, target in rows:
        for language, text in (("ko", source), ("en", target)):
            lines = Path(f"{corpus}.{language}").read_text(encoding="utf-8").splitlines()
            assert " ".join(lines[int(line) - 1].split()) == text
    # It stands in the state: a run that is stopped before and after it comes to the same.
    for stop in (2, 4):
        train(short_data, parts, stop_at=stop)
    train(short_data, parts)
    assert_same_run(parts, whole)
    state = json.loads((whole / LAST / "state.json").read_text())
    assert state["counters"]["skipped"] == [[2, 0, 0, 2]]


def test_weights_that_are_not_finite_any_more_are_those_of_the_last_checkpoint_again(
    short_data: Path, tmp_path: Path
) -> None:
    recorder = Recorder()
    run = tmp_path / "run"
    with open_run(read_request(request(short_data, run)), CPU, recorder) as opened:

        def spoil() -> bool:
            if len(recorder.updates) == 5 and not recorder.warnings:
                next(opened.state.objective.model.parameters()).data.fill_(float("inf"))
            return False

        opened.train(spoil)
    assert [update.step for update in recorder.updates] == [1, 2, 3, 4, 5, 5, 6]
    assert any("back to those after step 4" in warning for warning in recorder.warnings)
    assert all(tensor.isfinite().all() for tensor in load_file(run / LAST / "model.safetensors").values())


def test_training_gives_up_when_updates_come_to_nothing_one_after_another(
    short_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = [next_ for next_, _ in zip(sources(short_data), range(20), strict=False)]
    Poison(monkeypatch, set(batches[3:]))
    with pytest.raises(DataError, match=r"training diverged: 5 updates.*learning_rate"):
        train(short_data, tmp_path / "run")
    assert len(list((tmp_path / "run").glob("skipped-*.tsv"))) == 5


def test_rows_know_the_corpus_and_the_line_that_they_came_from(tmp_path: Path) -> None:
    """With two corpora and dropped lines of all kinds; compared with a search for each pair's text."""
    first, second = write_corpus(tmp_path, "one", 0, 60), write_corpus(tmp_path, "two", 60, 40)
    for language in ("ko", "en"):
        path = Path(f"{first}.{language}")
        lines = path.read_text(encoding="utf-8").splitlines()
        lines[0:0] = [""]  # dropped: empty
        lines[10:10] = [lines[5], "이것은 두 쪽이 모두 같은 것이다"]  # a duplicate, and a source that equals its target
        lines += [lines[30]]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    valid = write_corpus(tmp_path, "valid", 300, 5)
    arguments: list[str | Path] = [
        "--train",
        first,
        "--train",
        second,
        "--train",
        first,
        "--valid",
        valid,
        "-o",
        tmp_path / "data",
    ]
    # The lines are near-copies of each other: they differ in a number.
    rules = "--rule", "in-valid=0.97", "--rule", "language=off"
    made = nmt("prepare", "-s", "ko", "-t", "en", "--vocab-size", "500", *rules, *arguments)
    assert made.returncode == 0, made.stderr
    data = Dataset.open(tmp_path / "data")
    tokenizer = Tokenizer.load(data.source_tokenizer_path)
    assert len(data.train) == 100
    for row, (corpus, line) in enumerate(data.origins(range(100))):
        text = Path(f"{corpus}.ko").read_text(encoding="utf-8").splitlines()[line - 1]
        assert tokenizer.decode([data.train.ids([row])[0][0].tolist()]) == [" ".join(text.split())]


# --- state ------------------------------------------------------------------------------------------------------------


def test_counters_survive_json() -> None:
    counters = Counters(
        3,
        Position(1, 2, 3, 4),
        5.5,
        6,
        0.1,
        0.2,
        7,
        Window(1.0, 2, 3.0),
        Validated(best_score=3),
        [Skipped(1, 2, 3, 4)],
    )
    assert Counters.from_dict(json.loads(json.dumps(counters.to_dict()))) == counters


def test_counters_of_a_run_begun_when_bleu_alone_decided_are_read() -> None:
    values = Counters(validated=Validated(best_score=30.5)).to_dict()
    values["validated"]["best_bleu"] = values["validated"].pop("best_score")
    assert Counters.from_dict(values).validated.best_score == 30.5


@pytest.mark.parametrize(
    "change",
    [
        {"step": -1},
        {"step": 1.0},
        {"step": True},
        {"seconds": float("nan")},
        {"seconds": "5"},
        {"position": [1, 2, 3]},
        {"position": {}},
        {"window": {"loss": 1.0}},
        {"validated": None},
        {"skipped": [[1, 2]]},
        {"skipped": {}},
        {"more": 1},
        {"metrics": 2**53 + 1},
        {"seconds": -1.0},
        {"untrained_seconds": -1.0},
        {"seconds": 1e300},
        {"position": [10**30, 0, 0, 0]},
    ],
)
def test_counters_that_are_not_what_they_should_be_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="counters"):
        Counters.from_dict(json.loads(json.dumps(Counters().to_dict() | change)))


def test_a_difference_between_two_runs_is_named(whole: Path, tmp_path: Path) -> None:
    assert first_difference(whole, shutil.copytree(whole, tmp_path / "same")) == ""
    other = shutil.copytree(whole, tmp_path / "other")
    tensors = load_file(other / LAST / "training.safetensors")
    name = next(name for name in tensors if name.startswith("exp_avg_sq/"))
    tensors[name].view(-1)[0] += 1e-12
    save_file(tensors, other / LAST / "training.safetensors")
    assert "training.safetensors" in first_difference(whole, other)
    longer = shutil.copytree(whole, tmp_path / "longer")
    with (longer / "metrics.jsonl").open("a") as file:
        file.write("{}\n")
    assert first_difference(whole, longer) == "metrics.jsonl"
    assert events(whole)


def test_verify_resume_says_whether_the_bits_are_the_same_leaves_nothing_and_runs_nothing_from_the_current_folder(
    short_data: Path, tmp_path: Path
) -> None:
    run_by = write_traps(tmp_path / "here")
    command = ["--verify-resume", "--preset", "tiny", "--threads", "1", *SMALL]
    result = started("train", short_data, "-o", tmp_path / "run", *command, cwd=tmp_path / "here", timeout=300)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("identical: 20 updates")
    assert [path.name for path in tmp_path.iterdir()] == ["here"]
    assert not run_by.exists()


def test_a_run_whose_checkpoints_were_deleted_is_not_trained_over(short_data: Path, half: Path, tmp_path: Path) -> None:
    run = shutil.copytree(half, tmp_path / "run")
    shutil.rmtree(run / "checkpoints")
    before = listing(run / "model")
    with pytest.raises(DataError, match="no whole checkpoint is left"):
        train(short_data, run)
    assert listing(run / "model") == before


def test_weights_that_are_spoilt_are_not_saved(short_data: Path, tmp_path: Path) -> None:
    run, recorder = tmp_path / "run", Recorder()
    with open_run(read_request(request(short_data, run)), CPU, recorder) as opened:

        def spoil() -> bool:
            if len(recorder.updates) == 4:
                next(opened.state.objective.model.parameters()).data.fill_(float("inf"))
            return False

        with pytest.raises(DataError, match=r"not finite after update 4; the last good checkpoint is .*step-00000002"):
            opened.train(spoil)
    assert [path.name for path in RunFolder(run).checkpoints.paths()] == ["step-00000002"]


def test_a_validation_batch_that_memory_has_no_room_for_is_halved(
    short_data: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = Objective.forward

    def small(objective: Objective, batch: TensorBatch, normaliser: float) -> torch.Tensor:
        if not objective.training and len(batch.source_BS) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 bytes")
        return forward(objective, batch, normaliser)

    monkeypatch.setattr(Objective, "forward", small)
    train(short_data, tmp_path / "run")
    losses = [
        [event["loss"] for event in events(run) if event["event"] == "validation"] for run in (whole, tmp_path / "run")
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_a_run_killed_before_its_first_checkpoint_begins_anew(
    short_data: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped at every step of its first save, as a kill does."""
    from nmt.store import checkpoints

    for name in ("write_tensors", "write_manifest", "create_folder"):
        run = tmp_path / name

        def killed(*arguments: Any, **options: Any) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(checkpoints, name, killed)
            with pytest.raises(KeyboardInterrupt):
                train(short_data, run)
        train(short_data, run)
        assert_same_run(run, whole)
