"""A fast slice of each row of ``make torture``, and the controls that are fast."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from conftest import ROOT
from filelock import FileLock
from torture.areas import AREAS
from torture.controls import CONTROLS

SLOW = {"without the rename"}  # a control that takes a minute
QUICK_CONTROLS = [control.name for control in CONTROLS if control.name not in SLOW]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks, mounts and strace as Linux has them")


@pytest.fixture(scope="session")
def tortured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """How every area and control went, by name, with a seed that never changes.

    All in one fresh process, since it forks and imports PyTorch once; the worker of pytest that is first starts it.
    """
    folder = tmp_path_factory.getbasetemp()
    folder = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    figures = folder / "torture.json"
    names = ",".join([*(area.name for area in AREAS), *QUICK_CONTROLS])
    with FileLock(folder / "torture.lock"):
        if not figures.exists():
            result = subprocess.run(
                [sys.executable, "-m", "tests.torture", "--quick", "--seed", "4", "--areas", names, "--json", figures],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                capture_output=True,
                encoding="utf-8",
            )
            assert figures.exists(), result.stderr
    ran = json.loads(figures.read_text(encoding="utf-8"))
    return {row["name"]: row for row in ran["areas"] + ran["controls"]}


@pytest.mark.parametrize("name", [area.name for area in AREAS])
def test_a_slice_of_the_torture_holds(tortured: dict[str, dict[str, Any]], name: str) -> None:
    went = tortured[name]
    if went["skipped"]:
        pytest.skip(went["skipped"])
    assert not went["broken"], went["broken"]
    assert not went["failures"], "\n".join(went["failures"])
    assert went["trials"]


@pytest.mark.parametrize("name", QUICK_CONTROLS)
def test_the_torture_notices_a_program(tortured: dict[str, dict[str, Any]], name: str) -> None:
    went = tortured[name]
    if went["skipped"]:
        pytest.skip(went["skipped"])
    assert not went["broken"], went["broken"]
    assert went["failures"]


def test_names_of_areas_and_controls_do_not_begin_alike_and_have_no_comma() -> None:
    names = [one.name for one in (*AREAS, *CONTROLS)]
    assert not [(one, two) for one in names for two in names if one != two and two.startswith(one)]
    assert not [name for name in names if "," in name]
