"""Translating with nmt, JoeyNMT, eole and transformers: the same weights and lines, beam 5, whole commands.

transformers' Marian is post-norm, so it is held against nmt with a post-norm model:
python benchmarks/translate_toolkits.py
"""

import argparse
import shutil
from pathlib import Path

import sentencepiece
from measure import NMT, PLACE, ROOT, Arm, add_row, in_turn, machine, once
from toolkits import PEERS, Shape, said, to_eole, to_joeynmt, to_marian, toolkit, training, write_pieces, write_settings
from translate import call, text

from nmt.scoring.evaluate import read_file
from nmt.scoring.metrics import corpus_scores

SHAPE: Shape = (4, 128, 256)
HERE = PLACE / "toolkits"
POST_NORM = ["--set", "model.norm=post", "--set", "training.learning_rate=2e-3"]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--corpus", type=Path, help="folder of Multi30k (default: the bundled corpus, repeated)")
    parser.add_argument("--minutes", type=float, default=5.0, help="of training each of the two models")
    parser.add_argument("--lines", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    HERE.mkdir(parents=True, exist_ok=True)
    languages = ("en", "de") if options.corpus else ("ko", "en")
    folder = options.corpus or ROOT / "data"
    data = HERE / f"data-{languages[1]}"
    corpora: list[str | Path] = ["--train", folder / "train", "--valid", folder / "valid"]
    once(data, lambda: call("prepare", "-s", languages[0], "-t", languages[1], *corpora, "-o", data))
    models = {}
    for norm, flags in {"pre": [], "post": POST_NORM}.items():
        run = models[norm] = HERE / f"run-{norm}-{languages[1]}"
        command = ["train", data, "-o", run, "--preset", "tiny", "--minutes", str(options.minutes), *flags]
        once(run / "model", lambda command=command: call(*command))  # type: ignore[misc]
    source, reference = text(folder, languages, options.lines)

    ours = {norm: Arm(f"nmt, {norm}-norm", command_of(run, source)) for norm, run in models.items()}
    theirs = []
    for name in ("joeynmt", "eole", "transformers"):
        python, why_not = toolkit(name)
        if python is None:
            print(f"{name} could not be installed: {why_not}")
            continue
        norm = "post" if name == "transformers" else "pre"
        theirs.append((other(name, python, models[norm] / "model", data, folder, languages, source), ours[norm]))
    in_turn([*ours.values(), *(arm for arm, _ in theirs)], options.repeats)
    print(machine())
    references = read_file(reference)
    for arm, mine in theirs:
        figures = []
        for one in (mine, arm):
            if one.words:
                figures.append(f"{one.name} failed: {one.words}")
                continue
            lines = read_output(one, data, len(references))
            bleu, _ = corpus_scores(lines, references, languages[1])
            figures.append(
                f"{one.name} {len(references) / one.median:,.0f} lines/s, {one.memory / 1e6:,.0f} MB, BLEU {bleu:.1f}"
            )
        if mine.seconds and arm.seconds:
            figures.append(f"{arm.median / mine.median:.1f}×")
        print("; ".join(figures))
        what = f"translating {len(references):,} lines, beam 5, against {arm.name}"
        how = f"python benchmarks/translate_toolkits.py --lines {options.lines} --repeats {options.repeats}"
        add_row(what, how, "; ".join(figures))


def command_of(run: Path, source: Path) -> list[str | Path]:
    return [NMT, "translate", run, source, "-o", HERE / f"out-{run.name}", "--no-resume", "--quiet"]


def other(
    name: str, python: Path, model: Path, data: Path, folder: Path, languages: tuple[str, str], source: Path
) -> Arm:
    """A toolkit's own command for the lines of ``source``, with the weights of ``model`` in its files."""
    run, output = HERE / f"{name}-run", HERE / f"out-{name}"
    if name == "transformers":
        to_marian(model, SHAPE, run)
        return Arm(name, [python, PEERS / "transformers_client.py", run, source, output])
    shutil.rmtree(run, ignore_errors=True)
    settings = write_settings(name, run, data, folder, languages, SHAPE, 400, updates=1, every=1)
    said(training(name, python, settings))
    if name == "joeynmt":
        to_joeynmt(model, run)
        # It translates what comes from standard input; its --output-path fails in 2.3.0.
        streams = [PEERS / "with_streams.py", source, output]
        return Arm(name, [python, *streams, "-m", "joeynmt", "translate", settings])
    to_eole(model, run)
    pieces = write_pieces(data, source.with_suffix(""), languages[:1], HERE)
    flags = ["-beam_size", "5", "-batch_size", "2048", "-batch_type", "tokens", "-compute_dtype", "fp32"]
    files: list[str | Path] = ["-model_path", run / "model", "-src", f"{pieces}.{languages[0]}", "-output", output]
    return Arm(name, [python.with_name("eole"), "predict", *files, *flags])


def read_output(arm: Arm, data: Path, lines: int) -> list[str]:
    """The translations that an arm wrote; eole's are pieces."""
    path = Path(str(arm.command[5])) if arm.name.startswith("nmt") else HERE / f"out-{arm.name}"
    found = read_file(path)
    if len(found) != lines:
        raise SystemExit(f"{path} has {len(found)} lines, not {lines}")
    if arm.name == "eole":
        model = sentencepiece.SentencePieceProcessor(model_file=str(data / "tokenizer.model"))
        found = [model.decode_pieces(line.split()) for line in found]
    return found


if __name__ == "__main__":
    main()
