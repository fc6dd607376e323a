"""Heavy modules are imported only by the work that needs them, as fresh processes show.

A command line that asks for help, or has an error, must be answered at once; text, settings and scores must not wait
for PyTorch.
"""

import pkgutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from conftest import write_corpus

HEAVY = {"torch", "sentencepiece", "sacrebleu", "numpy", "rich", "safetensors", "ctranslate2", "altair", "vl_convert"}
HEAVY |= {"langcodes", "lxml", "polib", "markdown_it", "starlette", "uvicorn", "prometheus_client"}
NO_TORCH = {"torch", "ctranslate2"}

# A command line, and the modules that it must not import.
COMMANDS = [
    ("--help", HEAVY),
    ("--version", HEAVY),
    ("prepare --help", HEAVY),
    ("train --help", HEAVY),
    ("translate --help", HEAVY),
    ("evaluate --help", HEAVY),
    ("score --help", HEAVY),
    ("inspect --help", HEAVY),
    ("report --help", HEAVY),
    ("serve --help", HEAVY),
    ("export --help", HEAVY),
    ("inspect model --positions", HEAVY),
    ("trian", HEAVY),
    ("train --steps", HEAVY),
    ("translate model --beam-sise 3", HEAVY),
    ("translate model --beam-size 0", HEAVY),
    ("score model text --sum --reverse model", HEAVY),
    ("evaluate", NO_TORCH),
    ("train {tmp}/no -o {tmp}/run", NO_TORCH),
    ("train {tmp} -o {tmp}/run --set modle.width=64", NO_TORCH),
    ("prepare -s ko -t en --train {text} -o {tmp}/data --quiet", NO_TORCH),
    ("prepare -s ko -t en --train {tmp}/no -o {tmp}/data", NO_TORCH),
    ("prepare -s ko -t en --train {text} --dry-run --report {tmp}/page.html", NO_TORCH),
    ("report {tmp}/no -o {tmp}/page.html", NO_TORCH),
    ("evaluate --hyp {text}.en --ref {text}.en", NO_TORCH | {"sentencepiece"}),
]

# A module, or a package and everything in it, and the modules that it must not import.
MODULES = [
    ("nmt", HEAVY),
    ("nmt.errors", HEAVY),
    ("nmt.config", HEAVY),
    ("nmt.text.lines", HEAVY),
    ("nmt.text.progress", HEAVY),
    ("nmt.text", NO_TORCH),
    ("nmt.corpus", NO_TORCH),
    ("nmt.documents", HEAVY),
    ("nmt.store", NO_TORCH),
    ("nmt.decoding.engine", HEAVY),
    ("nmt.decoding.translator", HEAVY),
    ("nmt.decoding.formats", HEAVY),
    ("nmt.decoding.input_lines", NO_TORCH),
    ("nmt.decoding.job", NO_TORCH),
    ("nmt.decoding.batching", HEAVY),
    ("nmt.decoding.forced", HEAVY),
    ("nmt.decoding.score_job", NO_TORCH),
    ("nmt.training.request", NO_TORCH),
    ("nmt.scoring", NO_TORCH),
    ("nmt.serve", NO_TORCH),
    ("nmt.show", NO_TORCH | {"altair", "vl_convert"}),
    ("nmt.cli", HEAVY),
]

REPORT = "print('imported:', *sorted({name.partition('.')[0] for name in sys.modules}))"
RUN = f"""
import sys
try:
    from nmt.cli import main
    main()
finally:
    sys.stdout.flush()
    {REPORT}
"""


def imported_by(code: str, *arguments: str) -> set[str]:
    """The top-level modules that a fresh process has imported after ``code``."""
    command = [sys.executable, "-c", code, *arguments]
    result = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=120)
    last = result.stdout.splitlines()[-1]
    assert last.startswith("imported: "), result.stderr
    return set(last.split()[1:])


def with_submodules(name: str) -> list[str]:
    path = getattr(import_module(name), "__path__", None)
    inner = [info.name for info in pkgutil.walk_packages(path, f"{name}.")] if path and name != "nmt" else []
    return [name, *inner]


@pytest.mark.parametrize(("line", "forbidden"), COMMANDS, ids=[line for line, _ in COMMANDS])
def test_command_line_does_not_import(line: str, forbidden: set[str], tmp_path: Path) -> None:
    here = {"tmp": tmp_path, "text": write_corpus(tmp_path, "text", 0, 200)}
    arguments = [part.format(**here) for part in line.split()]
    assert not imported_by(RUN, *arguments) & forbidden


@pytest.mark.parametrize(("name", "forbidden"), MODULES, ids=[name for name, _ in MODULES])
def test_module_does_not_import(name: str, forbidden: set[str]) -> None:
    modules = with_submodules(name)
    if imported_by("\n".join(["import sys", *(f"import {module}" for module in modules), REPORT])) & forbidden:
        for module in modules:
            actual = imported_by(f"import sys\nimport {module}\n{REPORT}") & forbidden
            assert not actual, f"{module} imports {actual}"


def test_table_would_notice() -> None:
    assert {"torch", "numpy"} <= imported_by(f"import sys\nimport nmt.model\n{REPORT}")


def test_help_imports_nothing_but_the_command_line() -> None:
    """Typer, what Typer itself imports, and the small modules of the standard library: help costs 0.2 s with these."""
    found = imported_by(RUN, "--help") - imported_by(f"import sys\n{REPORT}")
    assert found - sys.stdlib_module_names - {"nmt"} <= {"typer", "click", "shellingham", "annotated_doc"}
    assert not found & {"asyncio", "concurrent", "email", "http", "multiprocessing", "sqlite3", "urllib", "xml"}
