"""``nmt translate``: files or standard input to lines of translation. The work is nmt.decoding.job."""

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from nmt.cli import options as flags
from nmt.cli.clusters import loader
from nmt.cli.directions import To
from nmt.config import EngineOptions, SearchOptions
from nmt.errors import UsageError

if TYPE_CHECKING:
    from nmt.decoding.plan import Plan


# Over 50 lines because each flag is a parameter.
def translate(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A training run, its model folder, or one file.")],
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="INPUT ...", help="Text, one sentence a line, or a document (.html, .md, .po …); - is stdin."
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE|FOLDER/",
            help="Write here once all is translated; in FOLDER/ one file per INPUT.",
        ),
    ] = None,
    to: To = "",
    beam_size: flags.BeamSize = 5,
    length_penalty: flags.LengthPenalty = 1.0,
    n_best: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Print the N best of each line, as: id ||| text ||| score.")
    ] = None,
    sample: flags.Sample = None,
    top_p: flags.TopP = 1.0,
    temperature: flags.Temperature = 1.0,
    seed: flags.Seed = 1,
    mbr: flags.Mbr = None,
    candidates: flags.Candidates = None,
    ensemble: flags.Ensemble = None,
    max_length_factor: flags.MaxLengthFactor = 3.0,
    min_length: flags.MinLength = 0,
    no_repeat_ngram: flags.NoRepeatNgram = 0,
    prefix: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Line N is what the translation of line N begins with; blank: anything."),
    ] = None,
    constraints: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Line N has phrases, by tabs, that must appear in the translation of line N."
        ),
    ] = None,
    avoid: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Line N has phrases, by tabs, that must not appear in it.")
    ] = None,
    glossary: flags.Glossary = None,
    batch_tokens: flags.BatchTokens = 2048,
    format: Annotated[
        Literal["text", "tsv", "jsonl"],
        typer.Option(help="Translations; source, translation, score, by tabs; or JSON lines."),
    ] = "text",
    token_scores: Annotated[
        bool, typer.Option("--token-scores", help="In JSON lines, also each piece with its log-probability.")
    ] = False,
    alignments: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE|-",
            help="Write here which word became which, as 0-0 1-2, a line for each; - is in the JSON lines alone.",
        ),
    ] = None,
    check: flags.Check = False,
    whole_lines: flags.WholeLines = False,
    review: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the lines that look wrong here, as number, source, translation, score and checks by tabs.",
        ),
    ] = None,
    review_share: Annotated[
        str | None, typer.Option(metavar="P%", help="To --review, the P% of the lines that are most in doubt instead.")
    ] = None,
    columns: Annotated[
        str | None, typer.Option(metavar="KEY,KEY", help="Keys of .jsonl files whose texts are translated.")
    ] = None,
    retranslate: Annotated[
        bool, typer.Option("--retranslate", help="In .po and .xlf files, also translate what is translated already.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse input that is not UTF-8, instead of repairing it.")
    ] = False,
    resume: flags.Resume = True,
    stats: flags.Stats = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Print how long it would take, by some lines of INPUT; write nothing.")
    ] = False,
    price: Annotated[
        float, typer.Option(metavar="P", min=0, help="What a machine costs an hour; --plan then shows what all costs.")
    ] = 0.0,
    engine: flags.Engine = "auto",
    compute_type: flags.ComputeType = "float32",
    cluster: flags.ClusterAddress = None,
    device: flags.DeviceName = "auto",
    threads: flags.Threads = 0,
    quiet: flags.IsQuiet = False,
    verbose: flags.IsVerbose = False,
) -> None:
    """Translate text: one line of output for each line of input, in order. Documents stay documents.

    Without INPUT it reads stdin and writes stdout; a line that a person types is answered at once.
    """
    from nmt.cli.console import closing, greet, is_live, prompt, say, standard_output, terminal_progress
    from nmt.decoding.beside import Beside
    from nmt.decoding.formats import Format
    from nmt.decoding.job import Job, WindowTranslator
    from nmt.decoding.linked_tags import LinkedTags
    from nmt.decoding.plan import measured
    from nmt.decoding.side_outputs import Links, Review, SideOutput, parse_share
    from nmt.decoding.translator import Translator
    from nmt.disk.outputs import check_outputs
    from nmt.documents import MARKED, Asked, format_of
    from nmt.store.model_folder import ModelFolder, places
    from nmt.store.remote import copied, shown_address
    from nmt.text.terms import Glossary

    inside = alignments == Path("-")
    for flag, given in (("--token-scores", token_scores), ("--alignments -", inside)):
        if given and format != "jsonl":
            raise UsageError(f"{flag} is for JSON lines", "add --format jsonl")
    formats = {format_of(Path(each)) for each in inputs or []}
    for flag, asked, own in (("--columns", columns, {"jsonl"}), ("--retranslate", retranslate, MARKED)):
        if asked and not own & formats:
            raise UsageError(f"{flag} is for files in .{' .'.join(sorted(own))}", "name one as INPUT")
    if review and not check:
        raise UsageError("--review is for lines that are checked", "add --check")
    if price and not plan:
        raise UsageError("--price counts with --plan only", "add --plan")
    if plan and (not inputs or cluster is not None):
        raise UsageError("--plan measures files on this machine", "name an INPUT, and no --cluster")
    if review_share and not review:
        raise UsageError("--review-share counts with --review only", "name a --review FILE")
    options = SearchOptions(
        beam_size=beam_size,
        length_penalty=length_penalty,
        n_best=n_best or 1,
        max_length_factor=max_length_factor,
        min_length=min_length,
        no_repeat_ngram=no_repeat_ngram,
        phrases=bool(constraints or avoid),
        sample=sample,
        top_p=top_p,
        temperature=temperature,
        seed=seed,
        mbr=mbr,
        candidates=candidates,
        token_scores=token_scores,
        alignments=alignments is not None,
        check=check,
        whole_lines=whole_lines,
    )
    beside = Beside(prefix, constraints, avoid)
    shape = Format(format, n_best is not None)
    sides: list[SideOutput] = [Links(alignments)] if alignments and not inside else []
    if review:
        sides.append(Review(review, parse_share(review_share) if review_share else None))
    # A text depends on its line alone; a score's last digits, and what is counted of terms, on more.
    once = format == "text" and n_best is None and sample is None and not (glossary or sides)
    with ExitStack() as stack:
        copies = stack.enter_context(copied(inputs or [], output, (lambda line: None) if quiet else say, not plan))
        of_documents = Asked(tuple(filter(None, (columns or "").split(","))), retranslate)
        kept = bool(copies.address)
        job = Job(copies.inputs, copies.output, shape, strict, resume, beside, sides, once, kept, of_documents)
        models = [model, *(ensemble or [])]
        read = [*job.inputs(), *([glossary] if glossary else []), *(place for each in models for place in places(each))]
        check_outputs([*job.outputs(), ("--stats", stats)], read, job.folder)
        # A bar would run through the lines that a person types or reads.
        no_bar = quiet or job.typed or bool(not output and sys.stdout and sys.stdout.isatty())
        talks = job.typed and sys.stderr.isatty() and cluster is None and not quiet
        how = device, threads, engine, compute_type
        progress = stack.enter_context(terminal_progress(no_bar, verbose))

        def load() -> WindowTranslator:
            if cluster is None:
                if talks:
                    greet(ModelFolder.open(model).toward(to).pairs)
                    job.ask_by(prompt)
                progress.start("loading the model", None, "")
                here = Translator.load(model, options, batch_tokens, *how, models[1:], glossary, to)
                return LinkedTags(here) if any(part.is_document for part in job.parts) else here
            opened = [ModelFolder.open(each).toward(to) for each in models]
            terms = Glossary.of(glossary, opened[0].sources, opened[0].target_language) if glossary else None
            each = loader(cluster, stack)(opened, options, EngineOptions(batch_tokens, *how), terms, progress)
            return stack.enter_context(each)

        if plan:
            planned = measured(job, load, progress)
        else:
            tally = job.run(load, progress, standard_output, None if no_bar else job.total())
            copies.send([part.output for part in job.parts])
        if not plan and (output or talks or (not no_bar and is_live())):
            where = f": {shown_address(output)}" if output else ""
            rate = 0.0 if job.typed else tally.lines_per_second
            (say if talks else progress.note)(
                closing(job.count, len(job.parts), tally.seconds, rate, progress.warnings) + where
            )
    if plan:
        print_plan(planned, price)
    elif stats:
        write_json(stats, tally.figures())


def write_json(path: Path, value: Any) -> None:
    import json

    from nmt.disk.files import create_binary

    with create_binary(path) as file:
        file.write(json.dumps(value, ensure_ascii=False, indent=2).encode() + b"\n")


def print_plan(plan: "Plan", price: float) -> None:
    """Print, as a table, what all lines would take on one machine like this and on several."""
    from nmt.cli.console import duration, show, table

    rows = []
    for machines in (1, 2, 4, 8):
        seconds = plan.duration(machines)
        cost = [f"{machines * price * seconds / 3600:,.2f}"] if price else []
        rows.append([f"{machines}", f"{plan.rate(machines):,.1f}", duration(seconds), *cost])
    headings = ["machines like this", "lines a second", f"{plan.lines:,} lines", *(["price"] if price else [])]
    show(table(headings, rows))
