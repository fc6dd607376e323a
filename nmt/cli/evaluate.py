"""``nmt evaluate``: scores of models on test sets, or of files of translations. Knows no metric."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from nmt.cli import options as flags
from nmt.cli.clusters import loader
from nmt.cli.directions import To
from nmt.errors import UsageError, nearest

if TYPE_CHECKING:
    from nmt.corpus.parallel import Corpus
    from nmt.scoring.reports import SetReport
    from nmt.store.model_folder import ModelFolder

HOW_TO_CALL = "write: nmt evaluate MODEL PATH, or: nmt evaluate --hyp FILE --ref FILE"


# Over 50 lines because each flag is a parameter.
def evaluate(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="MODEL ... PATH ...",
            help="Training runs or their model folders, then test sets: prefixes (data/test: data/test.ko, "
            "data/test.en) or .tsv. Runs that differ only by their seed are one system.",
        ),
    ] = None,
    hypothesis: Annotated[
        Path | None, typer.Option("--hyp", metavar="FILE", help="Score these translations; no model is needed.")
    ] = None,
    references: Annotated[
        list[Path] | None,
        typer.Option(
            "--ref",
            metavar="FILE",
            help="Reference for --hyp; its name ends in its language, as in test.en. Repeats.",
        ),
    ] = None,
    source: Annotated[
        Path | None, typer.Option("--src", metavar="FILE", help="Source of --hyp, to find untranslated lines.")
    ] = None,
    baselines: Annotated[
        list[Path] | None,
        typer.Option(
            "--baseline",
            metavar="MODEL|FILE",
            help="Another system, or its translations, for a test of the difference. Repeats.",
        ),
    ] = None,
    to: To = "",
    language: Annotated[
        str,
        typer.Option(
            metavar="LANG", help="Language of the references, when neither the model nor a file's name tells it."
        ),
    ] = "",
    metrics: Annotated[
        str, typer.Option(metavar="NAMES", help="Any of bleu, chrf, chrf++, ter, comet, separated by commas.")
    ] = "bleu,chrf",
    comet: Annotated[
        str,
        typer.Option(
            metavar="COMMAND",
            help="How to call COMET, for --metrics comet: '/opt/comet/bin/comet-score --gpus 0'.",
        ),
    ] = "comet-score",
    confidence: Annotated[
        bool, typer.Option("--confidence/--no-confidence", help="95% intervals by bootstrap resampling.")
    ] = True,
    training: Annotated[
        list[Path] | None,
        typer.Option(
            "--train",
            metavar="PATH",
            help="Training corpus, as in nmt prepare, to find test lines and words in it. Repeats.",
        ),
    ] = None,
    paired_bs: Annotated[
        bool,
        typer.Option(
            "--paired-bs/--paired-ar",
            help="Test differences by the paired bootstrap, or by paired approximate randomization.",
        ),
    ] = False,
    format: Annotated[
        Literal["text", "latex", "csv", "json", "jsonl"],
        typer.Option(help="Format of what is printed; jsonl: each line with its scores."),
    ] = "text",
    buckets: Annotated[
        bool,
        typer.Option("--buckets", help="Also the scores by length, and with --train by unseen words."),
    ] = False,
    kinds: Annotated[
        list[str] | None,
        typer.Option(
            "--kind",
            metavar="NAME=REGEX|off",
            help="What else translations must keep, as ticket='TKT-[0-9]+'; number=off leaves a kind out. Repeats.",
        ),
    ] = None,
    odd_input: Annotated[
        bool,
        typer.Option("--robustness", help="Also translate the sets in capitals, title case, with typos and emoji."),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write the first model's translations here, one set after another."
        ),
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option("--report", metavar="PAGE", help="Write a page (.html) of the lines where systems differ most."),
    ] = None,
    beam_size: flags.BeamSize = 5,
    length_penalty: flags.LengthPenalty = 1.0,
    max_length_factor: flags.MaxLengthFactor = 3.0,
    check: flags.Check = False,
    whole_lines: flags.WholeLines = False,
    glossary: flags.Glossary = None,
    batch_tokens: flags.BatchTokens = 2048,
    engine: flags.Engine = "auto",
    compute_type: flags.ComputeType = "float32",
    cluster: flags.ClusterAddress = None,
    device: flags.DeviceName = "auto",
    threads: flags.Threads = 0,
    quiet: flags.IsQuiet = False,
    verbose: flags.IsVerbose = False,
) -> None:
    """Translate test sets and score them with sacreBLEU, or score existing translations."""
    from nmt.cli.console import show, terminal_progress
    from nmt.cli.report import check_ending
    from nmt.config import EngineOptions, SearchOptions
    from nmt.disk.files import create_binary
    from nmt.disk.outputs import check_outputs
    from nmt.scoring.comet import find_command
    from nmt.scoring.evaluate import Files, Models, ScoringOptions, Sets, evaluate_files, evaluate_models
    from nmt.store.model_folder import places
    from nmt.text.verbatim import read_grammar

    paired: Literal["ar", "bs"] = "bs" if paired_bs else "ar"
    chosen = parse_metrics(metrics)
    command = find_command(comet) if "comet" in chosen else ()
    scoring = ScoringOptions(
        chosen, confidence, parse_language(language), paired, command, read_grammar(kinds or []), odd_input
    )
    search = SearchOptions(
        beam_size, length_penalty, max_length_factor=max_length_factor, check=check, whole_lines=whole_lines
    )
    wanted = EngineOptions(batch_tokens, device, threads, engine, compute_type)
    models_given, sets = split_models(list(paths or [])[1:])
    first = [*(paths or [])[:1], *models_given]
    others, files = split_models(baselines or [])
    read = [path for path in (hypothesis, *(references or []), source, glossary, *files) if path]
    written = [("--output", output), ("--report", page)]
    if page:
        check_ending("--report", page)
    with ExitStack() as stack:
        progress = stack.enter_context(terminal_progress(quiet, verbose))
        if odd_input and hypothesis:
            raise UsageError("--robustness needs a model that translates odd input", "name one in place of --hyp")
        if glossary and hypothesis and not others:
            raise UsageError("--glossary is for models that translate", "name a model with --baseline, or leave it out")
        if hypothesis and references and not paths:
            if others and not source:
                raise UsageError(f"{others[0]} is a model, and there is nothing to translate", "name --src")
            check_outputs(written, [*read, *(place for path in others for place in places(path))])
            models = Models(opened(others, to), search, wanted, glossary, loader(cluster, stack)) if others else None
            corpora = find_training(training or [], source, references[0], scoring.language)
            given = Files(hypothesis, references, source, files, corpora)
            reports = [evaluate_files(given, scoring, progress, models)]
        elif first and sets and not (hypothesis or source):
            models = Models(opened([*first, *others], to), search, wanted, glossary, loader(cluster, stack))
            corpora = models.shared(find_sets(sets, models.pairs), progress)
            if references and len(corpora) > 1:
                raise UsageError("--ref is a further reference of one test set", "evaluate the sets one by one")
            read += [*(file for corpus in corpora for file in corpus.files)]
            check_outputs(written, [*read, *(place for path in (*first, *others) for place in places(path))])
            read_before = find_sets(training or [], models.pairs)
            given_sets = Sets(corpora, references or [], files, read_before)
            reports = evaluate_models(models, given_sets, scoring, progress)
        else:
            raise UsageError("evaluate takes a model and test sets, or files to compare", HOW_TO_CALL)
        for report in reports:
            for warning in report.warnings:
                progress.warn(f"{report.name}: {warning}")
    try:
        show(printed(reports, "json" if json else format, paired, buckets))
    finally:  # if one cannot be written, the other still is
        if output:
            with create_binary(output) as stream:
                stream.writelines(f"{line}\n".encode() for report in reports for line in report.hypotheses)
        if page:
            from nmt.show.comparison import write_comparison

            write_comparison(reports, paired, page)


def split_models(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """The models and runs among the paths, and the others."""
    from nmt.store.packed import is_packed

    models = [path for path in paths if is_packed(path) or (path.is_dir() and (path / "config.toml").is_file())]
    return models, [path for path in paths if path not in models]


def opened(paths: Sequence[Path], to: str) -> "list[tuple[Path, ModelFolder]]":
    """The models as they translate into a language, checked but for their weights."""
    from nmt.store.model_folder import ModelFolder

    return [(path, ModelFolder.open(path).toward(to)) for path in paths]


def find_sets(paths: Sequence[Path], directions: Sequence[tuple[str, str]]) -> "list[Corpus]":
    """The test sets of any direction; missing ones are told before any model is loaded."""
    from nmt.corpus.many import find_corpora
    from nmt.text.encodings import refuse_format

    for path in paths:
        if path.is_file():
            refuse_format(path)
    return [corpus for path in paths for corpus in find_corpora(path, directions)]


def find_training(paths: Sequence[Path], source: Path | None, reference: Path, language: str) -> "list[Corpus]":
    """The training corpora of files, whose names tell the languages. Raises UsageError where they do not."""
    from nmt.text.languages import language_of

    if not paths:
        return []
    languages = [language_of(source) if source else "", language or language_of(reference)]
    if not all(languages):
        raise UsageError(
            "the languages of --train are unknown", "name --src and --ref whose names end in them: test.ko, test.en"
        )
    return find_sets(paths, [(languages[0], languages[1])])


def parse_metrics(names: str) -> tuple[str, ...]:
    """The names in ``"bleu,chrf"``, each once. Raises UsageError for an unknown one, or none."""
    from nmt.scoring.metrics import NAMES

    chosen = tuple(dict.fromkeys(name.strip().lower() for name in names.split(",") if name.strip()))
    for name in chosen:
        if name not in NAMES:
            raise UsageError(f"there is no metric {name!r}", nearest(name, NAMES))
    if not chosen:
        raise UsageError("--metrics names no metric", f"choose from {', '.join(NAMES)}")
    return chosen


def parse_language(code: str) -> str:
    """The code given by ``--language``. Raises UsageError when it is not a language's."""
    from nmt.text.languages import is_language

    if code and not is_language(code):
        raise UsageError(f"there is no language {code!r}", "give a code of ISO 639, like ko, kor_Hang or pt-BR")
    return code


def printed(reports: "list[SetReport]", format: str, paired: str, buckets: bool) -> str:
    """The scores in a format."""
    import json

    from nmt.cli.console import table_with_notes
    from nmt.scoring.tables import (
        as_csv,
        bucket_tables,
        kept_table,
        latex,
        odd_table,
        off_target_table,
        table,
        usable_table,
    )

    if format == "json":
        sets = [report.to_json(buckets) for report in reports]
        return json.dumps({"sets": sets}, ensure_ascii=False, indent=2) + "\n"
    if format == "jsonl":
        return "".join(f"{record}\n" for report in reports for record in report.records())
    if format == "csv":
        return as_csv(reports)
    tables = [table(reports, paired), *(kept_table(report) for report in reports if report.kept)]
    tables += [usable_table(report) for report in reports if report.usable]
    tables += [off_target_table(report) for report in reports if report.off_target]
    tables += [odd_table(report) for report in reports if report.odd]
    tables += [found for report in reports if buckets for found in bucket_tables(report)]
    return "\n".join(map(latex if format == "latex" else table_with_notes, tables))
