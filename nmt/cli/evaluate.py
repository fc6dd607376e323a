"""``nmt evaluate``: the scores of a model on test sets, or of files of translations."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nmt.cli.options import (
    BatchTokens,
    BeamSize,
    ComputeType,
    ComputeTypeName,
    Device,
    DeviceName,
    Engine,
    EngineName,
    IsQuiet,
    IsVerbose,
    LengthPenalty,
    MaxLengthFactor,
    Threads,
)
from nmt.cli.translate import open_output
from nmt.errors import UsageError

if TYPE_CHECKING:
    from nmt.scoring.evaluate import SetReport
    from nmt.scoring.metrics import Score

HOW_TO_CALL = "write: nmt evaluate MODEL PATH, or: nmt evaluate --hyp FILE --ref FILE"
HOW_TO_READ_P = (
    "p: how probable so large a difference is if chance alone made it (paired approximate randomization); "
    "under 0.05 it counts\n"
)
HEADINGS = {"bleu": "BLEU", "chrf": "chrF", "ter": "TER"}


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
    reference: Annotated[
        Path | None,
        typer.Option("--ref", metavar="FILE", help="What --hyp is compared with; it ends in its language."),
    ] = None,
    source: Annotated[
        Path | None, typer.Option("--src", metavar="FILE", help="The source of --hyp, to find lines left untranslated.")
    ] = None,
    baseline: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Another system's translations: is the difference more than chance?"),
    ] = None,
    metrics: Annotated[str, typer.Option(metavar="NAMES", help="Any of bleu, chrf, ter, by commas.")] = "bleu,chrf",
    confidence: Annotated[
        bool, typer.Option("--confidence/--no-confidence", help="95% intervals by bootstrap resampling.")
    ] = True,
    json: Annotated[bool, typer.Option("--json", help="Print the scores as JSON.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the translations here, set after set.")
    ] = None,
    beam_size: BeamSize = 5,
    length_penalty: LengthPenalty = 1.0,
    max_length_factor: MaxLengthFactor = 3.0,
    batch_tokens: BatchTokens = 2048,
    engine: Engine = EngineName.auto,
    compute_type: ComputeType = ComputeTypeName.float32,
    device: DeviceName = Device.auto,
    threads: Threads = 0,
    quiet: IsQuiet = False,
    verbose: IsVerbose = False,
) -> None:
    """Translate test sets and score them with sacreBLEU, or score translations that are there already."""
    from nmt.cli.console import terminal_progress
    from nmt.config import SearchOptions
    from nmt.corpus.parallel import find_corpus
    from nmt.decoding.translator import Translator
    from nmt.scoring.evaluate import ScoringOptions, evaluate_corpus, evaluate_files
    from nmt.store.model_folder import ModelFolder, places, resolve_model_folder
    from nmt.text.outputs import check_outputs

    scoring = ScoringOptions(parse_metrics(metrics), confidence)
    options = SearchOptions(beam_size, length_penalty, max_length_factor=max_length_factor)
    with terminal_progress(quiet, verbose) as progress:
        if hypothesis and reference and not model:
            files = [path for path in (hypothesis, reference, source, baseline) if path]
            check_outputs([("--output", output)], files)
            reports = [evaluate_files(hypothesis, reference, source, scoring, baseline)]
        elif model and paths and not (hypothesis or reference or source or baseline):
            folder = ModelFolder.open(resolve_model_folder(model))
            # All of them are looked for before the model is loaded.
            corpora = [find_corpus(path, folder.source_language, folder.target_language) for path in paths]
            files = [file for corpus in corpora for file in corpus.files]
            check_outputs([("--output", output)], [*files, *places(model)])
            chosen = device.value, threads, engine.value, compute_type.value
            translator = Translator.load(folder.folder, options, batch_tokens, *chosen)
            language = folder.target_language
            reports = [evaluate_corpus(translator, corpus, language, scoring, progress) for corpus in corpora]
        else:
            raise UsageError("evaluate takes a model and test sets, or files to compare", HOW_TO_CALL)
        for report in reports:
            for warning in report.warnings:
                progress.warn(f"{report.name}: {warning}")
    if output:
        with open_output(output) as stream:
            stream.writelines(f"{line}\n".encode() for report in reports for line in report.hypotheses)
    with open_output(None) as stream:
        stream.write((as_json(reports) if json else as_table(reports)).encode("utf-8", "backslashreplace"))
        stream.flush()


def parse_metrics(names: str) -> tuple[str, ...]:
    """``"bleu,chrf"`` as names, each once; an unknown one is refused before anything is translated."""
    from difflib import get_close_matches

    chosen = tuple(dict.fromkeys(name.strip().lower() for name in names.split(",") if name.strip()))
    for name in chosen:
        if name not in HEADINGS:
            near = get_close_matches(name, HEADINGS, n=1, cutoff=0.0)[0]
            raise UsageError(f"there is no metric {name!r}", f"the nearest known name is {near!r}")
    if not chosen:
        raise UsageError("--metrics names no metric", f"choose from {','.join(HEADINGS)}")
    return chosen


def as_json(reports: "list[SetReport]") -> str:
    import json

    return json.dumps({"sets": [report.to_json() for report in reports]}, ensure_ascii=False, indent=2) + "\n"


def as_table(reports: "list[SetReport]") -> str:
    """The scores for people, and below them each signature once."""
    from nmt.cli.console import table

    headings = ["set", "lines", *(HEADINGS[name] for name in reports[0].scores)]
    rows = []
    for report in reports:
        lines, theirs = f"{len(report.hypotheses):,}", report.baseline
        if theirs:
            rows.append([f"{theirs.name} (baseline)", lines, *(interval(score) for score in theirs.scores.values())])
        scores = [
            interval(score) + (f" (p = {theirs.p_values[name]:.4f})" if theirs else "")
            for name, score in report.scores.items()
        ]
        rows.append([report.name, lines, *scores])
    signatures = {f"{HEADINGS[name]} {score.signature}" for report in reports for name, score in report.scores.items()}
    text = table(headings, rows) + "".join(f"{signature}\n" for signature in sorted(signatures))
    return text + (HOW_TO_READ_P if any(report.baseline for report in reports) else "")


def interval(score: "Score") -> str:
    """A score with half the width of its 95% interval."""
    if score.low is None or score.high is None:
        return f"{score.score:.1f}"
    return f"{score.score:.1f} ± {(score.high - score.low) / 2:.1f}"
