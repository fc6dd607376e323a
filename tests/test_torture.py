"""A fast part of each area of ``make torture``, and the fast controls."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from torture.areas import AREAS
from torture.controls import CONTROLS
from torture.order import violations
from torture.strace import parsed

SLOW = {  # controls that take longest
    "without the rename",
    "without the hashes of large shards",
    "of a service that waits for its port",
    "of a service that keeps its requests",
}
QUICK_AREAS = [area.name for area in AREAS if area.quick]
QUICK_CONTROLS = [control.name for control in CONTROLS if control.name not in SLOW]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks, mounts and strace as Linux has them")


@pytest.fixture(scope="session")
def tortured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """How every area and control went, by name, with a seed that never changes.

    All in one fresh process, since it forks and imports PyTorch once.
    """
    figures = tmp_path_factory.mktemp("torture") / "torture.json"
    names = ",".join([*QUICK_AREAS, *QUICK_CONTROLS])
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


@pytest.mark.parametrize("name", QUICK_AREAS)
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
    names = [*(area.name for area in AREAS), *(control.name for control in CONTROLS)]
    assert not [(first, second) for first in names for second in names if first != second and second.startswith(first)]
    assert not [name for name in names if "," in name]


NEW = "/run/checkpoints/.step-2.partial-7"
SAVE = [
    f'mkdir("{NEW}", 0777) = 0',
    f'openat(AT_FDCWD</>, "{NEW}/model", O_WRONLY|O_CREAT, 0666) = 3<{NEW}/model>',
    f'write(3<{NEW}/model>, ""..., 9) = 9',
    f'openat(AT_FDCWD</>, "{NEW}/.manifest.json.partial-7", O_WRONLY|O_CREAT|O_EXCL, 0666) = 4',
    f'write(4<{NEW}/.manifest.json.partial-7>, ""..., 9) = 9',
    f"fsync(4<{NEW}/.manifest.json.partial-7>) = 0",
    f'rename("{NEW}/.manifest.json.partial-7", "{NEW}/manifest.json") = 0',
    f"fsync(5<{NEW}/model>) = 0",
    f"fsync(5<{NEW}>) = 0",
    f'rename("{NEW}", "/run/checkpoints/step-2") = 0',
    "fsync(5</run/checkpoints>) = 0",
    'unlinkat(5</run/checkpoints/step-1>, "model", 0) = 0',
]


def in_order(*lines: int) -> list[str]:
    """The violations that are found for the lines of SAVE in this order."""
    return violations(list(parsed("\n".join(f"7     {SAVE[line]}" for line in lines), 7)), Path("/run"))


def test_a_save_in_order_leaves_nothing_to_luck() -> None:
    assert in_order(*range(12)) == []


@pytest.mark.parametrize("missing", [line for line, text in enumerate(SAVE) if text.startswith("fsync")])
def test_a_save_without_one_sync_is_noticed(missing: int) -> None:
    assert in_order(*(line for line in range(12) if line != missing))


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ((0, 1, 3, 4, 5, 6, 2, 7, 8, 9, 10, 11), "written after the manifest"),
        ((0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 10), "removed before"),
        ((0, 1, 3, 4, 5, 6, 7, 2, 8, 9, 10, 11), "model was not synced"),
        ((0, 1, 2, 7, 8, 3, 4, 5, 6, 9, 10, 11), "the folder .* was not synced"),
    ],
)
def test_a_save_in_another_order_is_noticed(order: tuple[int, ...], words: str) -> None:
    assert any(re.search(words, actual) for actual in in_order(*order))
