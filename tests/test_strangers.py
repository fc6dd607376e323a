"""Models from strangers: whatever their files contain, they work or are refused in one line, quickly.

``torture.strangers`` does the same with thousands of random mutations; here each rule is tested.
"""

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import nmt
from safetensors.torch import load_file
from sentencepiece import SentencePieceProcessor
from torture.mutations import STRUCTURE, Maker
from torture.strangers import CODES, Folder, MutatedModelArea, forked, tiny_models, use, write

from nmt import Translator
from nmt.config import ModelConfig
from nmt.disk.manifest import LARGEST, read_manifest
from nmt.disk.untrusted import read_small, strict_json
from nmt.errors import DataError, MissingInputError, NmtError, SettingsError, shown
from nmt.settings_file import parse_assignment, parse_toml
from nmt.show.about import about
from nmt.store.model_folder import ModelFolder, load_model, resolve_model_folder
from nmt.text import tokenizer

FILES = list(STRUCTURE)

linux = pytest.mark.skipif(sys.platform != "linux", reason="forks, and measures memory as Linux does")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Folder]:
    """A joint Transformer, a Transformer with two vocabularies and a recurrent model, as bytes of their files."""
    folder = tmp_path_factory.mktemp("models")
    made = tiny_models(folder)
    write(folder / "model", made[0])
    use(folder / "model", "auto")  # so that a child has nothing to import
    return made


def refusal(folder: Path) -> NmtError:
    """The error when the model is loaded."""
    with pytest.raises(NmtError) as caught:
        Translator.load(folder, device="cpu", threads=1)
    assert caught.value.exit_code in CODES
    assert str(caught.value).isprintable()
    return caught.value


# --- the proof notices what it must -----------------------------------------------------------------------------------


@linux
def test_the_proof_notices_that_hashes_are_not_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nmt.store.model_folder.check_file", lambda *args, **kwargs: None)
    failures = MutatedModelArea("model.safetensors").run(tmp_path, 60, seed=4)
    assert any("the hashes were wrong, and it worked" in failure for failure in failures)


@linux
def test_the_proof_notices_that_sentencepiece_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def trusting(model: bytes) -> list[str]:
        try:
            trusted = SentencePieceProcessor(model_proto=model)
        except RuntimeError as error:
            raise ValueError("is refused by SentencePiece") from error
        return [trusted.id_to_piece(id) for id in range(trusted.get_piece_size())]

    monkeypatch.setattr(tokenizer, "read_pieces", trusting)
    failures = MutatedModelArea("tokenizer.model").run(tmp_path, 100, seed=4)
    assert any("text does not survive" in failure or "a special piece" in failure for failure in failures)


@linux
@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (lambda: 1 / 0, "ZeroDivisionError"),
        (lambda: os.kill(os.getpid(), 9), "signal 9"),
        (lambda: all(iter(int, 1)) or [None for _ in iter(int, 1)], "signal 27"),
        (lambda: bytearray(300_000_000), "bytes for a file"),
        (lambda: bytearray(1 << 40), "MemoryError"),
    ],
    ids=["exception", "signal", "time", "memory", "much memory"],
)
def test_the_proof_notices_a_program_that(
    bad: Callable[[], object], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent, kept = os.getpid(), []

    def opened(folder: Path) -> NmtError:
        if os.getpid() != parent:
            kept.append(bad())
        raise DataError("bad", "mend it")

    monkeypatch.setattr(ModelFolder, "open", opened)
    (failure,) = MutatedModelArea("config.toml").run(tmp_path, 1, seed=4)
    assert words in failure


# --- files that are none ----------------------------------------------------------------------------------------------


def link(target: str) -> Maker:
    return lambda path: path.symlink_to(target)


@linux
@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize(
    "maker", [os.mkfifo, Path.mkdir, link("/dev/zero"), link("/proc/kmsg"), link("/proc/self/mem")]
)
def test_what_is_not_a_file_neither_hangs_nor_feeds_the_program(
    models: list[Folder], file: str, maker: Maker, tmp_path: Path
) -> None:
    write(tmp_path / "model", models[0], file, maker, rewritten=file != "manifest.json")
    end = forked(tmp_path / "model", "torch")
    assert (end.status, [said[0] for said in end.said]) == ("", [65, 65])
    assert file in end.said[1][1]


@pytest.mark.parametrize("file", ["config.toml", "tokenizer.model", "model.safetensors", "manifest.json"])
def test_a_file_of_terabytes_is_refused_unread(models: list[Folder], file: str, tmp_path: Path) -> None:
    def sparse(path: Path) -> None:
        with path.open("wb") as stream:
            stream.truncate(1 << 40)

    write(tmp_path / "model", models[0], file, sparse, rewritten=file != "manifest.json")
    assert f"{file} has 1099511627776 bytes, over the" in str(refusal(tmp_path / "model"))


def test_a_model_of_links_to_files_loads(models: list[Folder], tmp_path: Path) -> None:
    """Caches of other programs store models as links."""
    write(tmp_path / "files", models[0])
    (tmp_path / "model").mkdir()
    for path in (tmp_path / "files").iterdir():
        (tmp_path / "model" / path.name).symlink_to(path)
    assert Translator.load(tmp_path / "model", device="cpu", threads=1)


def test_a_small_file_is_read_whole_and_a_larger_one_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    assert read_small(tmp_path / "file", 5) == b"12345"
    with pytest.raises(DataError, match="file has 5 bytes, over the limit of 4;"):
        read_small(tmp_path / "file", 4)
    with pytest.raises(MissingInputError, match="no file"):
        read_small(tmp_path / "file" / "inside", 4)


# --- pickles ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["model.pt", "checkpoint_best.pt", "x.ckpt", "pytorch_model.bin", "model.pkl"])
def test_a_pickle_is_refused_as_a_file_and_in_a_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\x80\x04.")
    for path in (tmp_path / name, tmp_path):
        with pytest.raises(DataError, match="pickle files are never loaded"):
            resolve_model_folder(path)
    (tmp_path / "run").mkdir()
    shutil.move(tmp_path / name, tmp_path / "run" / "model")
    with pytest.raises(MissingInputError, match="no model in"):
        resolve_model_folder(tmp_path)


def test_every_command_refuses_a_pickle_with_65(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(1)}, tmp_path / "model.pt")
    for command in (("translate", tmp_path / "model.pt"), ("inspect", tmp_path), ("evaluate", tmp_path, "data/test")):
        done = nmt(*command, input="")
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (65, "", 1)
        assert "pickle files are never loaded" in done.stderr


def test_every_command_refuses_a_bad_model_alike(models: list[Folder], tmp_path: Path) -> None:
    folder = tmp_path / "model"
    write(folder, models[0], "config.toml", b"a = " + b"[" * 3000, rewritten=True)
    said = set()
    for command in ("translate {}", "inspect {}", "inspect {} --text x", "evaluate {} data/test"):
        done = nmt(*command.format(folder).split(), input="")
        assert (done.returncode, done.stdout) == (65, "")
        said.add(done.stderr)
    with pytest.raises(DataError) as caught:
        Translator.load(folder)
    assert said == {f"nmt: error: {caught.value}\n"}


# --- the manifest -----------------------------------------------------------------------------------------------------


def test_hashes_find_an_accident_in_every_file(models: list[Folder], tmp_path: Path) -> None:
    for model in models:
        for file in model:
            if file != "manifest.json":
                changed = bytearray(model[file])
                changed[len(changed) // 2] ^= 1
                write(tmp_path / "model", model, file, bytes(changed))
                assert f"{file} has changed" in str(refusal(tmp_path / "model"))
                with pytest.raises(DataError, match=f"{file} has changed"):
                    about(ModelFolder.open(tmp_path / "model"))


def test_a_file_that_the_manifest_does_not_list_is_not_read(models: list[Folder], tmp_path: Path) -> None:
    write(tmp_path / "model", models[0])
    manifest = json.loads(models[0]["manifest.json"])
    (tmp_path / "model" / "tokenizer.target.model").write_bytes(b"nonsense")
    assert ModelFolder.open(tmp_path / "model").joint
    for file in manifest["files"]:
        left = {name: fact for name, fact in manifest["files"].items() if name != file}
        (tmp_path / "model" / "manifest.json").write_text(json.dumps(manifest | {"files": left}))
        assert f"does not list {file}" in str(refusal(tmp_path / "model"))


def test_a_missing_second_vocabulary_is_not_taken_for_a_joint_one(models: list[Folder], tmp_path: Path) -> None:
    write(tmp_path / "model", models[1])
    (tmp_path / "model" / "tokenizer.target.model").unlink()
    assert "tokenizer.target.model is missing" in str(refusal(tmp_path / "model"))


FACT: dict[str, Any] = {"sha256": "0" * 64, "bytes": 1}


@pytest.mark.parametrize(
    "files",
    [
        *({name: FACT} for name in (".", "a\x1b[31m", "a\nb", "\ud800", "\u202e", "/a", "a/../b")),
        {"a": {"sha256": "0" * 63, "bytes": 1}},
        {"a": {"sha256": "0" * 64, "bytes": 1 << 63}},
        {"a": {"sha256": "0" * 64, "bytes": -1}},
        {"a": {"sha256": "0" * 64, "bytes": True}},
        {str(number): FACT for number in range(LARGEST // 90)},
    ],
    ids=lambda files: ascii(files)[:30],
)
def test_a_manifest_of_odd_names_sizes_or_numbers_is_refused(files: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({"files": files}))
    with pytest.raises(DataError, match=r"manifest\.json") as caught:
        read_manifest(tmp_path, verify=False)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "raw",
    [
        b"\xff",
        b"[1e999]",
        b"[-Infinity]",
        b"[NaN]",
        b"[" * 100_000,
        b"9" * 5000,
        b'{"a": 1, "a": 1}',
        b"\xef\xbb\xbf{}",
        b"",
    ],
    ids=lambda raw: ascii(raw[:12]),
)
def test_json_that_means_nothing_certain_is_a_value_error(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        strict_json(raw)


# --- settings ---------------------------------------------------------------------------------------------------------

CONFIG = '[model]\nwidth = 16\nheads = 2\n[languages]\nsource = "ko"\ntarget = "en"\n'


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("a = " + "[" * 3000, "nested too deep"),
        ("a = " + "9" * 4000 + "\n" + CONFIG, "is outside a section"),
        (CONFIG.replace("16", "9" * 3000), "model.width is 999"),
        (CONFIG.replace("16", "0x" + "F" * 4000)[:4090], "config.toml"),
        (CONFIG.replace("width = 16", "dropout = 0x" + "F" * 3800), "model.dropout is a int too large to be shown"),
        (CONFIG.replace("16", "nan"), "model.width is nan"),
        (CONFIG.replace("16", "1979-05-27"), "model.width is datetime"),
        (CONFIG.replace("width", "'wi\\u0007dth'"), "no model setting"),
        (CONFIG.replace("width", '"\\u001b[31mwidth"'), "no model setting"),
        (CONFIG.replace('"ko"', '"\\u001b[31m"'), "names no source"),
        (CONFIG.replace('"ko"', '"../../etc"'), "names no source"),
        (CONFIG.replace('"ko"', '"' + "k" * 33 + '"'), "names no source"),
        (CONFIG.replace('"en"', "7"), "names no target"),
        (CONFIG.replace("languages", "language"), "names no source"),
        (CONFIG.replace("width = 16", 'family = "\\u001b[31m"'), "names no family"),
        (CONFIG + "x" * 4096, "over the limit of 4096"),
        ("[[model]]", "is outside a section"),
    ],
    ids=lambda value: ascii(value)[:24],
)
def test_settings_of_a_stranger_are_refused_in_one_short_line(
    models: list[Folder], config: str, words: str, tmp_path: Path
) -> None:
    write(tmp_path / "model", models[0], "config.toml", config.encode(), rewritten=True)
    said = str(refusal(tmp_path / "model"))
    assert words in said
    assert len(said) < 400


@linux
@pytest.mark.parametrize("family", ["transformer", "recurrent"])
def test_a_model_that_would_be_vast_is_refused_before_it_is_made(
    models: list[Folder], family: str, tmp_path: Path
) -> None:
    shape = dict(width=16384, feed_forward=65536, encoder_layers=128, decoder_layers=128, heads=256)
    lines = [f"{name} = {value}" for name, value in shape.items()] + [f'family = "{family}"']
    if family == "recurrent":
        lines.append('attention_score = "general"')
    config = CONFIG.replace("width = 16\nheads = 2", "\n".join(lines))
    write(tmp_path / "model", models[0], "config.toml", config.encode(), rewritten=True)
    forked(tmp_path / "model", "torch")  # what is imported on this way
    end = forked(tmp_path / "model", "torch")
    assert (end.status, len(end.said[1])) == ("", 2)
    assert end.grown < 200_000_000


def test_settings_of_a_person_are_refused_too_when_they_are_too_large_to_be_anything(tmp_path: Path) -> None:
    for text in ("a = " + "[" * 50_000, "[model]\nwidth = " + "9" * 5000):
        with pytest.raises(SettingsError, match="not TOML"):
            parse_toml(text.encode(), tmp_path)
    assert parse_assignment("model.width=" + "9" * 5000) == {"model": {"width": "9" * 5000}}
    with pytest.raises(SettingsError, match=r"model\.dropout is a int"):
        ModelConfig(dropout=1 << 20_000)


def test_what_is_shown_of_a_value_is_short_and_obeyed_by_no_terminal() -> None:
    for value in ("x" * 1000, "\x1b]0;title\x07", "\u202e", "\ud800", 1 << 20_000, [[0] * 1000], "\n"):
        assert len(shown(value)) <= 61
        assert shown(value).isprintable()


def test_the_weights_of_a_model_are_what_its_file_says(models: list[Folder], tmp_path: Path) -> None:
    for model in models:
        write(tmp_path / "model", model)
        module = load_model(ModelFolder.open(tmp_path / "model"))
        wanted = load_file(tmp_path / "model" / "model.safetensors")
        actual = module.state_dict()
        assert actual.keys() == wanted.keys()
        assert all(torch.equal(actual[name], wanted[name]) for name in wanted)
