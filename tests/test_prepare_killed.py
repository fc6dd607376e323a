"""A prepare that was killed goes on: the same bytes at the end, and nothing that is damaged or strange is believed."""

import gzip
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from conftest import nmt

from nmt.config import PrepareOptions
from nmt.corpus.means import OURS
from nmt.corpus.prepare import PrepareRequest, prepare
from nmt.disk.manifest import read_manifest
from nmt.disk.scratch import Scratch, beside, open_scratch
from nmt.errors import BusyError, CannotCreateError, DataError

WORDS = ["house", "river", "green", "walks", "small", "never", "bread", "stone", "light", "seven"]
OTHER = ["Haus", "Fluss", "grün", "geht", "klein", "nie", "Brot", "Stein", "Licht", "sieben"]

# Prepares the dataset again and again in forked children, each of which is killed by a real SIGKILL in the middle of
# writing to the scratch or of moving its files; prints how many were killed before one was done.
KILLER = """
import json, os, signal, sys
from pathlib import Path
from random import Random
from nmt.config import PrepareOptions
from nmt.corpus import parallel, shards, texts
from nmt.corpus.prepare import PrepareRequest, prepare
from nmt.disk import scratch
folder, seed, once = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "once"
languages, several = sys.argv[4].split("-"), tuple(map(tuple, json.loads(sys.argv[5])))
parallel.CHUNK_PAIRS = texts.AT_A_TIME = 7
draw = Random(seed)
killed = 0
while True:
    left = 300 if once else draw.randrange(25, 50)
    child = os.fork()
    if not child:
        def counted(do):
            def counting(*arguments):
                global left
                left -= 1
                if not left:
                    os.kill(os.getpid(), signal.SIGKILL)
                return do(*arguments)
            return counting
        scratch.Growing.write = counted(scratch.Growing.write)
        scratch.Stage.note = counted(scratch.Stage.note)
        os.link = counted(os.link)
        options = PrepareOptions(rules="language=off", tokenizer="bpe")  # the fastest
        train, data = (folder / "a", folder / "b"), folder / "data"
        mono = () if several else tuple(sorted(folder.glob("mono.*")))
        prepare(PrepareRequest(*languages, train, None, (), data, several=several, mono=mono), options)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status == 0:
        break
    assert status == -signal.SIGKILL, status
    killed += 1
    if once:
        break
print(killed)
"""


OPTIONS = PrepareOptions(rules="language=off", tokenizer="bpe")


@pytest.fixture
def request_(tmp_path: Path) -> PrepareRequest:
    """A request for two corpora of 100 pairs each; those of the second are near those of the first."""
    draw = Random(3)
    rows = [[draw.randrange(10) for _ in range(6)] for _ in range(100)]
    for name in ("a", "b"):
        rows = [[*row[:5], (row[5] + 1) % 10] for row in rows]
        for language, words in (("en", WORDS), ("de", OTHER)):
            text = "".join(" ".join(words[word] for word in row) + "\n" for row in rows)
            (tmp_path / f"{name}.{language}").write_text(text, encoding="utf-8")
    return PrepareRequest("en", "de", (tmp_path / "a", tmp_path / "b"), None, (), tmp_path / "data")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def fresh(request: PrepareRequest, options: PrepareOptions = OPTIONS) -> dict[str, bytes]:
    """What the files are when nothing is killed."""
    output = request.output.with_name("fresh")
    prepare(replace(request, output=output), options)
    return contents(output)


def kill(request: PrepareRequest, seed: int, how: str) -> int:
    """Run KILLER; return how many processes were killed."""
    languages = f"{request.source_language}-{request.target_language}"
    ended = nmt(request.output.parent, str(seed), how, languages, json.dumps(request.several), code=KILLER)
    assert ended.returncode == 0, ended.stderr
    return int(ended.stdout)


def nothing_else(request: PrepareRequest) -> bool:
    names = {"a.en", "a.de", "b.en", "b.de", "data", "fresh", *(path.name for path in request.mono)}
    return {path.name for path in request.output.parent.iterdir()} == names


@pytest.mark.parametrize("several", [(), (("en", "de"), ("de", "en"))], ids=["one", "both"])
def test_killed_ten_times_and_more_it_has_the_same_bytes(
    request_: PrepareRequest, several: tuple[tuple[str, str], ...]
) -> None:
    folder = request_.output.parent
    if several:
        request_ = replace(request_, source_language="mul", target_language="mul", several=several)
    else:
        for language, words in (("en", WORDS), ("de", OTHER)):
            lines = [f"{words[row % 10]} {words[row % 7]} {words[row % 9]} {words[row % 4]}\n" for row in range(90)]
            several_sentences = "".join(f"{line.strip().capitalize()}. " for line in lines[:6])
            (folder / f"mono.{language}").write_text(f"{several_sentences}\n{''.join(lines)}", encoding="utf-8")
        request_ = replace(request_, mono=(folder / "mono.de", folder / "mono.en"))
    assert kill(request_, 1, "again") >= 10
    assert not beside(request_.output).exists()
    assert contents(request_.output) == fresh(request_)
    dropped = gzip.decompress((request_.output / "dropped.tsv.gz").read_bytes()).decode()
    assert "in-valid" in dropped
    # The line before them says what the first six say.
    assert several or re.findall(r"mono\.de\t(\d+)\tduplicate\t1\n", dropped)[:6] == list("234567")
    assert nothing_else(request_)


def resumed(request: PrepareRequest, monkeypatch: pytest.MonkeyPatch, options: PrepareOptions) -> bool:
    """Prepare after a kill; return whether any stage went on from its note."""
    believed: list[object] = []
    stage = Scratch.stage

    def noted(scratch: Scratch, name: str):  # type: ignore[no-untyped-def]
        manager = stage(scratch, name)
        opened = manager.__enter__()
        believed.append(opened.value)
        opened.close()
        return stage(scratch, name)

    monkeypatch.setattr(Scratch, "stage", noted)
    prepare(request, options)
    monkeypatch.undo()
    return any(value is not None for value in believed)


def leave_scratch(request: PrepareRequest) -> Path:
    """Leave the scratch of a killed process behind, with the notes of two stages at least."""
    assert kill(request, 0, "once") == 1
    assert {path.name for path in beside(request.output).iterdir()} >= {"judged.note.json", "encoded.note.json"}
    return beside(request.output)


def touch(request: PrepareRequest) -> tuple[PrepareRequest, PrepareOptions]:
    with Path(f"{request.train[1]}.en").open("r+") as file:
        file.write("R")
    return request, OPTIONS


@pytest.mark.parametrize(
    ("change", "goes_on"),
    [
        (lambda request: (request, OPTIONS), True),
        (lambda request: (request, replace(OPTIONS, max_length=100)), False),
        (lambda request: (replace(request, train=request.train[:1]), OPTIONS), False),
        (touch, False),
    ],
    ids=["nothing", "an option", "the corpora", "a letter"],
)
def test_what_was_made_for_another_request_is_dropped(
    request_: PrepareRequest,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[PrepareRequest], tuple[PrepareRequest, PrepareOptions]],
    goes_on: bool,
) -> None:
    leave_scratch(request_)
    request, options = change(request_)
    assert resumed(request, monkeypatch, options) == goes_on
    assert contents(request.output) == fresh(request, options)
    assert nothing_else(request)


def damages(scratch: Path) -> Iterator[tuple[str, bytes]]:
    """Each file that has a byte, with its bytes: one flipped in the middle, cut, and longer."""
    for path in sorted(scratch.iterdir()):
        whole = path.read_bytes()
        if whole:
            middle = len(whole) // 2
            yield path.name, whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
            yield path.name, whole[:middle]
            yield path.name, whole + b"more"


def test_damage_is_never_believed(request_: PrepareRequest) -> None:
    scratch, wanted = leave_scratch(request_), fresh(request_)
    left = contents(scratch)
    tried = 0
    for name, damaged in list(damages(scratch)):
        scratch.mkdir(exist_ok=True)
        for other, whole in left.items():
            (scratch / other).write_bytes(damaged if other == name else whole)
        prepare(request_, OPTIONS)
        assert contents(request_.output) == wanted, f"{name} was damaged"
        for path in request_.output.iterdir():
            path.unlink()
        request_.output.rmdir()
        tried += 1
    assert tried >= 20


def test_one_process_at_a_time(request_: PrepareRequest) -> None:
    with (
        open_scratch(request_.output, "facts", OURS),
        pytest.raises(BusyError, match=r"data\.partial is in use by another process"),
    ):
        prepare(request_, OPTIONS)
    assert not beside(request_.output).exists()
    prepare(request_, OPTIONS)


def test_a_folder_of_that_name_that_is_not_ours_is_left_alone(request_: PrepareRequest) -> None:
    beside(request_.output).mkdir()
    (beside(request_.output) / "thesis.txt").write_text("mine")
    with pytest.raises(CannotCreateError, match=r"data\.partial/thesis\.txt is no part of unfinished work of nmt"):
        prepare(request_, OPTIONS)
    assert contents(beside(request_.output)) == {"thesis.txt": b"mine"}
    os.rename(beside(request_.output), request_.output.with_name("other"))
    os.symlink(request_.output.with_name("other"), beside(request_.output))
    with pytest.raises(CannotCreateError, match=r"cannot create .*data\.partial"):
        prepare(request_, OPTIONS)


def test_an_error_leaves_no_scratch_but_what_may_pass_does(
    request_: PrepareRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise BusyError("a worker process ended by SIGKILL", "again")

    monkeypatch.setattr("nmt.corpus.making.encode", fail)
    with pytest.raises(BusyError):
        prepare(request_, OPTIONS)
    assert beside(request_.output).exists()
    monkeypatch.undo()
    Path(f"{request_.train[1]}.en").write_bytes(b"\xff\n")
    with pytest.raises(DataError):
        prepare(request_, OPTIONS)
    assert not beside(request_.output).exists()


def test_what_is_left_of_a_finished_dataset_goes_with_the_next_command(request_: PrepareRequest) -> None:
    scratch = leave_scratch(request_)
    left = contents(scratch)
    prepare(request_, OPTIONS)
    scratch.mkdir()
    for name, whole in left.items():
        (scratch / name).write_bytes(whole)
    assert prepare(request_, OPTIONS).unchanged
    assert not scratch.exists()
    assert json.loads((request_.output / "manifest.json").read_bytes()) == read_manifest(request_.output)
