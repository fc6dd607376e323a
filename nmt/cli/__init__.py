"""The command line: one thin file for each command. Only this room knows typer, flags, signals and exit codes."""

import io
import os
import re
import signal
import sys
import tempfile
import traceback
import warnings
from contextlib import suppress
from types import FrameType
from typing import NoReturn, TextIO

import typer

from nmt.cli.evaluate import evaluate
from nmt.cli.export import export
from nmt.cli.import_ import import_
from nmt.cli.inspect import inspect
from nmt.cli.options import Command, Version, with_common_flags
from nmt.cli.prepare import prepare
from nmt.cli.report import report
from nmt.cli.score import score
from nmt.cli.serve import serve
from nmt.cli.signals import catch_signals, die_by
from nmt.cli.train import train
from nmt.cli.translate import translate
from nmt.errors import (
    DISTRIBUTION,
    FULL,
    BusyError,
    NmtError,
    NmtWarning,
    SettingsError,
    StorageError,
    UsageError,
    is_out_of_memory,
    nearest,
)

app = typer.Typer(
    name="nmt",
    help="Neural machine translation: from two text files to a trained translator.",
    rich_markup_mode=None,  # importing rich takes 0.2 s
    pretty_exceptions_enable=False,
    add_completion=True,
)

# Names of the same flags in Marian, fairseq, Sockeye, JoeyNMT and sacreBLEU.
ALIASES = {
    "--beam": "--beam-size",
    "--lenpen": "--length-penalty",
    "--normalize": "--length-penalty",
    "--nbest": "--n-best",
    "--sampling": "--sample",
    "--output-sampling": "--sample",
    "--sampling-topp": "--top-p",
    "--max-tokens": "--batch-tokens",
    "--mini-batch-words": "--batch-tokens",
    "--cpu-threads": "--threads",
    "--source-lang": "--source",
    "--target-lang": "--target",
    "--license": "--licence",
    "--trainpref": "--train",
    "--validpref": "--valid",
    "--testpref": "--test",
    "--destdir": "--output",
    "--save-dir": "--output",
    "--max-update": "--steps",
    "--max-updates": "--steps",
    "--max-epoch": "--epochs",
    "--after-epochs": "--epochs",
    "--valid-freq": "--validate-every",
    "--save-freq": "--save-every",
    "--early-stopping": "--patience",
}
# Flags whose value may be left out: what stands for it, and what is taken for one, for a file may follow.
OPTIONAL = {"--sample": ("0", r"\d+"), "--cluster": ("", r"auto|ray://\S+|\S+:\d+")}
# Flags of a command that have the name of another toolkit's flag with another meaning.
OWN = {"score": {"--normalize"}}


@app.callback()
def common(version: Version = False) -> None:
    pass


for command in (prepare, train, translate, evaluate, score, inspect, report, serve, import_, export):
    app.command(command.__name__.rstrip("_"), cls=Command)(with_common_flags(command))


def main() -> NoReturn:
    """Run the command in ``sys.argv`` and exit with a code of docs/files.md."""
    open_missing_streams()
    catch_signals(end_by)
    warnings.showwarning = show_warning
    try:
        # Calling ``app`` would turn signals and failing streams into exit codes of typer's.
        command = typer.main.get_command(app)
        if COMPLETION in os.environ:  # a shell asks what may come next
            command.main(prog_name="nmt")
        with command.make_context("nmt", canonical(sys.argv[1:]) or ["--help"]) as context:
            command.invoke(context)
        if sys.stdout:
            sys.stdout.flush()
        sys.exit(0)
    except typer.Exit as end:
        sys.exit(end.exit_code)
    except NmtError as error:
        fail(error)
    except typer.TyperException as error:
        fail(usage_error(error))
    except BrokenPipeError:
        end_now(signal.SIGPIPE)  # the error may come before the signal is handled
    except Exception as error:
        if is_out_of_memory(error):
            fail(BusyError("out of memory", "use smaller --batch-tokens, or try again when the machine has more free"))
        if isinstance(error, OSError):
            where = f" {error.filename}" if error.filename else ""
            mend = "free some space" if error.errno in FULL else "check the path, its permissions and the device"
            fail(StorageError(f"input or output failed{where}: {error.strerror}", mend))
        if isinstance(error, ModuleNotFoundError) and (install := left_out(error.name or "")):
            fail(SettingsError(f"this needs {error.name}, which is not installed", install))
        if "--verbose" in sys.argv:
            from nmt.text.lines import printable

            for line in traceback.format_exc().splitlines():
                print(printable(line), file=sys.stderr)
        fail(bug())


def show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Print a warning of nmt in one line, and warnings of libraries as Python does."""
    from nmt.cli.console import say
    from nmt.text.lines import one_line

    if issubclass(category, NmtWarning):
        say(f"warning: {one_line(str(message))}")
    else:
        _show_warning(message, category, filename, lineno, file, line)


_show_warning = warnings.showwarning


def open_missing_streams() -> None:
    """Open the null device as stdin or stderr if the shell closed them (<&- or 2>&-), and make stderr UTF-8.

    stdout stays closed, since results would be lost without an error; its descriptor is taken, so that no library
    writes into a file that is opened later.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            null = open(os.devnull, mode, encoding="utf-8")  # noqa: SIM115  # open until the process ends
            if name == "stdout":
                _held_open.append(null)
            else:
                setattr(sys, name, null)
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr.reconfigure(encoding="utf-8", errors="backslashreplace")


_held_open: list[object] = []
COMPLETION = "_NMT_COMPLETE"  # set by the functions that --install-completion gives to a shell
SHOW_CURSOR = b"\x1b[?25h"


def canonical(arguments: list[str]) -> list[str]:
    """The arguments with other toolkits' flags replaced by nmt's and left-out values filled in, up to a ``--``."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    flags = (argument.partition("=") for argument in arguments[:end])
    own = OWN.get(arguments[0], set()) if arguments else set()
    names = {name: canonical for name, canonical in ALIASES.items() if name not in own}
    given = ["".join((names.get(name, name), equals, value)) for name, equals, value in flags]
    for place, (flag, following) in enumerate(zip(given, [*given[1:], ""], strict=True)):
        default, pattern = OPTIONAL.get(flag, ("", ""))
        if flag in OPTIONAL and not re.fullmatch(pattern, following):
            given[place] = f"{flag}={default}"
    return given + arguments[end:]


def usage_error(error: typer.TyperException) -> UsageError:
    """The error for a mistake on the command line, with the nearest flag or command that exists."""
    context = getattr(error, "ctx", None)
    what = error.format_message().rstrip(".")
    what = what[0].lower() + what[1:]
    if context and what.startswith("no such"):
        kind, wrong = (
            ("option", getattr(error, "option_name", "")) if "option" in what else ("command", what.split("'")[1])
        )
        names = {"command": list(getattr(context.command, "commands", ())), "option": ["--help"]}
        names["option"] += [name for parameter in context.command.params for name in parameter.opts if name[0] == "-"]
        otherwise = f"see {context.command_path} --help" if kind == "option" else ""
        return UsageError(f"there is no {kind} {wrong}", nearest(wrong, names[kind], otherwise))
    return UsageError(what, f"see {context.command_path if context else 'nmt'} --help")


def left_out(name: str) -> str | None:
    """How to install a package that nmt requires and a small install leaves out; None for another."""
    from importlib.metadata import PackageNotFoundError, requires

    try:
        required = [text for text in requires(DISTRIBUTION) or [] if "extra ==" not in text]
    except PackageNotFoundError:  # run from the sources
        return None
    own = next((text for text in required if re.split(r"[^\w-]", text)[0] == name), None)
    return own and f"pip install '{own}'"


def bug() -> NmtError:
    """The error for an unexpected exception, whose traceback is written to a file."""
    reason = traceback.format_exception_only(*sys.exc_info()[:2])[-1].strip().splitlines()[0]
    try:
        handle, path = tempfile.mkstemp(prefix="nmt-traceback-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            traceback.print_exc(file=file)
    except OSError:
        return NmtError(f"a bug in nmt: {reason}", "please report it with what --verbose prints")
    return NmtError(f"a bug in nmt: {reason}", f"please report it with {path}")


def fail(error: NmtError) -> NoReturn:
    """Print an error in one line and exit with its code."""
    from nmt.cli.console import say

    say(f"error: {error}")
    sys.exit(error.exit_code)


def end_by(number: int, frame: FrameType | None) -> None:
    """The signal handler of commands that have nothing to save: end, but not while files are being created.

    Raises nothing: a library could catch it while it is imported.
    """
    from nmt.disk.debris import when_recorded

    when_recorded(lambda: end_now(number))


def end_now(number: int) -> NoReturn:
    """Delete unfinished files and die by the signal."""
    from nmt.disk.debris import discard_unfinished

    discard_unfinished()
    if sys.stderr and sys.stderr.isatty():
        with suppress(OSError):
            os.write(sys.stderr.fileno(), SHOW_CURSOR)  # the live bar hides it
    die_by(number)
