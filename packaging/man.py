"""Writes man pages from the help texts: python packaging/man.py FOLDER

One page for nmt and one for each command, in roff's man macros. Knows how typer describes a command; nothing of what
the commands do.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from nmt import __version__
from nmt.cli import app
from nmt.errors import NmtError

EXIT_CODES = {
    "0": "Done; warnings are allowed.",
    "2": "A mistake on the command line.",
    "65": "Bad data, or a bad model file.",
    "66": "An input is missing.",
    "70": "A bug; the message says where its traceback is.",
    "73, 74, 75": "An output cannot be created; input or output failed; busy, or out of memory.",
    "78": "Settings that do not fit together, or not with the run that is resumed.",
    "130, 143, 141": "Ended by SIGINT, SIGTERM or SIGPIPE, by the signal itself.",
}


def main(folder: Path) -> None:
    """Write all pages into a folder."""
    program: Any = typer.main.get_command(app)
    context = program.make_context("nmt", [], resilient_parsing=True)
    folder.mkdir(parents=True, exist_ok=True)
    pages = {"nmt": page("nmt", context, list(program.commands))}
    for name, command in program.commands.items():
        inside = command.make_context(name, [], parent=context, resilient_parsing=True)
        pages[f"nmt-{name}"] = page(f"nmt {name}", inside, [])
    for name, lines in pages.items():
        (folder / f"{name}.1").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def page(name: str, context: Any, commands: list[str]) -> list[str]:
    """The lines of the page of a command, or of the program with its ``commands``."""
    command = context.command
    paragraphs = re.split(r"\n\s*\n", (command.help or "").strip())
    lines = [
        f'.TH "{name.replace(" ", "-").upper()}" 1 "" "nmt {__version__}" "nmt"',
        ".SH NAME",
        f"{roff(name.replace(' ', '-'))} \\- {roff(joined(paragraphs[0]).rstrip('.'))}",
        ".SH SYNOPSIS",
        f".B {roff(name)}",
        roff(" ".join(command.collect_usage_pieces(context))),
        ".SH DESCRIPTION",
    ]
    lines += [line for text in paragraphs for line in (".PP", roff(joined(text)))]
    if commands:
        lines.append(".SH COMMANDS")
        lines += entries((f"nmt-{each}(1)", command.commands[each].get_short_help_str(200)) for each in commands)
    for title, kind in (("ARGUMENTS", "argument"), ("OPTIONS", "option")):
        records = (
            each.get_help_record(context) for each in command.get_params(context) if each.param_type_name == kind
        )
        if told := [record for record in records if record]:
            lines += [f".SH {title}", *entries(told)]
    lines += [".SH EXIT STATUS", *entries(EXIT_CODES.items())]
    others = [f"nmt-{each}(1)" for each in commands] or ["nmt(1)"]
    return [*lines, ".SH SEE ALSO", roff(", ".join(others))]


def entries(records: Any) -> Iterator[str]:
    """A list of terms, each with what it means."""
    for term, meaning in records:
        yield from (".TP", f".B {roff(term)}", roff(joined(meaning)) or "\\&")


def joined(text: str) -> str:
    return " ".join(text.split())


def roff(text: str) -> str:
    """Text with roff's own characters spelled out."""
    spelled = text.replace("\\", "\\e").replace("-", "\\-")
    spelled = "".join(sign if sign.isascii() else f"\\[u{ord(sign):04X}]" for sign in spelled)
    return f"\\&{spelled}" if spelled[:1] in (".", "'") else spelled


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python packaging/man.py FOLDER")
    try:
        main(Path(sys.argv[1]))
    except NmtError as error:
        sys.exit(str(error))
