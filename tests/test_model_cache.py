"""The models in a user's cache: made once for all who ask at once, and never taken from who uses them."""

import hashlib
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nmt.disk.manifest import NAME, write_manifest
from nmt.errors import StorageError
from nmt.store.cache import UNUSED
from nmt.store.model_cache import cached_model

MAKE = """
import sys
from pathlib import Path
from nmt.store.model_cache import cached_model

def fill(folder):
    print("filling", flush=True)
    if sys.argv[3] == "slowly":
        sys.stdin.readline()
    for name in ("manifest.json", "weights"):
        (folder / name).write_bytes(Path(sys.argv[1], name).read_bytes())

print("asking", flush=True)
place = cached_model(sys.argv[2], fill)
print(place, flush=True)
sys.stdin.read()
print((place / "weights").read_text(), flush=True)
"""


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "nmt" / "models"


def model(tmp_path: Path, weights: str) -> tuple[Path, str]:
    """A folder whose manifest is that of a model, and its hash."""
    folder = tmp_path / weights
    folder.mkdir()
    (folder / "weights").write_text(weights)
    write_manifest(folder, {"kind": "model"})
    return folder, hashlib.sha256((folder / NAME).read_bytes()).hexdigest()


def copying(source: Path) -> Callable[[Path], None]:
    def fill(folder: Path) -> None:
        for each in source.iterdir():
            (folder / each.name).write_bytes(each.read_bytes())

    return fill


@pytest.fixture
def processes() -> Iterator[Callable[[Path, str, str], subprocess.Popen[str]]]:
    """Begins a process that asks for a model, tells its folder, and reads it when its input ends."""
    begun: list[subprocess.Popen[str]] = []

    def begin(source: Path, digest: str, how: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", MAKE, str(source), digest, how]
        begun.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        return begun[-1]

    yield begin
    for each in begun:
        each.kill()
        each.communicate()


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def test_who_asks_while_another_unpacks_gets_the_same_folder(
    tmp_path: Path, models: Path, processes: Callable[[Path, str, str], subprocess.Popen[str]]
) -> None:
    source, digest = model(tmp_path, "whole")
    first = processes(source, digest, "slowly")
    assert [said(first), said(first)] == ["asking", "filling"]
    second = processes(source, digest, "at once")
    assert said(second) == "asking"
    assert first.stdin
    first.stdin.write("\n")
    first.stdin.flush()
    for process in (first, second):
        assert said(process) == str(models / digest)
        assert process.communicate()[0] == "whole\n"


def test_a_model_that_a_process_uses_is_not_removed_however_old(
    tmp_path: Path, models: Path, processes: Callable[[Path, str, str], subprocess.Popen[str]]
) -> None:
    (used, its), (unused, other), (new, last) = (model(tmp_path, name) for name in ("used", "unused", "new"))
    user = processes(used, its, "at once")
    ended = processes(unused, other, "at once")
    for process, digest in ((user, its), (ended, other)):
        assert [said(process) for _ in range(3)] == ["asking", "filling", str(models / digest)]
    ended.communicate()
    long_ago = time.time() - UNUSED - 60
    for digest in (its, other):
        os.utime(models / digest, (long_ago, long_ago))
    cached_model(last, copying(new))
    assert (models / its).exists()
    assert not (models / other).exists()
    assert user.communicate()[0] == "used\n"


def test_a_model_that_cannot_be_read_now_is_not_made_again(tmp_path: Path) -> None:
    source, digest = model(tmp_path, "whole")
    place = cached_model(digest, copying(source))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        with pytest.raises(StorageError, match="Too many open files"):
            cached_model(digest, lambda _: pytest.fail("it was made again"))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert (place / "weights").read_text() == "whole"


def test_a_damaged_model_is_replaced_by_a_whole_one(tmp_path: Path) -> None:
    source, digest = model(tmp_path, "whole")
    place = cached_model(digest, copying(source))
    for damage in ("weights", NAME):
        (place / damage).write_text("damaged")
        assert cached_model(digest, copying(source)) == place
        assert (place / damage).read_bytes() == (source / damage).read_bytes()
    (place / "weights").unlink()
    assert cached_model(digest, copying(source)) == place
    assert sorted(each.name for each in place.parent.iterdir()) == [digest, "unpacking"]
