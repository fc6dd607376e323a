"""The house keeps its own rules: the tree of docs/house.md, the layers, the pins, and nothing ever unpickled."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import fields
from functools import cache
from importlib.metadata import PackageNotFoundError, requires
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
import typer
from conftest import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from nmt import errors
from nmt.cli import app
from nmt.cli.console import with_flags
from nmt.config import EngineOptions, ModelConfig, SearchOptions, TrainingConfig
from nmt.decoding.translator import Translator

PACKAGE = ROOT / "nmt"
SOURCES = sorted(PACKAGE.rglob("*.py"))
LIBRARY = [path for path in SOURCES if path.parent != PACKAGE / "cli"]
LONGEST_FILE, LONGEST_FUNCTION = 300, 50  # lines
MOST_WORDS = 7  # that explain a file
# A line that begins with one of these goes on from the name of its function, and cannot stand alone in ``help()``.
FRAGMENTS = {"As", "At", "From", "In", "May", "Of", "Over", "That", "Those", "To", "Where", "Who"}

# What could run code from a file or from text. safetensors, JSON and TOML are what is read instead.
UNSAFE_MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "yaml"}
UNSAFE_MODULES |= {"imp", "runpy", "zipimport", "code", "codeop"}
UNSAFE_NAMES = {"eval", "exec", "compile", "__import__", "builtins.eval", "builtins.exec", "builtins.__import__"}
UNSAFE_NAMES |= {"torch.load", "torch.jit.load", "torch.hub.load", "torch.package", "torch.serialization"}
UNSAFE_NAMES |= {"importlib.import_module", "importlib.__import__", "importlib.machinery"}
UNSAFE_NAMES |= {"importlib.util.spec_from_file_location", "importlib.util.module_from_spec"}
UNSAFE_ENDINGS = {"unsafe_load", "read_pickle", "load_module", "exec_module"}
SAFE_ARGUMENTS = {"allow_pickle": False, "weights_only": True, "shell": False}


def ids(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def parsed(code: str) -> ast.Module:
    return ast.parse(code)


def syntax(path: Path) -> ast.Module:
    return parsed(path.read_text(encoding="utf-8"))


def dotted(node: ast.expr) -> str:
    """A name with its attributes; what is no name is empty."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def breaking(rule: Callable[[Path], Any], paths: Iterable[Path] = SOURCES) -> dict[str, Any]:
    """What a rule finds in each file that it finds something in. A test a file would take longer than all rules do."""
    return {ids(path): found for path in paths if (found := rule(path))}


# --- the tree of docs/house.md ----------------------------------------------------------------------------------------


def documented_tree() -> dict[str, str]:
    """Path and explanation of every line of the tree in docs/house.md; folders end with a slash."""
    block = re.search(r"^```text\n(nmt/\n.*?)^```", (ROOT / "docs/house.md").read_text(encoding="utf-8"), re.M | re.S)
    assert block, "docs/house.md has no tree"
    tree: dict[str, str] = {}
    above: list[str] = []
    for line in block[1].splitlines():
        indented, name, explanation = re.fullmatch(r"( *)(\S+) *(.*)", line).groups()  # type: ignore[union-attr]
        above[len(indented) // 2 :] = [name]
        path = "".join(above)
        assert path not in tree, f"{path} stands twice in the tree"
        tree[path] = explanation
    return tree


def has_code(path: Path) -> bool:
    """Whether a file holds more than a docstring."""
    return any(not isinstance(node, ast.Expr) for node in syntax(path).body)


def test_tree_is_what_is_on_the_disk() -> None:
    files = [path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    on_disk = {path.relative_to(ROOT).as_posix() for path in files if path.name != "__init__.py" or has_code(path)}
    in_tree = set(documented_tree())
    assert {path for path in in_tree if not path.endswith("/")} == on_disk
    assert {path for path in in_tree if path.endswith("/")} == {
        f"{path.parent.relative_to(ROOT).as_posix()}/" for path in files
    }


def test_files_that_the_house_names_are_on_the_disk() -> None:
    named = re.findall(r"`((?:\w+/)*\w+(?:/|\.py))`", (ROOT / "docs/house.md").read_text(encoding="utf-8"))
    assert len(named) > 15
    assert [name for name in named if not any((above / name).exists() for above in (PACKAGE, ROOT))] == []


def test_tree_explains_each_file_in_a_few_words() -> None:
    explained = {path: text for path, text in documented_tree().items() if path != "nmt/"}
    assert [path for path, text in explained.items() if not 1 <= len(text.split()) <= MOST_WORDS] == []


# --- the code ---------------------------------------------------------------------------------------------------------


def test_files_open_with_what_they_are_and_are_not_too_long() -> None:
    assert breaking(lambda path: not ast.get_docstring(syntax(path))) == {}
    assert breaking(lambda path: len(path.read_text(encoding="utf-8").splitlines()) > LONGEST_FILE) == {}


def long_functions(code: str) -> list[str]:
    """The functions over LONGEST_FUNCTION lines that have no comment, with the reason, right above them."""
    lines = code.splitlines()
    functions = (node for node in ast.walk(parsed(code)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return [
        function.name
        for function in functions
        if (function.end_lineno or 0) - function.lineno >= LONGEST_FUNCTION
        and not lines[min([function, *function.decorator_list], key=lambda node: node.lineno).lineno - 2]
        .lstrip()
        .startswith("#")
    ]


def test_functions_are_not_too_long_or_say_why() -> None:
    assert breaking(lambda path: long_functions(path.read_text(encoding="utf-8"))) == {}


@pytest.mark.parametrize(
    ("above", "lines", "is_noticed"),
    [("", 50, False), ("", 51, True), ("# Each flag is a parameter.\n", 51, False), ("# ", 51, True)],
)
def test_a_long_function_would_be_noticed(above: str, lines: int, is_noticed: bool) -> None:
    gap = "\n" if above == "# " else ""
    code = f"x = 1\n{above}{gap}{gap}def long():\n" + "    pass\n" * (lines - 1)
    assert long_functions(code) == ["long"] * is_noticed
    decorated = code.replace("def long", "@decorator\ndef long")
    assert long_functions(decorated) == ["long"] * is_noticed


def fragments(code: str) -> list[str]:
    """The first lines of public docstrings that do not stand alone: they go on from the name above them."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for node in ast.walk(parsed(code)) if isinstance(node, documented)]
    public = [node for node in nodes if not getattr(node, "name", "").startswith("_")]
    first_lines = [(ast.get_docstring(node) or "A").splitlines()[0] for node in public]
    return [line for line in first_lines if line[0].islower() or line.split()[0].rstrip(",:;") in FRAGMENTS]


def test_first_lines_of_docstrings_stand_alone() -> None:
    assert breaking(lambda path: fragments(path.read_text(encoding="utf-8"))) == {}


@pytest.mark.parametrize(
    ("line", "is_noticed"),
    [
        ("Number of updates the budget allows.", False),
        ("``nmt train``: flags to a training run.", False),
        ("In the budget.", True),
        ("Over the data, that the settings make.", True),
        ("may be less than not at all", True),
        ("That nothing is wrong.", True),
    ],
)
def test_a_fragment_would_be_noticed(line: str, is_noticed: bool) -> None:
    assert bool(fragments(f'def public():\n    """{line}"""\n')) == is_noticed
    assert not fragments(f'def _private():\n    """{line}"""\n')


def unsafe(tree: ast.Module) -> list[str]:
    """What in a module could run code that stands in a file, each with its line; also where it is named, not called."""
    called: dict[str, str] = {}  # what a name of this module is outside of it
    problems = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            for alias in node.names:
                full = f"{module}{alias.name}"
                called[alias.asname or alias.name] = full
                if full.partition(".")[0] in UNSAFE_MODULES or full in UNSAFE_NAMES:
                    problems.append(f"line {node.lineno}: {full}")
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            first, dot, rest = dotted(node).partition(".")
            full = called.get(first, first) + dot + rest
            if full in UNSAFE_NAMES or full.rpartition(".")[2] in UNSAFE_ENDINGS:
                problems.append(f"line {node.lineno}: {full}")
        elif isinstance(node, ast.keyword) and node.arg in SAFE_ARGUMENTS:
            safe = isinstance(node.value, ast.Constant) and node.value.value is SAFE_ARGUMENTS[node.arg]
            problems += [] if safe else [f"line {node.value.lineno}: {node.arg}"]
    return problems


def test_nothing_is_ever_unpickled_or_evaluated() -> None:
    assert breaking(lambda path: unsafe(syntax(path))) == {}


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from pickle import loads",
        "import marshal, shelve",
        "import torch\ntorch.load(path)",
        "import torch as t\nt.load(path, weights_only=True)",
        "from torch import load as read\nread(path)",
        "from torch import jit\njit.load(path)",
        "reader = torch.load",
        "np.load(path, allow_pickle=True)",
        "np.load(path, allow_pickle=trusted)",
        "import yaml",
        "eval(text)",
        "exec(text)",
        "run = eval",
        "__import__(name)",
        "import importlib\nimportlib.import_module(name)",
        "from importlib import import_module",
        "from importlib.util import spec_from_file_location",
        "pandas.read_pickle(path)",
        "subprocess.run(text, shell=True)",
    ],
)
def test_unpickling_would_be_noticed(code: str) -> None:
    assert unsafe(ast.parse(code))


def prints(path: Path) -> list[int]:
    calls = (node for node in ast.walk(syntax(path)) if isinstance(node, ast.Call))
    return [call.lineno for call in calls if dotted(call.func) in {"print", "sys.stdout.write", "sys.stderr.write"}]


def test_only_the_command_line_prints() -> None:
    assert breaking(prints, LIBRARY) == {}


@cache
def messages(path: Path) -> list[str]:
    """The text of a module that is no docstring."""
    tree = syntax(path)
    documented = ast.Module | ast.ClassDef | ast.FunctionDef
    statements = [
        node for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    ]
    assert len(statements) >= sum(
        isinstance(node, documented) and bool(ast.get_docstring(node)) for node in ast.walk(tree)
    )
    silent = {id(statement.value) for statement in statements}
    constants = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in silent)
    return [node.value for node in constants if isinstance(node.value, str)]


def flags() -> set[str]:
    """The names of all flags, as the library spells them."""
    commands = typer.main.get_command(app).commands.values()  # type: ignore[attr-defined]  # a group has commands
    spelled = [name for command in commands for flag in command.params for name in (*flag.opts, *flag.secondary_opts)]
    return {name.removeprefix("--").replace("-", "_") for name in spelled if name.startswith("--")}


def test_the_library_names_arguments_and_the_command_line_makes_flags_of_them() -> None:
    def named_in(path: Path) -> set[str]:
        return {name for text in messages(path) for name in re.findall(r"`([a-z_]+)`", text)}

    flag = re.compile(r"(^|[^\w-])(--[a-z]|-o\b)")
    assert breaking(lambda path: list(filter(flag.search, messages(path))), LIBRARY) == {}
    known = {*flags(), *signature(Translator.load).parameters, *signature(Translator.translate).parameters}
    assert breaking(lambda path: named_in(path) - known, LIBRARY) == {}
    named = set().union(*map(named_in, LIBRARY))
    assert [with_flags(f"`{name}` x") for name in sorted(named)] == [
        f"--{name.replace('_', '-')} x" for name in sorted(named)
    ]


def spoken(path: Path) -> list[str]:
    """What a module's errors and warnings say, each f-string with ``…`` for its values."""
    calls = (node for node in ast.walk(syntax(path)) if isinstance(node, ast.Call))
    said = [call for call in calls if re.search(r"(Error|Warning|warn|note)$", dotted(call.func))]
    texts = (node for call in said for part in call.args for node in ast.walk(part) if isinstance(node, ast.JoinedStr))
    plain = (part.value for call in said for part in call.args if isinstance(part, ast.Constant))
    joined = (
        "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in text.values) for text in texts
    )
    return [text for text in (*plain, *joined) if isinstance(text, str)]


def test_a_message_names_a_setting_by_its_key_or_in_backticks() -> None:
    sections = (ModelConfig, TrainingConfig, SearchOptions, EngineOptions)
    settings = {spec.name for section in sections for spec in fields(section) if "_" in spec.name}  # others are words
    bare = rf"(?<![`\w.])({'|'.join(settings)})(?![`\w=])"  # name=value is code
    assert breaking(lambda path: [text for text in spoken(path) if re.search(bare, text)], LIBRARY) == {}


def drawn_errors() -> set[tuple[str, str, int]]:
    """(name, base, exit code) of each line of the tree that nmt/errors.py draws."""
    lines = re.findall(r"^((?:│   |    )*(?:[├└]── )?)(\w+) +(\d+)  \S", errors.__doc__ or "", re.M)
    above: list[str] = []
    tree = set()
    for indented, name, code in lines:
        depth = len(indented) // 4
        above[depth:] = [name]
        tree.add((name, above[depth - 1] if depth else "Exception", int(code)))
    return tree


def test_the_tree_of_errors_is_all_errors_there_are() -> None:
    base: dict[str, str] = {}
    code: dict[str, int] = {}
    for path in SOURCES:
        for node in ast.walk(syntax(path)):
            if isinstance(node, ast.ClassDef) and node.bases:
                base[node.name] = ast.unparse(node.bases[0])
                for part in node.body:
                    if isinstance(part, ast.Assign) and ast.unparse(part.targets[0]) == "exit_code":
                        code[node.name] = ast.literal_eval(part.value)

    def is_error(name: str) -> bool:
        return name == "NmtError" or (name in base and is_error(base[name]))

    def exit_code(name: str) -> int:
        return code[name] if name in code else exit_code(base[name])

    assert drawn_errors() == {(name, base[name], exit_code(name)) for name in base if is_error(name)}
    assert [name for name in base if name.endswith("Error") and not is_error(name)] == []


def globals_set(path: Path) -> list[str]:
    """What a module calls or assigns that changes the whole process it is in."""
    calls = {dotted(node.func) for node in ast.walk(syntax(path)) if isinstance(node, ast.Call)}
    return sorted(calls & {"torch.set_num_threads", "torch.manual_seed", "signal.signal", "random.seed", "os.chdir"})


@pytest.mark.parametrize("room", ["decoding", "store", "text", "show", "model"])
def test_what_the_library_reaches_sets_nothing_global(room: str) -> None:
    set_by = {ids(path): names for path in (PACKAGE / room).rglob("*.py") if (names := globals_set(path))}
    # Which puts it back.
    assert set_by == ({"nmt/decoding/engines/pytorch.py": ["torch.set_num_threads"]} if room == "decoding" else {})


def test_arrows_between_layers_point_down_only() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, encoding="utf-8", timeout=120)
    assert result.returncode == 0, result.stdout


def test_every_room_stands_in_the_layers() -> None:
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ][0]
    named = {name for layer in contract["layers"] for name in layer.split(" | ")} | set(contract["exhaustive_ignores"])
    inside = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert contract["exhaustive"]
    assert named == inside - {"__init__"}


# --- the installation -------------------------------------------------------------------------------------------------


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {canonicalize_name(name): version for name, version in pairs}


def declared() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [text for texts in project["optional-dependencies"].values() for text in texts]
    return [Requirement(text) for text in [*project["dependencies"], *extras]]


@pytest.mark.parametrize("requirement", declared(), ids=str)
def test_declared_range_admits_the_pinned_version(requirement: Requirement) -> None:
    assert requirement.specifier.contains(pins()[canonicalize_name(requirement.name)])


def test_everything_that_is_installed_is_pinned() -> None:
    """Also what our dependencies depend on, unless they pin it themselves, as PyTorch's CUDA builds do."""
    waiting, seen = declared(), set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name in seen or any(part.operator == "==" for part in requirement.specifier):
            continue
        seen.add(name)
        try:
            inner = [Requirement(text) for text in requires(name) or []]
        except PackageNotFoundError:
            continue  # not for this machine
        extras = requirement.extras or {""}
        waiting += [
            part for part in inner if not part.marker or any(part.marker.evaluate({"extra": e}) for e in extras)
        ]
    assert seen - set(pins()) == set()
    assert "filelock" in seen  # which PyTorch brings


def test_pins_have_no_local_versions() -> None:
    assert {name: version for name, version in pins().items() if not re.fullmatch(r"[0-9][0-9a-z.]*", version)} == {}
