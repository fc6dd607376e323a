"""``nmt export``: models in one file and for Argos Translate, their cards, and files of strangers that are refused."""

import errno
import json
import os
import shutil
import stat
import struct
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import CORPUS, TinyRun, nmt
from typer.testing import CliRunner

from nmt.cli import app
from nmt.config import SearchOptions
from nmt.decoding.engine import length_limit
from nmt.decoding.translator import Translator
from nmt.disk.debris import discard_unfinished
from nmt.errors import CannotCreateError, DataError, SettingsError
from nmt.store.archive import LARGEST_DIRECTORY, MOST, write_archive
from nmt.store.exports import Export
from nmt.store.model_folder import MOST_ORIGINS, ModelFolder
from nmt.store.packed import unpacked
from nmt.text.lines import one_line

LINES = ["나는 학생이다.", "그가 집에 왔을 때 그녀는 음악을 듣고 있었다.", "", "집"]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def packed(tiny_run: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny run's model in one file; read-only."""
    path = tmp_path_factory.mktemp("packed") / "model.nmt.zip"
    export(tiny_run.run, path, "zip")
    return path


def export(run: Path, out: Path, to: str, *flags: str | Path) -> str:
    made = CliRunner().invoke(app, ["export", *map(str, (run, "--to", to, "-o", out, *flags))])
    assert made.exit_code == 0, made.output
    return made.stderr


def entries(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {entry.filename: archive.read(entry) for entry in archive.infolist()}


def write(path: Path, files: dict[str, bytes], kind: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


# --- one file ---------------------------------------------------------------------------------------------------------


def test_every_command_reads_a_model_in_one_file_as_the_folder(tiny_run: TinyRun, packed: Path, tmp_path: Path) -> None:
    source, pairs = tmp_path / "lines.ko", tmp_path / "pairs"
    source.write_text("\n".join(LINES) + "\n", encoding="utf-8")
    for language in ("ko", "en"):
        shutil.copy(CORPUS / f"test.{language}", f"{pairs}.{language}")
        lines = Path(f"{pairs}.{language}").read_text(encoding="utf-8").splitlines(keepends=True)[:4]
        Path(f"{pairs}.{language}").write_text("".join(lines), encoding="utf-8")
    commands: list[Callable[[Path], list[str | Path]]] = [
        lambda model: ["translate", model, source, "--threads", "1"],
        lambda model: ["score", model, pairs, "--threads", "1"],
        lambda model: ["evaluate", model, pairs, "--threads", "1", "--json"],
        lambda model: ["inspect", model, "--text", "나는 학생이다."],
    ]
    for command in commands:
        first, second = (CliRunner().invoke(app, list(map(str, command(model)))) for model in (tiny_run.run, packed))
        assert (first.exit_code, second.exit_code) == (0, 0), second.output
        assert first.stdout == second.stdout
    compared = nmt("evaluate", tiny_run.run, pairs, "--threads", "1", "--json", "--baseline", packed)
    (found,) = json.loads(compared.stdout)["sets"]
    assert found["baselines"][0]["chrf"]["score"] == found["chrf"]["score"]
    assert ModelFolder.open(packed).digest == ModelFolder.open(tiny_run.run).digest


def test_a_run_begins_with_a_model_in_one_file(tiny_run: TinyRun, packed: Path, tmp_path: Path) -> None:
    flags = ["--steps", "1", "--threads", "1", "--device", "cpu", "--quiet", "--set=training.odd_input=0"]
    for name, model in (("folder", tiny_run.run), ("file", packed)):
        made = nmt("train", tiny_run.data, "-o", tmp_path / name, "--init", model, "--teacher", model, *flags)
        assert made.returncode == 0, made.stderr
    first, second = ((tmp_path / name / "model/model.safetensors").read_bytes() for name in ("folder", "file"))
    assert first == second


def test_the_copy_in_the_cache_is_used_again_and_made_again_when_damaged(packed: Path) -> None:
    folder = unpacked(packed)
    weights = folder / "model.safetensors"
    before = weights.stat().st_mtime_ns, weights.read_bytes()
    assert unpacked(packed) == folder
    assert weights.stat().st_mtime_ns == before[0]
    weights.write_bytes(b"damaged")
    assert unpacked(packed) == folder
    assert weights.read_bytes() == before[1]


def test_a_whole_copy_in_a_cache_that_is_read_only_is_used(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = unpacked(packed)
    before = folder.stat()

    def read_only(path: Path) -> None:  # as a mount is, which takes root to make
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)

    monkeypatch.setattr(os, "utime", read_only)
    assert unpacked(packed) == folder
    assert folder.stat() == before


def test_the_same_model_gives_the_same_bytes(tiny_run: TinyRun, packed: Path, tmp_path: Path) -> None:
    export(tiny_run.run, tmp_path / "again.nmt.zip", "zip")
    assert (tmp_path / "again.nmt.zip").read_bytes() == packed.read_bytes()


@pytest.mark.parametrize("room", [0, -1])
def test_what_would_be_too_large_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    (tmp_path / "weights").write_bytes(bytes(100_000))
    files: dict[str, Path | bytes] = {"README.md": b"hello", "weights": tmp_path / "weights"}
    write_archive(tmp_path / "known.zip", files, "zip", "0" * 64)
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", (tmp_path / "known.zip").stat().st_size + room)  # as if 2 GiB were it
    if room < 0:
        monkeypatch.setattr("nmt.store.archive.create_binary", lambda *_: pytest.fail("it was begun"))
        with pytest.raises(SettingsError, match="over 2 GiB"):
            write_archive(tmp_path / "out.zip", files, "zip", "0" * 64)
    else:
        write_archive(tmp_path / "out.zip", files, "zip", "0" * 64)
        assert (tmp_path / "out.zip").read_bytes() == (tmp_path / "known.zip").read_bytes()


def ending(data: bytes, **changed: int) -> bytes:
    """The archive without its comment, with fields of its last record changed."""
    names = ["sign", "disk", "first", "here", "entries", "length", "begin", "comment"]
    record = struct.Struct("<4s4H2LH")
    place = data.rindex(b"PK\x05\x06")
    fields = dict(zip(names, record.unpack_from(data, place), strict=True)) | {"comment": 0}
    return data[:place] + record.pack(*(fields | changed).values())


def second_end(raw: bytes) -> bytes:
    """The archive with a list of entries that ends as one of the form for over 2 GiB, which tells another place."""
    plain = ending(raw)
    place = plain.rindex(b"PK\x05\x06")
    length, _ = struct.unpack_from("<2L", plain, place + 12)
    longer = ending(plain, length=length + 20)
    return longer[:place] + struct.pack("<4sLQL", b"PK\x06\x07", 0, 0, 1) + longer[place:]


BAD: dict[str, Callable[[dict[str, bytes], bytes, Path], object]] = {
    "cut off": lambda files, raw, path: path.write_bytes(raw[: len(raw) // 2]),
    "empty": lambda files, raw, path: path.write_bytes(b""),
    "no archive": lambda files, raw, path: path.write_bytes(b"x" * 5000),
    "compressed": lambda files, raw, path: write(path, files, zipfile.ZIP_DEFLATED),
    "a bomb": lambda files, raw, path: write(path, files | {"words.bin": bytes(1 << 27)}, zipfile.ZIP_DEFLATED),
    "a path": lambda files, raw, path: write(path, files | {"../evil": b"x"}),
    "an absolute path": lambda files, raw, path: write(path, files | {"/tmp/evil": b"x"}),
    "a folder": lambda files, raw, path: write(path, files | {"sub/evil": b"x"}),
    "a hidden file": lambda files, raw, path: write(path, files | {".bashrc": b"x"}),
    "another file": lambda files, raw, path: write(path, files | {"evil.txt": b"x"}),
    "no manifest": lambda files, raw, path: write(path, {name: files[name] for name in files if name[0] != "m"}),
    "a file less": lambda files, raw, path: write(path, {name: files[name] for name in files if name[0] != "w"}),
    "a long manifest": lambda files, raw, path: write(path, files | {"manifest.json": bytes(2 << 20)}),
    "a manifest of no model": lambda files, raw, path: write(
        path, files | {"manifest.json": files["manifest.json"].replace(b'"model"', b'"other"', 1)}
    ),
    "other bytes": lambda files, raw, path: write(path, files | {"words.bin": files["words.bin"][::-1]}),
    "other size": lambda files, raw, path: write(path, files | {"words.bin": files["words.bin"] + b"x"}),
    "many entries": lambda files, raw, path: write(path, files | {f"a{number}": b"" for number in range(MOST)}),
    "a flipped bit": lambda files, raw, path: path.write_bytes(raw.replace(b"<unk>", b"<unj>", 1)),
    "a list without end": lambda files, raw, path: path.write_bytes(ending(raw, length=LARGEST_DIRECTORY + 1)),
    "a list elsewhere": lambda files, raw, path: path.write_bytes(b"x" + ending(raw)),
    "a second end": lambda files, raw, path: path.write_bytes(second_end(raw)),
    "two disks": lambda files, raw, path: path.write_bytes(ending(raw, disk=1)),
    "more entries than there are": lambda files, raw, path: path.write_bytes(ending(raw, here=60, entries=60)),
}


@pytest.mark.parametrize("change", BAD.values(), ids=BAD)
def test_a_bad_file_is_refused_in_one_line_and_leaves_nothing(
    packed: Path, tmp_path: Path, cache: Path, change: Callable[[dict[str, bytes], bytes, Path], object]
) -> None:
    path = tmp_path / "bad.nmt.zip"
    change(entries(packed), packed.read_bytes(), path)
    refused = nmt("inspect", path)
    assert refused.returncode == 65, refused.stdout
    assert refused.stderr.startswith(f"nmt: error: {path} ")
    assert refused.stderr.count("\n") == 1
    assert not [each for each in cache.rglob("*") if each.is_file() and each.name != "unpacking"]  # the lock
    assert not (tmp_path / "evil").exists()


def test_nothing_is_unpacked_of_a_file_with_a_wrong_size(
    packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nmt.store.archive.Archive.copy", lambda *_: pytest.fail("it was unpacked"))
    last = list(json.loads(entries(packed)["manifest.json"])["files"])[-1]
    path = write(tmp_path / "bad.nmt.zip", entries(packed) | {last: b"x"})
    with pytest.raises(DataError, match="has 1 bytes, not"):
        unpacked(path)


def test_a_link_in_the_archive_is_a_file_of_its_text(packed: Path, tmp_path: Path) -> None:
    path = tmp_path / "link.nmt.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries(packed).items():
            entry = zipfile.ZipInfo(name)
            entry.create_system, entry.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
            archive.writestr(entry, content)
    folder = unpacked(path)
    assert not any(each.is_symlink() for each in folder.iterdir())


def test_a_zip_that_holds_a_model_of_an_older_version_says_so(packed: Path, tmp_path: Path) -> None:
    files = entries(packed)
    manifest = json.loads(files["manifest.json"]) | {"format": 3}
    path = write(tmp_path / "old.nmt.zip", files | {"manifest.json": json.dumps(manifest).encode()})
    with pytest.raises(DataError, match="has format 3"):
        ModelFolder.open(path)


# --- for Argos Translate ----------------------------------------------------------------------------------------------


def as_argos(package: Path, folder: Path, lines: list[str], limits: list[int]) -> list[str]:
    """What argostranslate 1.11 makes of single sentences, by its ``translate.py`` and ``tokenizer.py``.

    It leaves the limit of pieces as CTranslate2 has it, at 256, which a model that is hardly trained exhausts.
    """
    import ctranslate2
    import sentencepiece

    with zipfile.ZipFile(package) as archive:
        archive.extractall(folder)
    (root,) = folder.iterdir()
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(root / "sentencepiece.model"))
    model = ctranslate2.Translator(str(root / "model"), compute_type="default", intra_threads=1)
    means = {"max_batch_size": 32, "batch_type": "tokens", "beam_size": 4, "num_hypotheses": 1, "length_penalty": 0.2}
    texts = []
    for line, limit in zip(lines, limits, strict=True):
        source = [pieces.encode(line, out_type=str)]
        (found,) = model.translate_batch(source, replace_unknowns=True, max_decoding_length=limit, **means)
        texts.append(pieces.decode_pieces(found.hypotheses[0]).replace("▁", " ").replace("_", " "))
    return texts


def test_a_package_gives_the_lines_of_nmt(tiny_run: TinyRun, tmp_path: Path) -> None:
    package = tmp_path / "x.argosmodel"
    export(tiny_run.run, package, "argos")
    lines = (CORPUS / "test.ko").read_text(encoding="utf-8").splitlines()[:40]
    options = SearchOptions(beam_size=4, length_penalty=0.2, max_length_factor=0.5)
    ours = list(Translator.load(tiny_run.run, options, engine="ctranslate2", threads=1).translate(lines))
    limits = [length_limit(each.source_pieces, 0.5) for each in ours]
    theirs = as_argos(package, tmp_path / "installed", lines, limits)
    assert [each.text for each in ours] == list(map(one_line, theirs))
    metadata = json.loads(entries(package)["translate-ko_en/metadata.json"])
    assert (metadata["from_code"], metadata["from_name"], metadata["to_code"]) == ("ko", "Korean", "en")


def test_a_model_of_two_vocabularies_is_no_package(tiny_run: TinyRun, tmp_path: Path) -> None:
    copy = tmp_path / "model"
    shutil.copytree(tiny_run.run / "model", copy)
    manifest = json.loads((copy / "manifest.json").read_text(encoding="utf-8"))
    manifest["files"]["tokenizer.target.model"] = manifest["files"]["tokenizer.model"]
    (copy / "tokenizer.target.model").write_bytes((copy / "tokenizer.model").read_bytes())
    (copy / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    refused = nmt("export", copy, "--to", "argos", "-o", tmp_path / "x.argosmodel")
    assert refused.returncode == 78
    assert "one vocabulary" in refused.stderr
    assert not (tmp_path / "x.argosmodel").exists()


def test_a_signal_leaves_no_weights_among_temporary_files(
    tiny_run: TinyRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    seen = []

    def stopped(*arguments: object) -> None:
        seen.append(len(list(tmp_path.glob("*/model.bin"))))
        discard_unfinished()  # what the handler of signals does
        seen.append(len(list(tmp_path.iterdir())))

    monkeypatch.setattr("nmt.store.argos.write_archive", stopped)
    Export(ModelFolder.open(tiny_run.run), "argos").write(tmp_path / "x.argosmodel")
    assert seen == [1, 0]


# --- cards and make-like exports --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("to", "name"), [("zip", "x.nmt.zip"), ("argos", "x.argosmodel"), ("ctranslate2", "x")])
def test_an_export_is_made_again_only_when_something_changed(
    tiny_run: TinyRun, tmp_path: Path, to: str, name: str
) -> None:
    out, more = tmp_path / name, tmp_path / "more.md"
    assert export(tiny_run.run, out, to) == f"nmt: wrote {out}\n"
    made = out.stat()
    assert export(tiny_run.run, out, to) == f"nmt: {out} is up to date\n"
    assert (out.stat().st_mtime_ns, out.stat().st_ino) == (made.st_mtime_ns, made.st_ino)
    more.write_text("## Intended for\n\nTests.\n", encoding="utf-8")
    assert export(tiny_run.run, out, to, "--card", more) == f"nmt: wrote {out}\n"
    card = next(text for path, text in files_of(out).items() if path.endswith("README.md")).decode()
    assert card.endswith("\n## Intended for\n\nTests.\n")
    for fact in ("Korean (ko) → English (en)", "300 training pairs", "## Licence\n\nMIT", "| BLEU |", "nmt 0.2.0"):
        assert fact in card


@pytest.mark.parametrize(
    ("to", "number", "is_of_it"), [("zip", "LAYOUT", True), ("argos", "FORMAT", True), ("zip", "FORMAT", False)]
)
def test_an_export_of_an_older_layout_is_out_of_date(
    tiny_run: TinyRun, monkeypatch: pytest.MonkeyPatch, to: str, number: str, is_of_it: bool
) -> None:
    made = Export(ModelFolder.open(tiny_run.run), to)
    before = made.recipe
    monkeypatch.setattr(f"nmt.store.exports.{number}", 99)
    assert (made.recipe != before) == is_of_it


def files_of(out: Path) -> dict[str, bytes]:
    if out.is_file():
        return entries(out)
    return {path.name: path.read_bytes() for path in out.iterdir()}


@pytest.mark.parametrize(("to", "name"), [("zip", "x.nmt.zip"), ("argos", "x.argosmodel"), ("ctranslate2", "x")])
def test_an_export_replaces_nothing_else(tiny_run: TinyRun, tmp_path: Path, to: str, name: str) -> None:
    out = tmp_path / name
    if to == "ctranslate2":
        out.mkdir()
        (out / "thesis.txt").write_text("all of it", encoding="utf-8")
    else:
        write(out, {"thesis.txt": b"all of it"})
    before = files_of(out)
    refused = nmt("export", tiny_run.run, "--to", to, "-o", out)
    assert (refused.returncode, refused.stderr.count("\n")) == (73, 1), refused.stderr
    assert files_of(out) == before


@pytest.mark.parametrize(("to", "other"), [("zip", "argos"), ("argos", "zip")])
def test_an_export_replaces_none_of_another_kind(tiny_run: TinyRun, tmp_path: Path, to: str, other: str) -> None:
    out = tmp_path / "x.zip"
    export(tiny_run.run, out, to)
    before = out.read_bytes()
    refused = CliRunner().invoke(app, ["export", str(tiny_run.run), "--to", other, "-o", str(out)])
    assert isinstance(refused.exception, CannotCreateError)
    assert f"is an export to {to}" in str(refused.exception)
    assert out.read_bytes() == before


def test_a_damaged_export_is_made_again(tiny_run: TinyRun, packed: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.nmt.zip"
    out.write_bytes(packed.read_bytes().replace(b"<unk>", b"<unj>", 1))
    assert export(tiny_run.run, out, "zip") == f"nmt: wrote {out}\n"
    assert out.read_bytes() == packed.read_bytes()


def test_facts_of_a_stranger_are_plain_text_on_a_card(tiny_run: TinyRun, tmp_path: Path) -> None:
    copy = tmp_path / "model"
    shutil.copytree(tiny_run.run / "model", copy)
    manifest = json.loads((copy / "manifest.json").read_text(encoding="utf-8"))
    manifest |= {
        "licence": "<img src=x onerror=y> [free](evil)",
        "program": "a\nb | c",
        "origins": ["[x](evil)", 7, "", "a\nb", *["many"] * 99],
        "training": 5,
        "validation": [],
    }
    (copy / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    export(copy, tmp_path / "x.nmt.zip", "zip")
    card = entries(tmp_path / "x.nmt.zip")["README.md"].decode()
    assert r"\<img src=x onerror=y\> \[free\](evil)" in card
    assert "It was not validated." in card
    assert r"- \[x\](evil)" in card
    assert 0 < card.count("- many") <= MOST_ORIGINS
    assert "a\nb" not in card


def test_flags_that_do_not_fit_are_usage_errors(tiny_run: TinyRun, tmp_path: Path) -> None:
    for flags in (
        ["--to", "zip", "-o", "model.bin"],
        ["--to", "argos", "-o", "x.argosmodel.gz"],
        ["--to", "argos", "-o", "x.argosmodel.xz"],
        ["--to", "zip", "-o", "x.zip", "--compute-type", "int8"],
        ["--to", "zip", "-o", "x.zip", "--direction", "ko-en"],
        ["--to", "nmt", "-o", "x", "--card", os.devnull],
    ):
        refused = nmt("export", tiny_run.run, *flags)
        assert (refused.returncode, refused.stderr.count("\n")) == (2, 1), refused.stderr
    out = tmp_path / "x.argosmodel"
    refused = nmt("export", tiny_run.run, "--to", "argos", "-o", out, "--direction", "en-ko")
    assert refused.returncode == 78
    assert "it has ko-en" in refused.stderr
