"""``nmt report``: a dataset to a page of what cleaning did. Knows no fact of it and no HTML."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nmt.cli.options import IsQuiet, IsVerbose
from nmt.errors import UsageError

if TYPE_CHECKING:
    from nmt.corpus.cleaning import Cleaning


def report(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="A dataset that nmt prepare made.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="PAGE", help="The page to write (.html).")],
    quiet: IsQuiet = False,
    verbose: IsVerbose = False,
) -> None:
    """Write a page that shows what cleaning did to a corpus.

    For each rule: how many pairs it dropped, its scores with the threshold, and pairs nearest to that on both sides.
    The page is one file, which needs no network.
    """
    check_page("--output", output, [data], data)

    from nmt.show.corpus_report import open_dataset

    write_page(open_dataset(data), str(data), output, quiet)


def check_page(flag: str, page: Path, inputs: Iterable[Path], dataset: Path | None) -> None:
    """Check, before any work, that the page can be written; a page within the dataset would be no part of it.

    Raises UsageError or CannotCreateError.
    """
    from nmt.disk.outputs import check_outputs

    if page.suffix != ".html":
        raise UsageError(f"{flag} {page} is not a page", "end its name in .html")
    if dataset and page.resolve().is_relative_to(dataset.resolve()):
        raise UsageError(f"{flag} {page} is inside the dataset", "write it beside that folder")
    check_outputs([(flag, page)], inputs)


def write_page(cleaning: "Cleaning", name: str, page: Path, quiet: bool) -> None:
    """Write the page, and say so."""
    from nmt.cli.console import say
    from nmt.show.corpus_report import write_report

    write_report(cleaning, name, page)
    if not quiet:
        say(f"wrote {page}")
