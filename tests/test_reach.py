"""What carries the program to its users: completion in shells, man pages, the unit for systemd, the Dockerfile."""

import configparser
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from conftest import PROGRAM, ROOT

PACKAGING = ROOT / "packaging"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("man")
    subprocess.run([sys.executable, PACKAGING / "man.py", folder], check=True, timeout=60)
    return folder


def help_of(*command: str) -> str:
    environment = {**os.environ, "COLUMNS": "200"}
    return subprocess.run([PROGRAM, *command, "--help"], capture_output=True, encoding="utf-8", env=environment).stdout


@pytest.mark.parametrize("command", ["translate", "train", "import"])
def test_a_man_page_has_every_flag_of_the_help_with_its_text(pages: Path, command: str) -> None:
    if not shutil.which("groff"):
        pytest.skip("there is no groff here to read a man page with")
    page = pages / f"nmt-{command}.1"
    read = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-rLL=1000n", "-P-cbou", page],
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "GROFF_NO_SGR": "1"},
    )
    assert read.stderr == ""
    shown = "".join(read.stdout.replace("‐", "-").replace("−", "-").split())
    options = help_of(command).partition("Options:\n")[2]
    records = re.findall(r"^  (-\S.*?)(?:  +|\n +)(\S.*(?:\n {10,}\S.*)*)", options, re.MULTILINE)
    assert len(records) >= 8
    for flag, text in records:
        assert "".join(f"{flag} {text}".split()) in shown


def test_there_is_a_man_page_for_each_command_and_one_names_them_all(pages: Path) -> None:
    commands = re.findall(r"^  ([a-z]+) ", help_of().partition("Commands:\n")[2], re.MULTILINE)
    assert {path.name for path in pages.iterdir()} == {"nmt.1", *(f"nmt-{command}.1" for command in commands)}
    top = (pages / "nmt.1").read_text(encoding="utf-8")
    assert all(f"nmt\\-{command}(1)" in top for command in commands)


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (["nmt", "tran"], {"translate"}),
        (["nmt", "translate", "--be"], {"--beam-size"}),
        (["nmt", "translate", "--format", ""], {"text", "tsv", "jsonl"}),
    ],
)
def test_a_shell_is_told_what_may_come_next(typed: list[str], offered: set[str]) -> None:
    words = {"COMP_WORDS": " ".join(typed), "COMP_CWORD": str(len(typed) - 1), "_NMT_COMPLETE": "complete_bash"}
    result = subprocess.run([PROGRAM], capture_output=True, encoding="utf-8", env={**os.environ, **words})
    assert (result.returncode, result.stderr) == (0, "")
    assert set(result.stdout.split()) == offered


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    unit = PACKAGING / "nmt-serve.service"
    read = configparser.RawConfigParser(strict=False)
    read.optionxform = str  # type: ignore[assignment,method-assign]  # names of systemd have capitals
    read.read(unit, encoding="utf-8")
    program, command, *_ = read["Service"]["ExecStart"].split()
    assert (Path(program).name, command) == ("nmt", "serve")
    assert set(read["Service"]["RestartPreventExitStatus"].split()) == {"2", "65", "66", "78"}
    if not shutil.which("systemd-analyze"):
        pytest.skip("there is no systemd-analyze here to read the unit with")
    copy = tmp_path / unit.name
    copy.write_text(unit.read_text(encoding="utf-8").replace(program, "/bin/true"), encoding="utf-8")
    result = subprocess.run(["systemd-analyze", "verify", "--man=no", copy], capture_output=True, encoding="utf-8")
    assert (result.returncode, result.stderr) == (0, "")


def test_the_dockerfile_copies_what_is_there_and_runs_without_rights() -> None:
    lines = (PACKAGING / "Dockerfile").read_text(encoding="utf-8").splitlines()
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[:1] == "!"]
    copied = [
        name for line in lines if line.startswith("COPY ") and "--from" not in line for name in line.split()[1:-1]
    ]
    assert sorted(copied) == sorted(kept)
    assert all((ROOT / name).exists() for name in copied)
    (extras,) = re.findall(r"'\.\[([a-z,]+)\]'", "\n".join(lines))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(extras.split(",")) <= set(project["optional-dependencies"])
    last = lines[max(place for place, line in enumerate(lines) if line.startswith("FROM ")) :]
    assert re.search(
        r"^USER [1-9]\d*$", "\n".join(last), re.MULTILINE
    )  # a number: orchestrators check that it is not 0
    assert not any(line.startswith("ADD ") for line in lines)
