"""Files and folders are complete or absent, and a manifest detects every change."""

import errno
import gzip
import hashlib
import json
import lzma
import os
import re
import stat
import threading
from collections.abc import Callable
from functools import partial
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.disk.debris import partial_name
from nmt.disk.files import count_lines, create_binary, open_binary, sha256
from nmt.disk.folders import create_folder, refuse_occupied
from nmt.disk.manifest import read_manifest, replaceable, write_manifest
from nmt.errors import CannotCreateError, DataError, MissingInputError, NmtError, StorageError

TEXT = "".join(f"줄 {number} line {number * number}\n" for number in range(20_000)).encode()
NAMES = ["plain.txt", "packed.gz", "packed.xz", "packed.zst"]


def write(path: Path, data: bytes) -> Path:
    with create_binary(path) as file:
        file.write(data)
    return path


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("data", [b"", b"one line\n", TEXT], ids=["empty", "short", "long"])
def test_what_is_written_is_read_back(tmp_path: Path, name: str, data: bytes) -> None:
    path = write(tmp_path / name, data)
    with open_binary(path) as file:
        assert file.read() == data
    with open_binary(path) as file:
        assert b"".join(file) == data
    assert os.listdir(tmp_path) == [name]


def test_other_programs_read_what_is_written(tmp_path: Path) -> None:
    assert gzip.decompress(write(tmp_path / "a.gz", TEXT).read_bytes()) == TEXT
    assert lzma.decompress(write(tmp_path / "a.xz", TEXT).read_bytes()) == TEXT
    decompressor = zstandard.ZstdDecompressor().decompressobj()
    assert decompressor.decompress(write(tmp_path / "a.zst", TEXT).read_bytes()) == TEXT


def test_several_streams_in_one_file_are_read_one_after_another(tmp_path: Path) -> None:
    for name, compress in (("a.gz", gzip.compress), ("a.xz", lzma.compress), ("a.zst", zstandard.compress)):
        (tmp_path / name).write_bytes(compress(b"one\n") + compress(TEXT) + compress(b"three\n"))
        with open_binary(tmp_path / name) as file:
            assert file.read() == b"one\n" + TEXT + b"three\n"


@pytest.mark.parametrize("name", NAMES[1:])
def test_the_same_text_gives_the_same_bytes(tmp_path: Path, name: str) -> None:
    (tmp_path / "other").mkdir()
    assert write(tmp_path / name, TEXT).read_bytes() == write(tmp_path / "other" / name, TEXT).read_bytes()


@pytest.mark.parametrize("name", NAMES[1:])
@pytest.mark.parametrize("kept", [0.5, 0.999])
def test_a_cut_file_is_one_error_that_names_it(tmp_path: Path, name: str, kept: float) -> None:
    path = write(tmp_path / name, TEXT)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    with open_binary(path) as file, pytest.raises(DataError, match=f"{name} is damaged") as caught:
        for _ in file:
            pass
    assert "\n" not in str(caught.value)


def read_or_error(path: Path) -> bytes | str:
    with open_binary(path) as file:
        try:
            return file.read()
        except DataError as error:
            return str(error)


@pytest.mark.parametrize("name", NAMES[1:])
def test_damage_at_any_byte_of_any_member_is_an_error_or_changes_no_text(tmp_path: Path, name: str) -> None:
    path, texts = tmp_path / name, [b"one line\n", "두 줄\n".encode() * 9, b"three\n"]
    members = [write(path, text).read_bytes() for text in texts]
    whole, text = b"".join(members), b"".join(texts)
    broken = f"{path} is damaged: "
    harmless = 0
    for place in range(len(whole)):
        for changed in (1, 0x80, 0xFF):
            damaged = bytearray(whole)
            damaged[place] ^= changed
            path.write_bytes(damaged)
            actual = read_or_error(path)
            harmless += actual == text
            assert actual == text or (isinstance(actual, str) and actual.startswith(broken)), (place, changed, actual)
        path.write_bytes(whole[:place] + bytes(len(whole) - place))  # as a crash leaves a file
        zeroed = read_or_error(path)
        assert isinstance(zeroed, str) or not any(whole[place:]), (place, zeroed)
    assert harmless <= 3 * 7 * len(members)  # the time, the system and the level in the head of gzip


@pytest.mark.parametrize("name", NAMES[1:])
def test_a_file_cut_inside_a_member_is_an_error_wherever_it_is_cut(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    members = [write(path, text).read_bytes() for text in (b"one line\n", b"another\n" * 9)]
    whole = b"".join(members)
    for stop in range(len(whole)):
        path.write_bytes(whole[:stop])
        actual = read_or_error(path)
        assert actual == b"one line\n" if stop == len(members[0]) else isinstance(actual, str), (stop, actual)


@pytest.mark.parametrize("name", NAMES[1:])
@pytest.mark.parametrize("rest", [b"x", b"garbage\n" * 9, bytes(1), bytes(512)], ids=["byte", "text", "zero", "zeros"])
def test_what_follows_the_last_member_and_is_none_is_an_error(tmp_path: Path, name: str, rest: bytes) -> None:
    path = write(tmp_path / name, TEXT)
    path.write_bytes(path.read_bytes() + rest)
    assert str(read_or_error(path)).startswith(f"{path} is damaged: ")


@pytest.mark.parametrize("name", NAMES[1:])
def test_members_of_every_size_are_read_in_reads_of_every_size(tmp_path: Path, name: str) -> None:
    texts = [bytes(range(256)) * size for size in (0, 1, 0, 40, 3000, 2)]
    (tmp_path / name).write_bytes(b"".join(write(tmp_path / name, text).read_bytes() for text in texts))
    for size in (1 << 9, 1 << 16, 1 << 30):
        with open_binary(tmp_path / name) as file:
            assert b"".join(iter(partial(file.read, size), b"")) == b"".join(texts)


@pytest.mark.parametrize("name", NAMES[1:])
def test_a_file_that_is_not_what_its_name_says_is_one_error(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"this is plain text\n" * 100)
    with open_binary(tmp_path / name) as file, pytest.raises(DataError, match=f"{name} is damaged"):
        file.read()


def test_missing_inputs_are_named(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.txt", tmp_path):
        with pytest.raises(MissingInputError, match=str(path)):
            open_binary(path)
    with pytest.raises(MissingInputError, match="absent"):
        sha256(tmp_path / "absent")


def test_a_pipe_is_read_as_lines_arrive(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    answered = threading.Event()

    def person() -> None:
        with pipe.open("wb", buffering=0) as file:
            file.write(b"first\n")
            assert answered.wait(10), "the first line was not handed out before the second was written"
            file.write(b"second\n")

    thread = threading.Thread(target=person)
    thread.start()
    with open_binary(pipe) as file:
        first = file.readline()
        answered.set()
        assert [first, *file] == [b"first\n", b"second\n"]
    thread.join()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, name: str, error: type[BaseException]) -> None:
    path = write(tmp_path / name, b"old")
    old = path.read_bytes()

    def write_half() -> None:
        with create_binary(path) as file:
            file.write(TEXT)
            raise error

    with pytest.raises(error):
        write_half()
    assert os.listdir(tmp_path) == [name]
    assert path.read_bytes() == old


@pytest.mark.parametrize("name", NAMES)
def test_a_full_disk_is_a_storage_error(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, data: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("nmt.disk.files.os.write", full)
    with pytest.raises(StorageError, match=f"{name} failed: No space left") as caught:
        write(tmp_path / name, TEXT)
    assert caught.value.exit_code == 74
    assert os.listdir(tmp_path) == []


def test_an_output_that_cannot_be_made_is_said_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for path in (tmp_path, tmp_path / "absent" / "out.txt", tmp_path / "file" / "out.txt"):
        with pytest.raises(CannotCreateError, match=str(path)), create_binary(path):
            pytest.fail("the block ran")


def test_a_written_file_has_the_rights_that_the_umask_leaves(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        path = write(tmp_path / "out", b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_private_file_stays_private_when_it_is_replaced(tmp_path: Path) -> None:
    path = write(tmp_path / "out", b"x")
    path.chmod(0o600)
    with create_binary(path) as file:
        assert [mode(each) for each in tmp_path.iterdir()] == [0o600, 0o600], "also what is not whole yet"
        file.write(b"y")
    assert (mode(path), path.read_bytes()) == (0o600, b"y")
    path.chmod(0o664)
    write(path, b"z")
    assert mode(path) == 0o664, "though the umask would take a bit of it"


@pytest.mark.parametrize("replace", [True, False])
def test_a_private_folder_stays_private_when_it_is_replaced(tmp_path: Path, replace: bool) -> None:
    (tmp_path / "made").mkdir(0o700)
    if replace:
        (tmp_path / "made" / "file").touch()
    with create_folder(tmp_path / "made", lambda path: None) as folder:
        assert mode(folder) == 0o700
    assert mode(tmp_path / "made") == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of others")
def test_a_file_that_root_replaces_stays_its_owners(tmp_path: Path) -> None:
    path = write(tmp_path / "out", b"x")
    os.chown(path, 12345, 23456)
    path.chmod(0o640)
    write(path, b"y")
    assert (path.stat().st_uid, path.stat().st_gid, mode(path)) == (12345, 23456, 0o640)


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path) -> None:
    # A pipe stands for every device: with /dev/null itself, a mistake here would replace it for the whole machine.
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()), daemon=True)
    reader.start()
    write(pipe, TEXT)
    assert pipe.is_fifo()
    reader.join(10)
    assert read == [TEXT]
    assert os.listdir(tmp_path) == ["pipe"]


def test_a_link_stays_and_the_file_behind_it_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "file")
    write(tmp_path / "link", b"x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"x"


def fill(path: Path, text: str, replace: bool = False) -> None:
    with create_folder(path, (lambda path: None) if replace else refuse_occupied) as folder:
        assert folder.resolve().parent == path.parent
        (folder / "inside").mkdir()
        (folder / "inside" / "file").write_text(text)


def test_a_folder_appears_whole_and_is_replaced_only_on_wish(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder"
    fill(path, "one")
    with pytest.raises(CannotCreateError, match="exists already"):
        fill(path, "two")
    fill(path, "three", replace=True)
    assert (path / "inside" / "file").read_text() == "three"
    assert os.listdir(path.parent) == ["folder"]


def test_an_empty_folder_in_the_way_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    fill(tmp_path / "folder", "one")
    assert (tmp_path / "folder" / "inside" / "file").read_text() == "one"


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt(), OSError(errno.ENOSPC, "full")])
def test_a_failure_leaves_the_old_folder_and_nothing_else(tmp_path: Path, error: BaseException) -> None:
    fill(tmp_path / "folder", "old")

    def fill_half() -> None:
        with create_folder(tmp_path / "folder", lambda path: None) as folder:
            (folder / "half").write_text("x")
            raise error

    with pytest.raises(StorageError if isinstance(error, OSError) else type(error)):
        fill_half()
    assert os.listdir(tmp_path) == ["folder"]
    assert (tmp_path / "folder" / "inside" / "file").read_text() == "old"


def test_the_hash_is_that_of_the_bytes_on_the_disk(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gz", TEXT)
    assert sha256(path) == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "made"
    with create_folder(folder) as partial:
        (partial / "deep").mkdir()
        (partial / "deep" / "데이터.bin").write_bytes(b"12345")
        (partial / "a.txt").write_bytes(b"text")
        write_manifest(partial, {"kind": "test", "numbers": [1, 2.5]})
    return folder


def test_a_manifest_holds_the_facts_and_a_hash_for_every_other_file(folder: Path) -> None:
    manifest = read_manifest(folder)
    assert manifest.pop("files") == {
        "a.txt": {"sha256": hashlib.sha256(b"text").hexdigest(), "bytes": 4},
        "deep/데이터.bin": {"sha256": hashlib.sha256(b"12345").hexdigest(), "bytes": 5},
    }
    assert manifest == {"kind": "test", "numbers": [1, 2.5]}
    write_manifest(folder, {"kind": "test again"})
    assert sorted(read_manifest(folder)["files"]) == ["a.txt", "deep/데이터.bin"]


def test_a_changed_cut_or_missing_file_is_named(folder: Path) -> None:
    path = folder / "deep" / "데이터.bin"
    for change, message in ((b"12346", "has changed"), (b"1234", "has 4 bytes, not 5"), (None, "is missing")):
        path.write_bytes(change) if change else path.unlink()
        with pytest.raises(DataError, match=f"데이터.bin {message}"):
            read_manifest(folder)
        read_manifest(folder, verify=False)


def test_a_folder_without_a_manifest_is_not_there_yet(folder: Path) -> None:
    (folder / "manifest.json").unlink()
    for path in (folder, folder / "absent"):
        with pytest.raises(MissingInputError, match=str(path)):
            read_manifest(path)


def debris(folder: Path) -> None:
    partial_name(folder / "deep").mkdir()


def changed(folder: Path) -> None:
    (folder / "deep" / "데이터.bin").unlink()
    (folder / "a.txt").write_text("something else")


def link(folder: Path) -> None:
    (folder / "a.txt").rename(folder.parent / "a.txt")
    (folder / "a.txt").symlink_to(folder.parent / "a.txt")


def linked_folder(folder: Path) -> None:
    (folder / "deep").rename(folder.parent / "deep")
    (folder / "deep").symlink_to(folder.parent / "deep")


@pytest.mark.parametrize(
    ("change", "strange"),
    [
        (debris, None),
        (changed, None),
        (lambda folder: (folder / "README").touch(), "README"),
        (lambda folder: (folder / "deep" / "run").mkdir(), "deep/run"),
        (lambda folder: (folder / "empty").mkdir(), "empty"),
        (lambda folder: (folder / ".hidden").touch(), ".hidden"),
        (lambda folder: os.mkfifo(folder / "pipe"), "pipe"),
        (link, "a.txt"),
        (linked_folder, "deep"),
        (lambda folder: (folder / "manifest.json").write_text('{"kind": "test", "files": {}}'), "a.txt"),
        (lambda folder: write_manifest(folder, {"kind": "something else"}), "a.txt"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "a.txt"),
        (lambda folder: (folder / "manifest.json").unlink(), "a.txt"),
    ],
)
def test_a_folder_is_replaced_only_when_the_manifest_lists_all_that_is_in_it(
    folder: Path, change: Callable[[Path], object], strange: str | None
) -> None:
    change(folder)
    before = sorted(folder.parent.rglob("*"))
    if strange:
        with pytest.raises(CannotCreateError, match=f"{re.escape(str(folder / strange))} is no part of a test"):
            create_folder(folder, replaceable("test")).__enter__()
        assert sorted(folder.parent.rglob("*")) == before
    else:
        with create_folder(folder, replaceable("test")) as new:
            (new / "new").touch()
        assert [path.name for path in folder.rglob("*")] == ["new"]


def test_what_came_into_the_folder_during_the_work_is_not_deleted(folder: Path) -> None:
    with pytest.raises(CannotCreateError, match="README"), create_folder(folder, replaceable("test")):
        (folder / "README").touch()
    assert (folder / "README").exists()
    assert [path.name for path in folder.parent.iterdir()] == ["made"]


OTHER = {"sha256": "0" * 64, "bytes": 1}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"files": []}',
        '{"files": {"a": 1}}',
        '{"files": {}, "x": NaN}',
        '{"files": {}, "files": {}}',
        "\ufeff{}",
        "[" * 100_000,
        *(json.dumps({"files": {name: OTHER}}) for name in ("../a", "/etc/passwd", "a/../../b", "", "a\0b")),
        json.dumps({"files": {}, "long": "x" * (1 << 24)}),
    ],
    ids=lambda text: text[:20],
)
def test_a_manifest_that_is_not_one_is_a_data_error(folder: Path, text: str) -> None:
    (folder / "manifest.json").write_text(text)
    with pytest.raises(DataError, match=r"manifest\.json") as caught:
        read_manifest(folder)
    assert isinstance(caught.value, NmtError)
    assert "\n" not in str(caught.value)


@settings(deadline=None)
@given(
    st.lists(st.lists(st.sampled_from([b"a", b"\n", b"\r\n", b"\r", "가".encode()]), max_size=9), max_size=3),
    st.integers(1, 9),
)
def test_lines_are_counted_by_line_feeds_and_one_without_at_the_end(texts: list[list[bytes]], chunk: int) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("nmt.disk.files._CHUNK", chunk)
        paths = [Path(folder, str(number)) for number in range(len(texts))]
        for path, parts in zip(paths, texts, strict=True):
            path.write_bytes(b"".join(parts))
        assert count_lines(paths) == sum(len(list(BytesIO(b"".join(parts)))) for parts in texts)


def test_what_cannot_be_counted_fast_is_not(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x\n")
    (tmp_path / "a.gz").write_bytes(b"")
    os.mkfifo(tmp_path / "pipe")
    for name in ("a.gz", "pipe", "-", "."):
        assert count_lines([tmp_path / "a", tmp_path / name]) is None
