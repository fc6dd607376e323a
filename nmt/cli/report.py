"""``nmt report``: a dataset to a page of what cleaning did, or runs to a table of scores. Knows no fact of them."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from nmt.cli.options import IsQuiet, IsVerbose
from nmt.errors import UsageError

if TYPE_CHECKING:
    from nmt.corpus.cleaning import Cleaning


def report(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="DATA | RUN ...", help="A dataset that nmt prepare made, or runs of nmt train."),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="PAGE", help="The page of a dataset (.html).")
    ] = None,
    format: Annotated[
        Literal["text", "latex", "csv", "json"], typer.Option(help="Format of the table of runs.")
    ] = "text",
    quiet: IsQuiet = False,
    verbose: IsVerbose = False,
) -> None:
    """Write a page that shows what cleaning did to a corpus, or print the validation scores of runs.

    For each rule: how many pairs it dropped, its scores with the threshold, and pairs nearest to that on both sides.
    The page is one file, which needs no network. Runs that differ only by their seed are one system: mean and standard
    deviation.
    """
    first = paths[0]
    if output:
        if len(paths) > 1:
            raise UsageError("a page is of one dataset", "leave --output out for runs, or name one dataset")
        check_page("--output", output, [first], first)

        from nmt.show.corpus_report import open_dataset

        write_page(open_dataset(first), str(first), output, quiet)
    else:
        from nmt.cli.console import show

        show(scores(paths, format))


def scores(paths: Sequence[Path], format: str) -> str:
    """The validation scores of runs, in a format. Raises UsageError for a dataset, which has none."""
    import json

    from nmt.cli.console import table_with_notes
    from nmt.corpus.dataset import CLEANING
    from nmt.scoring.gains import gains_of
    from nmt.scoring.gains import table as table_of_stages
    from nmt.scoring.systems import rounded
    from nmt.scoring.tables import latex
    from nmt.scoring.validation import as_csv, table, validation_of
    from nmt.store.run_folder import RunFolder

    for path in paths:
        if (path / CLEANING).is_file():
            raise UsageError(f"{path} is a dataset", "name the page to write: --output PAGE.html")
    systems = validation_of(paths)
    stages = {str(path): gains for path in paths if len(gains := gains_of(RunFolder(path).read_metrics())) > 1}
    if format == "json":
        facts: dict[str, Any] = {"systems": [system.to_json() for system in systems]}
        if stages:
            facts["stages"] = {name: [rounded(gain.to_json()) for gain in gains] for name, gains in stages.items()}
        return json.dumps(facts, ensure_ascii=False, indent=2) + "\n"
    if format == "csv":
        return as_csv(systems)
    drawn = table(systems)
    if format == "latex":
        return latex(drawn)
    return "\n".join(map(table_with_notes, [drawn, *(table_of_stages(*each) for each in stages.items())]))


def check_page(flag: str, page: Path, inputs: Iterable[Path], dataset: Path | None) -> None:
    """Check, before any work, that the page can be written; a page within the dataset would be no part of it.

    Raises UsageError or CannotCreateError.
    """
    from nmt.disk.outputs import check_outputs

    check_ending(flag, page)
    if dataset and page.resolve().is_relative_to(dataset.resolve()):
        raise UsageError(f"{flag} {page} is inside the dataset", "write it beside that folder")
    check_outputs([(flag, page)], inputs)


def check_ending(flag: str, page: Path) -> None:
    """Raise UsageError unless the name is that of a page."""
    if page.suffix != ".html":
        raise UsageError(f"{flag} {page} is not a page", "end its name in .html")


def write_page(cleaning: "Cleaning", name: str, page: Path, quiet: bool) -> None:
    """Write the page, and say so."""
    from nmt.cli.console import say
    from nmt.show.corpus_report import write_report

    write_report(cleaning, name, page)
    if not quiet:
        say(f"wrote {page}")
