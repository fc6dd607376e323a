"""Files with an address become what files with a path become.

The storage is a folder that fsspec reaches by a chain of addresses, or its memory within a process of tests.
"""

import json
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from conftest import CORPUS, TinyRun, nmt

from nmt.errors import BusyError, CannotCreateError, MissingInputError, SettingsError, StorageError, UsageError
from nmt.store.remote import copied, is_remote, shown_address

fsspec = pytest.importorskip("fsspec")
QUICK = ["--beam-size", "1", "--max-length-factor", "0.3", "--threads", "1"]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of each test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "nmt" / "storage"


@pytest.fixture
def texts(tmp_path: Path) -> list[Path]:
    lines = (CORPUS / "test.ko").read_text(encoding="utf-8").splitlines(keepends=True)
    paths = [tmp_path / name for name in ("a.ko", "b.ko")]
    for number, path in enumerate(paths):
        path.write_text("".join(lines[5 * number : 5 * number + 5]), encoding="utf-8")
    return paths


@pytest.fixture
def memory() -> Iterator[Any]:
    """Files that are in memory, as fsspec has them."""
    files = fsspec.filesystem("memory")
    yield files
    files.rm("/", recursive=True)


def address(path: Path) -> str:
    return f"dir://{path.name}::file://{path.parent}"


def left(cache: Path) -> list[Path]:
    return list(cache.iterdir()) if cache.exists() else []


@pytest.mark.parametrize("name", ["s3://bucket/a.ko", "gs://b/c", "https://host/a.ko", "zip://a::file:///b.zip"])
def test_an_address_is_one(name: str) -> None:
    assert is_remote(name)


@pytest.mark.parametrize("name", ["a.ko", "-", "./s3:/a", "file:///a", "file:/a", "s3:", "see https://host/", "://a"])
def test_a_path_is_no_address(name: str) -> None:
    assert not is_remote(name)


@pytest.mark.parametrize("name", ["out.en", "out.en.gz"])
def test_an_address_is_translated_to_an_address_as_a_path_to_a_path(
    tiny_run: TinyRun, texts: list[Path], tmp_path: Path, cache: Path, name: str
) -> None:
    (there := tmp_path / "there").mkdir()
    plain = nmt("translate", tiny_run.run, *texts, "-o", tmp_path / name, *QUICK)
    done = nmt("translate", tiny_run.run, *map(address, texts), "-o", address(there / name), *QUICK)
    assert (plain.returncode, done.returncode, done.stdout) == (0, 0, ""), done.stderr
    assert (there / name).read_bytes() == (tmp_path / name).read_bytes()
    assert os.listdir(there) == [name]
    assert left(cache) == []
    assert re.findall(r"nmt: (fetching|sending) dir://", done.stderr) == ["fetching", "fetching", "sending"]


def test_a_file_of_this_machine_is_its_path_however_it_is_named(
    tiny_run: TinyRun, texts: list[Path], cache: Path
) -> None:
    done = nmt("translate", tiny_run.run, f"file://{texts[0]}", "-o", f"local://{texts[0]}.en", *QUICK)
    assert done.returncode == 0, done.stderr
    assert "fetching" not in done.stderr
    assert texts[0].with_name("a.ko.en").exists()
    refused = nmt("translate", tiny_run.run, texts[0], "-o", f"file://{texts[0]}", *QUICK)
    assert (refused.returncode, "is an input as well" in refused.stderr) == (2, True)
    assert left(cache) == []


def test_a_folder_with_an_address_gets_a_file_for_each(memory: Any, texts: list[Path]) -> None:
    memory.mkdir("/there")
    for output in ("memory://out/", "memory://there"):
        with copied([*map(str, texts)], output, print) as copies:
            assert copies.output
            assert copies.output.endswith("/")
            made = [Path(copies.output) / path.name for path in texts]
            for path in made:
                path.write_text(path.name.upper())
            copies.send(made)
    assert [memory.cat(f"/{folder}/{name}.ko") for folder in ("out", "there") for name in "ab"] == [
        b"A.KO",
        b"B.KO",
    ] * 2


def test_what_could_not_be_sent_is_sent_by_the_same_command_and_not_translated_again(
    tiny_run: TinyRun, texts: list[Path], tmp_path: Path, cache: Path
) -> None:
    there, stats = tmp_path / "there" / "out.en", tmp_path / "stats"
    command = ["translate", str(tiny_run.run), address(texts[0]), "-o", address(there), *QUICK]
    failed = nmt(*command)
    assert failed.returncode == 73
    assert re.search(r"nmt: error: cannot create dir://out\.en::file://.*there", failed.stderr)
    there.parent.mkdir()
    assert nmt(*command, "--plan").returncode == 0, "which takes nothing away"
    done = nmt(*command, "--stats", stats)
    assert done.returncode == 0, done.stderr
    assert json.loads(stats.read_text())["lines"] == 0
    assert there.read_text() == nmt("translate", tiny_run.run, texts[0], *QUICK).stdout
    assert left(cache) == []


def test_an_input_that_changed_is_fetched_again(memory: Any, cache: Path) -> None:
    told: list[str] = []
    for text in (b"first", b"first", b"second"):
        if not memory.exists("/a.ko") or memory.cat("/a.ko") != text:
            memory.pipe("/a.ko", text)
        with copied(["memory://a.ko"], "out.en", told.append) as copies:
            assert copies.inputs[0].name == "a.ko"
            assert copies.inputs[0].read_bytes() == text
    assert told == ["fetching memory://a.ko"] * 2
    with copied(["memory://a.ko"], "out.en", told.append) as copies:
        copies.send([Path("out.en")])
    assert left(cache) == []


def test_without_an_output_nothing_outlasts_the_command(memory: Any, cache: Path) -> None:
    memory.pipe("/a.ko", b"text")
    with suppress(KeyError), copied(["memory://a.ko"], None, print) as copies:
        assert copies.inputs[0].read_bytes() == b"text"
        raise KeyError
    assert left(cache) == []


def test_two_processes_do_not_do_the_same(memory: Any) -> None:
    memory.pipe("/a.ko", b"text")
    with (
        copied(["memory://a.ko"], "memory://out", print),
        pytest.raises(BusyError, match="in use by another process"),
        copied(["memory://a.ko"], "memory://out", print),
    ):
        pass


def test_without_addresses_nothing_is_copied(cache: Path) -> None:
    with copied(["a.ko", "-"], "out/", print) as copies:
        assert (copies.inputs, copies.output, copies.address) == ([Path("a.ko"), Path("-")], "out/", "")
    assert not cache.exists()


def test_a_query_is_not_shown_and_no_part_of_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    class Web(fsspec.get_filesystem_class("memory")):  # type: ignore[misc]
        """Files in memory that have addresses of the web, queries and all."""

        def info(self, path: str, **_: Any) -> dict[str, Any]:
            return {"size": 4, "name": path}

        def get_file(self, path: str, place: str, **_: Any) -> None:
            Path(place).write_bytes(b"text")

    name = f"https://host/a.ko.gz?token={'x' * 300}"
    monkeypatch.setattr("fsspec.core.url_to_fs", lambda address: (Web(), address))
    told: list[str] = []
    with copied([name], None, told.append) as copies:
        assert copies.inputs[0].name == "a.ko.gz"
    assert told == ["fetching https://host/a.ko.gz"]
    assert shown_address("s3://b/what?") == "s3://b/what?"


@pytest.mark.parametrize(
    ("inputs", "output", "kind", "words"),
    [
        (["memory://nowhere/a.ko"], "out", MissingInputError, "there is no file memory://nowhere/a.ko"),
        (["ftpx://host/a.ko"], "out", UsageError, "cannot reach ftpx://host/a.ko: .*ftpx"),
        (["a.ko"], "gdrive://a/out", SettingsError, "cannot reach gdrive://a/out; .*nstall"),
        (["memory://b/a.ko"], "memory://b/a.ko", UsageError, "memory://b/a.ko is an input as well"),
        (["memory:///b/a.ko"], "memory://b/a.ko", UsageError, "is an input as well"),
        (["memory://b/a.ko"], "memory://b/", UsageError, "memory://b/a.ko is an input as well"),
        (["dir://mem::file:///proc/self"], "out", StorageError, "dir://mem::file:///proc/self failed: .*"),
        (["a.ko"], "dir://out::file:///proc", CannotCreateError, "cannot create dir://out::file:///proc: "),
    ],
)
def test_mistakes_are_told_in_one_line(
    inputs: list[str], output: str, kind: type[Exception], words: str, tmp_path: Path
) -> None:
    (tmp_path / "made").write_text("x")
    with pytest.raises(kind, match=words) as found, copied(inputs, output, print) as copies:
        copies.send([tmp_path / "made"])
    assert "\n" not in str(found.value)
