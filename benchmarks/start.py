"""How long a person waits at the shell: ``nmt --help``, and one line through a pipe: python benchmarks/start.py"""

from corpus import command, parse
from measure import NMT, Arm, in_turn, peer
from results import record
from translate import CLIENT, PACKAGES


def main() -> None:
    options, corpus = parse(__doc__, minutes=5.0, repeats=21)
    model = corpus.model("auto", options.minutes)
    line, _ = corpus.lines(1)
    arms = [
        Arm("nmt --help", [NMT, "--help"]),
        Arm("nmt translate of a line", [NMT, "translate", model, line]),
        Arm("python -c pass", [NMT.with_name("python"), "-c", "pass"]),
    ]
    python, why_not = peer("ctranslate2", PACKAGES)
    if python is None:
        print(f"CTranslate2 could not be installed: {why_not}")
    else:
        arms.append(Arm("CTranslate2's client", [python, CLIENT, corpus.exported(model), line, corpus.place / "out"]))
    in_turn(arms, 1)  # the disk's cache, and CTranslate2's model
    for arm in arms:
        arm.forget()
    in_turn(arms, options.repeats)
    figures = [figure for arm in arms for figure in arm.figures()]
    record("from the shell to the end, medians", command("start", options), figures)


if __name__ == "__main__":
    main()
