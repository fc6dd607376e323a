"""``nmt serve``: models to a REST service. The work is nmt.serve."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from nmt.cli import options as flags
from nmt.cli.signals import catch_signals, die_by, second_ends_at_once
from nmt.config import EngineOptions, SearchOptions
from nmt.errors import SettingsError, UsageError, missing_extra

if TYPE_CHECKING:
    from nmt.serve.listening import Server


# Over 50 lines because each flag is a parameter.
def serve(
    models: Annotated[list[Path], typer.Argument(metavar="MODEL ...", help="Training runs, or model folders in them.")],
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address to listen on; others than this machine's need a key.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(metavar="N", min=0, max=65535, help="Port to listen on; 0: any free one.")
    ] = 5000,
    api_key_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Answer only clients with a key of FILE, one on each line.")
    ] = None,
    no_key: Annotated[bool, typer.Option("--no-key", help="Answer everybody who reaches the address.")] = False,
    origin: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="Let pages from there ask, like https://example.org (CORS). Repeats."),
    ] = None,
    compare: Annotated[
        list[Path] | None,
        typer.Option(metavar="MODEL", help="Show this model beside another of its direction, at /think. Repeats."),
    ] = None,
    timeout: Annotated[
        float, typer.Option(metavar="S", min=0.1, max=3600, help="Refuse a request that would take over S seconds.")
    ] = 30.0,
    log_texts: Annotated[bool, typer.Option("--log-texts", help="Log texts and translations, too.")] = False,
    beam_size: flags.BeamSize = 5,
    length_penalty: flags.LengthPenalty = 1.0,
    glossary: flags.Glossary = None,
    check: flags.Check = False,
    whole_lines: flags.WholeLines = False,
    batch_tokens: flags.BatchTokens = 2048,
    engine: flags.Engine = "auto",
    compute_type: flags.ComputeType = "float32",
    device: flags.DeviceName = "auto",
    threads: flags.Threads = 0,
    quiet: flags.IsQuiet = False,
    verbose: flags.IsVerbose = False,
) -> None:
    """Translate for other programs: a REST service as LibreTranslate offers it.

    It runs until a signal ends it, and then answers the requests that it has.
    """
    if api_key_file and no_key:
        raise UsageError("--api-key-file and --no-key exclude each other", "leave one of them out")
    try:
        from nmt.serve.app import application
        from nmt.serve.listening import Listening, Server
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package == "nmt":
            raise
        raise SettingsError(f"a service needs {package}", missing_extra("serve")) from None
    from nmt.cli.console import say
    from nmt.serve.directions import Directions
    from nmt.serve.keys import Keys
    from nmt.serve.limits import Limits
    from nmt.serve.log import Log
    from nmt.serve.service import Service
    from nmt.store.model_folder import ModelFolder

    keys = Keys.read(api_key_file) if api_key_file else Keys()
    listening = Listening(host, port)
    if not (keys or no_key or listening.is_local):
        raise UsageError(
            f"--host {host} is reached from other machines", "give --api-key-file, or --no-key to answer everybody"
        )
    options = SearchOptions(beam_size=beam_size, length_penalty=length_penalty, check=check, whole_lines=whole_lines)
    wanted = EngineOptions(batch_tokens, device, threads, engine, compute_type)
    limits = Limits(seconds=timeout)
    compared = list(map(ModelFolder.open, compare or []))
    directions = Directions.load(models, options, wanted, glossary)
    service = Service.of(directions, keys, limits, Log(write, log_texts, quiet), compared)
    only_here = "" if keys or no_key else host  # which is of this machine then
    server = Server(application(service, origin or [], only_here), limits)
    with ended_by_signals(server), service.log.hears():
        listening.listen()
        if not quiet:
            say(f"{listening.url} translates {service.directions.described()}")
        server.answer(listening)
        service.stop()


def write(line: str) -> None:
    """Print a line of the log; a failure to print is ignored, for the service must go on."""
    with suppress(OSError):
        print(line, file=sys.stderr, flush=True)


@contextmanager
def ended_by_signals(server: "Server") -> Iterator[None]:
    """End the server at the first signal; after the block die by it. A second one ends the process at once."""
    caught: list[int] = []

    def catch(number: int, frame: FrameType | None) -> None:
        if number != signal.SIGPIPE:  # a client that went away, or the reader of the log
            caught.append(number)
            server.should_exit = True
            second_ends_at_once()

    catch_signals(catch)
    yield
    if caught:
        die_by(caught[0])
