"""Errors for files that are not plain UTF-8 lines say what they are, and give a command that converts them."""

import bz2
import gzip
import io
import lzma
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from conftest import CORPUS, TinyRun, nmt
from real_text import real_text

from nmt.corpus.formats import format_of
from nmt.corpus.parallel import find_corpus, read_pairs
from nmt.decoding.input_lines import InputLines
from nmt.disk.files import open_binary
from nmt.errors import DataError
from nmt.scoring.evaluate import read_file
from nmt.text.encodings import likely
from nmt.text.lines import read_lines

KOREAN = "나는 집에 간다.\n그는 3권의 책을 읽는다.\n"
GERMAN = "Ein Mann fährt über die Brücke.\nZwei Hunde spielen draußen.\n"
TEXTS = {
    "CP949": KOREAN,
    "CP1252": GERMAN,
    "CP932": "彼は昨日、東京へ行きました。\nこれは本です。\n",
    "EUC-JP": "彼は昨日、東京へ行きました。\nこれは本です。\n",
    "GB18030": "我们今天去学校。\n她在家里看书。\n",
    "BIG5": "我們今天去學校。\n她在家裡看書，還有時間。\n",
    "CP1251": "Вчера он прочитал эту книгу.\nОна живёт в Москве.\n",
    "UTF-16": KOREAN,
    "UTF-16LE": KOREAN,
    "UTF-16BE": KOREAN,
    "UTF-32": KOREAN,
}
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.compress,
}


def refusal(path: Path, strict: bool = True) -> str:
    with open_binary(path) as file, pytest.raises(DataError) as caught:
        list(read_lines(file, str(path), strict))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def obey(error: str, folder: Path, suffix: str) -> list[str]:
    """Run the command in an error, and return the lines of the converted file."""
    command = error.split(": ", 1)[-1]
    for tool in ("iconv", *(("zstd",) if suffix == ".zst" else ())):
        if tool in command and not shutil.which(tool):
            pytest.skip(f"no {tool} here")
    subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=folder, check=True)
    with open_binary(folder / f"NEW{suffix}") as file:
        return list(read_lines(file, "NEW"))


@pytest.mark.parametrize("suffix", COMPRESS)
@pytest.mark.parametrize("encoding", TEXTS)
def test_the_command_of_the_error_makes_the_text_of_another_encoding_utf_8(
    tmp_path: Path, encoding: str, suffix: str
) -> None:
    path = tmp_path / f"some text.txt{suffix}"
    path.write_bytes(COMPRESS[suffix](TEXTS[encoding].encode(encoding)))
    error = refusal(path)
    assert error.startswith(f"{path} line 1 ")
    assert f" {encoding}" in error.split(";")[0]
    assert obey(error, tmp_path, suffix) == TEXTS[encoding].splitlines()


@pytest.mark.parametrize("suffix", COMPRESS)
@pytest.mark.parametrize("strict", [True, False])
def test_lines_that_end_in_carriage_returns_alone_are_refused_with_the_command_that_mends_them(
    tmp_path: Path, suffix: str, strict: bool
) -> None:
    path = tmp_path / f"mac.ko{suffix}"
    path.write_bytes(COMPRESS[suffix](KOREAN.replace("\n", "\r").encode()))
    error = refusal(path, strict)
    assert "carriage returns alone" in error
    assert obey(error, tmp_path, suffix) == KOREAN.splitlines()


def test_a_carriage_return_among_line_feeds_and_one_at_the_end_are_text() -> None:
    for raw, lines in (
        (b"a\rb\n", ["a\rb"]),
        (b"a\rb\nc", ["a\rb", "c"]),
        (b"a\r", ["a\r"]),
        (b"a\nb\rc", ["a", "b\rc"]),
    ):
        assert list(read_lines(io.BytesIO(raw), "some.txt")) == lines


@pytest.mark.parametrize("encoding", [encoding for encoding in TEXTS if encoding.startswith("UTF")])
def test_utf_16_is_refused_even_where_broken_bytes_would_be_mended(tmp_path: Path, encoding: str) -> None:
    for number, text in enumerate((KOREAN, GERMAN, "plain\n")):
        path = tmp_path / f"{number}.txt"
        path.write_bytes(text.encode(encoding))
        assert f" line 1 is {encoding[:8]}" in refusal(path, strict=False)


def zipped(text: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.txt", text)
    return file.getvalue()


@pytest.mark.parametrize(
    ("compress", "kind", "mend"),
    [
        (gzip.compress, "compressed by gzip", r"rename it to .*plain\.en\.gz"),
        (lzma.compress, "compressed by xz", r"rename it to .*plain\.en\.xz"),
        (zstandard.compress, "compressed by zstd", r"rename it to .*plain\.en\.zst"),
        (bz2.compress, "compressed by bzip2", r".*bzip2 -dk .*plain\.en"),
        (zipped, "a zip archive", ".*plain text"),
    ],
)
@pytest.mark.parametrize("strict", [True, False])
def test_what_is_compressed_under_a_plain_name_is_said_to_be_so(
    tmp_path: Path, compress: Callable[[bytes], bytes], kind: str, mend: str, strict: bool
) -> None:
    path = tmp_path / "plain.en"
    path.write_bytes(compress(b"one\n"))
    with open_binary(path) as file, pytest.raises(DataError, match=f"plain.en is {kind}.*; {mend}"):
        list(read_lines(file, str(path), strict))


def test_a_file_compressed_twice_is_said_to_be_so(tmp_path: Path) -> None:
    (tmp_path / "twice.gz").write_bytes(gzip.compress(gzip.compress(b"one\n")))
    assert refusal(tmp_path / "twice.gz").endswith("is compressed by gzip twice; decompress it once")


def test_a_broken_line_in_a_file_of_utf_8_gets_no_guess_but_a_command_that_shows_it(tmp_path: Path) -> None:
    for suffix in (".txt", ".gz"):
        path = tmp_path / f"mixed{suffix}"
        path.write_bytes(COMPRESS.get(suffix, bytes)(KOREAN.encode() + KOREAN.encode("cp949")))
        error = refusal(path)
        what, mend = error.split("; ")
        assert what.endswith("line 3 byte 1 is not UTF-8")
        assert ("gzip -dc" in mend) == (suffix == ".gz")
        shown = subprocess.run(
            ["bash", "-c", mend.split(": ")[1].replace("xxd", "cat")], capture_output=True, check=True
        )
        assert shown.stdout == KOREAN.splitlines(keepends=True)[0].encode("cp949")


def test_of_real_lines_nearly_every_encoding_is_told_by_one_line_and_all_by_five() -> None:
    news, multi30k = real_text("ko-en-news"), real_text("multi30k")
    for path, encoding in (
        (news / "test.ko", "CP949"),
        (multi30k / "other.fr", "CP1252"),
        (CORPUS / "test.ko", "CP949"),
    ):
        lines = path.read_text(encoding="utf-8").splitlines()[:1000]
        for together, least in ((1, 0.97), (5, 0.99)):
            samples = ["\n".join(lines[start : start + together]) for start in range(0, len(lines), together)]
            raw = [text.encode(encoding, "ignore") for text in samples if not text.isascii()]
            right = sum(likely(sample) == encoding for sample in raw)
            assert right >= least * len(raw), (path, together, right, len(raw))


def test_mended_lines_name_the_likely_encoding_unless_other_lines_are_utf_8(tiny_run: TinyRun, tmp_path: Path) -> None:
    flags = ["--beam-size", "1", "--max-length-factor", "0.1", "--threads", "1", "--device", "cpu"]
    for text, guessed in ((KOREAN.encode("cp949"), True), (KOREAN.encode("cp949") + "집\n".encode(), False)):
        (tmp_path / "in").write_bytes(text)
        result = nmt("translate", tiny_run.run, tmp_path / "in", *flags)
        assert (result.returncode, result.stdout.count("\n")) == (0, text.count(b"\n"))
        assert "2 lines were not UTF-8" in result.stderr
        assert ("it looks like CP949: iconv -f CP949" in result.stderr) == guessed


def test_standard_input_gets_advice_that_can_be_followed(tiny_run: TinyRun, tmp_path: Path) -> None:
    for text, advice in (
        (KOREAN.encode("utf-16"), "line 1 is UTF-16, not UTF-8; convert it: … | iconv -f UTF-16 -t UTF-8 | nmt"),
        (gzip.compress(b"one"), "is compressed by gzip; pipe in its text instead"),
    ):
        (tmp_path / "in").write_bytes(text)
        with (tmp_path / "in").open("rb") as file:
            result = nmt("translate", tiny_run.run, stdin=file)
        assert (result.returncode, result.stderr) == (65, f"nmt: error: standard input {advice}\n")


# --- formats ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["a.csv", "a.po", "a.xlf", "a.XLIFF", "a.tmx", "a.xlsx.gz", "a.jsonl", "a.docx", "a.html"]
)
def test_a_known_format_is_refused_by_name_wherever_text_is_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"<p>one</p>\n")
    readers: list[Callable[[], object]] = [lambda: InputLines([path]), lambda: read_file(path)]
    if not format_of(path):
        readers.append(lambda: find_corpus(path, "ko", "en"))
    for read in readers:
        with pytest.raises(DataError, match=rf"{name} is \.\w+, not lines of plain text; ") as caught:
            read()
        assert caught.value.exit_code == 65


def test_a_tsv_is_a_corpus_but_no_text_to_translate(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_bytes(b"a\tb\n")
    assert list(read_pairs(find_corpus(path, "ko", "en"))) == [("a", "b")]
    with pytest.raises(DataError, match="cut -f 1"):
        InputLines([path])


def test_a_prefix_may_end_as_a_format_does(tmp_path: Path) -> None:
    for language in ("ko", "en"):
        (tmp_path / f"news.html.{language}").write_bytes(b"a\n")
    assert list(read_pairs(find_corpus(tmp_path / "news.html", "ko", "en"))) == [("a", "a")]


def test_every_command_refuses_other_encodings_and_formats_with_65(tiny_run: TinyRun, tmp_path: Path) -> None:
    for name in ("a.csv", "a.xlsx"):
        (tmp_path / name).write_bytes(b"a,b\n")
    (tmp_path / "u.ko").write_bytes(KOREAN.encode("utf-16"))
    (tmp_path / "u.en").write_bytes(GERMAN.encode())
    for arguments in (
        ["prepare", "-s", "ko", "-t", "en", "--train", "a.xlsx", "-o", "data"],
        ["prepare", "-s", "ko", "-t", "en", "--train", "u", "-o", "data"],
        ["translate", tiny_run.run, "a.csv"],
        ["translate", tiny_run.run, "u.ko"],
        ["evaluate", tiny_run.run, "a.csv"],
        ["evaluate", tiny_run.run, "u"],
        ["evaluate", "--hyp", "u.en", "--ref", "a.csv"],
        ["evaluate", "--hyp", "u.en", "--ref", "u.ko"],
    ):
        result = nmt(*arguments, cwd=tmp_path)
        assert (result.returncode, result.stdout, result.stderr.count("\n")) == (65, "", 1), result.stderr
