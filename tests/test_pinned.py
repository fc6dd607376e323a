"""A link that takes a folder's name while the program works in it: nothing behind the link changes.

The oracle is brute force: for each thing that a save asks of the system, the link is planted right before it.
"""

import os
import shutil
import sys
from pathlib import Path

import pytest
from conftest import nmt

from nmt.disk.pinned import pinned
from nmt.errors import CannotCreateError, MissingInputError

# Trial number k plants the link at the k-th audit event that is about files; the last trial ends before its link.
SAVES = r"""
import os, shutil, sys
from pathlib import Path
import torch
from nmt.errors import NmtError
from nmt.store.checkpoints import Checkpoint
from nmt.store.run_folder import RunFolder

place, what = Path(sys.argv[1]), sys.argv[2]
ABOUT_FILES = {"open", "shutil.rmtree", *(f"os.{name}" for name in
    ("mkdir", "rename", "remove", "rmdir", "listdir", "scandir", "chmod", "chown", "truncate", "utime"))}
state = {"left": None}


def plant(run: Path) -> None:
    folders = [run / "checkpoints"]
    if what == "partial":
        folders = sorted(path for path in folders[0].glob(".step-*.partial-*") if path.is_dir())
    for folder in folders:
        folder.rename(run.parent / "moved")
        folder.symlink_to(run.parent / "victim")


def watch(event, arguments):
    if state["left"] is None or event not in ABOUT_FILES:
        return
    state["left"] -= 1
    if state["left"] == 0:
        state["left"] = None
        plant(state["run"])


def contents(folder):
    return {str(path.relative_to(folder)): (path.lstat().st_mode, path.read_bytes() if path.is_file() else None)
            for path in sorted(folder.rglob("*"))}


sys.addaudithook(watch)
checkpoint = Checkpoint({"a": torch.ones(2)}, {"b": torch.zeros(2)}, {"step": 1})
saved = RunFolder(place / "saved")
saved.folder.mkdir()
for step in (1, 2, 3):
    saved.save_checkpoint(step, checkpoint, keep=9)
trial = planted = 0
while True:
    trial += 1
    here = place / str(trial)
    run = RunFolder(here / "run")
    shutil.copytree(saved.folder, run.folder)
    shutil.copytree(run.checkpoints.folder, here / "victim")
    (here / "victim" / "model.safetensors").write_text("what took a year")
    (here / "victim" / "state.json").write_text("what took a year")
    (here / "victim").chmod(0o755)
    was = contents(here / "victim"), (here / "victim").stat().st_mode
    state.update(left=trial, run=run.folder)
    try:
        run.save_checkpoint(4, checkpoint, keep=2)
    except NmtError as error:
        assert "/proc/" not in str(error), error
    done, state["left"] = state["left"] is not None, None
    assert (contents(here / "victim"), (here / "victim").stat().st_mode) == was, f"changed at event {trial}"
    shutil.rmtree(here)
    if done:
        break
print(trial)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="folders are pinned by /proc, which only Linux has")
@pytest.mark.parametrize("what", ["checkpoints", "partial"])
def test_a_link_planted_at_any_moment_of_a_save_leads_nowhere(tmp_path: Path, what: str) -> None:
    ended = nmt(tmp_path, what, code=SAVES)
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout) > 30


def test_a_pinned_folder_is_the_same_one_when_its_name_is_taken(tmp_path: Path) -> None:
    folder, moved = tmp_path / "folder", tmp_path / "moved"
    folder.mkdir()
    with pinned(folder) as inside:
        folder.rename(moved)
        folder.mkdir()
        (inside / "file").write_text("text")
    if sys.platform == "linux":
        assert os.listdir(moved) == ["file"]
        assert os.listdir(folder) == []


def test_errors_name_the_pinned_folder_as_its_user_does(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with (
        pytest.raises(CannotCreateError) as refused,
        pinned(tmp_path) as outer,
        pinned(outer / "run") as inside,
    ):
        raise CannotCreateError(f"{inside}/file is a link", f"rm {inside}/file")
    assert str(refused.value) == f"{tmp_path}/run/file is a link; rm {tmp_path}/run/file"


def test_only_a_folder_is_pinned(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    for name, error in (("file", MissingInputError), ("link", CannotCreateError), ("nothing", MissingInputError)):
        with pytest.raises(error), pinned(tmp_path / name):
            pass
    shutil.rmtree(tmp_path / "folder")
