"""Real text for tests, which are skipped without it."""

import os
from pathlib import Path

import pytest


def real_text(name: str) -> Path:
    """The folder ``name`` (multi30k, ko-en-news) of real text, at NMT_SHARED_DATA or beside the checkout."""
    beside = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    folder = Path(os.environ.get("NMT_SHARED_DATA", beside)) / name
    if not folder.is_dir():
        pytest.skip(f"no real text at {folder}; set NMT_SHARED_DATA to the folder that has {name}")
    return folder
