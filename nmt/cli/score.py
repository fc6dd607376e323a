"""``nmt score``: corpora to a score for each pair. The work is nmt.decoding.score_job."""

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from nmt.cli import options as flags
from nmt.cli.clusters import joining
from nmt.cli.directions import To
from nmt.errors import UsageError

if TYPE_CHECKING:
    from nmt.decoding.score_job import ScoreReport


# Over 50 lines because each flag is a parameter.
def score(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A training run, its model folder, or one file.")],
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH ...", help="Corpora, as nmt prepare reads them: prefixes (data/test), or one file with both."
        ),
    ],
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE", help="Write here once all is scored.")
    ] = None,
    format: Annotated[
        Literal["text", "tsv", "jsonl"] | None,
        typer.Option(
            help="Scores; source, target, score, by tabs; or JSON lines with the score of each piece. By default what "
            "the name of FILE says (.tsv, .jsonl), else text."
        ),
    ] = None,
    normalize: Annotated[
        bool,
        typer.Option("--normalize/--sum", help="Mean log-probability of a piece, or the sum over the translation."),
    ] = True,
    reverse: Annotated[
        Path | None,
        typer.Option(metavar="MODEL", help="Model of the other direction: score by dual cross-entropy."),
    ] = None,
    to: To = "",
    columns: flags.Columns = None,
    batch_tokens: flags.BatchTokens = 2048,
    resume: flags.Resume = True,
    stats: flags.Stats = None,
    engine: flags.Engine = "auto",
    compute_type: flags.ComputeType = "float32",
    cluster: flags.ClusterAddress = None,
    device: flags.DeviceName = "auto",
    threads: flags.Threads = 0,
    quiet: flags.IsQuiet = False,
    verbose: flags.IsVerbose = False,
) -> None:
    """Score given translations: how probable a model finds them, one line for each pair, in order.

    A score is a natural logarithm, so at most 0, and higher is better; nan for a pair with a blank side. It is the
    score that nmt translate gives to its own translations.
    """
    if reverse and not normalize:
        raise UsageError("--sum and --reverse exclude each other", "leave --sum out: cross-entropy is per piece")
    from nmt.cli.console import say, standard_output, terminal_progress
    from nmt.cli.translate import write_json
    from nmt.config import EngineOptions
    from nmt.corpus.many import find_corpora
    from nmt.decoding.forced import Scoring, translating_back
    from nmt.decoding.formats import ScoreFormat
    from nmt.decoding.score_job import PairScoring, ScoreJob
    from nmt.disk.outputs import check_outputs
    from nmt.store.model_folder import ModelFolder, places

    chosen = flags.parse_columns(columns) if columns is not None else None
    folder = ModelFolder.open(model).toward(to)
    corpora = [corpus for path in paths for corpus in find_corpora(path, folder.pairs, columns=chosen)]
    directions = list(dict.fromkeys(corpus.languages for corpus in corpora))
    back = translating_back(ModelFolder.open(reverse), directions, str(model)) if reverse else None
    form = ScoreFormat(format) if format else ScoreFormat.of_file(output or "")
    job = ScoreJob(corpora, output, form, resume)
    models = [place for path in (model, reverse) if path for place in places(path)]
    check_outputs([*job.outputs(), ("--stats", stats)], [*job.inputs(), *models])
    wanted = EngineOptions(batch_tokens, device, threads, engine, compute_type)

    opened = [folder, *([back] if back else [])]
    no_bar = quiet or bool(not output and sys.stdout and sys.stdout.isatty())
    with ExitStack() as stack:
        progress = stack.enter_context(terminal_progress(no_bar, verbose))

        def load() -> PairScoring:
            if cluster is None:
                return Scoring.of(opened, wanted, normalize)
            from nmt.spread.scorers import scorers

            return stack.enter_context(scorers(joining(cluster, stack)(), opened, wanted, normalize, progress))

        report = job.run(load, progress, standard_output, None if no_bar else job.total())
    if not quiet:  # also where scores on a terminal leave no place for a bar
        say(summary(report))
    if stats:
        write_json(stats, report.figures())


def summary(report: "ScoreReport") -> str:
    """The report as a line for a person."""
    from nmt.cli.console import counted, duration

    there, back = report.perplexity(), report.perplexity("reverse")
    line = f"{counted(report.pairs, 'pair')} in {duration(report.tally.seconds)}"
    line += f": perplexity {there:.3f}" if there is not None else ": none has a score"
    return line + (f", {back:.3f} in reverse" if back is not None else "")
