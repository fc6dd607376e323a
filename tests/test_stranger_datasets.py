"""Datasets and runs from strangers: every number is checked, every file is hashed, every error is one line.

``torture.datasets`` and ``torture.runs`` do the same with thousands of random mutations; here each rule is tested.
"""

import hashlib
import json
import os
import resource
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import TinyRun, nmt

from nmt.corpus import item_file, shards
from nmt.corpus.batches import plan_block, read_batch
from nmt.corpus.dataset import Dataset
from nmt.corpus.item_file import ItemFile
from nmt.corpus.shards import ROW
from nmt.corpus.vocabulary import find_vocabulary
from nmt.errors import DataError, NmtError, SettingsError
from nmt.settings_file import load_toml, parse_assignment, parse_toml, read_toml
from nmt.store.run_folder import RunFolder
from nmt.training.request import TrainRequest, read_request


@pytest.fixture
def data(tiny_run: TinyRun, tmp_path: Path) -> Path:
    """A dataset for the tests to damage."""
    return shutil.copytree(tiny_run.data, tmp_path / "data")


def make_right(data: Path, name: str) -> None:
    """Correct the size and hash of a file in the manifest."""
    manifest = json.loads((data / "manifest.json").read_text())
    raw = (data / name).read_bytes() if (data / name).is_file() else b""
    manifest["files"][name] = {"sha256": hashlib.sha256(raw).hexdigest(), "bytes": len(raw)}
    (data / "manifest.json").write_text(json.dumps(manifest))


def say(data: Path, **facts: Any) -> None:
    """Write facts into the manifest; None removes a fact."""
    manifest = json.loads((data / "manifest.json").read_text()) | facts
    (data / "manifest.json").write_text(json.dumps({name: fact for name, fact in manifest.items() if fact is not None}))


def change_table(data: Path, column: str, value: int, row: int = 5) -> None:
    table = np.fromfile(data / "train-rows.bin", ROW)
    table[column][row] = value
    table.tofile(data / "train-rows.bin")
    make_right(data, "train-rows.bin")


def read_all(data: Path) -> None:
    """Read everything that training reads of a dataset."""
    opened = read_request(TrainRequest(data, data.parent / "no-run", "tiny", device="cpu", cores=1)).data
    opened.target_pieces()
    for split in (opened.train, opened.valid):
        for rows in plan_block(split, 1000, 1, 0, 0):
            read_batch(split, rows)


def refusal(data: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        read_all(data)
    assert str(caught.value).isprintable()
    assert str(data) in str(caught.value), "the error names the file"
    return caught.value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("source_language", 5),
        ("source_language", "k o"),
        ("target_language", "../en"),
        ("joint", 1),
        ("joint", None),
        ("source_vocabulary", 10**9),
        ("source_vocabulary", True),
        ("target_vocabulary", -1),
        ("train_pairs", 10**15),
        ("valid_pairs", 0),
        ("valid_pairs", "20"),
        ("options", {"max_length": 10**9}),
        ("options", {"max_length": 2.5}),
        ("options", []),
        ("corpora", None),
        ("corpora", [5]),
        ("profile", {"longest": 10**30}),
        ("target_pieces", 5),
        ("target_pieces", "0f"),
        ("target_pieces", "g" * 150),
    ],
)
def test_a_fact_that_cannot_be_is_refused(data: Path, name: str, value: Any) -> None:
    say(data, **{name: value})
    assert "manifest.json" in refusal(data).what or name == "valid_pairs"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("weight", -1),
        ("weight", 1e7),
        ("weight", 0),
        ("weight", "1"),
        ("kept", -1),
        ("pairs", 1),
        ("role", "spy"),
        ("dropped", 3),
    ],
)
def test_what_cannot_be_of_a_corpus_is_refused(data: Path, name: str, value: Any) -> None:
    corpora = json.loads((data / "manifest.json").read_text())["corpora"]
    say(data, corpora=[{**corpora[0], name: value}, *corpora[1:]])
    assert "corpora is invalid" in refusal(data).what


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("source_offset", -1),
        ("source_offset", 2**63 - 1),
        ("target_offset", 10**6),
        ("source_length", -1),
        ("target_length", 2**31 - 1),
        ("corpus", -1),
        ("corpus", 1),
    ],
)
def test_a_row_that_leads_out_of_its_shard_is_refused(data: Path, column: str, value: int) -> None:
    change_table(data, column, value)
    assert "train-rows.bin has an invalid row, number 6" in refusal(data).what


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_piece_beyond_the_vocabulary_is_refused(data: Path, side: str) -> None:
    shard = data / f"train-00000.{side}.bin"
    ids = np.fromfile(shard, "<u2")
    ids[-1] = 60_000
    ids.tofile(shard)
    make_right(data, shard.name)
    assert f"{shard} has a piece outside the vocabulary" in refusal(data).what


def test_a_vocabulary_of_another_size_is_refused(data: Path) -> None:
    size = json.loads((data / "manifest.json").read_text())["source_vocabulary"]
    say(data, source_vocabulary=size + 1, target_vocabulary=size + 1, target_pieces=None)
    assert f"tokenizer.model has {size} pieces, not {size + 1}" in refusal(data).what


@pytest.mark.parametrize("change", ["a line less", "a line more", "none"])
def test_validation_text_has_a_line_a_row(data: Path, change: str) -> None:
    text = data / "valid.source.txt"
    lines = text.read_bytes().splitlines(keepends=True)
    text.write_bytes(b"".join({"a line less": lines[1:], "a line more": [*lines, b"x\n"], "none": []}[change]))
    make_right(data, text.name)
    assert "valid.source.txt does not have" in refusal(data).what


@pytest.mark.parametrize(
    "name", ["valid.source.txt", "train-rows.bin", "train-00000.source.bin", "tokenizer.model", "manifest.json"]
)
def test_a_pipe_in_the_place_of_a_file_is_refused(data: Path, name: str) -> None:
    (data / name).unlink()
    os.mkfifo(data / name)
    if name != "manifest.json":
        make_right(data, name)
    assert "is not a regular file" in refusal(data).what


@pytest.mark.parametrize("name", ["train-rows.bin", "train-00000.source.bin", "train-00000.target.bin"])
def test_a_large_file_is_held_to_its_hash_when_it_is_first_read(
    data: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(item_file, "HASHED_AT_OPENING", 100)
    read_all(data)
    raw = bytearray((data / name).read_bytes())
    raw[-1 if name == "train-rows.bin" else -2] ^= (
        1  # still in bounds: of the last row another corpus, or another piece
    )
    (data / name).write_bytes(raw)
    opened = Dataset.open(data)
    with pytest.raises(DataError, match=f"{name} has changed since it was written"):
        opened.train.ids([0])


def test_a_shard_that_is_cut_while_it_is_read_is_an_error_and_no_signal(data: Path) -> None:
    opened = Dataset.open(data)
    opened.train.ids([0])
    os.truncate(data / "train-00000.target.bin", 0)
    with pytest.raises(DataError, match=r"train-00000\.target\.bin became shorter while it was read"):
        opened.train.ids([1])


def test_a_dataset_that_is_prepared_anew_is_read_on_as_it_was(data: Path) -> None:
    opened = Dataset.open(data)
    shutil.rmtree(data)
    assert [len(side) for side in opened.train.ids(range(10))] == [10, 10]


@pytest.mark.skipif(sys.platform != "linux", reason="sparse files as Linux has them")
def test_a_hundred_million_rows_are_opened_in_no_time_and_no_memory(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Measured without a clock: no file over 64 MiB is read."""
    rows = 100_000_000
    names = [shards.shard_name("train", shard, side) for shard in range(96) for side in ("source", "target")]
    for name, size in (("train-rows.bin", rows * ROW.itemsize), *((name, 80_000_000) for name in names)):
        with (data / name).open("wb") as file:
            file.truncate(size)
    manifest = json.loads((data / "manifest.json").read_text())
    corpus = {**manifest["corpora"][0], "pairs": rows, "kept": rows, "dropped": {}}
    manifest["files"] |= {
        name: {"sha256": "0" * 64, "bytes": (data / name).stat().st_size} for name in ("train-rows.bin", *names)
    }
    say(data, files=manifest["files"], train_pairs=rows, corpora=[corpus, *manifest["corpora"][1:]])
    read: list[str] = []
    took = ItemFile._bytes

    def bytes_of(file: Any, start: int, size: int) -> bytes:
        read.append(file.path.name)
        return took(file, start, size)

    monkeypatch.setattr(ItemFile, "_bytes", bytes_of)
    opened = Dataset.open(data)
    assert len(opened.train) == rows
    assert opened.train.pieces == (96 * 40_000_000, 96 * 40_000_000)
    assert {name.partition("-")[0] for name in read} == {"valid"}


def test_a_changed_vocabulary_is_not_taken_over(data: Path) -> None:
    (data / "tokenizer.model").write_bytes((data / "tokenizer.model").read_bytes()[:-1])
    with pytest.raises(DataError, match=r"tokenizer\.model has \d+ bytes"):
        find_vocabulary(data)


def test_what_prepare_finds_of_its_own_is_held_to_its_facts(data: Path, tmp_path: Path) -> None:
    """A manifest itself has no hash, so its facts about corpora are checked before they are reported."""
    from nmt.corpus.prepare import _made_already

    manifest = json.loads((data / "manifest.json").read_text())
    assert _made_already(data, {"kind": manifest["kind"]}) is not None
    say(data, corpora=[{}])
    assert _made_already(data, {"kind": manifest["kind"]}) is None


def test_the_command_says_it_in_one_line(data: Path) -> None:
    change_table(data, "source_offset", -1)
    ended = nmt("train", data, "-o", data.parent / "run", "--steps", "1", "--device", "cpu", "--plan")
    assert ended.returncode == 65
    (line,) = ended.stderr.splitlines()
    assert "train-rows.bin has an invalid row, number 6; make the dataset again with nmt prepare" in line


# --- settings and runs ------------------------------------------------------------------------------------------------

DOTS = ".".join("a" * 20_000)


@pytest.mark.parametrize("text", [f"{DOTS} = 1", f"[{DOTS}]", f"x = {{{DOTS} = 1}}"], ids=["key", "section", "table"])
def test_settings_of_many_dots_take_no_memory(text: str, tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (tmp_path / "config.toml").write_text(text)
    with pytest.raises(SettingsError, match=r"config\.toml is not TOML: line 1 has over 64 dots"):
        read_toml(tmp_path / "config.toml")
    if text.startswith("x"):
        assert parse_assignment(f"model.width={text[4:]}") == {"model": {"width": text[4:]}}
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


def test_settings_that_are_no_short_file_are_refused() -> None:
    with pytest.raises(SettingsError, match="over 65536 bytes"):
        parse_toml(b"# " + b"." * 70_000, Path("config.toml"))
    assert load_toml("# " + "." * 1000 + "\n[model]\nwidth = 2\n") == {"model": {"width": 2}}


def test_the_settings_of_a_run_are_no_pipe(tiny_run: TinyRun, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    os.mkfifo(tmp_path / "run" / "config.toml")
    with pytest.raises(NmtError, match="not a regular file"):
        RunFolder(tmp_path / "run").read_config()


@pytest.mark.parametrize("key", ["model.depth", "nonsense.width"])
def test_settings_of_a_run_that_do_not_exist_name_its_file(tmp_path: Path, key: str) -> None:
    section, _, name = key.partition(".")
    (tmp_path / "config.toml").write_text(f"[{section}]\n{name} = 1\n")
    with pytest.raises(SettingsError, match=r"config\.toml: there is no"):
        RunFolder(tmp_path).read_config()


def test_metrics_without_a_line_end_are_not_read_to_their_end(tmp_path: Path) -> None:
    """Uses a sparse file of a terabyte, which cannot be read to its end in a test."""
    run = RunFolder(tmp_path)
    run.metrics_path.write_bytes(b'{"event": "train"}\n')
    os.truncate(run.metrics_path, 1 << 40)
    assert run.rewind_metrics(10) == 1
    assert run.metrics_path.read_bytes() == b'{"event": "train"}\n'


def test_seconds_are_read_from_the_beginning_of_their_file(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.seconds_path.write_bytes(b"12.5\n")
    assert run.read_seconds() == 12.5
    os.truncate(run.seconds_path, 1 << 40)
    assert run.read_seconds() == 0.0
