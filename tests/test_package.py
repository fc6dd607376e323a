"""The package as users have it: installed from a wheel, with types, without the source folder."""

import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest
import typer
from conftest import ROOT, TinyRun

from nmt.errors import DISTRIBUTION

SCRIPT = """
import asyncio
import sys
from collections.abc import Iterator

from nmt import Alternative, NmtError, SearchOptions, Translation, Translator


def lines() -> Iterator[str]:
    yield "나는 학생이다."


async def answer(translator: Translator, texts: list[str]) -> list[Translation]:
    return await asyncio.to_thread(list, translator.translate(texts))


def main(path: str) -> None:
    translator = Translator.load(path, SearchOptions(beam_size=3, n_best=2), threads=1, engine="ctranslate2")
    for translation in translator.translate(lines(), at_once=True):
        alternatives: list[Alternative] = translation.alternatives
        print(len(alternatives), translation.score <= 0)
    print(len(asyncio.run(answer(translator, ["집", ""]))))
    try:
        Translator.load(path, threads=-1)
    except NmtError as error:
        print(error.what, "|", error.mend)


main(sys.argv[1])
"""
MISTAKES = """
from nmt import Translator

translator = Translator.load("run", beam_size=3)
translator.translate("a string", at_once=1)
translator.translate([None])
translator.translate(["a"], n_best=3)
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with the wheel, and with the other packages installed here."""
    folder = tmp_path_factory.mktemp("package")
    (folder / "sources").mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / "sources")
    shutil.copytree(ROOT / "nmt", folder / "sources/nmt", ignore=shutil.ignore_patterns("__pycache__"))
    build = "from setuptools import build_meta; build_meta.build_wheel('..')"
    subprocess.run([sys.executable, "-c", build], cwd=folder / "sources", check=True, capture_output=True, timeout=120)
    shutil.rmtree(folder / "sources")
    venv.create(folder / "env", symlinks=True)
    python = folder / "env/bin/python"
    version = f"python{sysconfig.get_python_version()}"
    site = folder / "env/lib" / version / "site-packages"
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    (site / "others.pth").write_text(f"{Path(typer.__file__).parents[1]}\n", encoding="utf-8")
    return python


def test_the_wheel_holds_every_file_of_the_package(python: Path) -> None:
    (site,) = python.parents[1].glob("lib/python*/site-packages/nmt")
    there, here = (
        {path.relative_to(root) for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
        for root in (site, ROOT / "nmt")
    )
    assert here - there == set()


def strict(python: Path, script: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """The output of mypy --strict for a user's script."""
    (folder / "script.py").write_text(script, encoding="utf-8")
    cache, config = python.parents[2] / "mypy", python.parents[2] / "mypy.ini"
    # PyTorch is four fifths of the lines that mypy would read, and nothing of what the library offers has its types.
    config.write_text("[mypy]\n[mypy-torch.*]\nfollow_imports = skip\n", encoding="utf-8")
    flags = ["--strict", f"--config-file={config}", f"--cache-dir={cache}", f"--python-executable={python}"]
    command = [sys.executable, "-m", "mypy", *flags, "script.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", timeout=300)


def test_a_users_script_is_clean_for_mypy_and_runs(python: Path, tiny_run: TinyRun, tmp_path: Path) -> None:
    checked = strict(python, SCRIPT, tmp_path)
    assert checked.returncode == 0, checked.stdout
    result = subprocess.run(
        [python, "script.py", tiny_run.run], cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=120
    )
    assert result.stdout == "1 True\n2\n`threads` is -1 | choose a value of at least 0\n", result.stderr
    assert result.stderr == ""


def test_mypy_refuses_the_mistakes_that_the_library_refuses(python: Path, tmp_path: Path) -> None:
    actual = [line.split(":")[1] for line in strict(python, MISTAKES, tmp_path).stdout.splitlines() if "error:" in line]
    assert actual == ["4", "5", "6", "7"]


def test_the_wheel_has_our_name_and_its_advice_the_packages_of_its_extras(python: Path, tmp_path: Path) -> None:
    code = f"""
from importlib.metadata import metadata
import nmt
from nmt.errors import missing_extra
print(metadata({DISTRIBUTION!r})["Version"] == nmt.__version__, nmt.__file__)
print(missing_extra("fast"), "|", missing_extra("show"))
"""
    result = subprocess.run([python, "-c", code], cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=60)
    first, advice = result.stdout.splitlines()
    assert first == f"True {python.parents[1]}/lib/python{sysconfig.get_python_version()}/site-packages/nmt/__init__.py"
    assert advice.startswith("install the extra 'fast': pip install 'ctranslate2>=")
    assert "install the extra 'show': pip install 'altair>=" in advice
    assert "nmt" not in advice
