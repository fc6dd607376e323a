"""Without extras each command works, or says in one line what to install; never another project's package."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from conftest import CORPUS, ROOT, TinyRun, nmt
from packaging.requirements import Requirement

from nmt.errors import DISTRIBUTION, missing_extra

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = sorted(PROJECT["optional-dependencies"].keys() - {"dev"})
# Of the extras, and of sacreBLEU's. Of the extras `formats` and `patterns`, sacreBLEU itself brings lxml and regex.
MODULES = {"ctranslate2", "altair", "vl_convert", "MeCab", "mecab_ko", "polib", "ray", "snowballstemmer"}
MODULES |= {"starlette", "uvicorn", "prometheus_client", "python_multipart"}
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "data").rglob("*.md")]
ADVICE = re.compile(r"pip install +([^`\n;)#]*)")


def without_extras(*arguments: str | Path, text: str = "") -> "subprocess.CompletedProcess[str]":
    """Run the program as if only the packages of ``pip install .`` were installed."""
    code = f"import sys; sys.modules |= dict.fromkeys({MODULES}); from nmt.cli import main; main()"
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, input=text, capture_output=True, encoding="utf-8", timeout=120)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The requirements of nmt that an installer has installed."""
    folder = tmp_path / "site" / f"{DISTRIBUTION.replace('-', '_')}-0.0.dist-info"
    folder.mkdir(parents=True)
    lines = [f'{need}; extra == "{name}"' for name, needs in PROJECT["optional-dependencies"].items() for need in needs]
    about = ["Metadata-Version: 2.4", f"Name: {DISTRIBUTION}", "Version: 0.0", "Requires-Dist: numpy>=1.26"]
    (folder / "METADATA").write_text("\n".join([*about, *(f"Requires-Dist: {line}" for line in lines)]), "utf-8")
    monkeypatch.syspath_prepend(folder.parent)


@pytest.mark.parametrize("extra", EXTRAS)
def test_the_advice_names_the_packages_of_the_extra_themselves(extra: str, installed: None) -> None:
    advised = re.findall(r"'([^']+)'", missing_extra(extra).partition("pip install")[2])
    assert list(map(Requirement, advised)) == list(map(Requirement, PROJECT["optional-dependencies"][extra]))


def test_sources_without_metadata_are_installed_from_their_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", [])
    assert missing_extra("fast").endswith("pip install '.[fast]'")


def test_the_distribution_has_the_name_that_messages_know() -> None:
    assert PROJECT["name"] == DISTRIBUTION != "nmt"


def test_nothing_advises_to_install_a_name_that_is_not_ours() -> None:
    advised = [
        (path, name)
        for path in [*PAGES, *(ROOT / "nmt").rglob("*.py")]
        for words in ADVICE.findall(path.read_text(encoding="utf-8"))
        for name in re.split(r"['\s]+", words)
    ]
    assert advised
    assert [each for each in advised if re.fullmatch(rf"(nmt|{DISTRIBUTION})(\[.*\])?", each[1])] == []


def test_without_the_extra_export_says_what_to_install(tiny_run: TinyRun, tmp_path: Path) -> None:
    result = without_extras("export", tiny_run.run, "--to", "ctranslate2", "-o", tmp_path / "out")
    assert result.returncode == 78
    assert re.fullmatch(
        r"nmt: error: CTranslate2 is not installed; install the extra 'fast'.*: pip install .*\n", result.stderr
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("flags", ["--engine ctranslate2", "--compute-type int8"])
def test_without_the_extra_its_engine_is_refused_in_one_line(tiny_run: TinyRun, flags: str) -> None:
    result = without_extras("translate", tiny_run.run, *flags.split(), text="집\n")
    assert result.returncode == 78
    assert re.fullmatch(
        r"nmt: error: CTranslate2 is not installed.*; install the extra 'fast'.*: pip install .*\n", result.stderr
    )


def test_without_the_extra_a_cluster_is_refused_in_one_line(tiny_run: TinyRun) -> None:
    result = without_extras("translate", tiny_run.run, "--cluster", text="집\n")
    assert result.returncode == 78
    assert re.fullmatch(
        r"nmt: error: work is spread by Ray, which .*; install the extra 'cluster'.*: pip install .*\n", result.stderr
    )


def test_without_the_extra_pictures_are_refused_in_one_line(tiny_run: TinyRun, tmp_path: Path) -> None:
    result = without_extras("inspect", tiny_run.run, "--positions", "-o", tmp_path / "a.svg")
    assert result.returncode == 78
    assert re.fullmatch(r"nmt: error: pictures need .*; install the extra 'show'.*: pip install .*\n", result.stderr)


def test_without_the_extra_a_service_is_refused_in_one_line(tiny_run: TinyRun) -> None:
    result = without_extras("serve", tiny_run.run, "--port", "0")
    assert result.returncode == 78
    assert re.fullmatch(
        r"nmt: error: a service needs \w+; install the extra 'serve'.*: pip install .*\n", result.stderr
    )


def test_without_extras_text_is_translated_and_scored(tiny_run: TinyRun) -> None:
    result = without_extras("translate", tiny_run.run, text="집\n나\n")
    assert (result.returncode, result.stdout.count("\n"), result.stderr) == (0, 2, "")
    result = without_extras("evaluate", "--hyp", CORPUS / "valid.ko", "--ref", CORPUS / "valid.ko")
    assert result.returncode == 0, result.stderr
    assert "100.0" in result.stdout


# --- without PyTorch --------------------------------------------------------------------------------------------------

ALONE = """
import sys
from importlib.metadata import packages_distributions

listed, ours = {listed}, {ours}
owners = packages_distributions()

class Only:
    def find_spec(self, name, path=None, target=None):
        owned = {{each.lower() for each in owners.get(name.partition(".")[0], ())}}
        if owned and not owned & (listed | ours):
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Only())
from nmt.cli import main
main()
"""


def listed_to_translate() -> set[str]:
    """The packages that docs/install.md lists for translating alone."""
    page = (ROOT / "docs/install.md").read_text(encoding="utf-8")
    _, _, rest = page.partition("pip install --no-deps -c constraints.txt ctranslate2")
    names, _, _ = rest.partition("pip install --no-deps .")
    return {"ctranslate2"} | {name.lower() for name in re.findall(r"^[\w-]+$", "\n".join(names.split()), re.M)}


def alone(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    """Run the program as if only the packages of that list were installed."""
    code = ALONE.format(listed=listed_to_translate(), ours={DISTRIBUTION, "setuptools"})
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=120)


def test_the_list_to_translate_alone_is_enough_and_gives_the_same_bytes(
    tiny_run: TinyRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "torch" not in listed_to_translate()
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").lower().replace("_", "-")
    pinned = {line.partition("==")[0] for line in pins.splitlines()}
    assert listed_to_translate() <= pinned, "a newer version may need packages that the list lacks"
    lines = tmp_path / "lines.ko"
    lines.write_text("나는 학생이다.\n\n그가 집에 왔다. 그녀는 3개의 사과를 샀다.\n", encoding="utf-8")
    flags: list[str | Path] = ["translate", tiny_run.run, lines, "--threads", "1", "--max-length-factor", "0.5"]
    usual = nmt(*flags)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))  # the conversion must work, too
    by_these = alone(*flags)
    assert by_these.returncode == 0, by_these.stderr
    assert by_these.stdout == usual.stdout
    assert by_these.stdout.count("\n") == 3


@pytest.mark.parametrize("flags", [["--engine", "torch"], ["--alignments", "links"]])
def test_what_needs_torch_is_refused_in_one_line(tiny_run: TinyRun, tmp_path: Path, flags: list[str]) -> None:
    refused = alone("translate", tiny_run.run, ROOT / "data/notes.ko", "-o", tmp_path / "out", *flags)
    assert refused.returncode == 78
    assert re.fullmatch(
        r"nmt: error: this needs torch, which is not installed; pip install 'torch[^']*'\n", refused.stderr
    )
