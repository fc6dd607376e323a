"""A student beside its teacher: whole commands on the same lines, and the BLEU of both on the test set.

The student searches greedily, in float32 and in int8; the teacher with beam 5, by nmt and by CTranslate2's own client
at its best: python benchmarks/student.py --corpus MULTI30K --teacher RUN --students "RUN RUN RUN"
"""

import statistics
from pathlib import Path

from corpus import Corpus, call, command, parse
from measure import Arm, in_turn, peer
from results import Figure, record
from translate import PACKAGES, best_client, nmt_arm

from nmt.scoring.evaluate import read_file
from nmt.scoring.metrics import corpus_scores

GREEDY = ["--beam-size", "1"]
INT8 = ["--compute-type", "int8"]


def main() -> None:
    options, corpus = parse(__doc__, teacher="", students="", lines=10_000, repeats=5)
    teacher, students = Path(options.teacher), [Path(student) for student in options.students.split()]
    source, _ = corpus.lines(options.lines)
    arms = [
        nmt_arm(name, model, source, corpus.place / f"out-{number}", *flags)
        for number, (name, model, flags) in enumerate(
            [
                ("nmt, student, greedy", students[0], GREEDY),
                ("nmt, student, greedy, int8", students[0], [*GREEDY, *INT8]),
                ("nmt, teacher, beam 5", teacher, []),
            ]
        )
    ]
    python, why_not = peer("ctranslate2", PACKAGES)
    if python is None:
        raise SystemExit(f"CTranslate2 could not be installed: {why_not}")
    arms.append(best_client(python, corpus.exported(teacher), source, options.lines // 5))
    in_turn(arms, options.repeats)
    figures = speeds(arms, options.lines)
    figures += [Figure("teacher", "BLEU test, beam 5", bleu(corpus, teacher))]
    for name, flags in {"greedy": GREEDY, "greedy, int8": [*GREEDY, *INT8], "beam 5": []}.items():
        scores = [bleu(corpus, student, *flags) for student in students]
        figures += [
            Figure("student", f"BLEU test, {name}", score, note=at.name)
            for at, score in zip(students, scores, strict=True)
        ]
        figures += [Figure("student, mean", f"BLEU test, {name}", round(statistics.mean(scores), 2))]
    task = f"a student and its teacher, {options.lines:,} lines, whole commands, medians"
    record(task, command("student", options), figures)


def speeds(arms: list[Arm], lines: int) -> list[Figure]:
    """Lines a second of each, and how many times as fast as the last."""
    figures = []
    for arm in arms:
        figures += arm.figures()
        if arm.seconds:
            figures.append(Figure(arm.name, "speed", round(lines / arm.median), "lines/s"))
            figures.append(
                Figure(arm.name, "times as fast as CTranslate2", round(arms[-1].median / arm.median, 2), "×")
            )
    return figures


def bleu(corpus: Corpus, model: Path, *flags: str) -> float:
    """BLEU of a model on the test set of the corpus."""
    source = min(corpus.folder.glob(f"test*.{corpus.source}"), key=lambda path: len(path.name))
    output = corpus.place / "out-test"
    call("translate", model, source, "-o", output, "--no-resume", "--quiet", *flags)
    reference = source.with_suffix(f".{corpus.target}")
    return round(corpus_scores(read_file(output), read_file(reference), corpus.target)[0], 2)


if __name__ == "__main__":
    main()
