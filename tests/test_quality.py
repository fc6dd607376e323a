"""Promises that take minutes to check: the scores of the demo, and the memory of a large translation."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT, nmt, started
from real_text import real_text

pytestmark = pytest.mark.slow
GIB = 1 << 30


def test_demo_from_a_fresh_clone_scores_90_and_80_on_unseen_combinations_and_knows_the_notes(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    # A session of its own, and no variable by which the make around this test would give orders to the one inside.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    result = subprocess.run(["make", "demo"], cwd=clone, env=environment, capture_output=True, encoding="utf-8")
    assert result.returncode == 0, result.stderr
    scores = dict(re.findall(r"^ *(test|test-unseen) +[\d,]+ +([\d.]+)", result.stdout, re.MULTILINE))
    assert float(scores["test"]) >= 90.0
    assert float(scores["test-unseen"]) >= 80.0
    right = re.search(r"^(\d+) of 24 translations are the same as the reference$", result.stdout, re.MULTILINE)
    assert right
    assert int(right[1]) >= 22


@pytest.fixture(scope="module")
def multi30k_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of the default shape for Multi30k, trained until it ends its sentences."""
    folder = tmp_path_factory.mktemp("multi30k")
    text = real_text("multi30k") / "train"
    commands: list[list[str | Path]] = [
        ["prepare", "-s", "en", "-t", "de", "--train", text, "--valid", text.with_name("valid"), "-o", folder / "data"],
        ["train", folder / "data", "-o", folder / "run", "--steps", "1500", "--validate-every", "1500"],
    ]
    for command in commands:
        result = nmt(*command, timeout=3600)
        assert result.returncode == 0, result.stderr
    return folder / "run"


@pytest.mark.parametrize(("times", "bound"), [(1, 1.5 * GIB), (10, 1.6 * GIB)])
def test_memory_does_not_grow_with_the_file(times: int, bound: float, multi30k_run: Path, tmp_path: Path) -> None:
    source, output, stats = tmp_path / "in.en", tmp_path / "out.de", tmp_path / "stats.json"
    source.write_bytes((real_text("multi30k") / "train.en").read_bytes() * times)
    result = started("translate", multi30k_run, source, "-o", output, "--stats", stats, timeout=7200)
    assert result.returncode == 0, result.stderr
    assert output.read_bytes().count(b"\n") == source.read_bytes().count(b"\n") == 29_000 * times
    assert json.loads(stats.read_text())["peak_memory_bytes"] < bound
