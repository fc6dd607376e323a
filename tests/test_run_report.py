"""``nmt report RUN``: the course of a run, curves of the right places, safe texts, a page that works, and metrics."""

import csv
import json
import re
import shutil
import struct
import sys
from collections.abc import Iterator
from dataclasses import astuple
from functools import partial
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import pytest
from browsing import contrast, luminance, opened_browser
from conftest import TinyRun, nmt
from typer.testing import CliRunner

from nmt.cli import app
from nmt.config import TrainingConfig
from nmt.errors import DataError, SettingsError
from nmt.scoring.course import BOTH, PLAIN, RISK, Course, Thinned, phase_name
from nmt.scoring.gains import gains_of
from nmt.scoring.metrics_files import FIGURES, folder_names, points, write_csv
from nmt.scoring.seeds import seed_of
from nmt.scoring.set_scores import SetScores
from nmt.scoring.validation import validation_of
from nmt.show.curves import BASE, TOP, Curve, Scale, chart, round_values
from nmt.show.run_report import run_folder_of
from nmt.store.card import card
from nmt.store.model_folder import ModelFolder
from nmt.training.phases import phases_of
from nmt.training.phases.both_directions import BothDirections
from nmt.training.phases.minimum_risk import MinimumRisk

SCRIPT = "<script>document.title = 'changed'</script> &amp; this stays text"
SHARES = [(0.0, 0.0), (0.33, 0.0), (0.0, 0.15), (0.33, 0.15), (1.0, 0.0), (0.0, 1.0), (0.5, 0.5), (0.8, 0.5)]


def events(steps: int = 1000, seconds: float = 600.0, bleu: float = 30.0) -> list[dict[str, Any]]:
    """The events of a run that makes all its updates alike, with a validation of two samples every 200."""
    told: list[dict[str, Any]] = []
    for step in range(50, steps + 1, 50):
        point = {"step": step, "epoch": step * 4 // steps, "loss": 9 - 6 * step / steps, "learning_rate": 1e-3}
        rest = {"gradient_norm": 1.0, "target_tokens": 9, "target_tokens_per_second": 9.0}
        told.append({"event": "train", **point, **rest, "seconds": seconds * step / steps})
        if step % 200 == 0:
            line = {"source": "나는 집에 간다.", "reference": SCRIPT, "hypothesis": f"I go {step}. {SCRIPT}"}
            told.append({"event": "samples", "step": step, "lines": [line, {**line, "source": "\u202etwo \x1b[31m"}]})
            scores = {"loss": 4.0, "perplexity": 54.6, "bleu": bleu * step / steps, "chrf": 50.0}
            told.append({"event": "validation", "step": step, **scores})
    return told


# --- the course of a run ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("both", "risk"), SHARES)
@pytest.mark.parametrize("budget", [{"steps": 1000}, {"minutes": 10.0}, {"epochs": 4}])
def test_phases_are_those_of_training(both: float, risk: float, budget: dict[str, Any]) -> None:
    config = TrainingConfig(**budget, bidirectional=both, minimum_risk=risk)
    kinds = {BothDirections: BOTH, MinimumRisk: RISK}
    wanted = phases_of(config)
    names = [kinds.get(type(phase), PLAIN) for _, phase in wanted]
    parts = Course.of(events()).parts(config)
    assert [part.name for part in parts] == names
    assert [part.ends for part in parts] == pytest.approx([1000 * end for end in accumulate(s for s, _ in wanted)])
    assert phase_name(config, 0.999999) == names[-1]


@pytest.mark.parametrize("budget", [{"minutes": 10.0}, {"epochs": 4}])
def test_phases_turn_where_the_run_says_that_it_had_used_their_share(budget: dict[str, Any]) -> None:
    """Whatever clock and epochs look like: a teacher has taken time, and rounds of text make epochs longer."""
    told = [event | {"progress": event["step"] / 1000} for event in events() if event["event"] == "train"]
    late = [event | {"seconds": 450 + event["seconds"] / 4, "epoch": event["step"] // 300} for event in told]
    (first, begins, turn), (then, turned, end) = map(astuple, Course.of(late).parts(config := half(**budget)))
    assert (first, begins, turn) == (BOTH, 0.0, pytest.approx(500))
    assert (then, turned, end) == (PLAIN, pytest.approx(500), 1000.0)
    older = [{key: value for key, value in event.items() if key != "progress"} for event in told]
    assert [part.ends for part in Course.of(older).parts(config)] == pytest.approx([500, 1000])


def test_a_run_with_a_larger_budget_shows_the_phase_that_it_goes_back_to() -> None:
    """Update 1000 was the end of the budget; of 3000 it is no half."""
    told = [{**events()[0], "step": step, "progress": step / 1000} for step in (400, 800, 1000)]
    more = [{**events()[0], "step": step, "progress": step / 3000} for step in (1200, 1800, 3000)]
    parts = Course.of([*told, *more]).parts(half(steps=3000))
    assert [(part.name, part.ends) for part in parts] == [(BOTH, 500), (PLAIN, 1000), (BOTH, 1500), (PLAIN, 3000)]


def half(**budget: Any) -> TrainingConfig:
    """A budget whose first half trains both directions."""
    return TrainingConfig(**budget, bidirectional=0.5)


def test_a_run_under_way_has_the_phases_so_far() -> None:
    config = TrainingConfig(steps=2000, bidirectional=0.25, minimum_risk=0.15)
    parts = Course.of(events()).parts(config)
    assert [(part.name, part.begins, part.ends) for part in parts] == [(BOTH, 0, 500), (PLAIN, 500, 1000)]


def test_a_long_run_is_thinned_evenly_and_its_validations_stay() -> None:
    told = (
        {"event": "train", "step": step, "epoch": 0, "loss": 1, "learning_rate": 1, "seconds": step}
        for step in range(50000)
    )
    train = Course.of(told).train
    assert 1000 <= len(train) <= 2000
    assert (train[0].step, train[-1].step) == (0, 49999)
    gaps = {later.step - before.step for before, later in pairwise(train[:-1])}
    assert len(gaps) == 1


def test_a_run_of_any_number_of_validations_has_a_course_that_is_bounded() -> None:
    line = {"source": "a", "reference": "b", "hypothesis": "c"}
    scores = {"loss": 1, "bleu": 1, "chrf": 1}

    def told(count: int) -> Iterator[dict[str, Any]]:
        for step in range(count):
            yield {"event": "samples", "step": step, "lines": [line] * 3}
            yield {"event": "validation", "step": step, "round": "1" if step > 9 else "", **scores}

    few, many = Course.of(told(999)), Course.of(told(30000))
    assert [one.step for one in few.validations] == list(range(999))
    assert [one.step for one in few.samples[::3]] == list(range(999))
    for steps in ([one.step for one in many.validations], [one.step for one in many.samples[::3]]):
        assert (steps[0], steps[-1]) == (0, 29999)
        assert len({later - before for before, later in pairwise(steps[:-1])}) == 1
    assert len(many.validations) <= 20000
    assert len(many.samples) <= 3000
    assert [(gain.round, gain.begins, gain.ends) for gain in many.gains] == [("", 0, 9), ("1", 9, 29999)]


def test_stages_of_a_course_are_those_of_all_events() -> None:
    scores = {"loss": 1, "bleu": 1, "chrf": 1}
    rounds = ["", "", "1", "1", "2", "", "", "2"]
    told: list[dict[str, Any]] = []
    for step, name in enumerate(rounds):
        told.append({"event": "validation", "step": step, "round": name, **scores, "bleu": step})
        told.append({"event": "synthetic", "round": str(step // 2), "pairs": step})
        told.append({"event": "validation", "step": step, "round": name, **scores, "bleu": step + 0.5})
    assert Course.of(told).gains == gains_of(told)


@pytest.mark.parametrize("most", [2, 3, 7, 8])
def test_what_is_thinned_is_every_2nd_4th_and_so_on_and_the_last(most: int) -> None:
    for count in range(50):
        thinned = Thinned[int](most)
        for number in range(count):
            thinned.add(number)
        kept = thinned.all()
        step = next(step for step in (1, 2, 4, 8, 16, 32, 64) if len(range(0, count, step)) < most or count <= 1)
        assert kept == sorted({*range(0, count, step), *range(count)[-1:]})
        assert len(kept) <= most


@pytest.mark.parametrize(
    "event",
    [
        {"event": "train", "step": "5"},
        {"event": "train", "step": 5, "epoch": 0, "loss": None, "learning_rate": 1, "seconds": 1},
        {"event": "train", "step": 5, "epoch": 0, "loss": 10**400, "learning_rate": 1, "seconds": 1},
        {"event": "train", "step": 5, "epoch": 0, "loss": 1, "learning_rate": 1, "seconds": 1, "progress": "half"},
        {"event": "validation", "step": -1, "loss": 1, "bleu": 1, "chrf": 1},
        {"event": "samples", "step": 1, "lines": "text"},
        {"event": "samples", "step": 1, "lines": [{"source": 1}]},
    ],
)
def test_events_that_no_run_writes_are_refused(event: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=r"metrics\.jsonl has an event whose"):
        Course.of([event])


# --- charts -----------------------------------------------------------------------------------------------------------


def test_points_of_a_curve_are_where_their_figures_say() -> None:
    drawn = chart("x", [Curve("a", 0, [(0, 10.0), (50, 20.0), (100, 30.0)], dots=True)], [25], 100)
    scale = Scale.of([10.0, 20.0, 30.0])
    dots: list[tuple[float, Any]] = [
        (float(x), float(y)) for x, y in re.findall(r'cx="([\d.]+)%" cy="([\d.]+)"', drawn)
    ]
    heights = [BASE - (BASE - TOP) * (value - scale.low) / (scale.high - scale.low) for value in (10, 20, 30)]
    assert dots == [(x, pytest.approx(y, abs=0.06)) for x, y in zip((0, 50, 100), heights, strict=True)]
    (line,) = re.findall(r'<polyline[^>]* points="([^"]+)"', drawn)
    for (x, y), point in zip(dots, line.split(), strict=True):
        left, top = map(float, point.split(","))
        assert left / 10 == pytest.approx(x)
        assert TOP + (BASE - TOP) * top / 1000 == pytest.approx(y, abs=0.2)
    assert re.findall(r'<line class="threshold" x1="([\d.]+)%"', drawn) == ["25.00"]


def test_a_logarithmic_scale_has_equal_ratios_at_equal_distances() -> None:
    scale = Scale.of([1.0, 100.0], logarithmic=True)
    assert scale.share(10.0) == pytest.approx(0.5)
    assert not Scale.of([-1.0, 100.0], logarithmic=True).logarithmic
    assert all(scale.low <= tick <= scale.high for tick in scale.ticks())


def test_round_values_are_multiples_within_the_bounds() -> None:
    assert round_values(0, 4000, 4) == [0, 1000, 2000, 3000, 4000]
    assert round_values(0.12, 0.49, 4) == pytest.approx([0.2, 0.3, 0.4])
    assert chart("x", [], [], 100) == chart("x", [Curve("a", 0, [])], [], 0)


@pytest.mark.parametrize("logarithmic", [False, True])
@pytest.mark.parametrize("losses", [(5e-324, 1e-323), (5e-324, 5e-324), (0.0, 5e-324), (1e-323, 1e-300), (1e-31, 9e29)])
def test_figures_that_hardly_differ_have_a_scale(losses: tuple[float, float], logarithmic: bool) -> None:
    drawn = chart("x", [Curve("a", 0, list(zip((1, 2), losses, strict=True)), dots=True)], [], 2, logarithmic)
    heights = [float(y) for y in re.findall(r'cy="([-\d.]+)"', drawn)]
    assert len(heights) == 2
    assert all(TOP <= height <= BASE for height in heights)


@pytest.mark.parametrize(("steps", "told"), [(1, ["0", "1"]), (2, ["0", "1", "2"]), (5, ["0", "2", "4"])])
def test_an_axis_of_few_updates_has_whole_ones(steps: int, told: list[str]) -> None:
    drawn = chart("x", [Curve("a", 0, [(1, 2.0)])], [], steps)
    assert re.findall(r"text-anchor=\"\w+\">([^<]+)</text>", drawn) == told


# --- the page ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def runs(tiny_run: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs that differ by seed and by a setting, made of the tiny run, with its ``data`` and a ``page.html``."""
    folder = tmp_path_factory.mktemp("runs")
    shutil.copytree(tiny_run.data, folder / "data")
    for name, seed, dropout, bleu in (("a-seed1", 1, 0.1, 30.0), ("a-seed2", 2, 0.1, 34.0), ("b", 1, 0.3, 20.0)):
        run = folder / name
        shutil.copytree(tiny_run.run, run)
        settings = (run / "config.toml").read_text(encoding="utf-8")
        settings = re.sub(r"\nseed = \d+", f"\nseed = {seed}", settings)
        settings = re.sub(r"\nsteps = \d+", "\nsteps = 1000", settings)
        settings = re.sub(r"\nbidirectional = [\d.]+", "\nbidirectional = 0.5", settings)
        settings = re.sub(r"\ndropout = [\d.]+", f"\ndropout = {dropout}", settings)
        (run / "config.toml").write_text(settings, encoding="utf-8")
        lines = "".join(json.dumps(event) + "\n" for event in events(bleu=bleu))
        (run / "metrics.jsonl").write_text(lines, encoding="utf-8")
    score = {"score": 31.5, "low": 30.1, "high": 33.2, "signature": "nrefs:1"}
    sets = {"sets": [{"name": f"test {SCRIPT}", "lines": 40, "bleu": score, "warnings": []}]}
    (folder / "scores.json").write_text(json.dumps(sets), encoding="utf-8")
    made = nmt(*report_of(folder), "-o", str(folder / "page.html"), "--csv", str(folder / "metrics.csv"))
    assert made.returncode == 0, made.stderr
    assert made.stderr == f"nmt: wrote {folder / 'page.html'}\nnmt: wrote {folder / 'metrics.csv'}\n"
    return folder


def report_of(folder: Path) -> list[str]:
    names = ("a-seed1", "a-seed2", "b", "data")
    return ["report", *(str(folder / name) for name in names), "--scores", str(folder / "scores.json")]


def test_the_page_says_what_was_asked(runs: Path) -> None:
    page = (runs / "page.html").read_text(encoding="utf-8")
    assert "mean ± deviation of 2 runs" in page
    assert re.search(r"<code>model\.dropout</code></th><td[^>]*>0\.1</td><td[^>]*>0\.1</td><td[^>]*>0\.3</td>", page)
    assert page.count("<code>training.seed</code>") == 1
    assert "31.50</td>" in page
    assert "30.1 – 33.2" in page
    assert f"{BOTH}: updates 0 to 500" in page
    # The mean of 30 and 34 at the last validation, and their deviation.
    assert "a, mean, update 1,000: 32 ± 2.828" in page
    assert f"nmt prepare -s ko -t en --train {Path('text/train')}" in re.sub(r"--train \S*/text", "--train text", page)
    assert "nmt train" in page
    assert "MIT" in page
    assert "update 200" in page


def test_texts_of_strangers_stay_texts(runs: Path) -> None:
    page = (runs / "page.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "\u202e" not in page
    assert "\x1b" not in page
    assert "default-src 'none'" in page
    assert not re.search(r"""(src|href)=["']?(http|//)""", page)


def test_the_same_runs_give_the_same_page(runs: Path, tmp_path: Path) -> None:
    made = CliRunner().invoke(app, [*report_of(runs), "-o", str(tmp_path / "again.html"), "--quiet"])
    assert made.exit_code == 0, made.output
    assert (tmp_path / "again.html").read_bytes() == (runs / "page.html").read_bytes()


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        ("report {runs}/a-seed1 -o {tmp}/a.pdf", 2, "end its name in .html"),
        ("report {runs}/a-seed1 {tmp} -o {tmp}/a.html", 66, "has no manifest.json"),
        ("report {runs}/a-seed1 {other} -o {tmp}/a.html", 2, "no run was trained on"),
        ("report {runs}/data --csv {tmp}/a.csv", 2, "are of runs"),
        ("report {runs}/a-seed1 --scores {runs}/page.html -o {tmp}/a.html", 65, "is not JSON"),
        ("report {runs}/a-seed1 --scores {runs}/a-seed1/model/manifest.json -o {tmp}/a.html", 65, "has no scores"),
        ("report {runs}/a-seed1 --csv {runs}/a-seed1/metrics.jsonl", 2, "--csv"),
        ("report {runs}/b {runs}/data -o {runs}/data/a.html", 2, "is inside the dataset"),
        ("report {runs}/b {runs}/data -o {tmp}/a.html --csv {runs}/data/a.csv", 2, "is inside the dataset"),
        ("report {runs}/b {runs}/data -o {tmp}/a.html --tensorboard {runs}/data/a", 2, "is inside the dataset"),
        ("report {runs}/b -o {tmp}/a.html --csv {tmp}/a.csv --tensorboard {runs}", 73, "exists already"),
        ("report {alone} -o {tmp}/a.html", 65, "is a model without its run"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(
    runs: Path, tiny_run: TinyRun, tmp_path: Path, command: str, code: int, says: str
) -> None:
    shutil.copytree(runs / "b/model", tmp_path / "alone/model")
    other = tmp_path / "other"
    shutil.copytree(runs / "data", other)
    about = json.loads((other / "manifest.json").read_text(encoding="utf-8"))
    about["files"] = {
        name: {**fact, "sha256": "0" * 64} if "rows" in name else fact for name, fact in about["files"].items()
    }
    (other / "manifest.json").write_text(json.dumps(about), encoding="utf-8")
    before = (runs / "a-seed1/metrics.jsonl").read_bytes()
    places = {"runs": runs, "tmp": tmp_path, "other": other, "alone": tmp_path / "alone/model"}
    refused = nmt(*command.format(**places).split())
    assert (refused.returncode, refused.stderr.count("\n")) == (code, 1), refused.stderr
    assert says in refused.stderr
    assert (runs / "a-seed1/metrics.jsonl").read_bytes() == before
    assert not list(tmp_path.glob("a.*"))
    assert not list((runs / "data").glob("a*"))


def test_a_model_that_is_not_the_one_of_the_run_around_it_is_no_part_of_that_run(runs: Path) -> None:
    inner, elsewhere = runs / "a-seed1/model", runs / "b/other"
    shutil.copytree(inner, elsewhere)
    try:
        assert run_folder_of(inner).metrics_path == runs / "a-seed1/metrics.jsonl"
        assert (seed_of(inner), seed_of(elsewhere)) == (1, None)
        with pytest.raises(DataError, match="is a model without its run"):
            run_folder_of(elsewhere)
    finally:
        shutil.rmtree(elsewhere)


@pytest.mark.parametrize("figure", ["bleu", "chrf", "loss", "perplexity"])
def test_validation_scores_beyond_a_float_are_refused_and_shown_on_no_card(
    runs: Path, tmp_path: Path, figure: str
) -> None:
    model = tmp_path / "model"
    shutil.copytree(runs / "b/model", model)
    facts = json.loads((model / "manifest.json").read_text(encoding="utf-8"))
    facts["validation"][figure] = 10**400
    facts["training"] = {"pairs": 10**400}
    (model / "manifest.json").write_text(json.dumps(facts), encoding="utf-8")
    with pytest.raises(DataError, match="validation is invalid"):
        validation_of([model])
    shown = card(ModelFolder.open(model), "zip")
    assert "training pairs" not in shown
    assert shown.count(" |\n") == 5  # the head, and the three other figures


def test_scores_of_strangers_are_checked(tmp_path: Path) -> None:
    good = {"name": "test", "lines": 3, "bleu": {"score": 1.0, "low": None, "high": None, "signature": "x"}}
    changes: list[dict[str, Any]] = [{"name": 5}, {"lines": "3"}, {"bleu": 5}, {"bleu": {"score": "1"}}]
    changes += [{"bleu": {"score": 10**400}}, {"bleu": {"score": 1.0, "low": 10**400, "high": 1.0}}]
    for change in (*changes, {"baselines": [{}]}):
        path = tmp_path / "scores.json"
        path.write_text(json.dumps({"sets": [good | change]}), encoding="utf-8")
        with pytest.raises(DataError, match="has no scores"):
            SetScores.read(path)


# --- metrics for other programs ---------------------------------------------------------------------------------------


def test_the_table_of_metrics_has_each_event_of_each_run(runs: Path) -> None:
    with (runs / "metrics.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    wanted = [
        (name, event)
        for name in ("a-seed1", "a-seed2", "b")
        for event in map(json.loads, (runs / name / "metrics.jsonl").read_text(encoding="utf-8").splitlines())
        if event["event"] != "samples"
    ]
    assert len(rows) == len(wanted)
    for row, (name, event) in zip(rows, wanted, strict=True):
        assert row.pop("run") == name
        assert {key: value for key, value in row.items() if value} == {key: str(value) for key, value in event.items()}


def test_the_table_has_the_figures_of_each_direction(tmp_path: Path) -> None:
    scores = {"en-de": {"bleu": 30.0, "chrf": 50.0}, "de-en": {"bleu": 20.0, "chrf": 40.0}}
    told = [*events(200), {"event": "validation", "step": 400, "bleu": 25.0, "directions": scores}]
    write_csv({"many": lambda: told, "one": events}, tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    (row,) = (row for row in rows if (row["run"], row["step"], row["bleu"]) == ("many", "400", "25.0"))
    of = {f"{figure}/{name}": value for name, own in scores.items() for figure, value in own.items()}
    assert {key: value for key, value in row.items() if "/" in key} == {key: str(value) for key, value in of.items()}
    assert not any(rows[0][key] for key in of)
    assert list(points(told))[-1][2] == {"validation/bleu": 25.0, **{f"validation/{key}": of[key] for key in of}}
    several: list[Any] = [[], {"en-de": 1}, {f"{number}": {"bleu": 1.0} for number in range(999)}]
    for wrong in several:
        with pytest.raises(DataError, match="directions"):
            write_csv({"x": partial(list, [{"event": "validation", "directions": wrong}])}, tmp_path / "b.csv")


def test_tensorboard_reads_what_is_written_for_it(runs: Path, tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    made = nmt("report", runs / "a-seed1", runs / "b", "--tensorboard", tmp_path / "board")
    assert made.returncode == 0, made.stderr
    read = accumulator.EventAccumulator(str(tmp_path / "board/b"))
    read.Reload()
    scores: list[Any] = [(event.step, pytest.approx(event.value)) for event in read.Scalars("validation/bleu")]
    assert scores == [(200, 4.0), (400, 8.0), (600, 12.0), (800, 16.0), (1000, 20.0)]
    assert len(read.Scalars("train/learning_rate")) == 20


# --- in a browser -----------------------------------------------------------------------------------------------------


def test_without_tensorboard_nothing_is_written(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    flags = ["-o", tmp_path / "a.html", "--csv", tmp_path / "a.csv", "--tensorboard", tmp_path / "board"]
    refused = CliRunner().invoke(app, list(map(str, ["report", runs / "b", *flags])))
    assert isinstance(refused.exception, SettingsError)
    assert not list(tmp_path.iterdir())


def test_each_run_has_its_own_folder_of_a_plain_name() -> None:
    runs = ["runs/a/x", "runs-a/x", "/runs/a-x", "Runs-A-X", "../..", "/", "a-2", "a", "A", "\x1b/" + "한" * 300]
    names = folder_names(runs)
    assert names[:4] == ["runs-a-x", "runs-a-x-2", "runs-a-x-3", "Runs-A-X-4"]
    assert names[4:9] == ["run", "run-2", "a-2", "a", "A-3"]
    assert len({name.casefold() for name in names}) == len(runs)
    for name in names:
        assert re.fullmatch(r"[^/.\x00-\x1f][^/\x00-\x1f]*", name)
        assert len(name.encode()) <= 255


def test_points_have_the_time_and_figures_of_their_events_and_strange_ones_are_refused() -> None:
    told = list(points([*events(), {"event": "validation", "step": 1001, "perplexity": 1e304}]))
    assert [step for _, step, _ in told if step % 200 == 0] == [200, 200, 400, 400, 600, 600, 800, 800, 1000, 1000]
    assert told[4][0] == told[3][0] == 120.0
    assert told[4][2] == {f"validation/{key}": value for key, value in events()[5].items() if key in FIGURES}
    assert struct.unpack("<f", struct.pack("<f", told[-1][2]["validation/perplexity"]))[0] < float("inf")
    for change in ({"loss": 10**400}, {"seconds": 10**400}, {"step": 1 << 64}, {"perplexity": "1"}, {"step": None}):
        with pytest.raises(DataError, match=r"metrics\.jsonl has an event whose"):
            list(points([events()[0] | change]))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with opened_browser() as browser:
        yield browser


@pytest.mark.parametrize("width", [360, 1280, 2560])
def test_no_width_makes_the_page_scroll_sideways(browser: Any, runs: Path, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto((runs / "page.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.title().startswith("Report of a, b")


def test_both_schemes_can_be_read_and_print_shows_all(browser: Any, runs: Path) -> None:
    for scheme in ("light", "dark"):
        page = browser.new_page(color_scheme=scheme)
        page.goto((runs / "page.html").as_uri())
        paper = luminance(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        for number in (0, 1):
            ink = page.evaluate(f"getComputedStyle(document.querySelector('polyline.c{number}')).stroke")
            assert contrast(luminance(ink), paper) >= 3, (scheme, number)
        for part in page.locator(".part").all():
            behind = luminance(part.evaluate("element => getComputedStyle(element).backgroundColor"))
            ink = luminance(part.evaluate("element => getComputedStyle(element).color"))
            assert contrast(ink, behind) >= 4.5, scheme
    page.emulate_media(media="print")
    assert page.locator("details pre").first.bounding_box()["height"] > 100
    assert not page.locator("nav").is_visible()
