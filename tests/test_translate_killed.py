"""The torture of `translate -o` detects faults; run in a fresh process, because it forks."""

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
    from nmt.store.resumable import Resumable
    Resumable._truncate = lambda self: None

def no_resumption():
    from nmt.store.journal import JournalReader
    JournalReader._read = lambda self: iter(())

for sabotage in (no_truncation, no_resumption):
    with tempfile.TemporaryDirectory() as folder:
        failures = TranslateKillArea(sabotage=sabotage).run(Path(folder), trials=3, seed=4)
    print(len(failures))
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks and memory files as Linux has them")


@pytest.mark.slow
def test_a_translation_that_keeps_what_is_torn_or_never_goes_on_is_noticed() -> None:
    result = subprocess.run(
        [sys.executable, "-c", RUN],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        encoding="utf-8",
        timeout=600,
    )
    assert result.returncode == 0, result.stderr
    assert all(int(failures) > 0 for failures in result.stdout.splitlines())
