"""Translating with nmt, JoeyNMT, eole and transformers: the same weights and lines, beam 5, whole commands.

transformers' Marian is post-norm, so it is held against nmt with a post-norm model:
python benchmarks/translate_toolkits.py
"""

import shutil
from pathlib import Path

from corpus import Corpus, command, parse
from measure import PEERS, Arm, in_turn
from results import Figure, record
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
    references = read_file(reference)
    for arm, mine in theirs:
        figures = []
        for one in (mine, arm):
            figures += one.figures()
            if one.seconds and one.output:
                bleu, _ = corpus_scores(read_output(one.output, data, len(references)), references, corpus.target)
                figures.append(Figure(one.name, "speed", round(len(references) / one.median), "lines/s"))
                figures.append(Figure(one.name, "BLEU", round(bleu, 1)))
        if mine.seconds and arm.seconds:
            figures.append(Figure(f"nmt against {arm.name}", "ratio", round(arm.median / mine.median, 1), "×"))
        task = f"translating {len(references):,} lines, beam 5, against {arm.name}"
        record(task, command("translate_toolkits", options), figures)


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
