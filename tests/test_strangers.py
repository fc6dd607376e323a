"""Models from strangers: whatever stands in their files, they work or are refused in one line, and soon.

``torture.strangers`` does the same with thousands of random mutations; here are a few of those, and the rules by name.
"""

import json
import os
import shutil
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from conftest import nmt
from safetensors.torch import load_file, save_file
from sentencepiece import SentencePieceProcessor
from torture.mutations import STRUCTURE, Maker, change_pieces
from torture.protobuf import Field, fields, serialised
from torture.strangers import CODES, LINE, Folder, MutatedModelArea, forked, tiny_models, use, write

from nmt import Translator
from nmt.config import ModelConfig, parse_assignment, parse_toml
from nmt.errors import DataError, MissingInputError, NmtError, SettingsError, shown
from nmt.show.about import about
from nmt.store.model_folder import ModelFolder, load_model, resolve_model_folder
from nmt.store.tensors import LARGEST_HEADER, read_header, read_tensors
from nmt.text import tokenizer
from nmt.text.manifest import LARGEST, read_manifest
from nmt.text.spm_format import read_pieces
from nmt.text.untrusted import read_small, strict_json

FILES = list(STRUCTURE)

linux = pytest.mark.skipif(sys.platform != "linux", reason="forks, and measures memory as Linux does")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Folder]:
    """A Transformer of one vocabulary, one of two, a recurrent model; their files as bytes."""
    folder = tmp_path_factory.mktemp("models")
    made = tiny_models(folder)
    write(folder / "model", made[0])
    use(folder / "model")  # so that a child has nothing to import
    return made


def refusal(folder: Path) -> NmtError:
    """The error that a model is refused with."""
    with pytest.raises(NmtError) as caught:
        Translator.load(folder, device="cpu", threads=1)
    assert caught.value.exit_code in CODES
    assert str(caught.value).isprintable()
    return caught.value


# --- the proof, a slice of it -----------------------------------------------------------------------------------------


@linux
@pytest.mark.parametrize("file", FILES)
def test_a_mutated_model_works_or_is_refused_in_one_line(file: str, tmp_path: Path) -> None:
    area = MutatedModelArea(file)
    assert area.run(tmp_path, area.quick, seed=4) == []
    assert area.outcomes.total() == area.quick


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
    end = forked(tmp_path / "model")
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
    """As the caches of other programs keep them."""
    write(tmp_path / "files", models[0])
    (tmp_path / "model").mkdir()
    for path in (tmp_path / "files").iterdir():
        (tmp_path / "model" / path.name).symlink_to(path)
    assert Translator.load(tmp_path / "model", device="cpu", threads=1)


def test_a_small_file_is_read_whole_and_a_larger_one_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    assert read_small(tmp_path / "file", 5) == b"12345"
    with pytest.raises(DataError, match="file has 5 bytes, over the 4"):
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
        ("a = " + "9" * 4000 + "\n" + CONFIG, "stands outside a section"),
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
        (CONFIG + "x" * 4096, "over the 4096"),
        ("[[model]]", "stands outside a section"),
        ("\ufeff" + CONFIG, "not TOML"),
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
    forked(tmp_path / "model")  # what is imported on this way
    end = forked(tmp_path / "model")
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


# --- tensors ----------------------------------------------------------------------------------------------------------


def safetensors_file(path: Path, header: Any, data: bytes = b"") -> Path:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(raw)) + raw + data)
    return path


def entry(shape: list[Any], begin: int, end: int, dtype: Any = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ({"a": entry([2], 0, 8), "b": entry([2], 4, 12)}, "b begins at byte 4, not 8"),
        ({"a": entry([2], 4, 12)}, "a begins at byte 4, not 0"),
        ({"a": entry([2], 0, 8)}, "its tensors have 8 bytes, not 12"),
        ({"a": entry([4], 0, 16)}, "its tensors have 16 bytes, not 12"),
        ({"a": entry([1 << 62, 4, 3], 0, 12)}, "tensor a has 12 bytes for"),
        ({"a": entry([1 << 32, 1 << 32], 0, 0)}, "tensor a has 0 bytes for"),
        ({"a": entry([0, 3], 0, 0), "b": entry([3], 0, 12)}, r"tensor a has the shape \[0, 3\]"),
        ({"a": entry([-3, -1], 0, 12)}, "has the shape"),
        ({"a": entry([3.0], 0, 12)}, "has the shape"),
        ({"a": entry([True, 3], 0, 12)}, "has the shape"),
        ({"a": entry([1] * 9 + [3], 0, 12)}, "has the shape"),
        ({"a": entry([3], 0, 1 << 64)}, "has the offsets"),
        ({"a": entry([3], 12, 0)}, "tensor a has -12 bytes"),
        ({"a": entry([12], 0, 12, "F8_E4M3")}, "has the type 'F8_E4M3'"),
        ({"a": entry([3], 0, 12, ["F32"])}, "has the type"),
        ({"a": entry([3], 0, 12) | {"x": 1}}, "is not a type, a shape and two offsets"),
        ({"a\x1b[31m": entry([3], 0, 12)}, r"a tensor is called 'a\\x1b"),
        ({"": entry([3], 0, 12)}, "a tensor is called ''"),
        ({"a" * 300: entry([3], 0, 12)}, "a tensor is called 'aaa"),
        ({"__metadata__": [], "a": entry([3], 0, 12)}, "not a table of tensors"),
        (b'{"a": 1, "a": 2}', "a key stands twice"),
        (b"[" * 100_000, "nested too deep"),
        (b"[]", "not a table of tensors"),
        (b'{"a": {"dtype": "F32", "shape": [1e999]}}', "a number is too large"),
    ],
    ids=lambda value: ascii(value)[:60],
)
def test_a_header_that_does_not_add_up_is_refused(header: Any, words: str, tmp_path: Path) -> None:
    path = safetensors_file(tmp_path / "x.safetensors", header, b"\0" * 12)
    with pytest.raises(DataError, match=rf"x\.safetensors.*{words}") as caught:
        read_tensors(path, {"a": torch.zeros(3)})
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300 + len(str(tmp_path))


@pytest.mark.parametrize("length", [0, 1, LARGEST_HEADER + 1, (1 << 40) - 8, (1 << 40) - 7, 1 << 63, (1 << 64) - 1])
def test_a_header_of_impossible_length_is_refused_unread(length: int, tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    with path.open("wb") as file:
        file.write(struct.pack("<Q", length))
        file.truncate(1 << 40)
    with pytest.raises(DataError, match=r"x\.safetensors is not a safetensors file of ours"):
        read_header(path)


def test_a_tensor_that_only_the_header_has_is_refused_before_it_is_allocated(tmp_path: Path) -> None:
    path = safetensors_file(tmp_path / "x.safetensors", {"a": entry([1 << 38], 0, 1 << 40)})
    os.truncate(path, path.stat().st_size + (1 << 40))
    assert read_header(path)["a"].shape == (1 << 38,)
    with pytest.raises(DataError, match=r"tensor a .* is \(274877906944,\) torch.float32, not \(2,\)"):
        read_tensors(path, {"a": torch.zeros(2, device="meta")})


def test_sound_tensors_of_every_type_are_read_as_they_were_written(tmp_path: Path) -> None:
    kinds = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool]
    tensors = {str(kind): torch.ones(2, 3).to(kind) for kind in kinds} | {"step": torch.tensor(3.0)}
    save_file(tensors, tmp_path / "x.safetensors", metadata={"made": "by hand"})
    found = read_tensors(tmp_path / "x.safetensors", {name: tensor.to("meta") for name, tensor in tensors.items()})
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("kind", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_one_value_that_is_no_number_is_found_anywhere(value: float, kind: torch.dtype, tmp_path: Path) -> None:
    for place in (0, 17, 99):
        tensor = torch.randn(100).to(kind)
        tensor[place] = value
        tensors = {"a": torch.ones(3), "b": tensor}
        save_file(tensors, tmp_path / "x.safetensors")
        with pytest.raises(DataError, match=r"tensor b in .*x\.safetensors has values that are not finite"):
            read_tensors(tmp_path / "x.safetensors", tensors)


def test_the_weights_of_a_model_are_what_its_file_says(models: list[Folder], tmp_path: Path) -> None:
    for model in models:
        write(tmp_path / "model", model)
        module = load_model(ModelFolder.open(tmp_path / "model"))
        wanted = load_file(tmp_path / "model" / "model.safetensors")
        found = module.state_dict()
        assert found.keys() == wanted.keys()
        assert all(torch.equal(found[name], wanted[name]) for name in wanted)


# --- the SentencePiece model ------------------------------------------------------------------------------------------

Change = Callable[[list[list[Field]], dict[int, list[Field]]], None]


def changed_model(model: bytes, change: Change) -> bytes:
    """The model with ``change`` made to its pieces, and to its other messages by field number."""
    top = fields(model)
    pieces = [fields(bytes(value)) for number, _, value in top if number == 1]
    others = {number: fields(bytes(value)) for number, _, value in top if number != 1}
    change(pieces, others)
    settings: list[Field] = [(number, 2, serialised(message)) for number, message in others.items()]
    return serialised([*((1, 2, serialised(piece)) for piece in pieces), *settings])


def piece(place: int, number: int, kind: int, value: int | bytes) -> Change:
    def change(pieces: list[list[Field]], others: dict[int, list[Field]]) -> None:
        kept = [field for field in pieces[place] if field[0] != number]
        pieces[place] = sorted([*kept, (number, kind, value)])

    return change


def setting(part: int, number: int, value: int | bytes) -> Change:
    def change(pieces: list[list[Field]], others: dict[int, list[Field]]) -> None:
        message = [field for field in others.get(part, []) if field[0] != number]
        others[part] = [*message, (number, 0 if isinstance(value, int) else 2, value)]

    return change


def number(value: float) -> bytes:
    return struct.pack("<f", value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (piece(270, 3, 0, 4), "a type that it should not have"),  # user-defined: a typed one would be no text
        (piece(270, 3, 0, 5), "a type that it should not have"),
        (piece(270, 3, 0, 3), "a type that it should not have"),
        (piece(10, 3, 0, 1), "a type that it should not have"),
        (piece(2, 3, 0, 1), "a type that it should not have"),
        (piece(270, 2, 5, number(float("nan"))), "score is not a number"),
        (piece(270, 2, 5, number(float("inf"))), "score is not a number"),
        (piece(270, 1, 2, b""), "is empty or has white space"),
        (piece(270, 1, 2, b"a\nb"), "is empty or has white space"),
        (piece(270, 1, 2, "a\u2028".encode()), "is empty or has white space"),
        (piece(270, 1, 2, b" a"), "is empty or has white space"),
        (piece(270, 1, 2, b"a\0b"), "is empty or has white space"),
        (piece(270, 1, 2, b"\xff"), "not UTF-8"),
        (piece(270, 1, 2, b"\xed\xa0\x80"), "not UTF-8"),
        (piece(270, 1, 2, b"<s>"), "has a piece twice"),
        (piece(270, 1, 2, b"x" * 121), "piece 270 is malformed"),
        (piece(270, 9, 0, 1), "piece 270 is malformed"),
        (piece(14, 1, 2, b"x"), "no pieces for bytes"),
        (piece(3, 1, 2, b"<end>"), "does not begin with"),
        (lambda pieces, others: pieces.pop(100), "no pieces for bytes"),
        (lambda pieces, others: pieces.append(pieces[-1]), "has a piece twice"),
        (lambda pieces, others: pieces.reverse(), "does not begin with"),
        (lambda pieces, others: pieces.clear(), "not a SentencePiece model"),
        (setting(2, 3, 4), "setting 3 of its trainer"),  # characters
        (setting(2, 24, 1), "setting 24 of its trainer"),
        (setting(2, 31, b"<s>"), "setting 31 of its trainer"),
        (setting(2, 35, 0), "setting 35 of its trainer"),
        (setting(2, 40, 0), "setting 40 of its trainer"),
        (setting(2, 43, 1 << 40), "setting 43 of its trainer"),
        (setting(2, 46, b"the"), "setting 46 of its trainer"),
        (setting(3, 2, b"\x04\0\0\0\0\0\0\0"), "setting 2 of its normalizer"),
        (setting(3, 3, 0), "setting 3 of its normalizer"),
        (setting(3, 9, 0), "setting 9 of its normalizer"),
        (setting(5, 2, b"\x04\0\0\0\0\0\0\0"), "setting 2 of its normalizer"),
        (setting(4, 1, b""), "has other parts"),
        (setting(200, 1, b""), "has other parts"),
        (lambda pieces, others: others.pop(2), "has other parts"),
        (lambda pieces, others: others.pop(3), "has other parts"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_vocabulary_that_is_none_of_ours_is_refused(models: list[Folder], change: Change, words: str) -> None:
    for model in models:
        with pytest.raises(ValueError, match=words) as caught:
            read_pieces(changed_model(model["tokenizer.model"], change))
        assert str(caught.value).isprintable()


def test_a_vocabulary_cut_anywhere_is_refused(models: list[Folder]) -> None:
    model = models[0]["tokenizer.model"]
    for length in range(len(model)):
        with pytest.raises(ValueError, match=r"."):
            read_pieces(model[:length])


def test_what_the_reader_lets_through_sentencepiece_reads_alike(models: list[Folder]) -> None:
    """Thousands of mutations, of which few pass; those mean the same to both, and a typed <s> is text to them."""
    passed = 0
    for trial in range(1500):
        model = change_pieces(models[trial % 3]["tokenizer.model"], Random(trial))
        try:
            pieces = read_pieces(model)
        except ValueError:
            continue
        passed += 1
        made = tokenizer.Tokenizer(model, "model")
        assert made.pieces(range(made.size)) == pieces
        assert made.control_ids() == [0, 1, 2, 3]
        assert made.decode(made.encode([LINE])) == [LINE]
    assert passed > 10


def test_a_large_vocabulary_has_every_piece_in_its_place() -> None:
    pieces = ["<pad>", "<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    pieces += [f"▁{number}" for number in range(32_000)]
    kinds = [3, 2, 3, 3, *[6] * 256, *[1] * 32_000]
    messages: list[list[Field]] = [
        [(1, 2, text.encode()), (2, 5, number(-1.0)), *([] if kind == 1 else [(3, 0, kind)])]
        for text, kind in zip(pieces, kinds, strict=True)
    ]
    trainer: list[Field] = [(3, 0, 1), (35, 0, 1), (40, 0, 1), (41, 0, 2), (42, 0, 3), (43, 0, 0)]
    model = serialised([*((1, 2, serialised(one)) for one in messages), (2, 2, serialised(trainer)), (3, 2, b"")])
    assert read_pieces(model) == pieces
    assert tokenizer.Tokenizer(model, "large").size == len(pieces)
