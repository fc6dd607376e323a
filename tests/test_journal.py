"""Resumable output: killed at any moment and resumed, the file is that of an uninterrupted job."""

import hashlib
import json
import os
import re
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from fakes import Recorder
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.disk.debris import unfinished
from nmt.disk.files import open_binary
from nmt.disk.locks import exclusive
from nmt.errors import BusyError, CannotCreateError, NmtError, StorageError
from nmt.store.journal import Work
from nmt.store.resumable import resumable

NAMES = ["out.txt", "out.gz", "out.xz", "out.zst"]
WORK: Work = {"model": "abc", "beam size": 5, "length penalty": 1.0, "strict": False}
LINES = [f"line {number} \u2028 줄" for number in range(20)]
WINDOW = 3


class Killed(BaseException):
    """An exception that stops a job as SIGKILL would, without ending the test's process."""


def windows(lines: list[str]) -> Iterator[list[str]]:
    return (lines[start : start + WINDOW] for start in range(0, len(lines), WINDOW))


def upper(lines: list[str]) -> list[str]:
    return [line.upper().replace("\u2028", " ") for line in lines]


def job(
    path: Path,
    lines: list[str] = LINES,
    work: Work = WORK,
    stop: Callable[[int], None] = lambda window: None,
    resume: bool = True,
) -> tuple[int, list[str]]:
    """Write the file; return the number of windows translated and the messages. ``stop`` may end it before a window."""
    made, progress = 0, Recorder()
    with resumable(path) as file:
        file.begin(work, resume, progress)
        for number, window in enumerate(windows(lines)):
            stop(number)
            if not file.find(window):
                made += 1
                file.add(window, upper(window))
        file.finish(len(lines))
    return made, progress.notes


def test_notes_on_lines_are_found_again_and_what_is_none_is_damage(tmp_path: Path) -> None:
    path, lines = tmp_path / "out", ["a", "b"]
    with resumable(path, keep_journal=True) as file:
        file.begin(WORK)
        file.add(lines, ["A", "B"], {"wrong": 1}, {1: "loop"})
        file.finish(2)
    with resumable(path, keep_journal=True) as file:
        file.begin(WORK)
        assert file.find(lines)
        assert file.found() == (["A", "B"], {1: "loop"})
        assert file.sums == {"wrong": 1}
        file.finish(2)
    journal = path.with_name("out.journal")
    whole = journal.read_bytes()
    for wrong in (b'{"2": "loop"}', b'{"-1": "loop"}', b'{"1": 7}', b'["loop"]'):
        journal.write_bytes(re.sub(rb'(?<="notes": )[^}]*}', wrong, whole))
        with resumable(path, keep_journal=True) as file:
            file.begin(WORK, progress=(progress := Recorder()))
            assert not file.find(lines)
            assert "is damaged" in progress.notes[0]
            file.add(lines, ["A", "B"], {"wrong": 1}, {1: "loop"})
            file.finish(2)
        assert journal.read_bytes() == whole


def stop_at(window: int) -> Callable[[int], None]:
    def stop(number: int) -> None:
        if number == window:
            raise StorageError("writing failed", "free some space there")

    return stop


def half_done(path: Path, windows: int = 3, work: Work = WORK) -> Path:
    """A file whose first process failed after some windows."""
    with pytest.raises(StorageError):
        job(path, work=work, stop=stop_at(windows))
    return path


def uninterrupted(path: Path, lines: list[str] = LINES) -> bytes:
    whole = path.parent / "whole" / path.name
    whole.parent.mkdir(exist_ok=True)
    job(whole, lines)
    return whole.read_bytes()


def beside(path: Path) -> list[str]:
    return sorted(name for name in os.listdir(path.parent) if name != "whole")


def die_at(event: int, share: float) -> None:
    """Make this process kill itself at the nth change of the disk, or in the middle of a write."""
    counter = iter(range(1, 10**9))

    def dying(function: Callable[..., Any], name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if next(counter) == event:
                if name == "write":
                    function(arguments[0], arguments[1][: int(share * len(arguments[1]))])
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **options)

        return call

    for name in ("open", "write", "fsync", "ftruncate", "replace", "unlink"):
        setattr(os, name, dying(getattr(os, name), name))


def killed_at(event: int, path: Path, lines: list[str] = LINES, share: float = 0.5) -> bool:
    """Do the job in a child that dies at an event; return whether the event occurred."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            die_at(event, share)
            job(path, lines)
            code = 0
        finally:
            os._exit(code)
    ended = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert ended in (0, -signal.SIGKILL)
    return ended != 0


@pytest.mark.parametrize("name", NAMES)
def test_killed_at_any_change_of_the_disk_it_goes_on_to_the_same_bytes(tmp_path: Path, name: str) -> None:
    path, lines = tmp_path / name, LINES[:11]
    whole = uninterrupted(path, lines)
    event = 1
    while killed_at(event, path, lines):
        assert not path.exists() or path.read_bytes() == whole
        job(path, lines)
        assert path.read_bytes() == whole
        assert beside(path) == [name]
        path.unlink()
        event += 1
    assert event > 4 * len(lines) / WINDOW


def test_killed_again_and_again_it_still_comes_to_an_end(tmp_path: Path) -> None:
    path = tmp_path / "out.gz"
    whole = uninterrupted(path)
    kills = 0
    while not path.exists():
        assert killed_at(13, path, share=0.9)
        kills += 1
        assert kills < len(LINES)
    assert kills > 3
    assert path.read_bytes() == whole
    job(path)  # a kill after the file has its name leaves a journal
    assert beside(path) == ["out.gz"]


def failed_with_room_for(size: int, path: Path) -> bool:
    """Do the job in a child with a limit on file size, like a full disk; return whether it reported that."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
            job(path)
            code = 0
        except StorageError:
            code = StorageError.exit_code
        finally:
            os._exit(code)
    ended = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert ended in (0, 74)
    return ended != 0


def test_a_disk_that_is_full_after_any_byte_loses_nothing_that_was_done(tmp_path: Path) -> None:
    path = tmp_path / "out"
    whole = uninterrupted(path)
    size = failures = done = 0
    while failed_with_room_for(size, path):
        failures += 1
        assert not path.exists()
        left = [(tmp_path / name).read_bytes() for name in beside(path)]
        assert left or done == 0
        assert all(left), "debris"
        assert not left or whole.startswith(left[1]), "what is left of a window that was torn"
        assert not left or len(left[1]) >= done
        done = len(left[1]) if left else 0
        size += 41
    assert failures > 20
    assert path.read_bytes() == whole
    assert beside(path) == ["out"]


def test_a_private_output_stays_private_while_it_is_made_and_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.touch(0o600)
    modes: set[int] = set()

    def look(_: int) -> None:
        modes.update(each.stat().st_mode & 0o777 for each in tmp_path.iterdir() if each.suffix != ".lock")

    job(path, stop=look)
    path.chmod(0o664)
    job(path, stop=look)
    assert modes <= {0o600, 0o664}
    assert path.stat().st_mode & 0o777 == 0o664


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of others")
@pytest.mark.parametrize("ending", ["partial", "journal"])
def test_what_another_user_left_beside_the_output_is_refused(tmp_path: Path, ending: str) -> None:
    path = half_done(tmp_path / "out")
    before = {name: (tmp_path / name).read_bytes() for name in beside(path)}
    os.chown(tmp_path / f"out.{ending}", 12345, -1)
    with pytest.raises(CannotCreateError, match=f"{ending} exists and belongs to another user"):
        job(path)
    assert {name: (tmp_path / name).read_bytes() for name in beside(path)} == before
    os.chown(tmp_path / f"out.{ending}", os.geteuid(), -1)
    assert job(path) == (4, ["resuming after line 9"])


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_is_read_back(tmp_path: Path, name: str) -> None:
    for lines in ([], LINES[:1], LINES):
        job(tmp_path / name, lines)
        with open_binary(tmp_path / name) as file:
            assert file.read().decode() == "".join(f"{line}\n" for line in upper(lines))


def test_only_what_is_missing_is_made_and_one_note_says_where(tmp_path: Path) -> None:
    path = half_done(tmp_path / "out", windows=3)
    assert beside(path) == ["out.journal", "out.partial"]
    made, notes = job(path)
    assert made == 7 - 3
    assert notes == ["resuming after line 9"]
    assert path.read_bytes() == uninterrupted(path)
    assert beside(path) == ["out"]


def test_an_error_says_that_the_same_command_goes_on(tmp_path: Path) -> None:
    with pytest.raises(StorageError) as caught:
        job(tmp_path / "out", stop=stop_at(2))
    assert caught.value.mend == "free some space there; the same command resumes after line 6"


def test_an_error_before_anything_is_saved_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(StorageError) as caught:
        job(tmp_path / "out", stop=stop_at(0))
    assert caught.value.mend == "free some space there"
    assert os.listdir(tmp_path) == []


def test_an_error_before_the_work_begins_leaves_what_was_saved(tmp_path: Path) -> None:
    path = half_done(tmp_path / "out")
    before = (tmp_path / "out.partial").read_bytes(), (tmp_path / "out.journal").read_bytes()
    with pytest.raises(CannotCreateError), resumable(path):
        raise CannotCreateError("no such model", "")
    with pytest.raises(StorageError):
        job(path, stop=stop_at(0))
    assert ((tmp_path / "out.partial").read_bytes(), (tmp_path / "out.journal").read_bytes()) == before
    assert unfinished == set()


@settings(deadline=None, max_examples=30)
@given(st.lists(st.text("ab\u2028줄", max_size=3), max_size=25), st.lists(st.integers(0, 8), max_size=5))
def test_any_lines_stopped_anywhere_end_as_if_never_stopped(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], stops: list[int]
) -> None:
    path = tmp_path_factory.mktemp("job") / "out"
    for window in stops:
        with suppress(StorageError):
            job(path, lines, stop=stop_at(window))
            path.unlink()
        assert not path.exists()
    job(path, lines)
    assert path.read_text(encoding="utf-8") == "".join(f"{line}\n" for line in upper(lines))
    assert beside(path) == ["out"]


@pytest.mark.parametrize("changed", list(WORK))
def test_other_work_starts_over_and_says_why(tmp_path: Path, changed: str) -> None:
    path = half_done(tmp_path / "out", work={**WORK, changed: "other"})
    made, notes = job(path)
    assert (made, notes) == (7, [f"starting over: what is there was made with another {changed}"])
    assert path.read_bytes() == uninterrupted(path)


def test_without_resumption_all_is_made_anew(tmp_path: Path) -> None:
    path = half_done(tmp_path / "out")
    assert job(path, resume=False) == (7, [])
    assert path.read_bytes() == uninterrupted(path)


def test_a_changed_input_is_made_anew_from_where_it_changed(tmp_path: Path) -> None:
    path = half_done(tmp_path / "out", windows=5)
    lines = [*LINES[:7], "another", *LINES[8:]]
    made, notes = job(path, lines)
    assert (made, notes) == (7 - 2, ["resuming after line 6: the input has changed"])
    assert path.read_bytes() == uninterrupted(path, lines)
    path = half_done(tmp_path / "next", windows=5)
    assert job(path, lines[7:]) == (5, ["starting over: the input has changed"])
    assert path.read_bytes() == uninterrupted(path, lines[7:])


@pytest.mark.parametrize("count", [0, 1, 3, 4, 9])
def test_an_input_that_became_shorter_gives_a_shorter_file(tmp_path: Path, count: int) -> None:
    path = half_done(tmp_path / "out", windows=3)
    job(path, LINES[:count])
    assert path.read_bytes() == uninterrupted(path, LINES[:count])


def test_any_bit_that_flipped_or_byte_that_went_missing_is_found(tmp_path: Path) -> None:
    """Except those that identify a journal."""
    path = half_done(tmp_path / "out", windows=2)
    saved = {name: (tmp_path / name).read_bytes() for name in ("out.partial", "out.journal")}
    whole = uninterrupted(path)
    for name, data in saved.items():
        for place in range(12 if name == "out.journal" else 0, len(data), 11):
            for damaged in (data[:place], data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :]):
                for one, good in saved.items():
                    (tmp_path / one).write_bytes(good)
                (tmp_path / name).write_bytes(damaged)
                job(path)
                assert path.read_bytes() == whole, f"{name} was damaged at {place}"
                assert beside(path) == ["out"]


HEADER = json.dumps({"journal": 1, **WORK})
NOTHING = hashlib.sha256(b"").hexdigest()


@pytest.mark.parametrize(
    "journal",
    [
        '{"journal": ',
        '{"journal": 1}\n',
        '{"journal": ' + "[" * 100_000,
        '{"journal": ' + "\0" * 200_000,
        *(
            f"{HEADER}\n{entry}\n"
            for entry in (
                "{}",
                "null",
                "[" * 100_000,
                '{"lines": 3, "length": 1e999, "input": "", "output": ""}',
                '{"lines": 3, "length": -1, "input": "", "output": ""}',
                '{"lines": 0, "length": 0, "input": "", "output": ""}',
                '{"lines": true, "length": 0, "input": "", "output": ""}',
                '{"lines": 3, "length": 99999999999999999999999, "input": "", "output": ""}',
                '{"lines": 3, "length": 0, "input": [], "output": {}}',
                f'{{"lines": 3, "length": {"9" * 5000}, "input": "", "output": ""}}',
                '{"lines": 3, "length": 0, "input": "", "output": "", "more": 1}',
            )
        ),
    ],
    ids=lambda text: text[-40:],
)
def test_a_journal_by_a_stranger_is_not_believed(tmp_path: Path, journal: str) -> None:
    path = half_done(tmp_path / "out")
    (tmp_path / "out.journal").write_text(journal)
    made, notes = job(path)
    assert made == 7
    assert len(notes) == 1
    assert notes[0].startswith("starting over: ")
    assert path.read_bytes() == uninterrupted(path)


@pytest.mark.parametrize(
    ("files", "theirs"),
    [
        ({"out.partial": "text"}, "out.partial"),
        ({"out.partial": "text", "out.journal": ""}, "out.partial"),
        ({"out.partial": "text", "out.journal": '{"jour'}, "out.partial"),
        ({"out.journal": "Dear diary"}, "out.journal"),
        ({"out.journal": "Dear diary", "out.partial": ""}, "out.journal"),
        ({"out.journal": "[]\n", "out.partial": "text"}, "out.journal"),
        ({"out.journal": "\0" * 1000, "out.partial": "text"}, "out.journal"),
    ],
)
def test_files_of_these_names_that_are_not_ours_are_left_alone(
    tmp_path: Path, files: dict[str, str], theirs: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(CannotCreateError, match=f"{theirs} exists and was not made by nmt") as caught:
        job(tmp_path / "out", resume=False)
    assert caught.value.exit_code == 73
    left = {name: (tmp_path / name).read_text() for name in beside(tmp_path / "out")}
    assert left == {name: text for name, text in files.items() if text}


def test_a_journal_that_promises_more_bytes_than_there_are_is_not_believed(tmp_path: Path) -> None:
    path = half_done(tmp_path / "out")
    lines = (tmp_path / "out.journal").read_text().splitlines()
    entry = json.loads(lines[1])
    lines[1] = json.dumps({**entry, "length": 1 << 70})
    (tmp_path / "out.journal").write_text("\n".join(lines) + "\n")
    job(path)
    assert path.read_bytes() == uninterrupted(path)


def test_the_second_process_with_the_same_file_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    path = half_done(tmp_path / "out")
    before = {name: (tmp_path / name).read_bytes() for name in beside(path)}
    with exclusive(tmp_path / "out.partial.lock", "it"), pytest.raises(BusyError, match="in use") as caught:
        job(path)
    assert caught.value.exit_code == 75
    (tmp_path / "out.partial.lock").unlink()
    assert {name: (tmp_path / name).read_bytes() for name in beside(path)} == before


def test_a_file_that_is_there_already_is_replaced_only_when_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text("old")
    half_done(path)
    assert path.read_text() == "old"
    job(path)
    assert path.read_bytes() == uninterrupted(path)


def test_a_link_stays_and_the_file_behind_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "folder" / "file")
    half_done(link)
    job(link)
    assert link.is_symlink()
    assert (tmp_path / "folder" / "file").read_bytes() == uninterrupted(tmp_path / "out")
    assert os.listdir(tmp_path / "folder") == ["file"]


def test_what_cannot_be_written_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "a.partial").mkdir()
    (tmp_path / "b.journal").symlink_to(tmp_path / "file")
    os.mkfifo(tmp_path / "c.partial")
    listed = sorted(os.listdir(tmp_path))
    for path in ("", "none/out", "file/out", "a", "b", "c"):
        with pytest.raises(CannotCreateError, match=str(tmp_path)):
            job(tmp_path / path)
    assert sorted(os.listdir(tmp_path)) == listed


def test_lines_that_went_missing_or_were_cut_are_a_bug_and_no_file(tmp_path: Path) -> None:
    def lose(records: list[str], lines: int) -> None:
        with resumable(tmp_path / "out") as file:
            file.begin(WORK)
            file.add(["a", "b"], records)
            file.finish(lines)

    with pytest.raises(NmtError, match="2 of 3 lines"):
        lose(["A", "B"], 3)
    with pytest.raises(NmtError, match="line break"):
        lose(["A", "B\u2028C"], 2)
    assert not (tmp_path / "out").exists()


def test_a_partial_that_someone_else_writes_to_is_not_given_out(tmp_path: Path) -> None:
    def meddle() -> None:
        with resumable(tmp_path / "out") as file:
            file.begin(WORK)
            file.add(["a"], ["A"])
            with (tmp_path / "out.partial").open("a") as other:
                other.write("more")
            file.finish(1)

    with pytest.raises(StorageError, match="has 6 bytes, not 2"):
        meddle()
    assert not (tmp_path / "out").exists()


def test_a_file_that_another_put_in_place_of_ours_is_not_published(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"

    def taken_away() -> None:
        with resumable(path) as file:
            file.begin(WORK)
            file.add(["a", "b"], ["A", "B"])
            (tmp_path / "out.txt.partial").unlink()
            (tmp_path / "out.txt.partial").write_text("half of anoth")
            file.finish(2)

    with pytest.raises(StorageError, match="taken away"):
        taken_away()
    assert not path.exists()
    assert (tmp_path / "out.txt.partial").read_text() == "half of anoth"
