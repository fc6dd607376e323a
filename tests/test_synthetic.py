"""Pairs that a model made: how they are made, mixed in and resumed. The models translate badly; the rest is real."""

import json
import os
import re
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from conftest import PROGRAM, TinyRun, nmt, write_corpus
from fakes import AnswerEngine, WordTokenizer
from hypothesis import given
from hypothesis import strategies as st
from test_batches import MemoryRows, epoch
from test_distribution import child, command, has_saved, wait_for
from test_mono import bundled, write
from test_phases import pairs
from test_resume import assert_same_run
from test_run import CPU, SHAPE, Recorder, events
from test_training import a_split

from nmt.config import PrepareOptions, SearchOptions, TrainingConfig
from nmt.corpus.batches import read_batch
from nmt.corpus.dataset import Dataset
from nmt.corpus.prepare import PrepareRequest, prepare
from nmt.decoding.checks import Checks
from nmt.decoding.engine import Hypothesis
from nmt.disk.scratch import Stage, beside
from nmt.errors import DataError, SettingsError, StorageError
from nmt.scoring.gains import gains_of
from nmt.store.model_folder import ModelFolder, load_model
from nmt.store.run_folder import RunFolder
from nmt.text.progress import Silent
from nmt.text.reserved import SLOTS
from nmt.training import stages, synthetic
from nmt.training.context import RunContext
from nmt.training.counters import Mixture, Position
from nmt.training.mixed import Joined, factors_of
from nmt.training.opening import fresh_state, open_run
from nmt.training.phases.both_directions import BothDirections
from nmt.training.plan import plan
from nmt.training.request import TrainRequest, read_request
from nmt.training.stages import share_of, stages_of
from nmt.training.synthetic import Making, Pairs, Texts, Way

SETTINGS = {"steps": 12, "validate_every": 4, "batch_tokens": 400, "bidirectional": 0.5, "odd_input": 0.0}
MORE = "--steps 12 --validate-every 4 --set training.bidirectional=0.5 --set training.odd_input=0"
FAILED = Checks.failed
SWITCHES = {"1": 4, "2": 6}  # the updates after which the rounds begin


class KilledError(BaseException):
    """Ends a run as a kill does: nobody cleans up."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of 200 pairs, with text in both languages."""
    folder = tmp_path_factory.mktemp("synthetic")
    write_corpus(folder, "train", 0, 200)
    write_corpus(folder, "valid", 300, 10, among=100)
    mono = write(folder / "books.en", bundled("en", 400, 60)), write(folder / "news.ko", bundled("ko", 500, 40))
    request = PrepareRequest("ko", "en", (folder / "train",), folder / "valid", (), folder / "data", mono=mono)
    prepare(request, PrepareOptions(vocab_size=600))
    return folder / "data"


@pytest.fixture(autouse=True)
def lenient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Translations of an untrained model pass, and windows are so small that there are several."""
    monkeypatch.setattr(Checks, "failed", lambda *_: [])
    monkeypatch.setattr(stages, "SPARE", 50.0)
    monkeypatch.setattr(synthetic, "WINDOW", 16)
    monkeypatch.setattr(synthetic, "SEARCH_TOKENS", 700)  # two batches a window


def request(data: Path, run: Path, **settings: Any) -> TrainRequest:
    return TrainRequest(data, run, "tiny", (SHAPE, {"training": {**SETTINGS, **settings}}))


def train(
    asked: TrainRequest, stop: Callable[[], bool] = lambda: False, recorder: Recorder | None = None
) -> tuple[str, int]:
    """How the run ended, and after how many updates."""
    with open_run(read_request(asked), CPU, recorder or Recorder()) as opened:
        outcome = opened.train(stop).outcome
        return outcome, opened.state.counters.step


@pytest.fixture(scope="module")
def whole(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An uninterrupted run, to compare with."""
    with pytest.MonkeyPatch.context() as patch:
        lenient.__wrapped__(patch)  # type: ignore[attr-defined]
        run = tmp_path_factory.mktemp("whole") / "run"
        assert train(request(data, run)) == ("done", 12)
    return run


def rounds(run: Path) -> dict[str, bytes]:
    """The files of all pairs, by name."""
    return {str(path.relative_to(run)): path.read_bytes() for path in run.glob("synthetic/*/*.bin")}


def assert_same(run: Path, whole: Path) -> None:
    assert_same_run(run, whole)
    assert rounds(run) == rounds(whole)
    assert {path.name for path in (run / "synthetic").iterdir()} == {"1", "2"}


def test_pairs_are_made_at_each_switch_and_read_from_then_on(whole: Path, data: Path) -> None:
    told = [event for event in events(whole) if event["event"] == "synthetic"]
    assert {event["round"]: event["step"] for event in told} == SWITCHES
    dataset = Dataset.open(data)
    for event in told:
        made = Pairs.open(whole / "synthetic" / event["round"], dataset)
        assert event["pairs"] == len(made.split) > 16
        assert event["texts"] == event["pairs"] + sum(event["dropped"].values())
    state = json.loads((whole / "checkpoints" / "step-00000012" / "state.json").read_text())
    assert state["counters"]["mixture"]["stage"] == 2, "the last round is read to the end"


def test_both_directions_learn_from_what_was_made_and_later_one_does(whole: Path, data: Path) -> None:
    dataset = Dataset.open(data)
    assert dataset.mono
    texts = {(side, ids.tobytes()) for side in (0, 1) for ids in dataset.mono.ids(np.arange(len(dataset.mono)))[side]}
    for name, of_sources in (("1", "predicted"), ("2", "read")):
        split = Pairs.open(whole / "synthetic" / name, dataset).split
        found = Counter[str]()
        for source, target in zip(*split.ids(np.arange(len(split))), strict=True):
            found["predicted"] += (0, target.tobytes()) in texts
            found["read"] += (0, source.tobytes()) in texts
            found["target"] += (1, target.tobytes()) in texts
        assert found["target"] > 0
        assert found[of_sources] == len(split) - found["target"] > 0


def test_each_stage_ends_on_a_validation_that_names_what_was_read(whole: Path) -> None:
    read = [(event["step"], event["round"]) for event in events(whole) if event["event"] == "validation"]
    assert read == [(4, ""), (6, "1"), (8, "2"), (12, "2")]
    first, *gains = gains_of(RunFolder(whole).read_metrics())
    assert [(gain.round, gain.begins, gain.ends) for gain in gains] == [("1", 4, 6), ("2", 6, 12)]
    assert [gain.before for gain in gains] == [gain.after for gain in (first, *gains[:-1])]
    made = {event["round"]: event["pairs"] for event in events(whole) if event["event"] == "synthetic"}
    assert [gain.pairs for gain in gains] == [made["1"], made["2"]]


@pytest.mark.parametrize("every", [13, pytest.param(1, marks=pytest.mark.slow)])
def test_a_run_asked_to_stop_at_any_moment_equals_the_uninterrupted_one(
    every: int, data: Path, whole: Path, tmp_path: Path
) -> None:
    """Tests every ``every``-th moment at which a run checks whether to stop, also while pairs are made."""
    moment, stopped = 2, list[int]()
    while True:
        run, asked = tmp_path / f"run-{moment}", iter(range(1, 10**9))
        outcome, step = train(request(data, run), lambda asked=asked, moment=moment: next(asked) >= moment)  # type: ignore[misc]
        if outcome == "done":
            break
        assert outcome == "stopped"
        stopped.append(step)
        outcome, step = train(request(data, run))
        assert (outcome in ("done", "complete"), step) == (True, 12)
        assert_same(run, whole)
        moment += every
    assert all(stopped.count(step) * every > 3 for step in SWITCHES.values()), "in the middle of each round"


@pytest.mark.parametrize("at", [4, 6, 9])
def test_a_killed_run_equals_the_uninterrupted_one_and_translates_no_window_twice(
    at: int, data: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed while the first or the second round is made, or when both have been read."""
    windows, run, translated = Texts.pairs, tmp_path / "run", list[bytes]()

    def counted(self: Texts, rows: Any, *rest: Any) -> Any:
        made = windows(self, rows, *rest)
        translated.append(rows.tobytes())
        return made

    monkeypatch.setattr(Texts, "pairs", counted)
    with open_run(read_request(request(data, run)), CPU, Recorder()) as opened:
        before = dict[int, int]()

        def kill() -> bool:
            step = opened.state.counters.step
            before.setdefault(step, len(translated))
            if step == at and len(translated) - before[step] == 2 * (at in SWITCHES.values()):
                raise KilledError
            return False

        with pytest.raises(KilledError):
            opened.train(kill)
    unfinished = [name for name in SWITCHES if beside(run / "synthetic" / name).exists()]
    assert unfinished == [name for name, step in SWITCHES.items() if step == at]
    assert train(request(data, run)) == ("done", 12)
    assert_same(run, whole)
    made = [event["texts"] for event in events(whole) if event["event"] == "synthetic"]
    assert len(translated) == sum(-(-texts // 16) for texts in made)


@dataclass
class Follower(Recorder):
    """Records the progress of rounds: for each start the total, and what was done before and after a stop."""

    stages: list[tuple[str, int | None, str, list[int]]] = field(default_factory=list)
    finished: int = 0

    def start(self, what: str, total: int | None = None, unit: str = "lines") -> None:
        self.stages.append((what, total, unit, []))

    def advance(self, count: int = 1) -> None:
        self.stages[-1][3].append(count)

    def finish(self) -> None:
        self.finished += 1

    def is_beyond(self, texts: int) -> bool:
        return bool(self.stages) and sum(self.stages[-1][3]) > texts


def test_whoever_watches_sees_how_far_a_round_is_also_when_it_resumes(data: Path, tmp_path: Path) -> None:
    follower, run = Follower(), tmp_path / "run"
    assert train(request(data, run), lambda: follower.is_beyond(40), follower)[0] == "stopped"
    assert train(request(data, run), recorder=follower) == ("done", 12)
    assert [stage[:3] for stage in follower.stages] == [("translating", 100, "texts")] * 3
    stopped, resumed, second = (stage[3] for stage in follower.stages)
    assert 40 < sum(stopped) < 100, "in the middle of the first round"
    assert resumed[0] == sum(stopped) // 16 * 16, "windows that are done are not done again"
    assert sum(resumed) == sum(second) == 100
    assert follower.finished == 3
    assert follower.notes.count("round 1: the model translates up to 100 texts") == 2
    told = [note for note in follower.notes if note.startswith("with round")]
    assert [re.sub(r"[\d.]+ → [\d.]+", "X → Y", note) for note in told] == [
        "with round 1, in 2 updates: BLEU X → Y · chrF X → Y",
        "with round 2, in 6 updates: BLEU X → Y · chrF X → Y",
    ]


def test_patience_counts_from_the_last_round_on_also_when_the_run_resumes(data: Path, tmp_path: Path) -> None:
    asked = request(data, tmp_path / "run", validate_every=2, patience=2)
    for moment, wanted in ((8, ("stopped", 8)), (0, ("patience", 10))):
        with open_run(read_request(asked), CPU, Recorder()) as opened:
            opened.state.counters.validated.best_score = 101.0  # none is better
            outcome = opened.train(lambda opened=opened, moment=moment: opened.state.counters.step == moment).outcome  # type: ignore[misc]
            assert (outcome, opened.state.counters.step) == wanted
    told = [event for event in events(tmp_path / "run") if event["event"] == "synthetic"]
    assert {event["round"]: event["step"] for event in told} == SWITCHES


def test_pairs_of_another_model_are_made_anew(data: Path, whole: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(whole / "synthetic", run / "synthetic")
    before = rounds(run)
    (run / "config.toml").write_bytes((whole / "config.toml").read_bytes().replace(b"seed = 1", b"seed = 2"))
    assert train(request(data, run, seed=2)) == ("done", 12)
    assert rounds(run).keys() == before.keys()
    assert rounds(run) != before


def test_a_run_that_gets_a_larger_budget_makes_the_rounds_that_this_budget_has(
    data: Path, whole: Path, tmp_path: Path
) -> None:
    """Update 12 was the end, on round 2; of 40 updates it lies between both rounds, and of 13 where it was."""
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    assert train(request(data, run, steps=13)) == ("done", 13)
    assert rounds(run) == rounds(whole)
    shutil.rmtree(run)
    shutil.copytree(whole, run)
    assert train(request(data, run, steps=40)) == ("done", 40)
    told = [(event["round"], event["step"]) for event in events(run) if event["event"] == "synthetic"]
    assert told == [*SWITCHES.items(), ("1", 12), ("2", 20)]
    epochs = [event["epoch"] for event in events(run) if event["event"] == "train"]
    assert epochs == sorted(epochs)


def test_pairs_outlast_a_full_disk(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, note = tmp_path / "run", Stage.note

    def full(stage: Stage, value: Any) -> None:
        if isinstance(value, dict) and value.get("texts") == 32:
            raise StorageError("no space is left", "free some")
        note(stage, value)

    with monkeypatch.context() as patch:
        patch.setattr(Stage, "note", full)
        with pytest.raises(StorageError):
            train(request(data, run))
    translated = list[int]()
    windows = Texts.pairs

    def counted(self: Texts, rows: Any, *rest: Any) -> Any:
        translated.append(int(rows[0]))
        return windows(self, rows, *rest)

    monkeypatch.setattr(Texts, "pairs", counted)
    assert train(request(data, run)) == ("done", 12)
    made = [event["texts"] for event in events(run) if event["event"] == "synthetic"]
    assert len(translated) == sum(-(-texts // 16) for texts in made) - 1, "the first window was done"


def test_a_process_that_ended_right_after_its_pairs_were_done_leaves_nothing(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"

    def end(*_: Any) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr("nmt.disk.scratch._remove", end)
        with pytest.raises(KilledError):
            train(request(data, run))
    assert beside(run / "synthetic" / "1").exists()
    assert train(request(data, run)) == ("done", 12)
    assert {path.name for path in (run / "synthetic").iterdir()} == {"1", "2"}


def test_spoilt_weights_make_no_pairs_and_no_checkpoint(data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with open_run(read_request(request(data, run)), CPU, Recorder()) as opened:
        opened.train(lambda: opened.state.counters.step == 3)
        saved = RunFolder(run).checkpoints.paths()
        opened.state.counters.step = 4
        opened.saver.saved_step = -1
        opened.state.average.output_weight.data.fill_(float("nan"))
        opened.state.objective.model.output_weight.data.fill_(float("nan"))
        with pytest.raises(DataError, match="weights are not finite after update 4"):
            opened.rounds.turn(lambda: False)
    assert RunFolder(run).checkpoints.paths() == saved


@pytest.fixture(scope="module")
def stopped(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was stopped after it had read the pairs of both rounds; for tests that change a copy."""
    with pytest.MonkeyPatch.context() as patch:
        lenient.__wrapped__(patch)  # type: ignore[attr-defined]
        run = tmp_path_factory.mktemp("stopped") / "run"
        with open_run(read_request(request(data, run)), CPU, Recorder()) as opened:
            opened.train(lambda: opened.state.counters.step == 8)
    return run


@pytest.mark.parametrize("damage", ["missing", "changed"])
def test_without_the_pairs_that_it_read_a_run_is_refused_and_left_as_it_is(
    damage: str, data: Path, stopped: Path, tmp_path: Path
) -> None:
    run = shutil.copytree(stopped, tmp_path / "run")
    if damage == "missing":
        shutil.rmtree(run / "synthetic" / "2")
    else:
        table = run / "synthetic" / "2" / "pairs-rows.bin"
        table.write_bytes(table.read_bytes()[:-28])
    with pytest.raises(SettingsError, match=r"synthetic.*; restore that folder, or add `overwrite`"):
        train(request(data, run))
    assert [path.name for path in RunFolder(run).checkpoints.paths()] == ["step-00000006", "step-00000008"]


def test_two_processes_make_one_set_of_pairs_and_resume_exactly(data: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "from nmt.decoding.checks import Checks\nChecks.failed = lambda *_: []\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    first, second = tmp_path / "whole", tmp_path / "halves"
    answer = nmt(*command(data, first, 2, MORE), env=environment)
    assert answer.returncode == 0, answer.stderr
    process = subprocess.Popen([PROGRAM, *command(data, second, 2, MORE)], env=environment, stderr=subprocess.DEVNULL)
    wait_for(process, lambda: has_saved(second, SWITCHES["2"]))
    os.kill(child(process.pid, 0), signal.SIGKILL)
    assert process.wait() == 0, "the others restart it"
    assert_same(second, first)
    assert all(len(Pairs.open(first / "synthetic" / name, Dataset.open(data)).split) for name in SWITCHES)


@given(st.integers(1, 40), st.integers(1, 40), st.floats(0.0, 1.0), st.data())
def test_joined_rows_are_those_of_both_splits(first: int, second: int, share: float, draw: st.DataObject) -> None:
    one, two = MemoryRows(range(1, first + 1), range(1, first + 1)), MemoryRows(range(2, second + 2), [3] * second)
    rows = Joined(one, two, factors_of(first, second, share))
    chosen = draw.draw(st.lists(st.integers(0, first + second - 1), min_size=1, max_size=20))
    source, target = rows.ids(np.array(chosen))
    for row, *ids in zip(chosen, source, target, strict=True):
        wanted = (
            (one.source(row), one.target(row)) if row < first else (two.source(row - first), two.target(row - first))
        )
        assert all(map(np.array_equal, ids, wanted))
    assert [len(ids) for ids in source] == rows.lengths(np.array(chosen))[0].tolist()
    assert [len(ids) for ids in target] == rows.lengths(np.array(chosen))[1].tolist()
    weights = rows.weight(np.arange(len(rows)))
    assert rows.rows_per_epoch == pytest.approx(weights.sum())
    assert set(weights[:first]) == {float(share < 1)}
    made = weights[first:].sum()
    assert made == pytest.approx(second if share == 1 else min(second, share / (1 - share) * first))


def test_an_epoch_reads_synthetic_pairs_as_often_as_their_share_says() -> None:
    rows = Joined(MemoryRows([5] * 600, [5] * 600), MemoryRows([5] * 900, [5] * 900), factors_of(600, 900, 0.5))
    counts = Counter(row for number in range(20) for batch in epoch(rows, 100, number=number) for row in batch.tolist())
    assert {counts[row] for row in range(600)} == {20}
    assert sum(counts[row] for row in range(600, 1500)) == pytest.approx(20 * 600, rel=0.03)


def test_both_directions_exchange_no_pair_that_a_model_made() -> None:
    batch = read_batch(a_split(), np.arange(8))
    (made,) = BothDirections(4).batches([batch], np.random.default_rng(1))
    assert pairs(made)[4:] == pairs(batch)[4:]
    (plain,) = BothDirections().batches([batch], np.random.default_rng(1))
    assert pairs(made)[:4] == pairs(plain)[:4]
    assert pairs(plain) != pairs(batch)


@given(st.floats(0.0, 1.0), st.just(0.0) | st.floats(0.0, 1.0), st.sampled_from([0.0, 0.5, 1.0]), st.booleans())
def test_stages_follow_each_other_and_minimum_risk_reads_real_pairs(
    both: float, risk: float, share: float, teacher: bool
) -> None:
    made = stages_of(TrainingConfig(steps=1, bidirectional=both, minimum_risk=risk, synthetic=share), teacher)
    begins = [stage.begins for stage in made]
    assert begins == sorted(begins)
    assert begins[0] == 0.0
    assert made[0].round == ""
    assert sum(share_of(made, number) for number in range(len(made))) == pytest.approx(1.0)
    assert (len(made) == 1) == (not share)
    if not teacher:
        assert (made[-1].round == "") == (not share or risk > 0.0 or len(made) == 1)
        assert all(stage.begins <= 1.0 - risk for stage in made[1:])


@dataclass
class Slots(WordTokenizer):
    """Words, of which those like <0> are slots."""

    @property
    def first_reserved(self) -> int:
        return 4

    def __post_init__(self) -> None:
        self.words += [f"<{slot}>" for slot in range(SLOTS)]


def way(found: dict[str, list[str]], words: Slots, **options: Any) -> Way:
    return Way(AnswerEngine(words, found), words, words, SearchOptions(**options), [Checks("en")])  # type: ignore[arg-type]


class Rows(MemoryRows):
    """Rows of given texts, of sources and of targets; "" is an empty side. All are of one corpus."""

    def __init__(self, words: Slots, *texts: tuple[str, str]) -> None:
        self.sides = [words.encode([text[side] for text in texts]) for side in (0, 1)]
        super().__init__(*(list(map(len, side)) for side in self.sides))

    def corpus_ids(self, rows: Any) -> list[int]:
        return [0] * len(rows)

    def source(self, row: int) -> Any:
        return np.array(self.sides[0][row])

    def target(self, row: int) -> Any:
        return np.array(self.sides[1][row])


def made_of(words: Slots, texts: Texts, count: int, longest: int = 9) -> tuple[list[tuple[str, str]], Counter[str]]:
    source, target, _, dropped = texts.pairs(np.arange(count), longest, lambda: False, Silent())
    return list(zip(words.decode(source), words.decode(target), strict=True)), dropped


@pytest.mark.parametrize("reads_made", [False, True])
def test_texts_of_the_target_are_always_predicted_and_those_of_the_source_as_asked(reads_made: bool) -> None:
    words = Slots()
    rows = Rows(words, ("", "ein Haus"), ("a house", ""), ("", "zwei <0> Häuser"))
    ways = way({"a house": ["Haus"]}, words), way({"ein Haus": ["one house"], "zwei <0> Häuser": ["<0> two"]}, words)
    texts = Texts(rows, *ways, reads_made=reads_made)  # type: ignore[arg-type]
    made, dropped = made_of(words, texts, 3)
    assert made == [
        ("one house", "ein Haus"),
        ("Haus", "a house") if reads_made else ("a house", "Haus"),
        ("<0> two", "zwei <0> Häuser"),
    ]
    assert not dropped


def test_what_is_empty_too_long_or_has_other_slots_is_dropped_and_counted() -> None:
    words = Slots()
    wrong = {"a": [""], "b": ["x " * 9], "c <1>": ["y"], "d": ["z <1>"], "e <2>": ["<2> u"]}
    rows = Rows(words, *((source, "") for source in wrong))
    made, dropped = made_of(words, Texts(rows, way(wrong, words)), 5, 8)  # type: ignore[arg-type]
    assert made == [("e <2>", "<2> u")]
    assert dropped == {"empty": 1, "too-long": 1, "slots": 2}


def test_what_fails_a_check_is_dropped_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Checks, "failed", FAILED)
    words = Slots()
    wrong = {
        "a good day": ["ein Tag Tag Tag Tag Tag Tag"],
        "in the year 1984": ["im Jahr 1985"],
        "so be it": ["so be it"],
    }
    rows = Rows(words, *((source, "") for source in wrong))
    made, dropped = made_of(words, Texts(rows, way(wrong, words)), 3)  # type: ignore[arg-type]
    assert made == []
    assert dropped == {"loop": 1, "number": 1, "copied": 1}


def test_of_a_teachers_hypotheses_the_one_most_like_the_reference_is_learnt() -> None:
    words = Slots()
    rows = Rows(words, ("a small house", "ein kleines Haus"), ("a dog", "ein Hund"))
    found = {"a small house": ["das Haus", "ein kleines Haus ist", "klein"], "a dog": ["der Hund", "Hunde", "Katze"]}
    texts = Texts(rows, way(found, words, beam_size=3, n_best=3), by_reference=True)  # type: ignore[arg-type]
    made, _ = made_of(words, texts, 2)
    assert made == [("a small house", "ein kleines Haus ist"), ("a dog", "der Hund")]


def test_a_students_run_learns_from_its_teacher_and_resumes(tiny_run: TinyRun, tmp_path: Path) -> None:
    """The pairs are made before the first update, and half of what an epoch reads."""

    def student(run: Path, **settings: Any) -> TrainRequest:
        asked = TrainRequest(tiny_run.data, run, "tiny", (SHAPE, {"training": {**SETTINGS, **settings}}))
        return replace(asked, teachers=(tiny_run.run,))

    assert train(student(tmp_path / "whole")) == ("done", 12)
    (told,) = [event for event in events(tmp_path / "whole") if event["event"] == "synthetic"]
    assert (told["round"], told["step"]) == ("teacher", 0)
    data = Dataset.open(tiny_run.data)
    made = Pairs.open(tmp_path / "whole" / "synthetic" / "teacher", data).split
    assert len(made) == told["pairs"] > 200
    known = {ids.tobytes() for ids in data.train.ids(np.arange(len(data.train)))[0]}
    assert all(ids.tobytes() in known for ids in made.ids(np.arange(len(made)))[0])
    asked = iter(range(1, 10**9))
    assert train(student(tmp_path / "halves"), lambda: next(asked) > 5) == ("stopped", 0), "while it translates"
    assert train(student(tmp_path / "halves")) == ("done", 12)
    assert_same_run(tmp_path / "halves", tmp_path / "whole")
    with pytest.raises(SettingsError, match="began with `teacher`; give the same `teacher`"):
        train(replace(student(tmp_path / "halves"), teachers=()))
    with pytest.raises(SettingsError, match="began with another `teacher`; give the same"):
        train(replace(student(tmp_path / "halves"), teachers=(tiny_run.run, tiny_run.run)))
    with pytest.raises(SettingsError, match="the `teacher` would teach nothing"):
        read_request(student(tmp_path / "none", synthetic=0.0))


def test_a_teacher_translates_what_the_budget_reads_and_more_for_a_larger_one(
    tiny_run: TinyRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stages, "SPARE", 1.0)
    windows, translated = Texts.pairs, list[int]()

    def counted(self: Texts, rows: Any, *rest: Any) -> Any:
        translated.extend(rows)
        return windows(self, rows, *rest)

    def texts(name: str, **budget: float) -> list[int]:
        """How many the teacher has translated, each time."""
        layers = (SHAPE, {"training": {"batch_tokens": 400, **budget}})
        train(TrainRequest(tiny_run.data, tmp_path / name, "tiny", layers, teachers=(tiny_run.run,)))
        return [event["texts"] for event in events(tmp_path / name) if event["event"] == "synthetic"]

    data = Dataset.open(tiny_run.data)
    pieces = max(data.train.pieces) / len(data.train) + 1
    few = int(np.ceil(0.5 * 3 * 400 / pieces))
    monkeypatch.setattr(Texts, "pairs", counted)
    assert texts("few", steps=3) == [few] < [len(data.train)]
    assert texts("few", steps=90) == [few, len(data.train)]
    assert sorted(translated) == list(range(len(data.train))), "each once"
    assert texts("accumulated", steps=3, accumulate=2) == [int(np.ceil(0.5 * 3 * 800 / pieces))]
    assert texts("share", epochs=1, synthetic=0.2) == [int(np.ceil(0.2 / 0.8 * len(data.train)))]


def test_a_student_may_say_all_that_its_teacher_says(tiny_run: TinyRun, tmp_path: Path) -> None:
    """Its own pairs are few, and their targets have fewer pieces."""
    train, valid = write_corpus(tmp_path, "train", 250, 12), write_corpus(tmp_path, "valid", 300, 10)
    asked = PrepareRequest("ko", "en", (train,), valid, (), tmp_path / "data", vocabulary=tiny_run.run)
    prepare(asked, PrepareOptions(clean="off"))
    wanted = TrainRequest(tmp_path / "data", tmp_path / "run", "tiny", (SHAPE,))
    produced = [
        fresh_state(read_request(replace(wanted, teachers=teachers)), CPU).average.embeddings.produced
        for teachers in ((), (tiny_run.run,))
    ]
    taught = load_model(ModelFolder.open(tiny_run.run)).embeddings.produced
    assert int((taught > produced[0]).sum()) > 20
    assert bool((produced[1] == (produced[0] | taught)).all())


def test_a_teacher_of_another_vocabulary_is_refused(tiny_run: TinyRun, data: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"has another vocabulary than .*; prepare the data again with `vocab`"):
        read_request(replace(request(data, tmp_path / "run"), teachers=(tiny_run.run,)))


def test_synthetic_pairs_that_nobody_can_make_are_refused(tiny_run: TinyRun, data: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"has pairs alone; prepare with `mono`, or give a `teacher`"):
        read_request(request(tiny_run.data, tmp_path / "run", synthetic=0.5))
    with pytest.raises(SettingsError, match=r"training\.bidirectional is 0; set training\.bidirectional"):
        read_request(request(data, tmp_path / "run", bidirectional=0.0))


def test_texts_that_a_dataset_cannot_use_are_refused_where_they_are_asked_for(tmp_path: Path) -> None:
    write_corpus(tmp_path, "train", 0, 200)
    write_corpus(tmp_path, "valid", 300, 10)
    mono = (write(tmp_path / "books.en", bundled("en", 400, 60)),)
    wanted = PrepareRequest("ko", "en", (tmp_path / "train",), tmp_path / "valid", (), tmp_path / "two", mono=mono)
    prepare(wanted, PrepareOptions(vocab_size=600, joint_vocab=False))
    with pytest.raises(SettingsError, match=r"needs one vocabulary for both languages, and .* has two; leave "):
        read_request(TrainRequest(tmp_path / "two", tmp_path / "run", "tiny", ({"training": {"synthetic": 0.5}},)))


def test_without_synthetic_pairs_a_run_is_the_one_of_the_pairs_alone(
    tiny_run: TinyRun, data: Path, tmp_path: Path
) -> None:
    layers = ({"training": {"synthetic": 0.0}},)
    alone, with_text = (
        read_request(TrainRequest(folder, tmp_path / "run", "tiny", layers)).config for folder in (tiny_run.data, data)
    )
    assert alone == with_text


def test_a_dataset_with_text_needs_no_setting_and_others_have_none(
    tiny_run: TinyRun, data: Path, tmp_path: Path
) -> None:
    chosen = [
        read_request(TrainRequest(folder, tmp_path / "run", "tiny")).config.training for folder in (tiny_run.data, data)
    ]
    assert [training.synthetic for training in chosen] == [0.0, 0.5]
    assert [training.bidirectional for training in chosen] == [0.33, 0.5]


def test_a_plan_counts_the_time_in_which_texts_are_translated(data: Path, tmp_path: Path) -> None:
    with_text = plan(read_request(request(data, tmp_path / "run", steps=2000)), CPU)
    assert with_text.texts.count == 100
    assert [each.texts for each in with_text.rounds] == [100, 100]
    assert with_text.making == pytest.approx(2 * 100 * with_text.texts.seconds)
    assert with_text.seconds == pytest.approx(2000 * with_text.seconds_per_update + with_text.making)
    timed = replace(with_text, config=replace(with_text.config, training=TrainingConfig(minutes=1, synthetic=0.5)))
    slow = replace(timed, texts=replace(with_text.texts, seconds=1000.0))
    assert slow.making == pytest.approx(2 * 6)
    assert slow.updates == pytest.approx(48 / with_text.seconds_per_update, abs=1)


@pytest.mark.parametrize(
    "budget", [{"epochs": 2, "steps": 0}, {"steps": 14}, {"epochs": 3, "steps": 0, "synthetic": 0.25}]
)
def test_a_run_translates_and_updates_as_planned(
    budget: dict[str, Any], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model translates each text by itself, so that all pairs are kept and are as long as expected."""
    monkeypatch.setattr(stages, "SPARE", 0.5)
    monkeypatch.setattr(Way, "translate", lambda _, texts, *__: [[Hypothesis(ids.tolist(), 0.0)] for ids in texts])
    monkeypatch.setattr(Way, "failed", lambda _, texts, *__: [""] * len(texts))
    job = read_request(request(data, tmp_path / "run", **budget))
    planned = plan(job, CPU)
    assert 0 < planned.rounds[0].texts < planned.rounds[1].texts <= 100
    outcome, updates = train(request(data, tmp_path / "run", **budget))
    told = [event for event in events(tmp_path / "run") if event["event"] == "synthetic"]
    assert [(event["round"], event["texts"]) for event in told] == [
        (each.stage.round, each.texts) for each in planned.rounds
    ]
    assert outcome == "done"
    assert updates == pytest.approx(planned.updates, rel=0.1)
    # What an epoch has beside the real pairs makes it longer, and so there are fewer of them in a number of updates.
    alone = planned.updates / planned.updates_per_epoch
    assert planned.epochs == budget["epochs"] < alone if "epochs" in budget else planned.epochs < alone
    assert planned.disk - replace(planned, stages=planned.stages[:1]).disk == pytest.approx(
        sum(path.stat().st_size for path in (tmp_path / "run" / "synthetic").rglob("*.bin")), rel=0.2
    )


def test_the_epoch_that_is_told_is_of_the_budget_however_often_the_pairs_change(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The numbering of epochs begins anew with each round."""
    monkeypatch.setattr(Way, "translate", lambda _, texts, *__: [[Hypothesis(ids.tolist(), 0.0)] for ids in texts])
    monkeypatch.setattr("nmt.training.log.LOG_EVERY", 1)
    seen = Recorder()
    train(request(data, tmp_path / "run", epochs=2, steps=0, validate_every=0), recorder=seen)
    used = [update.progress for update in seen.updates]
    assert [update.epoch for update in seen.updates] == [1 + int(2 * before) for before in (0.0, *used[:-1])]
    assert seen.updates[-1].epoch == 2
    told = [event for event in events(tmp_path / "run") if event["event"] == "train"]
    assert [event["progress"] for event in told] == used
    assert [event["epoch"] for event in told] == [int(2 * share) for share in used]
    counters = json.loads(next((tmp_path / "run" / "checkpoints").glob("*/state.json")).read_text())["counters"]
    assert counters["position"][0] > 2


def test_a_round_ends_in_its_seconds_and_one_of_more_goes_on_behind_it(
    tiny_run: TinyRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a clock that a piece of text moves by 10 ms: a window of all texts would take twice as long."""
    clock, data = [0.0], Dataset.open(tiny_run.data)

    def translate(_: Way, texts: Any, *__: Any) -> list[list[Hypothesis]]:
        clock[0] += 0.01 * sum(map(len, texts))
        return [[Hypothesis(ids.tolist(), 0.0)] for ids in texts]

    monkeypatch.setattr(synthetic, "WINDOW", 1024)
    monkeypatch.setattr(synthetic, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr(Way, "translate", translate)
    monkeypatch.setattr(Way, "failed", lambda _, texts, *__: [""] * len(texts))
    whole = 0.01 * data.train.pieces[0]
    texts = Texts(data.train, way({}, Slots()), by_reference=True)
    made = [
        Making(tmp_path / "pairs", texts, data, "work", (1, 1), inf, Silent(), seconds, inf).make(lambda: False)
        for seconds in (whole / 2, inf)
    ]
    assert 0.45 * whole < made[0]["seconds"] < 0.51 * whole
    assert made[0]["texts"] < made[1]["texts"] == len(data.train)
    assert clock[0] == pytest.approx(whole, rel=0.01)
    kept, rows = Pairs.open(tmp_path / "pairs", data, weighted=True).split, np.arange(len(data.train))
    sources = [sorted(ids.tobytes() for ids in split.ids(rows)[0]) for split in (kept, data.train)]
    assert sources[0] == sources[1], "each once"


def test_in_minutes_a_round_translates_what_its_stage_reads_at_the_pace_so_far(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many synthetic pairs an epoch had meanwhile."""
    monkeypatch.setattr(stages, "SPARE", 1.0)
    monkeypatch.setattr(RunContext, "used", lambda _: 0.5)
    with open_run(read_request(request(data, tmp_path / "run", steps=0, minutes=60)), CPU, Recorder()) as opened:
        pairs, counters = len(opened.context.data.train), opened.state.counters
        counters.step = 100
        # Twenty passes, half of whose pairs were exchanged; so there will be as many again.
        counters.target_tokens = 20 * (sum(opened.context.data.train.pieces) // 2 + pairs)
        for epoch, stage in ((20, 0), (10, 1)):
            counters.position, counters.mixture = Position(epoch), Mixture(stage)
            assert opened.rounds.worth(2) == pytest.approx(40 * pairs * 0.5 * 0.5, abs=1)


def test_the_command_plans_each_round(data: Path, tmp_path: Path, tiny_run: TinyRun) -> None:
    shape = [flag for key, value in SHAPE["model"].items() for flag in ("--set", f"model.{key}={value}")]
    flags = ["--preset", "tiny", "--plan", "--quiet", "--threads", "1", *shape]
    result = nmt("train", data, "-o", tmp_path / "run", *flags, "--epochs=4")
    assert result.returncode == 0, result.stderr
    first = r"round 1 +at 30% of the budget \(epoch 1\.2\): up to [\d,]+ of 100 texts, about [\d.]+ minutes\n"
    assert re.search(first, result.stdout), result.stdout
    assert re.search(r"round 2 +at 50% of the budget ", result.stdout)
    assert "real pairs" not in result.stdout
    result = nmt("train", data, "-o", tmp_path / "run", *flags, "--epochs=4", "--set", "training.minimum_risk=0.2")
    assert re.search(r"round 2 +at 50% of the budget .*\n +real pairs +alone .* from 80% of", result.stdout)
    result = nmt("train", tiny_run.data, "-o", tmp_path / "run", *flags, "--steps=20", "--teacher", tiny_run.run)
    assert re.search(r"teacher +before the first update: up to [\d,]+ of [\d,]+ texts", result.stdout), result.stderr
