"""Several target languages in one model, beside a model for each: the same pairs, and as many minutes in all.

python benchmarks/languages.py --corpora shared/data/mafand -s en -t hau,ibo,lug,pcm --minutes 10 --init RUN

A corpus is a folder like en-hau, with train, valid and test. Arms are kept, so that they can be run on different days.
With --eole hau, eole trains on the pairs of that language, too.
"""

import argparse
import gzip
import json
import statistics
import subprocess
from pathlib import Path

from corpus import Corpus
from measure import NMT, PLACE
from quality import peer_translations
from results import Figure, record
from toolkits import toolkit

from nmt.scoring.evaluate import read_file
from nmt.scoring.metrics import corpus_scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpora", type=Path, required=True, help="folder of folders like en-hau")
    parser.add_argument("-s", "--source", required=True)
    parser.add_argument("-t", "--targets", required=True, help="separated by commas")
    parser.add_argument("--minutes", type=float, default=10.0, help="of a model of one language")
    parser.add_argument("--init", type=Path, help="a model to begin with, for two more arms")
    parser.add_argument("--eole", help="one of the targets, for an arm of eole's")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=0)
    options = parser.parse_args()
    targets = options.targets.split(",")
    arms: list[tuple[str, list[list[str]], Path | None]] = [
        ("a model each", [[target] for target in targets], None),
        ("one model", [targets], None),
    ]
    if options.init:
        arms += [(f"{name}, from a parent", groups, options.init) for name, groups, _ in arms]
    figures = []
    for name, groups, parent in arms:
        scores = {target: score for group in groups for target, score in arm(options, group, parent).items()}
        scores["mean"] = round(statistics.mean(scores.values()), 2)
        figures += [Figure(name, f"chrF {target}", score, seed=options.seed) for target, score in scores.items()]
        print(name, scores, flush=True)
    if options.eole:
        figures.append(Figure("eole", f"chrF {options.eole}", eole(options, options.eole), seed=options.seed))
    task = (
        f"{options.corpora.name}, {options.source} to {options.targets}, {options.minutes:g} minutes a language, beam 5"
    )
    words = f"--corpora {options.corpora.name} -s {options.source} -t {options.targets} --minutes {options.minutes:g}"
    more = f" --init {options.init.name}" if options.init else ""
    more += f" --eole {options.eole}" if options.eole else ""
    record(task, f"python benchmarks/languages.py {words} --threads {options.threads}{more}", figures)


def arm(options: argparse.Namespace, targets: list[str], parent: Path | None) -> dict[str, float]:
    """The chrF of each language by a model of them, which is trained the first time."""
    place = place_of(options, targets, parent)
    kept = place / "scores.json"
    if kept.exists():
        return dict(json.loads(kept.read_text(encoding="utf-8")))
    place.mkdir(parents=True, exist_ok=True)
    folders = [options.corpora / f"{options.source}-{target}" for target in targets]
    sets = [word for folder in folders for role in ("train", "valid", "test") for word in (f"--{role}", folder / role)]
    call("prepare", "-s", options.source, "-t", ",".join(targets), *sets, "-o", place / "data")
    flags: list[str | Path] = ["--minutes", str(options.minutes * len(targets)), "--threads", str(options.threads)]
    flags += ["--seed", str(options.seed)]
    if parent:
        flags += ["--init", parent]
    call("train", place / "data", "-o", place / "run", *flags)
    scores = {}
    for folder, target in zip(folders, targets, strict=True):
        output = place / f"test.{target}"
        into = ["--to", target] if len(targets) > 1 else []
        call("translate", place / "run", folder / f"test.{options.source}.gz", "-o", output, "--no-resume", *into)
        _, scores[target] = corpus_scores(read_file(output), read_file(folder / f"test.{target}.gz"), target)
        scores[target] = round(scores[target], 2)
    kept.write_text(json.dumps(scores, indent=1), encoding="utf-8")
    return scores


def place_of(options: argparse.Namespace, targets: list[str], parent: Path | None) -> Path:
    """Where the data, the run and the translations of an arm stand."""
    name = "-".join([*targets, *(parent.parts[-2:] if parent else ()), str(options.seed)])
    return PLACE / f"languages-{options.corpora.name}-{options.minutes:g}" / name


def eole(options: argparse.Namespace, target: str) -> float:
    """Its chrF of a language, from as many minutes and the same pairs."""
    place = place_of(options, [target], None)
    kept = place / "eole.json"
    if not kept.exists():
        python, why_not = toolkit("eole")
        if python is None:
            raise SystemExit(f"eole could not be installed: {why_not}")
        corpus = Corpus(place / "text", options.source, target)
        corpus.folder.mkdir(exist_ok=True)
        for zipped in (options.corpora / f"{options.source}-{target}").glob("*.gz"):
            (corpus.folder / zipped.stem).write_bytes(gzip.decompress(zipped.read_bytes()))
        lines = peer_translations("eole", python, corpus, options.minutes, ["test"])["test"]
        score = corpus_scores(lines, read_file(corpus.folder / f"test.{target}"), target)[1]
        kept.write_text(json.dumps(round(score, 2)), encoding="utf-8")
    return float(json.loads(kept.read_text(encoding="utf-8")))


def call(*words: str | Path) -> None:
    subprocess.run([NMT, *words, "--quiet"], check=True)


if __name__ == "__main__":
    main()
