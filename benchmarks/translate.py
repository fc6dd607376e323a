"""Translating whole files: nmt by its defaults and by each engine, against CTranslate2's own Python client at its best.

Same weights, same lines, beam 5, whole commands from their start to the written file: python benchmarks/translate.py
"""

import argparse
import subprocess
from itertools import product
from pathlib import Path

from measure import NMT, PLACE, ROOT, Arm, add_row, in_turn, machine, once, peer

from nmt.scoring.evaluate import read_file
from nmt.scoring.metrics import corpus_scores

CLIENT = ROOT / "benchmarks" / "peers" / "ctranslate2_client.py"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--corpus", type=Path, help="folder of Multi30k (default: the bundled corpus, repeated)")
    parser.add_argument("--model", type=Path, help="a training run (default: one of --minutes is trained)")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--lines", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    PLACE.mkdir(parents=True, exist_ok=True)
    languages = ("en", "de") if options.corpus else ("ko", "en")
    model = options.model or trained(options.corpus, languages, options.minutes)
    source, reference = text(options.corpus or ROOT / "data", languages, options.lines)
    exported = PLACE / "exported"
    once(exported, lambda: call("export", model, "--to", "ctranslate2", "-o", exported))

    arms = [
        Arm(name, [NMT, "translate", model, source, "-o", PLACE / f"out-{number}", "--no-resume", "--quiet", *flags])
        for number, (name, flags) in enumerate(
            {
                "nmt": [],
                "nmt --engine ctranslate2": ["--engine", "ctranslate2"],
                "nmt --engine torch": ["--engine", "torch"],
            }.items()
        )
    ]
    python, why_not = peer("ctranslate2", ["ctranslate2", "sentencepiece"])
    if python is None:
        print(f"CTranslate2 could not be installed: {why_not}")
    else:
        arms += [client(python, exported, source, *chosen) for chosen in settings()]
    in_turn(arms[3:], 1)  # which of its settings is best
    ours, theirs = arms[:3], sorted(arms[3:], key=lambda arm: arm.median)[:1]
    for arm in theirs:
        arm.seconds.clear()
    in_turn([*ours, *theirs], options.repeats)
    report([*ours, *theirs], reference, languages[1], options)


def trained(corpus: Path | None, languages: tuple[str, str], minutes: float) -> Path:
    """A model of the preset that auto takes, trained once."""
    folder, run = corpus or ROOT / "data", PLACE / "run"
    data = PLACE / "data"
    flags: list[str | Path] = ["--train", folder / "train", "--valid", folder / "valid"]
    once(data, lambda: call("prepare", "-s", languages[0], "-t", languages[1], *flags, "-o", data))
    once(run / "model", lambda: call("train", data, "-o", run, "--minutes", str(minutes)))
    return run


def text(folder: Path, languages: tuple[str, str], lines: int) -> tuple[Path, Path]:
    """So many lines of the training text, over and over where it has fewer."""
    found = []
    for language in languages:
        there = read_file(folder / f"train.{language}")
        there = (there * (1 + lines // len(there)))[:lines]
        path = PLACE / f"lines.{language}"
        path.write_text("".join(f"{line}\n" for line in there), encoding="utf-8")
        found.append(path)
    return found[0], found[1]


def settings() -> list[tuple[int, int, int, str, str]]:
    """Workers, threads of each, batch tokens, precision, MKL or not."""
    return [
        (*split, tokens, precision, mkl)
        for split, tokens, precision, mkl in product(
            [(2, 1), (1, 2)], [1024, 2048, 4096], ["float32", "int8"], ["0", "1"]
        )
    ]


def client(
    python: Path, model: Path, source: Path, workers: int, threads: int, tokens: int, kind: str, mkl: str
) -> Arm:
    name = f"CTranslate2, {workers}×{threads} threads, {tokens} tokens, {kind}, MKL {mkl}"
    flags: list[str | Path] = ["--workers", str(workers), "--threads", str(threads), "--batch-tokens", str(tokens)]
    command: list[str | Path] = [python, CLIENT, model, source, PLACE / "out-client", *flags, "--compute-type", kind]
    return Arm(name, command, {"CT2_USE_MKL": mkl})


def report(arms: list[Arm], reference: Path, language: str, options: argparse.Namespace) -> None:
    """Print the figures, and append them."""
    references = read_file(reference)
    lines = []
    for arm in arms:
        if arm.words:
            lines.append(f"{arm.name}: failed: {arm.words}")
            continue
        place = PLACE / "out-client" if arm.name.startswith("CT") else Path(str(arm.command[5]))
        bleu, _ = corpus_scores(read_file(place), references, language)
        rate = len(references) / arm.median
        lines.append(f"{arm.name}: {rate:,.0f} lines/s, {arm.memory / 1e6:,.0f} MB, BLEU {bleu:.2f}")
    if len(arms) > 3 and arms[3].seconds:
        best = arms[3]
        ratios = [f"{arm.name} {best.median / arm.median:.2f}×" for arm in arms[:3]]
        lines.append(f"against CTranslate2: {', '.join(ratios)}; memory {arms[0].memory / best.memory:.2f}×")
    print("\n".join([machine(), *lines]))
    command = f"python benchmarks/translate.py --lines {options.lines} --repeats {options.repeats}"
    add_row(f"translating {len(references):,} lines, beam 5, whole commands, medians", command, "; ".join(lines))


def call(*arguments: str | Path) -> None:
    subprocess.run([NMT, *arguments], check=True)


if __name__ == "__main__":
    main()
