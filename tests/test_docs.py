"""The pages in docs/ and the READMEs say what the program does."""

import ast
import re
import shlex
import sys
import tomllib
from dataclasses import fields
from functools import cache
from pathlib import Path

import pytest
import typer
from conftest import ROOT

from nmt import __version__
from nmt.cli import app, canonical
from nmt.cli.console import with_flags
from nmt.presets import PRESETS

sys.path.insert(0, str(ROOT / "docs"))
sys.path.insert(0, str(ROOT / "benchmarks"))

import results
import road
import update

PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "data").rglob("*.md"), *ROOT.glob("benchmarks/*.md")]
)
BLOCK = re.compile(r"^```(?:sh|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def commands(page: Path) -> list[list[str]]:
    """The arguments of every ``nmt`` command in the page's shell blocks, up to a pipe, a redirection or a comment."""
    arguments = []
    for block in BLOCK.findall(page.read_text(encoding="utf-8")):
        for line in block.replace("\\\n", " ").splitlines():
            for start in re.finditer(r"(?:^|[|$]\s*)(?:\.venv/bin/)?nmt ", line):
                arguments.append(shlex.split(re.split(r"\s[|&;<>#]", line[start.end() :])[0]))
    return arguments


EXAMPLES = [(page, arguments) for page in PAGES for arguments in commands(page)]


@pytest.mark.parametrize("name", update.PAGES)
def test_page_is_what_make_docs_writes(name: str) -> None:
    path, text = update.page(name)
    assert path.read_text(encoding="utf-8") == text, "run: make docs"


def test_the_table_of_results_is_made_of_the_record() -> None:
    rows = results.read()
    assert results.TABLE.read_text(encoding="utf-8") == results.HEAD + "".join(results.table(rows)), "run: make docs"
    shared = {*results.MEASURED_TOGETHER, *(field.name for field in fields(results.Figure))}
    assert [row for row in rows if shared - set(row) or not isinstance(row["value"], int | float | None)] == []


@pytest.mark.parametrize("name", update.ROADS)
def test_the_road_trains_by_the_commands_that_make_road_runs(name: str) -> None:
    printed = [arguments for arguments in commands(ROOT / f"docs/{name}.md") if arguments[0] == "train"]
    assert len(printed) == 3
    assert all(arguments in [station.train_command() for station in road.STATIONS] for arguments in printed)


@pytest.mark.parametrize("command", update.COMMANDS)
def test_page_holds_the_help_at_80_columns(command: str) -> None:
    text = update.help_text(command)
    assert text.startswith(f"Usage: nmt {command}")
    assert max(map(len, text.splitlines())) <= 80
    assert f"```text\n{text}```" in (ROOT / f"docs/{command}.md").read_text(encoding="utf-8")


def test_every_list_of_presets_has_all_of_them() -> None:
    def names(text: str) -> set[str]:
        return PRESETS.keys() & set(re.findall(r"[a-z]+", text))

    (asked,) = (flag for flag in typer.main.get_command(app).commands["train"].params if flag.name == "preset")  # type: ignore[attr-defined]
    texts = {page: re.split(r"\n\n|\n(?=\|)", page.read_text(encoding="utf-8")) for page in PAGES}
    lists = [
        (page.name, text)
        for page in PAGES
        for text in texts[page]
        if len(names(" ".join(re.findall("`.*?`", text)))) >= len(PRESETS) - 1
    ]
    assert {"glossary.md", "train.md"} <= {page for page, _ in lists}
    assert [(page, text) for page, text in [*lists, ("--preset", asked.help)] if names(text) != PRESETS.keys()] == []


def test_every_command_has_a_page() -> None:
    assert {command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands} == set(
        update.COMMANDS
    )


def test_examples_are_command_lines_of_the_program() -> None:
    group = typer.main.get_command(app)
    refused = []
    for page, arguments in EXAMPLES:
        name, *rest = canonical(list(arguments))
        try:
            group.commands[name].make_context(name, rest)  # type: ignore[attr-defined]  # a typer group has commands
        except (KeyError, typer.TyperException) as error:
            refused.append((page.name, arguments, error))
    assert refused == []


@cache
def anchors(page: Path) -> set[str]:
    """The anchors of the page's headings as GitHub makes them: lower case, no punctuation, hyphens for spaces."""
    headings = HEADING.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_lead_to_files_and_headings() -> None:
    links = [
        (page, page.parent / name if name else page, anchor)
        for page in PAGES
        for name, anchor in LINK.findall(page.read_text("utf-8"))
    ]
    assert [(page, path) for page, path, _ in links if not path.exists()] == []
    assert [(page, path, anchor) for page, path, anchor in links if anchor and anchor not in anchors(path)] == []


def test_the_changelog_begins_with_this_version_and_what_breaks() -> None:
    _, newest, *_ = re.split(r"^## ", (ROOT / "CHANGELOG.md").read_text("utf-8"), flags=re.MULTILINE)
    assert newest.startswith(f"[{__version__}]")
    kinds = re.findall(r"^### (.+)$", newest, re.MULTILINE)
    assert kinds == [kind for kind in ("Breaks", "Added", "Changed", "Fixed", "Removed") if kind in kinds]


def test_pages_named_in_the_code_exist() -> None:
    code = [path for room in ("nmt", "tests", "benchmarks", "docs", "data") for path in (ROOT / room).rglob("*.py")]
    text = "\n".join(path.read_text("utf-8") for path in [*code, ROOT / "Makefile", ROOT / "pyproject.toml"])
    pages = set(re.findall(r"docs/[\w./-]+\.md", text))
    assert pages
    assert [page for page in pages if not (ROOT / page).exists()] == []


def test_documents_show_examples_at_all() -> None:
    assert {arguments[0] for _, arguments in EXAMPLES} == set(update.COMMANDS)
    assert len(EXAMPLES) > 15


def pattern(node: ast.AST) -> str:
    """A regular expression for the text of a string expression; replacement fields match anything."""
    match node:
        case ast.Constant(value=str(text)):
            return re.escape(with_flags(text))
        case ast.JoinedStr(values=parts):
            return "".join(map(pattern, parts))
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return pattern(left) + pattern(right)
    return ".*"


def patterns_of_messages() -> list[re.Pattern[str]]:
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "nmt").rglob("*.py")]
    texts = {pattern(node) for tree in trees for node in ast.walk(tree)}
    return [re.compile(text) for text in texts if len(text.replace(".*", "")) >= 8]  # fewer letters say nothing


def test_every_message_that_a_page_quotes_is_one_of_the_program() -> None:
    patterns = patterns_of_messages()

    def says(text: str) -> bool:
        return any(known.fullmatch(text) for known in patterns)

    def is_said(message: str) -> bool:
        """Whether a message occurs: as a whole, or its two parts, with or without a file before them."""
        halves = [(message[: at.start()], message[at.end() :]) for at in re.finditer("; ", message)]
        return says(message) or any(says(re.sub("^[^ ]+: ", "", what)) and says(mend) for what, mend in halves)

    # Lines of progress are put together from short parts, which say too little.
    line = re.compile(r"^nmt: (?:error: |warning: )?(?!step )(.*)", re.M)
    quoted = [(page.name, message) for page in PAGES for message in line.findall(page.read_text(encoding="utf-8"))]
    assert len(quoted) > 30
    assert [each for each in quoted if not is_said(each[1])] == [], "reworded? then in that page too"


def test_the_page_on_installing_describes_every_extra_and_the_pinned_pytorch() -> None:
    page = (ROOT / "docs/install.md").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert re.findall(r"^\| `(\w+)` \|", page, re.M) == list(project["optional-dependencies"])
    assert re.findall(r"torch==\S+", page) == re.findall(r"^torch==\S+", (ROOT / "constraints.txt").read_text(), re.M)
