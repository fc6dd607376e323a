"""The torture of unusual lines detects faults; and the program handles a file with all of these lines."""

import subprocess
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT, TinyRun, nmt
from torture.lines import BOM, LinesArea, lines_of, odd_file, odd_lines, table_cases


def test_the_table_is_that_of_the_proof() -> None:
    assert len(list(table_cases())) == 1800 == LinesArea.full - 10_000


@pytest.mark.parametrize(
    "broken", [lambda text: text, lambda text: " ".join(text.splitlines())], ids=["breaks", "controls"]
)
def test_a_line_break_or_a_control_character_in_the_output_is_noticed(
    broken: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for user in ("decoding.rewriting", "decoding.formats", "text.tokenizer"):
        monkeypatch.setattr(f"nmt.{user}.one_line", broken)
    assert LinesArea().run(tmp_path, 20, seed=1)


def test_lines_of_the_harness_are_those_of_the_contract() -> None:
    assert lines_of(b"") == lines_of(BOM) == []
    assert lines_of(b"\n") == lines_of(BOM + b"\r\n") == [""]
    assert lines_of(b"a\r\nb\rc\r\r\n\nd\r") == ["a", "b\rc\r", "", "d\r"]
    assert lines_of(BOM + BOM + b"\xff\n") == ["\ufeff\ufffd"]


def test_the_file_of_all_odd_lines_can_be_written_for_wc(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.torture.lines", str(tmp_path / "odd")]
    subprocess.run(command, cwd=ROOT, check=True, timeout=60)
    assert (tmp_path / "odd").read_bytes() == odd_file()


def test_the_program_gives_a_line_for_each_odd_line_of_that_file(tiny_run: TinyRun, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(odd_file())
    flags = ["--beam-size", "1", "--max-length-factor", "0.1", "--threads", "1", "--device", "cpu"]
    result = nmt("translate", tiny_run.run, tmp_path / "in", "-o", tmp_path / "out", *flags)
    assert result.returncode == 0, result.stderr
    out = (tmp_path / "out").read_bytes()
    assert out.count(b"\n") == len(lines_of(odd_file())) == len(odd_lines()) + 1
    assert len(out.decode().splitlines()) == out.count(b"\n")


def test_a_decomposed_text_is_translated_like_the_composed_one_and_said_once(tiny_run: TinyRun) -> None:
    lines = (ROOT / "data" / "test.ko").read_text(encoding="utf-8").splitlines(keepends=True)[:3]
    composed, decomposed = (
        nmt("translate", tiny_run.run, "--threads", "1", "--device", "cpu", input=unicodedata.normalize(form, text))
        for text in ["".join(lines)]
        for form in ("NFC", "NFD")
    )
    assert composed.stdout == decomposed.stdout != ""
    assert "NFC" not in composed.stderr
    said = [line for line in decomposed.stderr.splitlines() if "NFC" in line]
    assert said == ["nmt: warning: 3 lines are not in Unicode's normal form NFC, and converted to it"]
