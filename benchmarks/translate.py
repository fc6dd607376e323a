"""Translating whole files: nmt by its defaults and by each engine, against CTranslate2's own Python client at its best.

Same weights, same lines, beam 5, whole commands from their start to the written file: python benchmarks/translate.py
"""

import argparse
from itertools import product
from pathlib import Path

from corpus import command, parse
from measure import NMT, PEERS, Arm, in_turn, peer
from results import Figure, record

from nmt.scoring.evaluate import read_file
from nmt.scoring.metrics import corpus_scores

CLIENT = PEERS / "ctranslate2_client.py"
PACKAGES = ["ctranslate2", "sentencepiece"]


def main() -> None:
    options, corpus = parse(__doc__, minutes=5.0, lines=10_000, repeats=5)
    model = corpus.model("auto", options.minutes)
    source, reference = corpus.lines(options.lines)
    arms = [
        nmt_arm(name, model, source, corpus.place / f"out-{number}", *flags)
        for number, (name, flags) in enumerate(
            {
                "nmt": [],
                "nmt --engine ctranslate2": ["--engine", "ctranslate2"],
                "nmt --engine torch": ["--engine", "torch"],
                "nmt --compute-type int8": ["--compute-type", "int8"],
            }.items()
        )
    ]
    python, why_not = peer("ctranslate2", PACKAGES)
    if python is None:
        print(f"CTranslate2 could not be installed: {why_not}")
    else:
        arms.append(best_client(python, corpus.exported(model), source, options.lines // 5))
    in_turn(arms, options.repeats)
    report(arms, reference, corpus.target, options)
    report_invariance(model, corpus.lines(1000)[0], options)


def nmt_arm(name: str, model: Path, source: Path, output: Path, *flags: str) -> Arm:
    return Arm(name, [NMT, "translate", model, source, "-o", output, "--no-resume", "--quiet", *flags], output)


def best_client(python: Path, model: Path, source: Path, lines: int) -> Arm:
    """CTranslate2's client with the settings that are the fastest for so many of the lines; it has not been run yet."""
    some, output = source.with_name("some-lines"), source.with_name("out-client")
    some.write_text("".join(f"{line}\n" for line in read_file(source)[:lines]), encoding="utf-8")
    tried = {chosen: client(python, model, some, output, *chosen) for chosen in settings()}
    in_turn(list(tried.values()), 1)
    best = min(tried, key=lambda chosen: tried[chosen].median)
    return client(python, model, source, output, *best)


def settings() -> list[tuple[int, int, int, str, str]]:
    """Workers, threads of each, batch tokens, precision, MKL or not."""
    return [
        (*split, tokens, precision, mkl)
        for split, tokens, precision, mkl in product(
            [(2, 1), (1, 2)], [1024, 2048, 4096], ["float32", "int8"], ["0", "1"]
        )
    ]


def client(
    python: Path, model: Path, source: Path, output: Path, workers: int, threads: int, tokens: int, kind: str, mkl: str
) -> Arm:
    name = f"CTranslate2, {workers}×{threads} threads, {tokens} tokens, {kind}, MKL {mkl}"
    flags: list[str | Path] = ["--workers", str(workers), "--threads", str(threads), "--batch-tokens", str(tokens)]
    line: list[str | Path] = [python, CLIENT, model, source, output, *flags, "--compute-type", kind]
    return Arm(name, line, output, {"CT2_USE_MKL": mkl})


def report(arms: list[Arm], reference: Path, language: str, options: argparse.Namespace) -> None:
    """Record the figures."""
    references = read_file(reference)
    figures = []
    for arm in arms:
        figures += arm.figures()
        if arm.seconds and arm.output:
            bleu, _ = corpus_scores(read_file(arm.output), references, language)
            figures.append(Figure(arm.name, "speed", round(len(references) / arm.median), "lines/s"))
            figures.append(Figure(arm.name, "BLEU", round(bleu, 2)))
    *ours, best = arms
    if best.name.startswith("CTranslate2") and best.seconds:
        for arm in ours:
            name = f"{arm.name} against CTranslate2"
            figures.append(Figure(name, "ratio", round(best.median / arm.median, 2), "×"))
            figures.append(Figure(name, "ratio of memory", round(arm.memory / best.memory, 2), "×"))
    task = f"translating {len(references):,} lines, beam 5, whole commands, medians"
    record(task, command("translate", options), figures)


def report_invariance(model: Path, source: Path, options: argparse.Namespace) -> None:
    """How many of the lines are not the same at three sizes of a batch, by each engine."""
    figures = []
    for engine in ("ctranslate2", "torch"):
        found = []
        for tokens in (256, 2048, 8192):
            flags = ["--engine", engine, "--batch-tokens", str(tokens)]
            arm = nmt_arm(f"{engine}, {tokens} tokens", model, source, source.with_name("out-invariance"), *flags)
            in_turn([arm], 1)
            found.append(read_file(source.with_name("out-invariance")))
        differ = sum(len(set(line)) > 1 for line in zip(*found, strict=True))
        figures.append(Figure(engine, "lines that differ", differ))
    task = "of 1,000 lines, those that differ at batches of 256, 2,048 and 8,192 tokens"
    record(task, command("translate", options), figures)


if __name__ == "__main__":
    main()
