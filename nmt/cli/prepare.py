"""``nmt prepare``: flags to nmt.corpus.prepare, and its report as lines. Knows no rule of cleaning."""

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from nmt.cli.clusters import spreading
from nmt.cli.directions import parse_directions
from nmt.cli.options import (
    ClusterAddress,
    Columns,
    DeviceName,
    IsQuiet,
    IsVerbose,
    Seed,
    bounded,
    licence_line,
    option,
    parse_columns,
)
from nmt.cli.report import check_page, write_page
from nmt.cli.rules import open_model, parse_model, parse_rules
from nmt.config import LARGEST_WEIGHT, PrepareOptions
from nmt.errors import UsageError
from nmt.text.machine import available_cores

if TYPE_CHECKING:
    from nmt.corpus.prepare import PrepareReport
    from nmt.corpus.scan import CorpusReport


# Over 50 lines because each flag is a parameter.
def prepare(
    train: Annotated[
        list[str],
        typer.Option(
            metavar="PATH[=WEIGHT]",
            help="Training corpus: data/train means data/train.ko and data/train.en; or one file with both. Repeats. "
            "=3: each epoch has its pairs three times.",
        ),
    ],
    source: Annotated[
        str, typer.Option("--source", "-s", metavar="LANG[,…]", help="Source language, the ending of its files: ko.")
    ] = "",
    target: Annotated[
        str, typer.Option("--target", "-t", metavar="LANG[,…]", help="Target language, the ending of its files: en.")
    ] = "",
    directions: Annotated[
        str,
        typer.Option(
            metavar="A-B[,…]",
            help="In place of both, the directions of one model: en-hau,hau-en. A --train is read "
            "for each direction whose two files are there.",
        ),
    ] = "",
    temperature: Annotated[float, option(PrepareOptions, "temperature", "T")] = 5.0,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DATA", help="Folder of the dataset; --dry-run does not touch it."),
    ] = None,
    valid: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PATH",
            help="Validation corpus (default: 1 training pair in 20, at most 1,000). Repeats for several directions.",
        ),
    ] = None,
    test: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="Test corpus; its pairs are removed from training. Repeats."),
    ] = None,
    mono: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="Text of one language, by its ending: books.de; training translates it."),
    ] = None,
    columns: Columns = None,
    vocab_size: Annotated[
        str, typer.Option(metavar="N|auto", help="Pieces in the vocabulary; auto fits the corpus.")
    ] = "auto",
    tokenizer: Annotated[Literal["unigram", "bpe"], typer.Option(help="SentencePiece's algorithm.")] = "unigram",
    joint_vocab: Annotated[
        bool, typer.Option("--joint-vocab/--separate-vocab", help="One vocabulary for both languages, or one each.")
    ] = True,
    vocab: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Use the vocabulary of this dataset, run or model."),
    ] = None,
    max_length: Annotated[
        int, typer.Option(metavar="N", help="Longest side in pieces; longer pairs are dropped.")
    ] = 256,
    clean: Annotated[
        Literal["strict", "normal", "off"], typer.Option(help="How strictly to drop harmful pairs.")
    ] = "normal",
    rule: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=THRESHOLD|off",
            help="The threshold of a rule of cleaning; or model=MODEL: drop what this model finds improbable. Repeats.",
        ),
    ] = None,
    kinds: Annotated[
        list[str] | None,
        typer.Option(
            "--kind",
            metavar="NAME=REGEX|off",
            help="What else translations keep as it is, as ticket='TKT-[0-9]+'; number=off leaves a kind out, all=off "
            "all of them. Repeats.",
        ),
    ] = None,
    fix: Annotated[
        bool, typer.Option("--fix", help="Mend mojibake and HTML entities in the training text, and keep such pairs.")
    ] = False,
    page: Annotated[
        Path | None,
        typer.Option("--report", metavar="PAGE", help="Write a page (.html) that shows what cleaning did."),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Only judge the pairs, but for --max-length, and write no dataset; --report works."
        ),
    ] = False,
    licence: Annotated[
        str,
        typer.Option(
            metavar="TEXT",
            help="Licence of the text, like CC BY 4.0; models made from it name it.",
            callback=licence_line,
        ),
    ] = "",
    seed: Seed = 1,
    device: DeviceName = "auto",
    threads: Annotated[
        int,
        typer.Option(
            "--threads",
            "--workers",
            metavar="N",
            min=0,
            callback=bounded,
            help="Processes that judge and encode large corpora; 0: one for each core.",
        ),
    ] = 0,
    cluster: ClusterAddress = None,
    quiet: IsQuiet = False,
    verbose: IsVerbose = False,
) -> None:
    """Clean and encode parallel corpora into a dataset for nmt train.

    A corpus is the prefix of its two files, or one file with both sides: .tsv (source, tab, target), .csv, .jsonl,
    .tmx, .xlf, .xliff or .po. Files may be plain, .gz, .zst or .xz. DATA/dropped.tsv.gz lists the dropped pairs and
    lines, each with the rule. If nothing changed since the last time, the command does nothing.
    """
    several = parse_directions(source, target, directions)
    if len(several) == 1 and len(valid or []) > 1:
        raise UsageError("--valid is given twice", "it takes one value: give it once")
    pieces = parse_vocab_size(vocab_size)
    if vocab and pieces:
        raise UsageError(
            "--vocab and --vocab-size exclude each other", "leave --vocab-size out: the vocabulary has its size"
        )

    if not output and not dry_run:
        raise UsageError("there is no --output for the dataset", "name its folder, or judge alone by --dry-run")
    if mono and dry_run:
        raise UsageError("--dry-run judges pairs alone, and --mono gives text", "leave one of them out")
    if threads and cluster is not None:
        raise UsageError("--threads and --cluster exclude each other", "a cluster works with all its cores")
    if page:
        check_page("--report", page, [], output)

    from nmt.cli.console import terminal_progress
    from nmt.corpus import prepare as library
    from nmt.corpus.cleaning import Cleaning
    from nmt.store.packed import is_packed, unpacked
    from nmt.text.directions import side_of

    by_model, rules = parse_model(rule or [])
    if by_model and len(several) > 1:
        raise UsageError("--rule model judges one direction, and there are several", "leave it out")
    options = PrepareOptions(
        vocab_size=pieces,
        tokenizer=tokenizer,
        joint_vocab=joint_vocab,
        max_length=max_length,
        clean=clean,
        fix=fix,
        rules=parse_rules(rules),
        temperature=temperature,
        kinds="\n".join(kinds or []),
        seed=seed,
    )
    corpora, weights = zip(*map(parse_weighted, train), strict=True)
    request = library.PrepareRequest(
        *(languages := (side_of(several, 0), side_of(several, 1))),
        corpora,
        valid[0] if valid and len(several) == 1 else tuple(valid or ()) or None,
        tuple(test or ()),
        output or Path(),
        weights=weights,
        vocabulary=unpacked(vocab) if vocab and is_packed(vocab) else vocab,
        licence=licence,
        columns=parse_columns(columns) if columns is not None else None,
        model=open_model(by_model, languages, device, threads) if by_model else None,
        several=tuple(several) if len(several) > 1 else (),
        mono=tuple(mono or ()),
    )
    with ExitStack() as stack:
        progress = stack.enter_context(terminal_progress(quiet, verbose))
        how = threads or available_cores(), progress, spreading(cluster, stack, progress)
        if dry_run:
            judged = library.judge_alone(request, options, *how)
            lines, name = counts(judged.corpora, len(several) > 1), ", ".join(map(str, corpora))
        else:
            made = library.prepare(request, options, *how)
            lines, name = summary(made, request.output, len(several) > 1), str(request.output)
        for line in lines:
            progress.note(line)
    if page:
        write_page(judged if dry_run else Cleaning.open(request.output), name, page, quiet)


def parse_weighted(text: str) -> tuple[Path, float]:
    """The path and the weight in ``PATH`` or ``PATH=WEIGHT``. Raises UsageError for a weight out of bounds."""
    path, equals, weight = text.rpartition("=")
    if not equals or not path or not re.fullmatch(r"\d+(\.\d+)?|\.\d+", weight):
        return Path(text), 1.0
    if not 0 < float(weight) <= LARGEST_WEIGHT:
        raise UsageError(f"--train {text!r} has the weight {weight}", f"write one over 0 and up to {LARGEST_WEIGHT}")
    return Path(path), float(weight)


def parse_vocab_size(text: str) -> int:
    """A number of pieces; 0 for ``auto``. Raises UsageError for anything else."""
    if text == "auto":
        return 0
    if not re.fullmatch("[1-9][0-9]{0,6}", text):
        raise UsageError(f"--vocab-size {text!r} is neither a number nor auto", "write it like 8000")
    return int(text)


def counts(corpora: "Sequence[CorpusReport]", several: bool) -> Iterator[str]:
    """What became of the pairs of each corpus, as lines for a person; of ``several`` directions with their weights."""
    for corpus in corpora:
        if corpus.role != "test":
            dropped = ", ".join(f"{rule} {count:,}" for rule, count in corpus.dropped.items()) or "nothing"
            weight = f", each {corpus.weight:.2f} times an epoch" if several and corpus.role == "train" else ""
            yield f"{corpus.path}: {corpus.pairs:,} pairs, {corpus.kept:,} kept{weight}; dropped: {dropped}"
    for role in ("test", "valid"):
        near = sum(corpus.near for corpus in corpora if corpus.role == role)
        if near:
            lines = sum(corpus.pairs for corpus in corpora if corpus.role == role)
            left_out = sum(corpus.dropped.get(f"in-{role}", 0) for corpus in corpora)
            yield (
                f"{role}: {near:,} of {lines:,} lines have a near-copy in the training corpora, "
                f"{left_out:,} pairs were left out"
            )


def summary(report: "PrepareReport", output: Path, several: bool = False) -> Iterator[str]:
    """The report as lines for a person; of ``several`` directions with their weights."""
    if report.unchanged:
        yield f"{output} is up to date: it was made from the same corpora with the same options"
        return
    yield from counts(report.corpora, several)
    for text in report.mono:
        dropped = ", ".join(f"{rule} {count:,}" for rule, count in text.dropped.items()) or "nothing"
        yield f"{text.path}: {text.texts:,} sentences, {text.kept:,} kept; dropped: {dropped}"
    sizes = f"{report.source_vocabulary:,}" + ("" if report.joint else f" and {report.target_vocabulary:,}")
    yield (
        f"{output}: {report.train_pairs:,} pairs to train on, {report.valid_pairs:,} to validate on, "
        f"{'one vocabulary' if report.joint else 'vocabularies'} of {sizes} pieces"
    )
