"""``nmt import``: a model that another toolkit trained, as a model of nmt. Knows no format."""

from pathlib import Path
from typing import Annotated

import typer

from nmt.cli.options import IsQuiet, licence_line
from nmt.errors import UsageError


def import_(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER|FILE.npz", help="A MarianMTModel's folder, or Marian's own .npz file with its vocabularies."
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="MODEL", help="Folder to create; it must not exist.")
    ],
    source: Annotated[
        str, typer.Option("--source", "-s", metavar="LANG", help="Language it translates from, if no file says so.")
    ] = "",
    target: Annotated[
        str, typer.Option("--target", "-t", metavar="LANG", help="Language it translates into, if no file says so.")
    ] = "",
    licence: Annotated[
        str,
        typer.Option(
            metavar="TEXT",
            help="Licence of the model, like CC BY 4.0; models fitted from it name it.",
            callback=licence_line,
        ),
    ] = "",
    quiet: IsQuiet = False,
) -> None:
    """Make a model that another toolkit trained, such as OPUS-MT, a model of nmt.

    It then translates, is evaluated and exported, and begins trainings, as every model does.
    """
    from nmt.cli.console import say
    from nmt.config import is_name
    from nmt.store.imported import UNNAMED, import_model

    for flag, language in (("--source", source), ("--target", target)):
        if language and not is_name(language):
            raise UsageError(f"{flag} {language} is no code of a language", "give one such as en")
    languages = import_model(path, output, (source, target), licence)
    if UNNAMED in languages and not quiet:
        say("warning: no file names the languages, by which BLEU counts words; name them with --source and --target")
    if not quiet:
        say(f"{output} translates {' → '.join(languages)}")
