"""COMET by a command of its own. Its models cannot be downloaded here, so a program with its flags stands in for it."""

import json
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from nmt.cli import app
from nmt.errors import SettingsError
from nmt.scoring.comet import CometMeasure, find_command

STAND_IN = """#!{python}
import argparse, json, os, sys
parser = argparse.ArgumentParser()
for name in ("-s", "-r", "--to_json", "--gpus"):
    parser.add_argument(name)
parser.add_argument("-t", nargs="+")
given = parser.parse_args()
assert "PYTHONPATH" not in os.environ
source, reference, *outputs = (open(name).read().splitlines() for name in (given.s, given.r, *given.t))
rows = [[dict(src=s, mt=m, ref=r, COMET=(m == r) - len(s) / 100) for s, m, r in zip(source, lines, reference)]
        for lines in outputs]
open(os.path.dirname(given.s) + "/../calls-{mark}", "a").write("x")
{last}
"""
LAST = "json.dump(dict(zip(given.t, rows)), open(given.to_json, 'w'))"


def stand_in(folder: Path, last: str = LAST) -> Path:
    path = folder / "comet-score"
    path.write_text(STAND_IN.format(python=sys.executable, last=last, mark=folder.name))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    for name, lines in (
        ("s.de", ["a", "bb", "c\u2028c"] * 4),
        ("ref.en", ["x", "y", "z"] * 4),
        ("good.en", ["x", "y", "q"] * 4),
        ("bad.en", ["q", "y", "q"] * 4),
    ):
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines), "utf-8")
    flags = ["--hyp", tmp_path / "good.en", "--ref", tmp_path / "ref.en", "--baseline", tmp_path / "bad.en"]
    return ["evaluate", *map(str, flags), "--src", str(tmp_path / "s.de"), "--metrics", "chrf,comet"]


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, arguments)


def test_scores_are_those_of_the_command_which_is_called_once(files: list[str], tmp_path: Path) -> None:
    done = run(*files, "--comet", f"{stand_in(tmp_path)} --gpus 0", "--json")
    assert done.exit_code == 0, done.stderr
    (entry,) = json.loads(done.stdout)["sets"]
    lines = [100 * (right - length / 100) for right, length in ((1, 1), (1, 2), (0, 3))]
    assert entry["comet"]["score"] == pytest.approx(sum(lines) / 3)
    assert entry["comet"]["low"] < entry["comet"]["score"] < entry["comet"]["high"]
    assert entry["comet"]["signature"] == "comet-score --gpus 0"
    assert entry["baselines"][0]["comet"]["score"] == pytest.approx((lines[0] - 100 + lines[1] + lines[2]) / 3)
    assert (tmp_path / f"calls-{tmp_path.name}").read_text() == "x"
    done = run(*files, "--comet", str(tmp_path / "comet-score"), "--format", "jsonl")
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [record["outputs"][0]["comet"] for record in records[:3]] == pytest.approx(lines)


def test_without_the_command_one_line_says_how_to_get_it(
    files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    error = run(*files).exception
    assert isinstance(error, SettingsError)
    assert str(error).startswith("COMET is not installed here: there is no command 'comet-score'; install it in")
    with pytest.raises(SettingsError, match="is no command"):
        find_command("comet 'x")


def test_it_needs_the_source(files: list[str], tmp_path: Path) -> None:
    done = run(
        *(flag for flag in files if flag not in ("--src", str(tmp_path / "s.de"))), "--comet", str(stand_in(tmp_path))
    )
    assert str(done.exception) == "COMET compares with the source, and there is none; name its file with `src`"


@pytest.mark.parametrize(
    ("last", "words"),
    [
        ("sys.exit('no such model')", "ended with 1: no such model"),
        ("open(given.to_json, 'w').write('[')", "wrote no score for each line"),
        ("open(given.to_json, 'w').write('[1]')", "wrote no score for each line"),
        ("json.dump({'a': [{'COMET': 1}]}, open(given.to_json, 'w'))", "wrote no score for each line: 1 systems"),
        ("json.dump({'a': [{'COMET': 1}], 'b': []}, open(given.to_json, 'w'))", "wrote no score"),
        ("json.dump({'a': [{'x': 1}]}, open(given.to_json, 'w'))", "wrote no score for each line: 'COMET'"),
        ("open(given.to_json, 'w').write('{\"a\": [{\"COMET\": NaN}]}')", "NaN is not a JSON number"),
    ],
)
def test_a_command_that_fails_is_said_in_one_line(tmp_path: Path, last: str, words: str) -> None:
    measure = CometMeasure([str(stand_in(tmp_path, last))], ["a"], ["b"])
    with pytest.raises(SettingsError, match=words):
        measure.counts([["c"], ["d"]])
