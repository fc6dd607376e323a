"""Translating with nmt, JoeyNMT, eole and transformers: the same weights and lines, beam 5, whole commands.

transformers' Marian is post-norm, so it is held against nmt with a post-norm model:
python benchmarks/translate_toolkits.py
"""

import shutil
from pathlib import Path

from corpus import Corpus, command, parse
from measure import PEERS, Arm, add_row, in_turn, machine
from toolkits import (
    TINY,
    Budget,
    predicting,
    read_output,
    said,
    to_eole,
    to_joeynmt,
    to_marian,
    toolkit,
    training,
    write_settings,
)
from translate import nmt_arm

from nmt.scoring.evaluate import read_file
from nmt.scoring.metrics import corpus_scores

POST_NORM = ["--set", "model.norm=post", "--set", "training.learning_rate=2e-3"]


def main() -> None:
    options, corpus = parse(__doc__, minutes=5.0, lines=2000, repeats=5)
    data, (source, reference) = corpus.dataset(), corpus.lines(options.lines)
    models = {
        "pre": corpus.model("tiny", options.minutes, "--preset", "tiny"),
        "post": corpus.model("tiny-post", options.minutes, "--preset", "tiny", *POST_NORM),
    }
    ours = {
        norm: nmt_arm(f"nmt, {norm}-norm", run, source, corpus.place / f"out-{norm}") for norm, run in models.items()
    }
    in_turn(list(ours.values()), 1)  # CTranslate2's model is made
    for arm in ours.values():
        arm.forget()
    theirs = []
    for name in ("joeynmt", "eole", "transformers"):
        python, why_not = toolkit(name)
        if python is None:
            print(f"{name} could not be installed: {why_not}")
            continue
        norm = "post" if name == "transformers" else "pre"
        theirs.append((other(name, python, models[norm] / "model", corpus, data, source), ours[norm]))
    in_turn([*ours.values(), *(arm for arm, _ in theirs)], options.repeats)
    print(machine())
    references = read_file(reference)
    for arm, mine in theirs:
        figures = []
        for one in (mine, arm):
            if one.words or not one.output:
                figures.append(f"{one.name} failed: {one.words}")
                continue
            lines = read_output(one.output, data, len(references))
            bleu, _ = corpus_scores(lines, references, corpus.target)
            figures.append(
                f"{one.name} {len(references) / one.median:,.0f} lines/s, {one.memory / 1e6:,.0f} MB, BLEU {bleu:.1f}"
            )
        if mine.seconds and arm.seconds:
            figures.append(f"{arm.median / mine.median:.1f}×")
        print("; ".join(figures))
        what = f"translating {len(references):,} lines, beam 5, against {arm.name}"
        add_row(what, command("translate_toolkits", options), "; ".join(figures))


def other(name: str, python: Path, model: Path, corpus: Corpus, data: Path, source: Path) -> Arm:
    """A toolkit's own command for the lines of ``source``, with the weights of ``model`` in its files."""
    run, output = corpus.place / f"{name}-run", corpus.place / f"out-{name}"
    if name == "transformers":
        to_marian(model, TINY, run)
        return Arm(name, [python, PEERS / "transformers_client.py", run, source, output], output)
    shutil.rmtree(run, ignore_errors=True)
    settings = write_settings(name, corpus, data, run, TINY, Budget(400, 1, 1))
    said(training(name, python, settings))
    {"joeynmt": to_joeynmt, "eole": to_eole}[name](model, run)
    return predicting(name, python, settings, run, data, source, output)


if __name__ == "__main__":
    main()
