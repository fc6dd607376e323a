"""From raw text to batches: nmt prepare and a pass over its batches, against JoeyNMT's own way, the vocabulary given.

The corpus is written out 30 times, each copy's lines with a number of their own, for nmt drops duplicates:
python benchmarks/prepare.py
"""

import argparse
import sys
from pathlib import Path

from measure import NMT, PLACE, ROOT, Arm, add_row, in_turn, machine, once
from toolkits import PEERS, toolkit, write_settings
from translate import call

HERE = PLACE / "prepare"
TOKENS = 4096

# A pass over the batches of a dataset.
BATCHES = f"""
import sys
from pathlib import Path
from nmt.corpus.batches import blocks, pad_batch, plan_block
from nmt.corpus.dataset import Dataset
split = Dataset.open(Path(sys.argv[1])).train
plans = (plan_block(split, {TOKENS}, 1, 0, block) for block in range(blocks(len(split))))
print(sum(int(pad_batch(split, rows).target_length.sum()) for plan in plans for rows in plan), "target tokens")
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--corpus", type=Path, help="folder of Multi30k (default: the bundled corpus)")
    parser.add_argument("--times", type=int, default=30)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    HERE.mkdir(parents=True, exist_ok=True)
    languages = ("en", "de") if options.corpus else ("ko", "en")
    folder = options.corpus or ROOT / "data"
    sides = ["-s", languages[0], "-t", languages[1]]
    vocabulary = HERE / f"vocabulary-{languages[1]}"
    once(vocabulary, lambda: call("prepare", *sides, "--train", folder / "train", "-o", vocabulary))
    text = write_copies(folder, languages, options.times)

    prepare: list[str | Path] = [NMT, "prepare", *sides, "--train", text, "--vocab", vocabulary, "-o", HERE / "data"]
    arms = [
        Arm("nmt prepare", [sys.executable, PEERS / "anew.py", HERE / "data", *prepare]),
        Arm("nmt's batches", [sys.executable, "-c", BATCHES, HERE / "data"]),
    ]
    python, why_not = toolkit("joeynmt")
    if python is None:
        print(f"JoeyNMT could not be installed: {why_not}")
    else:
        run = HERE / "joeynmt-run"
        settings = write_settings("joeynmt", run, vocabulary, text.parent, languages, (1, 64, 64), TOKENS, 1, 1)
        arms.append(Arm("JoeyNMT", [python, PEERS / "joeynmt_batches.py", settings]))
    in_turn(arms, options.repeats)
    figures = [f"{arm.name}: {arm.words or f'{arm.median:.1f} s, {arm.memory / 1e6:,.0f} MB'}" for arm in arms]
    if len(arms) > 2 and arms[2].seconds:
        figures.append(f"{arms[2].median / (arms[0].median + arms[1].median):.1f}×")
    print("\n".join([machine(), *figures]))
    command = f"python benchmarks/prepare.py --times {options.times} --repeats {options.repeats}"
    add_row(f"raw text to batches, the corpus × {options.times}", command, "; ".join(figures))


def write_copies(folder: Path, languages: tuple[str, str], times: int) -> Path:
    """The training text so many times, as ``copies/train``; and a little ``copies/valid``, as toolkits ask for it."""
    place = HERE / "copies"
    place.mkdir(exist_ok=True)
    for language in languages:
        lines = (folder / f"train.{language}").read_text(encoding="utf-8").splitlines()
        with (place / f"train.{language}").open("w", encoding="utf-8") as file:
            for number in range(times):
                file.writelines(f"{line} {number}\n" for line in lines)
        (place / f"valid.{language}").write_text("".join(f"{line}\n" for line in lines[:10]), encoding="utf-8")
    return place / "train"


if __name__ == "__main__":
    main()
