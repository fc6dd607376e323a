"""Outputs are compared with inputs before any work, so that no input is ever overwritten."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import PROGRAM, TinyRun, nmt

from nmt.disk.outputs import check_outputs
from nmt.errors import CannotCreateError, UsageError


def same(path: Path) -> Path:
    return path


def other_spelling(path: Path) -> Path:
    return path.parent / ".." / path.parent.name / path.name


def link(path: Path) -> Path:
    (path.parent / "link").symlink_to(path)
    return path.parent / "link"


def hard_link(path: Path) -> Path:
    (path.parent / "hard").hardlink_to(path)
    return path.parent / "hard"


def linked_folder(path: Path) -> Path:
    (path.parent / "folder").symlink_to(path.parent)
    return path.parent / "folder" / path.name


@pytest.mark.parametrize("named", [same, other_spelling, link, hard_link, linked_folder])
def test_a_file_by_another_name_is_the_same_file(tmp_path: Path, named: Callable[[Path], Path]) -> None:
    (tmp_path / "file").write_text("text")
    path = named(tmp_path / "file")
    with pytest.raises(UsageError, match=r"--output .* is an input as well"):
        check_outputs([("--output", path)], [tmp_path / "file"])
    with pytest.raises(UsageError, match=r"--output .* is an input as well"):
        check_outputs([("--output", path)], [tmp_path])
    with pytest.raises(UsageError, match="--output and --stats are the same file"):
        check_outputs([("--output", path), ("--stats", tmp_path / "file")], [])
    check_outputs([("--output", tmp_path / "new")], [tmp_path / "file"])
    assert (tmp_path / "file").read_text() == "text"


@pytest.mark.parametrize("named", [same, other_spelling, link, linked_folder])
def test_two_outputs_that_are_not_there_yet_may_be_one(tmp_path: Path, named: Callable[[Path], Path]) -> None:
    with pytest.raises(UsageError, match="the same file"):
        check_outputs([("--output", tmp_path / "new"), ("--stats", named(tmp_path / "new"))], [])
    check_outputs([("--output", tmp_path / "new"), ("--stats", tmp_path / "other"), ("--page", None)], [])


def test_pipes_and_devices_may_be_read_and_written(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    paths = [tmp_path / "pipe", Path("/dev/null")]
    check_outputs([("--output", path) for path in [*paths, Path("/dev/stdout")] * 2], paths)


@pytest.mark.parametrize("name", ["", "absent/file", "file/inside", "x" * 300])
def test_an_output_that_cannot_be_made_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotCreateError, match=str(tmp_path)):
        check_outputs([("--output", tmp_path / name)], [])
    assert os.listdir(tmp_path) == ["file"], "the trial leaves nothing"


def test_outputs_in_a_folder_that_is_still_to_be_made_can_be_made(tmp_path: Path) -> None:
    made = tmp_path / "new" / "sub"
    check_outputs([("--output", made / "a"), ("--stats", made / "b")], [], made)
    with pytest.raises(CannotCreateError, match="other"):
        check_outputs([("--output", made / "a"), ("--stats", tmp_path / "other" / "b")], [], made)
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def place(tiny_run: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run, its model and a test set."""
    place = tmp_path_factory.mktemp("place")
    shutil.copytree(tiny_run.run, place / "run")
    for language in ("ko", "en"):
        shutil.copy(tiny_run.data.parent / "text" / f"valid.{language}", place / f"te.{language}")
    return place


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ("translate run te.ko -o te.ko", 2, "--output te.ko is an input as well"),
        ("translate run te.ko --stats te.ko", 2, "--stats te.ko is an input as well"),
        ("translate run te.ko -o out --stats out", 2, "--output and --stats are the same file"),
        ("translate run te.ko -o out --stats out.journal", 2, "are the same file"),
        ("translate run te.ko -o run/model/model.safetensors", 2, "is an input as well"),
        ("translate run/model te.ko --stats run/model/manifest.json", 2, "is an input as well"),
        ("translate run te.ko -o run/metrics.jsonl", 2, "is an input as well"),
        ("translate run te.ko --stats /nonexistent/x", 73, "cannot create /nonexistent/x"),
        ("translate run te.ko -o /nonexistent/x", 73, "cannot create /nonexistent/x"),
        ("translate run te.ko -o ./", 2, "te.ko is an input as well"),
        ("translate run te.ko -o new/sub/ --stats te.ko", 2, "--stats te.ko is an input as well"),
        ("translate run te.ko -o /dev/null/new/", 73, "cannot create"),
        ("evaluate run te -o te.en", 2, "--output te.en is an input as well"),
        ("evaluate run te -o /nonexistent/x", 73, "cannot create /nonexistent/x"),
        ("evaluate --hyp te.en --ref te.en -o te.en", 2, "is an input as well"),
        ("inspect run --text x -o /nonexistent/x.svg", 73, "cannot create /nonexistent/x.svg"),
    ],
)
def test_a_command_refuses_such_an_output_at_once_and_changes_nothing(
    place: Path, arguments: str, code: int, words: str
) -> None:
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    done = nmt(*arguments.split(), cwd=place)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith("nmt: error: ")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1, "nothing was done before it"
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before


def test_standard_input_may_be_the_output_as_well(place: Path) -> None:
    with (place / "te.ko").open() as file:
        done = nmt("translate", "run", "-o", "te.ko", stdin=file, cwd=place)
    assert done.returncode == 2
    assert "--output te.ko is an input as well" in done.stderr


@pytest.mark.parametrize("output", [[], ["-o", "/dev/stdout"]])
@pytest.mark.parametrize("source", ["te.ko", "-"])
def test_nothing_is_appended_to_what_is_read_without_end(place: Path, output: list[str], source: str) -> None:
    before = (place / "te.ko").read_bytes()
    with (place / "te.ko").open("a") as end, (place / "te.ko").open() as file:
        command = [str(PROGRAM), "translate", "run", source, *output]
        done = subprocess.run(command, stdin=file, stdout=end, stderr=subprocess.PIPE, encoding="utf-8", cwd=place)
    assert done.returncode == 2
    assert "output is an input as well; write to another file" in done.stderr
    assert (place / "te.ko").read_bytes() == before
