"""What each rule of cleaning is worth on a corpus: small models trained with all rules, and without each in turn.

python benchmarks/audit.py -s en -t de --train data/crawl --valid data/valid --steps 1500

Every model has the same vocabulary, the same updates and the same validation set. A rule paid if the model with all
rules is better than the one without it, by more than models of other seeds differ. Prints a table; nothing is recorded.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from measure import NMT, PLACE

LEAST = 0.0005  # share of the pairs, below which a rule cannot show in the scores
METRICS = ("bleu", "chrf")


def run(*words: str | Path) -> None:
    """Run a command of nmt; an error of it ends this program."""
    done = subprocess.run([NMT, *words, "--quiet"], stderr=subprocess.PIPE, encoding="utf-8")
    if done.returncode:
        sys.exit(done.stderr)


class Audit:
    """The arms of one audit: a dataset and its models each."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.place: Path = options.place

    def prepare(self, name: str, *flags: str | Path) -> dict[str, int]:
        """Make the dataset of an arm; the number of training pairs that each rule dropped."""
        asked = self.options
        corpora = [word for path in asked.train for word in ("--train", path)]
        tests = [word for path in asked.test for word in ("--test", path)]
        languages = ["-s", asked.source, "-t", asked.target]
        run("prepare", *languages, *corpora, "--valid", asked.valid, *tests, "-o", self.place / name / "data", *flags)
        manifest = json.loads((self.place / name / "data" / "manifest.json").read_text(encoding="utf-8"))
        dropped: dict[str, int] = {}
        for corpus in manifest["corpora"]:
            if corpus["role"] == "train":
                for rule, count in corpus["dropped"].items():
                    dropped[rule] = dropped.get(rule, 0) + count
        return dropped | {"": manifest["train_pairs"]}

    def scores(self, name: str) -> dict[str, list[float]]:
        """The best validation of an arm's models, a figure a seed, by metric."""
        best: dict[str, list[float]] = {metric: [] for metric in METRICS}
        for seed in self.options.seeds:
            folder = self.place / name / f"run-{seed}"
            budget = ["--preset", self.options.preset, "--steps", str(self.options.steps), "--seed", str(seed)]
            run("train", self.place / name / "data", "-o", folder, *budget)
            lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
            events: list[dict[str, Any]] = [json.loads(line) for line in lines]
            for metric in METRICS:
                best[metric].append(max(event[metric] for event in events if event["event"] == "validation"))
        return best


def difference(all_rules: list[float], without: list[float]) -> str:
    """By how much all rules are better than all but one, with the spread over seeds."""
    differences = [left - right for left, right in zip(all_rules, without, strict=True)]
    spread = f" ± {statistics.stdev(differences):.1f}" if len(differences) > 1 else ""
    return f"{statistics.mean(differences):+.1f}{spread}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-s", "--source", required=True)
    parser.add_argument("-t", "--target", required=True)
    parser.add_argument("--train", required=True, action="append", metavar="PATH")
    parser.add_argument("--valid", required=True, metavar="PATH")
    parser.add_argument("--test", default=[], action="append", metavar="PATH")
    parser.add_argument("--preset", default="tiny")
    parser.add_argument("--steps", type=int, default=1500, help="updates of each model (default: 1500)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1], help="a model for each (default: 1)")
    parser.add_argument("--rules", nargs="+", help="rules to leave out, one at a time (default: all that drop pairs)")
    parser.add_argument("--place", type=Path, default=PLACE / "audit", help="folder of the datasets and models")
    audit = Audit(parser.parse_args())
    dropped = audit.prepare("all rules")
    pairs = dropped.pop("")
    whole = sum(dropped.values()) + pairs
    learnt = [rule for rule in dropped if rule not in ("empty", "too-long", "held-out", "in-test", "in-valid")]
    rules = audit.options.rules or [rule for rule in learnt if dropped[rule] >= LEAST * whole]
    best = audit.scores("all rules")
    print("| rule | pairs dropped | BLEU with it | chrF with it |\n| --- | ---: | ---: | ---: |")
    print(
        f"| all rules | {whole - pairs:,} | {statistics.mean(best['bleu']):.1f} | {statistics.mean(best['chrf']):.1f} |"
    )
    vocabulary: list[str | Path] = ["--vocab", audit.place / "all rules" / "data"]
    arms: list[tuple[str, list[str]]] = [(rule, ["--rule", f"{rule}=off"]) for rule in rules] + [
        ("any of them", ["--clean", "off"])
    ]
    for name, flags in arms:
        kept = audit.prepare(f"without {name}", *vocabulary, *flags)[""]
        without = audit.scores(f"without {name}")
        cells = [difference(best[metric], without[metric]) for metric in METRICS]
        print(f"| {name} | {kept - pairs:,} | {cells[0]} | {cells[1]} |", flush=True)


if __name__ == "__main__":
    main()
