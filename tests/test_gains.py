"""What a run's log says of its rounds of synthetic pairs: scores before and after each, and ``nmt report``."""

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import TinyRun
from test_systems import copied_run, report_runs

from nmt.errors import DataError
from nmt.scoring.gains import gains_of
from nmt.store.run_folder import LONGEST_EVENT, RunFolder


def validation(step: int, bleu: float, read: str, **more: Any) -> dict[str, Any]:
    return {"event": "validation", "step": step, "loss": 2.0, "bleu": bleu, "chrf": bleu + 20, "round": read, **more}


EVENTS: list[dict[str, Any]] = [
    {"event": "train", "step": 500, "loss": 3.0},
    validation(500, 20.0, ""),
    validation(1000, 24.0, ""),
    {"event": "synthetic", "step": 1000, "round": "1", "texts": 19000, "pairs": 17350},
    validation(1500, 28.25, "1"),
    {"event": "synthetic", "step": 1500, "round": "2", "texts": 19000, "pairs": 18000},
    validation(2000, 29.0, "2"),
    validation(2400, 30.0, "2"),
    validation(2800, 29.5, ""),
]


def test_each_stage_has_the_scores_at_its_end_and_those_before_it() -> None:
    found = [
        (gain.round, gain.pairs, gain.begins, gain.ends, gain.before and gain.before["bleu"], gain.after["bleu"])
        for gain in gains_of(EVENTS)
    ]
    assert found == [
        ("", 0, 0, 1000, None, 24.0),
        ("1", 17350, 1000, 1500, 24.0, 28.25),
        ("2", 18000, 1500, 2400, 28.25, 30.0),
        ("", 0, 2400, 2800, 30.0, 29.5),
    ]


def test_a_run_without_rounds_has_no_stages() -> None:
    plain = [{key: value for key, value in event.items() if key != "round"} for event in EVENTS]
    assert gains_of(event for event in plain if event["event"] != "synthetic") == []


@pytest.mark.parametrize("wrong", [{"step": "1"}, {"bleu": None}, {"chrf": True}, {"round": 1}])
def test_events_that_training_never_writes_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=rf"an event whose {next(iter(wrong))} is"):
        gains_of([{**EVENTS[1], **wrong}])


@pytest.fixture
def run(tiny_run: TinyRun, tmp_path: Path) -> Path:
    """A run whose metrics have the events, and a line that is being written."""
    folder = copied_run(tiny_run, tmp_path / "with-text")
    lines = "".join(f"{json.dumps(event)}\n" for event in EVENTS)
    (folder / "metrics.jsonl").write_text(f'{lines}{{"event": "valid')
    return folder


def test_report_shows_the_stages_of_a_run_below_its_scores(run: Path, tiny_run: TinyRun) -> None:
    done = report_runs(run, tiny_run.run)
    assert done.exit_code == 0, done.exception
    scores, stages = done.stdout.split("\n\n")
    assert scores.split()[:2] == ["system", "runs"]
    rows = [line.strip().split("  ") for line in stages.splitlines()[2:6]]
    assert [[cell.strip() for cell in row if cell] for row in rows] == [
        ["real pairs", "0 to 1,000", "24.00", "44.00"],
        ["real pairs, 17,350 of round 1", "1,000 to 1,500", "28.25 (+4.25)", "48.25 (+4.25)"],
        ["real pairs, 18,000 of round 2", "1,500 to 2,400", "30.00 (+1.75)", "50.00 (+1.75)"],
        ["real pairs", "2,400 to 2,800", "29.50 (-0.50)", "49.50 (-0.50)"],
    ]
    assert stages.count("training.synthetic=0") == 1
    found = json.loads(report_runs(run, tiny_run.run, "--format", "json").stdout)["stages"]
    assert list(found) == [str(run)]
    assert found[str(run)][1] == {
        "round": "1",
        "pairs": 17350,
        "steps": [1000, 1500],
        "bleu": {"before": 24.0, "after": 28.25},
        "chrf": {"before": 44.0, "after": 48.25},
    }
    assert "stages" not in json.loads(report_runs(tiny_run.run, "--format", "json").stdout)


def test_metrics_that_are_damaged_are_named_with_their_line(run: Path) -> None:
    metrics = run / "metrics.jsonl"
    long = json.dumps({"event": "samples", "text": "x" * LONGEST_EVENT})
    for damaged in ('{"event": }\n', "[1]\n", '{"step": NaN}\n', f"{long}\n", long):
        metrics.write_text(f"{json.dumps(EVENTS[0])}\n{damaged}")
        with pytest.raises(DataError, match=r"metrics\.jsonl, line 2"):
            list(RunFolder(run).read_metrics())
