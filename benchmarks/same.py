"""Proof that a refactoring changed nothing: this tree beside another commit: python benchmarks/same.py --base COMMIT

Both trees prepare, train, resume, translate and score the same text, by the command line alone. Their weights, texts
and scores must be the same bytes. Speeds are measured in turn. Ends with 1 if a fact differs or a speed is lost.
"""

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measure import ROOT

CORPUS = ROOT / "data"
SLOWER = 1.02  # the largest ratio of medians that passes as the same speed
# Every family, every phase of training, and the ways of the loop; the models are small, for bits show in few updates.
PHASES = (
    "--preset",
    "tiny",
    "--steps",
    "60",
    "--set",
    "training.minimum_risk=0.5",
    "--set",
    "training.bidirectional=0.4",
)
RUNS: dict[str, tuple[str, ...]] = {
    "tiny with all its phases": PHASES,
    "tiny in several micro-batches": ("--preset", "tiny", "--steps", "3", "--batch-tokens", "60000"),
    "tiny in two processes": ("--preset", "tiny", "--steps", "20", "--devices", "2"),
    "tiny, post-norm and learned positions": (
        "--preset", "tiny", "--steps", "20", "--set", "model.norm=post", "--set", "model.positions=learned",
    ),
    "rnn": ("--preset", "rnn", "--steps", "30"),
    "rnn, GRU and concat": (
        "--preset", "rnn", "--steps", "10", "--set", "model.cell=gru", "--set", "model.attention_score=concat",
    ),
}  # fmt: skip
TRANSLATIONS: dict[str, tuple[str, ...]] = {
    "CTranslate2": ("--engine", "ctranslate2"),
    "CTranslate2, n-best as JSON lines": ("--engine", "ctranslate2", "--n-best", "3", "--format", "jsonl"),
    "PyTorch": ("--engine", "torch"),
    "PyTorch, n-best as JSON lines": ("--engine", "torch", "--n-best", "3", "--format", "jsonl"),
    "PyTorch, beam of 1": ("--engine", "torch", "--beam-size", "1"),
    "int8": ("--compute-type", "int8"),
}
ODD = (
    "",
    "  ",
    "나는 집에 간다",
    "🙂",
    "ㅋㅋㅋ",
    "나는 집에 간다. 너는 학교에 온다. 우리는 노래한다.",
    "나는 " * 300,
    "<s> ▁ 3.5%",
)


@dataclass(frozen=True)
class Tree:
    """A checkout, and the folder that its commands work in."""

    source: Path
    place: Path

    def command(self, *words: str | Path) -> list[str]:
        return [sys.executable, "-P", "-m", "nmt", *map(str, words)]

    def run(self, *words: str | Path, stdin: str | None = None) -> str:
        """What the command prints. An error of it ends this program."""
        environment = os.environ | {
            "PYTHONPATH": str(self.source), "XDG_CACHE_HOME": str(self.place / "cache"), "OMP_NUM_THREADS": "2",
        }  # fmt: skip
        ended = subprocess.run(
            self.command(*words), env=environment, cwd=self.place, input=stdin, capture_output=True, encoding="utf-8"
        )
        if ended.returncode:
            sys.exit(f"{self.source}: nmt {' '.join(map(str, words))}\n{ended.stderr}")
        return ended.stdout


def digest(data: bytes | str) -> str:
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()[:16]


def digest_of_files(folder: Path, *patterns: str) -> str:
    """One digest of the files' names and bytes."""
    paths = sorted(path for pattern in patterns for path in folder.glob(pattern) if path.is_file())
    return digest("".join(f"{path.relative_to(folder)} {digest(path.read_bytes())}\n" for path in paths))


def events(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]


def curve(run: Path) -> str:
    """A digest of what the metrics say that no clock decides."""
    clocks = {"seconds", "target_tokens_per_second"}
    return digest(
        json.dumps([{key: value for key, value in event.items() if key not in clocks} for event in events(run)])
    )


def facts(tree: Tree, corpus: Path) -> Iterator[tuple[str, str]]:
    """Name and value of everything that has to stay."""
    place = tree.place
    place.mkdir()
    prepare = ("prepare", "-s", "ko", "-t", "en", "--train", corpus / "train", "--valid", corpus / "valid", "--quiet")
    tree.run(*prepare, "--test", corpus / "test", "-o", place / "data")
    yield "dataset", digest_of_files(place / "data", "*.bin", "*.model", "*.gz")
    for name, options in RUNS.items():
        run = place / name.replace(" ", "-").replace(",", "")
        tree.run("train", place / "data", "-o", run, *options, "--threads", "2", "--quiet")
        yield f"{name}: weights", digest((run / "model" / "model.safetensors").read_bytes())
        yield f"{name}: state", digest_of_files(run / "checkpoints", "*/*.safetensors")
        yield f"{name}: curve", curve(run)
    run = place / "resumed"
    for steps in ("20", "40"):
        tree.run("train", place / "data", "-o", run, "--preset", "tiny", "--steps", steps, "--threads", "2", "--quiet")
    yield "resumed: weights", digest((run / "model" / "model.safetensors").read_bytes())
    lines = (corpus / "test.ko").read_text(encoding="utf-8").splitlines()
    text = "".join(f"{line}\n" for line in (*lines, *lines[::-1], *ODD))
    for family in ("tiny-with-all-its-phases", "rnn"):
        for name, options in TRANSLATIONS.items():
            if family != "rnn" or options[1] == "torch":
                translated = tree.run("translate", place / family, "--threads", "2", "--quiet", *options, stdin=text)
                yield f"{family} by {name}: translations", digest(translated)
    model = place / "tiny-with-all-its-phases"
    scores = tree.run("evaluate", model, corpus / "test", "--json", "--quiet", "--output", place / "translated.en")
    yield "evaluate: scores", digest(scores)
    yield "evaluate: translations", digest((place / "translated.en").read_bytes())
    tree.run("export", model, "--to", "ctranslate2", "-o", place / "exported", "--quiet")
    yield "export", digest_of_files(place / "exported", "*")
    tree.run("inspect", model, "--text", lines[0], "-o", place / "page.html", "--quiet")
    yield "inspect: page", digest((place / "page.html").read_bytes())


def seconds(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def speeds(tree: Tree, corpus: Path) -> dict[str, float]:
    """Seconds of each, of one run."""
    model, data = tree.place / "tiny-with-all-its-phases", tree.place / "data"
    line = (corpus / "test.ko").read_text(encoding="utf-8").partition("\n")[0] + "\n"
    lines = (corpus / "test.ko").read_text(encoding="utf-8") * 3
    found = {
        "nmt --help": seconds(lambda: tree.run("--help")),
        "one line by CTranslate2": seconds(lambda: tree.run("translate", model, "--quiet", stdin=line)),
        "one line by PyTorch": seconds(
            lambda: tree.run("translate", model, "--quiet", "--engine", "torch", stdin=line)
        ),
        "3,000 lines": seconds(lambda: tree.run("translate", model, "--quiet", stdin=lines)),
        "resuming a finished run": seconds(
            lambda: tree.run("train", data, "-o", model, *PHASES, "--threads", "2", "--quiet")
        ),
    }
    run = tree.place / f"timed-{time.monotonic_ns()}"
    tree.run("train", data, "-o", run, "--preset", "tiny", "--steps", "100", "--threads", "2", "--quiet")
    rates = [event["target_tokens_per_second"] for event in events(run) if event["event"] == "train"]
    return found | {"1,000 target tokens of tiny": 1000 / statistics.median(rates[len(rates) // 2 :])}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    base = parser.add_mutually_exclusive_group()
    base.add_argument("--base", default="origin/main", metavar="COMMIT", help="compare with it (default: origin/main)")
    base.add_argument("--against", type=Path, metavar="FILE", help="compare with the facts that --save wrote here")
    parser.add_argument(
        "--save", type=Path, metavar="FILE", help="write this tree's facts to a file, and compare nothing"
    )
    parser.add_argument("--speed", type=int, default=7, metavar="N", help="timed runs of each tree (default: 7)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="same-") as folder:
        place = Path(folder)
        after = Tree(ROOT, place / "after")
        if options.save:
            options.save.write_text(json.dumps(dict(facts(after, CORPUS)), indent=1), encoding="utf-8")
        elif options.against:
            recorded = json.loads(options.against.read_text(encoding="utf-8"))
            sys.exit(0 if same_facts(recorded.items(), facts(after, CORPUS)) else 1)
        else:
            with checked_out(options.base, place / "base") as source:
                before = Tree(source, place / "before")
                same = same_facts(facts(before, CORPUS), facts(after, CORPUS))
                sys.exit(0 if same_speed(before, after, options.speed) and same else 1)


@contextmanager
def checked_out(commit: str, folder: Path) -> Iterator[Path]:
    """A worktree of that commit."""
    subprocess.run(["git", "-C", ROOT, "worktree", "add", "--quiet", "--detach", folder, commit], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["git", "-C", ROOT, "worktree", "remove", "--force", folder], check=True)


def same_facts(before: Iterable[tuple[str, str]], after: Iterable[tuple[str, str]]) -> bool:
    """Print the facts side by side; whether all are the same."""
    differing = 0
    for (name, was), (_, value) in zip(before, after, strict=True):
        differing += was != value
        print(f"{'same ' if was == value else 'OTHER'}  {was}  {value}  {name}", flush=True)
    print(f"{differing} facts differ")
    return not differing


def same_speed(before: Tree, after: Tree, repeats: int) -> bool:
    """Time both in turn and print medians; whether no ratio is above ``SLOWER``."""
    timed: dict[str, list[tuple[float, float]]] = {}
    for number in range(repeats):
        trees = (before, after) if number % 2 else (after, before)
        found = {tree.source: speeds(tree, CORPUS) for tree in trees}
        for name in found[before.source]:
            timed.setdefault(name, []).append((found[before.source][name], found[after.source][name]))
    slower = 0
    for name, pairs in timed.items():
        ratio = statistics.median(now / was for was, now in pairs)
        slower += ratio > SLOWER
        medians = "  ".join(f"{statistics.median(side):8.3f} s" for side in zip(*pairs, strict=True))
        print(f"{'same ' if ratio <= SLOWER else 'OTHER'}  {medians}  ×{ratio:.3f}  {name}")
    return not slower


if __name__ == "__main__":
    main()
