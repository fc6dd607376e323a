"""How long a person waits at the shell: ``nmt --help``, and one line through a pipe: python benchmarks/start.py"""

import argparse
from pathlib import Path

from measure import NMT, PLACE, ROOT, Arm, add_row, in_turn, machine, once, peer
from translate import CLIENT, call, trained


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--corpus", type=Path, help="folder of Multi30k (default: the bundled corpus)")
    parser.add_argument("--model", type=Path, help="a training run (default: one of --minutes is trained)")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--repeats", type=int, default=21)
    options = parser.parse_args()
    PLACE.mkdir(parents=True, exist_ok=True)
    languages = ("en", "de") if options.corpus else ("ko", "en")
    model = options.model or trained(options.corpus, languages, options.minutes)
    exported, line = PLACE / "exported", PLACE / "line"
    once(exported, lambda: call("export", model, "--to", "ctranslate2", "-o", exported))
    folder = options.corpus or ROOT / "data"
    with (folder / f"valid.{languages[0]}").open(encoding="utf-8") as file:
        line.write_text(file.readline(), encoding="utf-8")
    arms = [
        Arm("nmt --help", [NMT, "--help"]),
        Arm("echo LINE | nmt translate", [NMT, "translate", model, line]),
        Arm("python -c pass", [NMT.with_name("python"), "-c", "pass"]),
    ]
    python, why_not = peer("ctranslate2", ["ctranslate2", "sentencepiece"])
    if python is None:
        print(f"CTranslate2 could not be installed: {why_not}")
    else:
        arms.append(Arm("CTranslate2's client", [python, CLIENT, exported, line, PLACE / "out-line"]))
    in_turn(arms, 1)  # the disk's cache, and CTranslate2's model
    for arm in arms:
        arm.seconds.clear()
    in_turn(arms, options.repeats)
    figures = [f"{arm.name}: {arm.words or f'{arm.median:.3f} s, {arm.memory / 1e6:.0f} MB'}" for arm in arms]
    print("\n".join([machine(), *figures]))
    add_row(
        "from the shell to the end, medians",
        f"python benchmarks/start.py --repeats {options.repeats}",
        "; ".join(figures),
    )


if __name__ == "__main__":
    main()
