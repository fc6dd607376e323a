"""``nmt report``: a dataset or runs to a page, or runs to a table of scores. Knows no fact of them."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from nmt.cli.options import IsQuiet, IsVerbose
from nmt.errors import UsageError

if TYPE_CHECKING:
    from nmt.corpus.cleaning import Cleaning


# Over 50 lines because each flag is a parameter.
def report(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="DATA | RUN ...",
            help="A dataset that nmt prepare made, or runs of nmt train, with their datasets where these are at hand.",
        ),
    ],
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="PAGE", help="The page (.html).")] = None,
    scores: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Test scores for the page of runs, by nmt evaluate --json. Repeats."),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="The metrics of the runs, a row for each event.")
    ] = None,
    tensorboard: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The same for TensorBoard, where it is installed: a new folder.")
    ] = None,
    format: Annotated[
        Literal["text", "latex", "csv", "json"], typer.Option(help="Format of the table of runs.")
    ] = "text",
    quiet: IsQuiet = False,
    verbose: IsVerbose = False,
) -> None:
    """Write a page of training runs, or of what cleaning did to a corpus, or print the validation scores of runs.

    Of runs: scores, curves with the phases of training, samples over time, settings that differ, data, environment,
    and the commands that make them again. Runs that differ only by their seed are one system: mean and standard
    deviation. Of a dataset, for each rule: how many pairs it dropped, its scores with the threshold, and pairs nearest
    to that on both sides. The page is one file, which needs no network.
    """
    runs = [path for path in paths if (path / "config.toml").exists()]  # a dataset has none
    datasets = [path for path in paths if path not in runs]
    if runs and (output or csv or tensorboard):
        write_files(runs, datasets, (output, csv, tensorboard), scores or [], quiet)
    elif scores or csv or tensorboard:
        raise UsageError("test scores and metrics are of runs", "name a RUN folder made by nmt train, and `output`")
    elif output:
        if len(paths) > 1:
            raise UsageError("a page is of one dataset, or of runs", "name one dataset, or a run beside it")
        check_page("--output", output, paths, paths[0])

        from nmt.corpus.cleaning import Cleaning

        write_page(Cleaning.open(paths[0]), str(paths[0]), output, quiet)
    else:
        from nmt.cli.console import show

        show(score_table(paths, format))


def write_files(
    runs: Sequence[Path],
    datasets: Sequence[Path],
    outputs: tuple[Path | None, Path | None, Path | None],
    scores: Sequence[Path],
    quiet: bool,
) -> None:
    """Write what is asked for of runs: a page, a table of their metrics, a folder for TensorBoard."""
    from nmt.cli.again import commands
    from nmt.cli.console import say
    from nmt.disk.manifest import NAME
    from nmt.disk.outputs import check_outputs
    from nmt.scoring.metrics_files import check_tensorboard, write_csv, write_tensorboard
    from nmt.scoring.seeds import model_names
    from nmt.scoring.set_scores import SetScores
    from nmt.scoring.validation import validation_of
    from nmt.show.run_facts import open_datasets
    from nmt.show.run_report import Report, open_runs, run_folder_of, write_run_report

    page, csv, tensorboard = outputs
    if page:
        check_ending("--output", page)
    for flag, path in zip(("--output", "--csv", "--tensorboard"), outputs, strict=True):
        for folder in datasets:
            if path and (folder / NAME).exists():  # or it is no dataset, which opening it tells
                refuse_inside(flag, path, folder)
    named = [("--output", page), ("--csv", csv)]
    check_outputs(named, [*scores, *(run_folder_of(run).metrics_path for run in runs)])
    if tensorboard:
        check_tensorboard(tensorboard)
    if page:
        opened = open_runs(runs)
        known = open_datasets(datasets, {run.name: run.model for run in opened})
        tests = [each for path in scores for each in SetScores.read(path)]
        write_run_report(Report(opened, validation_of(runs), known, tests, commands(opened, known)), page)
    metrics = {name: run_folder_of(run) for name, run in zip(model_names(runs), runs, strict=True)}
    if csv:
        write_csv({name: folder.read_metrics for name, folder in metrics.items()}, csv)
    if tensorboard:
        write_tensorboard({name: folder.read_metrics() for name, folder in metrics.items()}, tensorboard)
    for path in outputs:
        if path and not quiet:
            say(f"wrote {path}")


def score_table(paths: Sequence[Path], format: str) -> str:
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
    if dataset:
        refuse_inside(flag, page, dataset)
    check_outputs([(flag, page)], inputs)


def refuse_inside(flag: str, output: Path, dataset: Path) -> None:
    """Raise UsageError for an output in the folder of a dataset, which could then not be made again."""
    if output.resolve().is_relative_to(dataset.resolve()):
        raise UsageError(f"{flag} {output} is inside the dataset", "write it beside that folder")


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
