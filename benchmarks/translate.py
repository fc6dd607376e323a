"""Translating whole files: nmt by its defaults and by each engine, against CTranslate2's own Python client at its best.

Same weights, same lines, beam 5, whole commands from their start to the written file: python benchmarks/translate.py
"""

import argparse
from itertools import product
from pathlib import Path

from corpus import command, parse
from measure import NMT, PEERS, Arm, add_row, in_turn, machine, peer

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
            }.items()
        )
    ]
    python, why_not = peer("ctranslate2", PACKAGES)
    if python is None:
        print(f"CTranslate2 could not be installed: {why_not}")
    else:
        exported = corpus.exported(model)
        arms += [client(python, exported, source, corpus.place / "out-client", *chosen) for chosen in settings()]
    in_turn(arms[3:], 1)  # which of its settings is best
    ours, theirs = arms[:3], sorted(arms[3:], key=lambda arm: arm.median)[:1]
    for arm in theirs:
        arm.forget()
    in_turn([*ours, *theirs], options.repeats)
    report([*ours, *theirs], reference, corpus.target, options)


def nmt_arm(name: str, model: Path, source: Path, output: Path, *flags: str) -> Arm:
    return Arm(name, [NMT, "translate", model, source, "-o", output, "--no-resume", "--quiet", *flags], output)


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
    """Print the figures, and append them."""
    references = read_file(reference)
    lines = []
    for arm in arms:
        if arm.words or not arm.output:
            lines.append(f"{arm.name}: failed: {arm.words}")
            continue
        bleu, _ = corpus_scores(read_file(arm.output), references, language)
        rate = len(references) / arm.median
        lines.append(f"{arm.name}: {rate:,.0f} lines/s, {arm.memory / 1e6:,.0f} MB, BLEU {bleu:.2f}")
    if len(arms) > 3 and arms[3].seconds:
        best = arms[3]
        ratios = [f"{arm.name} {best.median / arm.median:.2f}×" for arm in arms[:3]]
        lines.append(f"against CTranslate2: {', '.join(ratios)}; memory {arms[0].memory / best.memory:.2f}×")
    print("\n".join([machine(), *lines]))
    what = f"translating {len(references):,} lines, beam 5, whole commands, medians"
    add_row(what, command("translate", options), "; ".join(lines))


if __name__ == "__main__":
    main()
