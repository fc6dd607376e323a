"""A slice of the torture of `translate -o`, in a fresh process as it forks; and that it notices what it must."""

import os
import subprocess
import sys

import pytest
from conftest import ROOT

RUN = """
import sys, tempfile
from pathlib import Path
from tests.torture.translate_kill import TranslateKillArea

def no_truncation():
    from nmt.store.journal import Resumable
    Resumable._truncate = lambda self: None

def nothing():
    pass

trials, sabotage = int(sys.argv[1]), {"nothing": nothing, "no truncation": no_truncation}[sys.argv[2]]
with tempfile.TemporaryDirectory() as folder:
    failures = TranslateKillArea(sabotage=sabotage).run(Path(folder), trials, seed=4)
print(len(failures))
print(*failures, sep="\\n", file=sys.stderr)
"""


def failures(trials: int, sabotage: str) -> tuple[int, str]:
    result = subprocess.run(
        [sys.executable, "-c", RUN, str(trials), sabotage],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        encoding="utf-8",
        timeout=600,
    )
    assert result.returncode == 0, result.stderr
    return int(result.stdout), result.stderr


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks and memory files as Linux has them")


def test_a_killed_translation_goes_on_to_the_same_file() -> None:
    count, said = failures(3, "nothing")
    assert count == 0, said


def test_a_translation_that_keeps_what_is_torn_is_noticed() -> None:
    count, said = failures(3, "no truncation")
    assert count > 0, said
