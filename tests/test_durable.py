"""Hidden names, exchanges and debris: files are complete or absent, also after a process was killed."""

import errno
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nmt.disk import folders
from nmt.disk.debris import is_debris, partial_name, sweep, unfinished
from nmt.disk.durable import refuse_irregular, sync_file
from nmt.disk.files import create_binary
from nmt.disk.folders import create_folder, swap
from nmt.errors import CannotCreateError, StorageError

LEFT = """
import os, sys
from pathlib import Path
from nmt.disk.folders import create_folder
from nmt.disk.files import create_binary
place = Path(sys.argv[1])
with create_folder(place / "folder") as folder, create_binary(place / "file.gz") as file:
    (folder / "part").write_text("half of it")
    file.write(b"half of it")
    print("working", flush=True)
    sys.stdin.read()
    os.kill(os.getpid(), 9)
"""


def killed_at_work(place: Path, check_while_alive: bool = False) -> None:
    """Kill a process while it makes ``place/folder`` and ``place/file.gz``."""
    with subprocess.Popen(
        [sys.executable, "-c", LEFT, str(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"working\n"
        if check_while_alive:
            before = sorted(place.iterdir())
            sweep(place)
            assert sorted(place.iterdir()) == before, "what a live process makes is left to it"
        process.communicate()


def test_what_a_killed_process_left_goes_with_the_next_that_makes_the_same(tmp_path: Path) -> None:
    killed_at_work(tmp_path, check_while_alive=True)
    left = sorted(path.name for path in tmp_path.iterdir())
    assert len(left) == 2
    assert all(is_debris(name) for name in left)
    with create_folder(tmp_path / "other"):
        pass
    assert set(left) < {path.name for path in tmp_path.iterdir()}, "it is not this one's to remove"
    with create_folder(tmp_path / "folder") as folder:
        (folder / "whole").touch()
    with create_binary(tmp_path / "file.gz") as file:
        file.write(b"whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file.gz", "folder", "other"]


IN_A_CONTAINER = "import os; os.getpid = lambda: 2**22 + 1\n" + LEFT  # its number means nothing outside


def test_what_lives_is_not_swept_though_its_number_is_unknown_here(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", IN_A_CONTAINER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"working\n"
        before = sorted(path.name for path in tmp_path.iterdir())
        assert [name[:9] for name in before] == [".file.gz.", ".folder.p"]
        sweep(tmp_path)
        assert sorted(path.name for path in tmp_path.iterdir()) == before
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_was_left_is_swept_though_its_number_lives_again(tmp_path: Path) -> None:
    killed_at_work(tmp_path)
    for path in list(tmp_path.iterdir()):
        path.rename(re.sub(r"-\d+-", f"-{os.getppid()}-", str(path)))
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_names_that_are_not_ours_are_never_swept(tmp_path: Path) -> None:
    names = [".hidden", ".x.partial", ".x.partial-1-host", "x.partial-99999999-host-00ff00", ".x.partial-a-host-00ff00"]
    other_machine = f".x.partial-{2**22 + 1}-anothermachine-00ff00"
    for name in [*names, other_machine]:
        (tmp_path / name).touch()
    sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*names, other_machine])


@pytest.mark.skipif(sys.platform != "linux", reason="two names are exchanged in one step on Linux alone")
def test_two_names_are_exchanged_in_one_step(tmp_path: Path) -> None:
    first, second = tmp_path / "one", tmp_path / "other"
    first.mkdir()
    second.mkdir()
    (first / "a").touch()
    assert swap(first, second)
    assert (second / "a").exists()
    assert not (first / "a").exists()
    assert not swap(first, tmp_path / "nothing")


@pytest.mark.parametrize("can_swap", [True, False])
def test_a_folder_is_replaced_with_and_without_an_exchange_of_names(
    tmp_path: Path, can_swap: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not can_swap:
        monkeypatch.setattr(folders, "swap", lambda first, second: False)
    for content in ("old", "new"):
        with create_folder(tmp_path / "folder", lambda folder: None) as folder:
            (folder / "file").write_text(content)
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
    assert (tmp_path / "folder" / "file").read_text() == "new"


def test_what_a_kill_between_two_renames_took_away_is_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model"
    old = partial_name(path, "old")
    old = old.with_name(old.name.replace(f"-{os.getpid()}-", f"-{2**22 + 1}-"))
    old.mkdir()
    (old / "file").write_text("the only one")
    sweep(tmp_path)
    assert (path / "file").read_text() == "the only one"
    old.mkdir()
    sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["model"], "with the new one in place, the old one goes"


def test_a_disk_that_fails_while_debris_is_looked_for_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(folders, "sweep", failing)
    with pytest.raises(StorageError), create_folder(tmp_path / "folder"):
        pass
    with pytest.raises(StorageError, match="gone"):
        sync_file(tmp_path / "gone")
    assert list(tmp_path.iterdir()) == []
    assert not unfinished


def test_a_file_that_another_process_moves_away_meanwhile_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os.path, "lexists", lambda path: True)  # as it was a moment ago
    refuse_irregular(tmp_path / "gone")
    (tmp_path / "link").symlink_to("gone")
    with pytest.raises(CannotCreateError, match="is a link"):
        refuse_irregular(tmp_path / "link")
