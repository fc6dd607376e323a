"""From raw text to batches: nmt prepare and a pass over its batches, against JoeyNMT's own way, the vocabulary given.

The corpus is written out 30 times, each copy's lines with a number of their own, for nmt drops duplicates:
python benchmarks/prepare.py
"""

import sys
from pathlib import Path

from corpus import Corpus, command, parse
from measure import NMT, PEERS, Arm, in_turn
from results import Figure, record
from toolkits import Budget, toolkit, write_settings

TOKENS = 4096

# A pass over the batches of a dataset.
BATCHES = f"""
import sys
from pathlib import Path
from nmt.corpus.batches import blocks, plan_block, read_batch
from nmt.corpus.dataset import Dataset
split = Dataset.open(Path(sys.argv[1])).train
plans = (plan_block(split, {TOKENS}, 1, 0, block) for block in range(blocks(len(split))))
print(sum(read_batch(split, rows).target_tokens for plan in plans for rows in plan), "target tokens")
"""


def main() -> None:
    options, corpus = parse(__doc__, times=30, repeats=5)
    vocabulary, copies = corpus.dataset(), write_copies(corpus, options.times)
    data = corpus.place / "copied"
    prepare: list[str | Path] = [NMT, "prepare", *corpus.sides, "--train", copies.folder / "train", "-o", data]
    arms = [
        Arm("nmt prepare", [*prepare, "--vocab", vocabulary], output=data),
        Arm("nmt's batches", [sys.executable, "-c", BATCHES, data]),
    ]
    python, why_not = toolkit("joeynmt")
    if python is None:
        print(f"JoeyNMT could not be installed: {why_not}")
    else:
        run = corpus.place / "joeynmt-batches"
        settings = write_settings("joeynmt", copies, vocabulary, run, (1, 64, 64), Budget(TOKENS, 1, 1))
        arms.append(Arm("JoeyNMT", [python, PEERS / "joeynmt_batches.py", settings]))
    in_turn(arms, options.repeats)
    figures = [figure for arm in arms for figure in arm.figures()]
    if len(arms) > 2 and arms[2].seconds:
        ratio = arms[2].median / (arms[0].median + arms[1].median)
        figures.append(Figure("nmt against JoeyNMT", "ratio", round(ratio, 1), "×"))
    record("raw text to batches", command("prepare", options), figures)


def write_copies(corpus: Corpus, times: int) -> Corpus:
    """The training text so many times; and a little to validate on, as toolkits ask for it."""
    place = corpus.place / "copies"
    place.mkdir(exist_ok=True)
    for language in (corpus.source, corpus.target):
        lines = (corpus.folder / f"train.{language}").read_text(encoding="utf-8").splitlines()
        with (place / f"train.{language}").open("w", encoding="utf-8") as file:
            for number in range(times):
                file.writelines(f"{line} {number}\n" for line in lines)
        (place / f"valid.{language}").write_text("".join(f"{line}\n" for line in lines[:10]), encoding="utf-8")
    return Corpus(place, corpus.source, corpus.target)


if __name__ == "__main__":
    main()
