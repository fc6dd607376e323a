"""Where the time goes in training and in the PyTorch search: python benchmarks/profiles.py

One thread each, by PyTorch's profiler, the operators by their own time; kept as text in ``profiles/``.
"""

from itertools import islice
from pathlib import Path

import torch
from corpus import command, parse
from measure import ROOT
from results import commit, machine
from torch.profiler import ProfilerActivity, profile

from nmt.config import Config
from nmt.corpus.dataset import Dataset
from nmt.decoding.translator import Translator
from nmt.model.transformer import Transformer
from nmt.presets import PRESETS
from nmt.scoring.evaluate import read_file
from nmt.training.loop import train_steps
from nmt.training.state import TrainState

CPU = torch.device("cpu")
PLACE = ROOT / "benchmarks" / "profiles"


def main() -> None:
    options, corpus = parse(__doc__, minutes=5.0, updates=40, lines=1000)
    torch.set_num_threads(1)
    line = command("profiles", options)
    PLACE.mkdir(exist_ok=True)

    # The search first: what training leaves of the heap makes its large tensors new pages at every step.
    source, _ = corpus.lines(options.lines)
    translator = Translator.load(corpus.model("auto", options.minutes), device="cpu", threads=1, engine="torch")
    lines = read_file(source)
    list(translator.translate(lines[:100]))
    with profile(activities=[ProfilerActivity.CPU]) as search:
        list(translator.translate(lines))
    write(PLACE / "search.txt", f"{len(lines):,} lines translated by the PyTorch engine, beam 5", line, search)

    dataset = Dataset.open(corpus.dataset())
    config = Config.from_layers(PRESETS["tiny"])
    model = Transformer(config.model, dataset.source_vocabulary, dataset.target_vocabulary, dataset.joint)
    updates = train_steps(TrainState.fresh(model, config.training), dataset.train, config.training)
    warm = [next(updates) for _ in range(5)]
    with profile(activities=[ProfilerActivity.CPU]) as training:
        made = len(list(islice(updates, options.updates)))
    write(PLACE / "training.txt", f"{made} updates of the preset tiny after {len(warm)} others", line, training)


def write(path: Path, what: str, line: str, found: profile) -> None:
    """The operators that take a thousandth of the time or more, as text."""
    operators = sorted(found.key_averages(), key=lambda one: -one.self_cpu_time_total)
    seconds = [one.self_cpu_time_total / 1e6 for one in operators]
    total = sum(seconds)
    rows = [
        f"{own / total:6.1%} {own:8.2f} s {one.count:>8,} times  {one.key}"
        for one, own in zip(operators, seconds, strict=True)
        if own > total / 1000
    ]
    head = f"{what}, one thread, {total:.1f} s\n{line} at {commit()}, {machine()}\n"
    path.write_text("\n".join([head, *rows, ""]), encoding="utf-8")
    print(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
