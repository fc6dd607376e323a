"""A fast slice of each row of ``make torture``, and the controls that are fast: in fresh processes, as they fork."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from torture.areas import AREAS
from torture.controls import CONTROLS

SLOW = {"without the rename"}  # controls that take a minute

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks, mounts and strace as Linux has them")


def tortured(name: str, folder: Path) -> tuple[int, str]:
    """The exit code of one area or control, done quickly with a seed that never changes, and what it printed."""
    figures = folder / "figures.json"
    result = subprocess.run(
        [sys.executable, "-m", "tests.torture", "--quick", "--areas", name, "--seed", "4", "--json", figures],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        encoding="utf-8",
        timeout=600,
    )
    ran = json.loads(figures.read_text(encoding="utf-8")) if figures.exists() else {"areas": [], "controls": []}
    for row in ran["areas"] + ran["controls"]:
        if row["skipped"]:
            pytest.skip(row["skipped"])
    return result.returncode, result.stdout + result.stderr


@pytest.mark.parametrize("name", [area.name for area in AREAS])
def test_a_slice_of_the_torture_holds(name: str, tmp_path: Path) -> None:
    code, said = tortured(name, tmp_path)
    assert code == 0, said


@pytest.mark.parametrize("name", [control.name for control in CONTROLS if control.name not in SLOW])
def test_the_torture_notices_a_program(name: str, tmp_path: Path) -> None:
    code, said = tortured(name, tmp_path)
    assert code == 0, said
    assert f"{name}: failed as it must: yes" in said


def test_names_of_areas_and_controls_do_not_begin_alike() -> None:
    names = [one.name for one in (*AREAS, *CONTROLS)]
    assert not [(one, two) for one in names for two in names if one != two and two.startswith(one)]
