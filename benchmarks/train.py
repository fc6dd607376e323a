"""Training on a CPU: non-pad target tokens a second of nmt, eole and JoeyNMT, and what the machine's sgemm would allow.

Same pairs, vocabulary and shape, batches of 4,096 padded tokens, dropout 0.3: python benchmarks/train.py
"""

import argparse
import json
import re
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from corpus import Corpus, command, parse
from measure import NMT
from results import Figure, record
from toolkits import Budget, Shape, said, toolkit, training, write_settings

from nmt.config import ModelConfig
from nmt.corpus.batches import plan_block, read_batch
from nmt.corpus.dataset import Dataset
from nmt.presets import operations

TOKENS = 4096  # of a batch, padded
SHAPES: dict[str, Shape] = {"4+4 layers, d128, ff256": (4, 128, 256), "3+3 layers, d256, ff1024": (3, 256, 1024)}

# Operations a second of one large product of matrices, in a process of its own: what the machine can do.
SGEMM = """
import time, torch
a, b = torch.randn(2048, 2048), torch.randn(2048, 2048)
torch.mm(a, b)
start, count = time.monotonic(), 0
while time.monotonic() - start < 3:
    torch.mm(a, b)
    count += 1
print(count * 2 * 2048**3 / (time.monotonic() - start))
"""


@dataclass
class Trainer:
    """One program on one shape: how to train it for some updates, and the rates that were read."""

    name: str
    train: Callable[[], list[float]]
    rates: list[float] = field(default_factory=list)
    words: str = ""  # what it said when it failed

    def run(self) -> None:
        """Once more: the median of the rates that it tells of, the first of which has its start in it."""
        try:
            self.rates.append(statistics.median(self.train()[1:]))
        except (subprocess.CalledProcessError, statistics.StatisticsError) as error:
            self.words = str(getattr(error, "stdout", "") or error).strip().splitlines()[-1]


def main() -> None:
    options, corpus = parse(__doc__, repeats=5)
    data = corpus.dataset()
    arms = {shape: [ours(corpus, data, numbers)] for shape, numbers in SHAPES.items()}
    for name in ("eole", "joeynmt"):
        python, why_not = toolkit(name)
        if python is None:
            print(f"{name} could not be installed: {why_not}")
            continue
        for shape, numbers in SHAPES.items():
            arms[shape].append(theirs(name, python, corpus, data, numbers))
    sgemm: list[float] = []
    for number in range(options.repeats):
        sgemm.append(float(said([sys.executable, "-c", SGEMM])))
        print(f"{number + 1} of {options.repeats}: sgemm {sgemm[-1] / 1e9:.0f} GFLOP/s", flush=True)
        for shape, several in arms.items():
            for arm in several:
                if not arm.words:
                    arm.run()
                print(f"  {shape}: {arm.name}: {f'{arm.rates[-1]:,.0f}' if arm.rates else arm.words}", flush=True)
    report(data, arms, statistics.median(sgemm), options)


def ours(corpus: Corpus, data: Path, shape: Shape) -> Trainer:
    layers, width, feed_forward = shape
    run = corpus.place / f"nmt-{width}"
    settings = {
        "model.encoder_layers": layers,
        "model.decoder_layers": layers,
        "model.width": width,
        "model.feed_forward": feed_forward,
        "model.dropout": 0.3,
        "training.batch_tokens": TOKENS,
        "training.validate_every": 10_000,
    }
    flags = [part for name, value in settings.items() for part in ("--set", f"{name}={value}")]

    def train() -> list[float]:
        shutil.rmtree(run, ignore_errors=True)
        said([NMT, "train", data, "-o", run, "--steps", "100", "--preset", "tiny", "--verbose", *flags])
        events = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
        return [event["target_tokens_per_second"] for event in events if event["event"] == "train"]

    return Trainer("nmt", train)


def theirs(name: str, python: Path, corpus: Corpus, data: Path, shape: Shape) -> Trainer:
    run = corpus.place / f"{name}-{shape[1]}"
    budget = {"eole": Budget(TOKENS, 30, 10), "joeynmt": Budget(TOKENS, 8, 2)}[name]
    settings = write_settings(name, corpus, data, run, shape, budget)
    rate = {"eole": r"/ *(\d+) tok/s", "joeynmt": r"Tokens per Sec: *(\d+)"}[name]

    def train() -> list[float]:
        shutil.rmtree(run, ignore_errors=True)
        return [float(found) for found in re.findall(rate, said(training(name, python, settings)))]

    return Trainer(name, train)


def padding(dataset: Dataset) -> float:
    """The share of padded positions in an epoch's batches, both sides together."""
    there = empty = 0
    for rows in plan_block(dataset.train, TOKENS, 1, 0, 0):
        pairs, source, target = read_batch(dataset.train, rows).shape
        tokens = sum(int(lengths.sum()) + pairs for lengths in dataset.train.lengths(rows))
        there += tokens
        empty += pairs * (source + target) - tokens
    return empty / (there + empty)


def report(data: Path, arms: dict[str, list[Trainer]], sgemm: float, options: argparse.Namespace) -> None:
    """Record the figures."""
    dataset = Dataset.open(data)
    line = command("train", options)
    for shape, (mine, *peers) in arms.items():
        layers, width, feed_forward = SHAPES[shape]
        model = ModelConfig(width=width, feed_forward=feed_forward, encoder_layers=layers, decoder_layers=layers)
        split = dataset.train
        source_tokens = split.pieces[0] / split.pieces[1]
        ceiling = sgemm / operations(model, dataset.target_vocabulary, source_tokens)
        rate = statistics.median(mine.rates)
        figures = [
            Figure("nmt", "speed", round(rate), "target tokens/s"),
            Figure("nmt", "share of what sgemm allows", round(rate / ceiling, 2)),
            Figure("sgemm", "speed", round(sgemm / 1e9), "GFLOP/s"),
        ]
        for arm in peers:
            if arm.rates:
                peer_rate = statistics.median(arm.rates)
                figures.append(Figure(arm.name, "speed", round(peer_rate), "target tokens/s"))
                figures.append(Figure(f"nmt against {arm.name}", "ratio", round(rate / peer_rate, 2), "×"))
            else:
                figures.append(Figure(arm.name, "failed", None, note=arm.words))
        record(f"training, {shape}, non-pad target tokens a second, medians", line, figures)
    share = Figure("nmt", "padding", round(100 * padding(dataset), 1), "%")
    record(f"padding of both sides in batches of {TOKENS}", line, [share])


if __name__ == "__main__":
    main()
