"""Settings compared on one corpus for the same budget: datasets and models, an arm each, with their scores.

python benchmarks/arms.py --corpus data/team -s en -t ko --minutes 30 \\
    --arm 'defaults' --arm '8k: --vocab-size 8000 / --set model.dropout=0.1'

An arm is a name, a colon, flags of nmt prepare, a slash, flags of nmt train. Trains one arm after another, all with as
many threads. Short messages and tags make BLEU flattering: lines of four words and more are also scored without their
tags. Each arm's scores are kept, so that arms of an hour each can be run on different days.
"""

import argparse
import json
import re
import shlex
import subprocess
from pathlib import Path

from measure import NMT, PLACE
from results import Figure, record

from nmt.scoring.evaluate import read_file
from nmt.scoring.metrics import score_corpus

TAG = re.compile(r"</?[a-zA-Z][\w:-]*(?:\s[^<>]*)?/?>")
LEAST_WORDS = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True, help="folder with train, valid and test")
    parser.add_argument("-s", "--source", required=True)
    parser.add_argument("-t", "--target", required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--arm", action="append", required=True, help="NAME[: PREPARE FLAGS / TRAIN FLAGS]")
    options = parser.parse_args()
    place = PLACE / f"arms-{options.corpus.name}-{options.minutes:g}-{options.threads}"
    figures = []
    for arm in options.arm:
        name, _, flags = arm.partition(":")
        prepare, _, train = flags.partition("/")
        scores = scores_of(place / name, options, shlex.split(prepare), shlex.split(train))
        figures += [Figure(name, metric, value) for metric, value in scores.items()]
        print(name, scores, flush=True)
    task = f"{options.corpus.name}, {options.minutes:g} minutes, threads {options.threads or 'all'}, beam 5"
    words = f"--corpus {options.corpus.name} -s {options.source} -t {options.target} --minutes {options.minutes:g}"
    arms = " ".join(f"--arm {shlex.quote(arm)}" for arm in options.arm)
    record(task, f"python benchmarks/arms.py {words} --threads {options.threads} {arms}", figures)


def scores_of(place: Path, options: argparse.Namespace, prepare: list[str], train: list[str]) -> dict[str, float]:
    """Train one arm, unless it has been, and score its translations of valid and test."""
    kept = place / "scores.json"
    if kept.exists():
        return dict(json.loads(kept.read_text(encoding="utf-8")))
    place.mkdir(parents=True, exist_ok=True)
    corpus, threads = options.corpus, ["--threads", str(options.threads)]
    sets = [word for role in ("train", "valid", "test") for word in (f"--{role}", corpus / role)]
    languages = ["-s", options.source, "-t", options.target]
    call("prepare", *languages, *sets, "-o", place / "data", *prepare)
    call("train", place / "data", "-o", place / "run", "--minutes", str(options.minutes), *threads, *train)
    manifest = json.loads((place / "data" / "manifest.json").read_text(encoding="utf-8"))
    scores: dict[str, float] = {"pairs": manifest["train_pairs"], **updates(place / "run")}
    for name in ("valid", "test"):
        source, reference = (text_file(corpus / f"{name}.{side}") for side in (options.source, options.target))
        call("translate", place / "run", source, "-o", place / name, *threads)
        found = scored(read_file(source), read_file(reference), read_file(place / name), options.target)
        scores |= {f"{metric} {name}": value for metric, value in found}
    kept.write_text(json.dumps(scores, indent=1), encoding="utf-8")
    return scores


def text_file(path: Path) -> Path:
    """The file, or its compressed form where that alone is there."""
    return path if path.exists() else path.with_name(f"{path.name}.gz")


def call(*words: str | Path) -> None:
    subprocess.run([NMT, *words, "--quiet"], check=True)


def updates(run: Path) -> dict[str, float]:
    """Updates and passes of the run, and its best greedy BLEU on the validation set."""
    events = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    last = [event for event in events if event["event"] == "train"][-1]
    best = max(event["bleu"] for event in events if event["event"] == "validation")
    return {"updates": last["step"], "epoch": last["epoch"], "greedy BLEU valid": best}


def scored(source: list[str], reference: list[str], hypothesis: list[str], language: str) -> list[tuple[str, float]]:
    """BLEU and chrF of all lines as they are, and of lines of four words and more without their tags."""
    bare = [[stripped(line) for line in lines] for lines in (source, hypothesis, reference)]
    long = [rows for rows in zip(*bare, strict=True) if len(rows[0].split()) >= LEAST_WORDS]
    found = []
    for what, hypotheses, references in (
        ("", hypothesis, reference),
        (" without tags, 4 words", [row[1] for row in long], [row[2] for row in long]),
    ):
        scores = score_corpus(hypotheses, [references], language, confidence=False)
        found += [(f"{name}{what}", round(score.score, 1)) for name, score in scores.items()]
    return found


def stripped(line: str) -> str:
    return " ".join(TAG.sub(" ", line).split())


if __name__ == "__main__":
    main()
