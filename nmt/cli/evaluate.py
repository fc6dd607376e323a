"""``nmt evaluate``: scores of a model on test sets, or of files of translations. Knows no metric."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nmt.cli import options as flags
from nmt.errors import UsageError, nearest

if TYPE_CHECKING:
    from nmt.scoring.evaluate import SetReport
    from nmt.scoring.metrics import Score

HOW_TO_CALL = "write: nmt evaluate MODEL PATH, or: nmt evaluate --hyp FILE --ref FILE"
HOW_TO_READ_P = "p: the probability of so large a difference from the baseline by chance (paired randomization)"
IT_COUNTS = "; a difference with p under 0.05 is significant"


# Over 50 lines because each flag is a parameter.
def evaluate(
    model: Annotated[
        Path | None, typer.Argument(metavar="MODEL", help="A training run, or the model folder in it.")
    ] = None,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH ...", help="Test sets: prefixes (data/test: data/test.ko, data/test.en) or .tsv."),
    ] = None,
    hypothesis: Annotated[
        Path | None, typer.Option("--hyp", metavar="FILE", help="Score these translations; no model is needed.")
    ] = None,
    references: Annotated[
        list[Path] | None,
        typer.Option(
            "--ref", metavar="FILE", help="Reference for --hyp; its name ends in its language, as in test.en. Repeats."
        ),
    ] = None,
    source: Annotated[
        Path | None, typer.Option("--src", metavar="FILE", help="Source of --hyp, to find untranslated lines.")
    ] = None,
    baselines: Annotated[
        list[Path] | None,
        typer.Option(
            "--baseline",
            metavar="FILE",
            help="Another system's translations, for a test of the difference. Repeats.",
        ),
    ] = None,
    language: Annotated[
        str,
        typer.Option(
            metavar="LANG", help="Language of the references, when neither the model nor a file's name tells it."
        ),
    ] = "",
    metrics: Annotated[
        str, typer.Option(metavar="NAMES", help="Any of bleu, chrf, chrf++, ter, separated by commas.")
    ] = "bleu,chrf",
    confidence: Annotated[
        bool, typer.Option("--confidence/--no-confidence", help="95% intervals by bootstrap resampling.")
    ] = True,
    json: Annotated[bool, typer.Option("--json", help="Print the scores as JSON.")] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write the translations here, one set after another."),
    ] = None,
    beam_size: flags.BeamSize = 5,
    length_penalty: flags.LengthPenalty = 1.0,
    max_length_factor: flags.MaxLengthFactor = 3.0,
    batch_tokens: flags.BatchTokens = 2048,
    engine: flags.Engine = "auto",
    compute_type: flags.ComputeType = "float32",
    device: flags.DeviceName = "auto",
    threads: flags.Threads = 0,
    quiet: flags.IsQuiet = False,
    verbose: flags.IsVerbose = False,
) -> None:
    """Translate test sets and score them with sacreBLEU, or score existing translations."""
    from nmt.cli.console import show, terminal_progress
    from nmt.config import EngineOptions, SearchOptions
    from nmt.corpus.parallel import find_corpus
    from nmt.decoding.translator import Translator
    from nmt.disk.files import create_binary
    from nmt.disk.outputs import check_outputs
    from nmt.scoring.evaluate import ScoringOptions, evaluate_corpus, evaluate_files
    from nmt.store.model_folder import ModelFolder, places
    from nmt.text.encodings import refuse_format

    scoring = ScoringOptions(parse_metrics(metrics), confidence, parse_language(language))
    options = SearchOptions(beam_size, length_penalty, max_length_factor=max_length_factor)
    with terminal_progress(quiet, verbose) as progress:
        if hypothesis and references and not model:
            given = [hypothesis, *references, source, *(baselines or [])]
            check_outputs([("--output", output)], [path for path in given if path])
            reports = [evaluate_files(hypothesis, references, source, scoring, baselines or [])]
        elif model and paths and not (hypothesis or references or source or baselines):
            folder = ModelFolder.open(model)
            # Missing test sets are reported before the model is loaded.
            for path in paths:
                if path.is_file():
                    refuse_format(path)
            corpora = [find_corpus(path, folder.source_language, folder.target_language) for path in paths]
            files = [file for corpus in corpora for file in corpus.files]
            check_outputs([("--output", output)], [*files, *places(model)])
            wanted = EngineOptions(batch_tokens, device, threads, engine, compute_type)
            translator = Translator.of(folder, options, wanted)
            target = folder.target_language
            reports = [evaluate_corpus(translator, corpus, target, scoring, progress) for corpus in corpora]
        else:
            raise UsageError("evaluate takes a model and test sets, or files to compare", HOW_TO_CALL)
        for report in reports:
            for warning in report.warnings:
                progress.warn(f"{report.name}: {warning}")
    try:
        show(as_json(reports) if json else as_table(reports))
    finally:  # if one cannot be written, the other still is
        if output:
            with create_binary(output) as stream:
                stream.writelines(f"{line}\n".encode() for report in reports for line in report.hypotheses)


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


def as_json(reports: "list[SetReport]") -> str:
    import json

    return json.dumps({"sets": [report.to_json() for report in reports]}, ensure_ascii=False, indent=2) + "\n"


def as_table(reports: "list[SetReport]") -> str:
    """The scores as a table, with each signature once below it."""
    from nmt.cli.console import table
    from nmt.scoring.metrics import NAMES

    names = list(reports[0].scores)
    rows = []
    for report in reports:
        lines = f"{len(report.hypotheses):,}"
        for baseline in report.baselines:
            scores = [f"{interval(baseline.scores[name])} (p = {baseline.p_values[name]:.4f})" for name in names]
            rows.append([f"{baseline.name} (baseline)", lines, *scores])
        rows.append([report.name, lines, *(interval(report.scores[name]) for name in names)])
    text = table(["set", "lines", *(NAMES[name] for name in names)], rows)
    signatures = dict.fromkeys(f"{NAMES[name]} {report.scores[name].signature}" for name in names for report in reports)
    text += "".join(f"{signature}\n" for signature in signatures)
    baselines = [baseline for report in reports for baseline in report.baselines]
    if not baselines:
        return text
    return f"{text}{HOW_TO_READ_P}{IT_COUNTS if any(baseline.may_count for baseline in baselines) else ''}\n"


def interval(score: "Score") -> str:
    """A score as text: ``31.4 ± 1.2``, with half the width of its 95% interval if it has one."""
    if score.low is None or score.high is None:
        return f"{score.score:.1f}"
    return f"{score.score:.1f} ± {(score.high - score.low) / 2:.1f}"
