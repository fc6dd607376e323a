"""BLEU from the same minutes: nmt by its defaults, several seeds, and eole and JoeyNMT by their small recipes.

Same pairs, vocabulary and shape; peers are stopped when the time is over: python benchmarks/quality.py
"""

import json
import shutil
import statistics
import subprocess
from collections.abc import Sequence
from pathlib import Path

from corpus import Corpus, call, command, parse
from measure import NMT, PLACE
from results import Figure, commit, record
from toolkits import TINY, Budget, predicting, read_output, toolkit, training, write_settings

from nmt.scoring.evaluate import read_file
from nmt.scoring.metrics import corpus_scores

# Batches as small as ours: in an hour larger ones would not even leave the warm-up of 2,000 updates behind.
BUDGET = Budget(1600, 10**6, 100, 250)


def main() -> None:
    options, corpus = parse(__doc__, minutes=60.0, arms="eole joeynmt nmt-1 nmt-2 nmt-3")
    tests = [text for text in ("valid", "test2016", "test") if (corpus.folder / f"{text}.{corpus.source}").exists()]
    # Kept, so that arms of an hour each can be run on different days, but not from one state of nmt to another.
    place = corpus.place / f"quality-{options.minutes:g}-{commit('nmt')}"
    place.mkdir(exist_ok=True)
    kept = place / "scores.json"
    found: dict[str, dict[str, float]] = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    names: list[str] = options.arms.split()
    for arm in names:
        if arm not in found:
            found[arm] = scores_of(arm, corpus, place, options.minutes, tests)
            kept.write_text(json.dumps(found, indent=1), encoding="utf-8")
        print(f"{arm}: {found[arm]}", flush=True)
    figures = [figure for arm in names for figure in figures_of(arm, found[arm])]
    ours = [arm for arm in names if arm.startswith("nmt-")]
    if ours:
        mean = {text: statistics.mean(found[arm][text] for arm in ours) for text in tests}
        figures += figures_of("nmt, mean", mean)
        for name in [name for name in names if name not in ours]:
            metric = f"time to {name}'s {found[name]['valid']:.1f} on valid"
            minutes = {arm: minutes_to(place / arm, found[name]["valid"]) for arm in ours}
            figures += [Figure(arm, metric, taken, "minutes") for arm, taken in minutes.items()]
    record(f"BLEU, beam 5, after {options.minutes:g} minutes of training", command("quality", options), figures)


def scores_of(arm: str, corpus: Corpus, place: Path, minutes: float, tests: list[str]) -> dict[str, float]:
    """Train an arm, a peer or ``nmt-SEED``, and score its translations of each text."""
    if arm.startswith("nmt-"):
        return our_scores(arm, corpus, place / arm, minutes, tests)
    python, why_not = toolkit(arm)
    if python is None:
        raise SystemExit(f"{arm} could not be installed: {why_not}")
    translations = peer_translations(arm, python, corpus, minutes, tests)
    return {text: bleu(lines, corpus, text) for text, lines in translations.items()}


def figures_of(arm: str, scores: dict[str, float]) -> list[Figure]:
    seed = int(arm.removeprefix("nmt-")) if arm.startswith("nmt-") else None
    return [Figure(arm, f"BLEU {text}", round(score, 1), seed=seed) for text, score in scores.items()]


def bleu(lines: list[str], corpus: Corpus, text: str) -> float:
    return corpus_scores(lines, read_file(corpus.folder / f"{text}.{corpus.target}"), corpus.target)[0]


def our_scores(arm: str, corpus: Corpus, run: Path, minutes: float, tests: list[str]) -> dict[str, float]:
    """nmt by its defaults."""
    output = corpus.place / "out-quality"
    call("train", corpus.dataset(), "-o", run, "--minutes", str(minutes), "--seed", arm.removeprefix("nmt-"), "--quiet")
    scores = {}
    for text in tests:
        source = corpus.folder / f"{text}.{corpus.source}"
        subprocess.run([NMT, "translate", run, source, "-o", output, "--no-resume", "--quiet"], check=True)
        scores[text] = bleu(read_file(output), corpus, text)
    return scores


def minutes_to(run: Path, score: float) -> float | None:
    """When a validation, which is greedy, first had so much BLEU; None: never."""
    lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    seconds = 0.0
    for event in map(json.loads, lines):
        seconds = float(event.get("seconds", seconds))
        if event["event"] == "validation" and event["bleu"] >= score:
            return round(seconds / 60, 1)
    return None


def peer_translations(
    name: str, python: Path, corpus: Corpus, minutes: float, tests: Sequence[str]
) -> dict[str, list[str]]:
    """Of each text, by a peer that is stopped after so many minutes, with the newest model that it has saved."""
    data, run = corpus.dataset(), corpus.place / f"{name}-quality"
    shutil.rmtree(run, ignore_errors=True)  # or a model of an earlier run would stand for one that saved none
    settings = write_settings(name, corpus, data, run, TINY, BUDGET)
    with (PLACE / f"{name}-quality.log").open("wb") as log:
        try:
            subprocess.run(training(name, python, settings), stdout=log, stderr=log, cwd=PLACE, timeout=60 * minutes)
        except subprocess.TimeoutExpired:  # it has been killed
            pass
        else:
            raise SystemExit(f"{name} ended before its time: see {log.name}")
    found = {}
    for text in tests:
        source = corpus.folder / f"{text}.{corpus.source}"
        arm = predicting(name, python, settings, run, data, source, corpus.place / f"out-{name}")
        arm.run()
        if arm.words or not arm.output:
            raise SystemExit(f"{name} does not translate: {arm.words}")
        found[text] = read_output(arm.output, data, len(read_file(source)))
    return found


if __name__ == "__main__":
    main()
