"""Scores as tables: for a terminal, for LaTeX, and as CSV. Knows results; not how they came about."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO

from nmt.scoring.metrics import NAMES, Score
from nmt.scoring.reports import SetReport
from nmt.scoring.systems import Result, SystemReport
from nmt.text.lines import printable

WORDS = {  # what a table's signs mean
    "interval": "±: half of the 95% interval, by bootstrap resampling of the sentences",
    "deviation": "±: standard deviation over the runs of a system, which differ only by their seed",
    "p": "p: the probability of so large a difference from {first} by chance, for other sentences",
    "ar": " (paired approximate randomization)",
    "bs": " (paired bootstrap)",
    "p(seeds)": "p(seeds): the same for other seeds (Welch's t-test of the runs' scores)",
    "counts": "a difference with p under 0.05 is significant",
}
LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "_": r"\_",
    "%": r"\%",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "±": r"$\pm$",
}


@dataclass(frozen=True)
class Table:
    """A table as text: a row for each system on each set, and notes that say what its figures mean."""

    headings: list[str]
    rows: list[list[str]]
    notes: list[str]


def table(reports: Sequence[SetReport], paired: str = "ar") -> Table:
    """The scores of all sets; in each the baselines come before the system that is compared with them."""
    metrics = list(reports[0].scores)
    entries = [(report, entry) for report in reports for entry in (*report.systems[1:], report.systems[0])]
    compared = any(len(report.systems) > 1 for report in reports)
    of_files = compared and all(report.name == report.systems[0].system.name for report in reports)
    several = any(len(entry.system.runs) > 1 for _, entry in entries)
    seeds = any(result.p_seeds is not None for _, entry in entries for result in entry.results.values())
    columns = [("set", not of_files), ("system", compared), ("lines", True), ("runs", several)]
    shown = [name for name, wanted in columns if wanted]
    rows = []
    for report, entry in entries:
        names = {"set": report.name, "system": entry.system.name}
        counts = {"lines": f"{len(report.hypotheses):,}", "runs": str(len(entry.system.runs))}
        row = [(names | counts)[name] for name in shown]
        for metric in metrics:
            result = entry.results[metric]
            row.append(with_deviation(result) if several else with_interval(result.score))
            row += [p_text(result.p_value)] if compared else []
            row += [p_text(result.p_seeds)] if seeds else []
        rows.append(row)
    p_columns = ["p"] * compared + ["p(seeds)"] * seeds
    headings = [*shown, *(name for metric in metrics for name in (NAMES[metric], *p_columns))]
    return Table(headings, rows, notes(reports, several, p_columns, paired))


def bucket_tables(report: SetReport) -> list[Table]:
    """For each way to group the lines of a set, the scores of its systems on each group."""
    metrics, tables = list(report.scores), []
    with_systems = len(report.systems) > 1
    for kind, buckets in report.buckets().items():
        rows = []
        for bucket in buckets:
            for entry in (*report.systems[1:], report.systems[0]):
                scores = bucket.scores(entry, report.measures)
                names = [bucket.name, *([entry.system.name] if with_systems else []), f"{len(bucket.lines):,}"]
                rows.append([*names, *(f"{scores[metric]:.1f}" for metric in metrics)])
        heads = [f"{report.name}, {kind}", *(["system"] if with_systems else []), "lines"]
        tables.append(Table([*heads, *(NAMES[metric] for metric in metrics)], rows, []))
    return tables


def kept_table(report: SetReport) -> Table:
    """For each kind of what must stay unchanged, the lines in which each system and the references keep it."""
    names = [entry.system.name for entry in report.systems] if len(report.systems) > 1 else ["kept"]
    rows = [
        [
            kind.kind,
            f"{kind.lines:,}",
            *(f"{number:,.1f}".removesuffix(".0") for number in kind.systems),
            f"{kind.references:,}",
        ]
        for kind in report.kept
    ]
    note = (
        "kept: lines whose translation has all that their source has of the kind; the references show what people keep"
    )
    return Table([f"{report.name}, kept", "lines", *names, "references"], rows, [note])


def odd_table(report: SetReport) -> Table:
    """What systems lose by odd input: BLEU and chrF of the set as it is and in each form."""
    with_systems = len(report.odd[0].systems) > 1
    rows = [
        [
            form.form,
            *([each.system] if with_systems else []),
            f"{form.changed:,}",
            *(f"{value:.1f}" for pair in zip(each.plain, each.odd, strict=True) for value in pair),
            "" if each.kept is None else f"{each.kept:.1%}",
        ]
        for form in report.odd
        for each in form.systems
    ]
    heads = [
        f"{report.name}, odd input",
        *(["system"] if with_systems else []),
        "lines",
        "BLEU",
        "odd",
        "chrF",
        "odd",
        "kept",
    ]
    note = "odd: of the same lines in this form, compared without case, or final mark, where it changes that"
    return Table(heads, rows, [note])


def usable_table(report: SetReport) -> Table:
    """What models say of the lines of a set, beside what they are."""
    rows = [
        [
            each.name,
            f"{each.said:.1%}",
            f"{each.found:.1%}",
            f"{each.error:.3f}",
            f"{each.chrf:.1f}",
            f"{each.least:.1f}",
        ]
        for each in report.usable
    ]
    heads = [f"{report.name}, usable", "said", "are", "error", "chrF", "doubted"]
    bounds = " or ".join(dict.fromkeys(f"{each.bound:g}" for each in report.usable))
    note = (
        f"usable: lines of a chrF above {bounds}; error: of ten bins by what is said (ECE); "
        "chrF: mean of all lines, and of the tenth that is most doubted"
    )
    return Table(heads, rows, [note])


def off_target_table(report: SetReport) -> Table:
    """How many lines models translated into another language than the one that was asked for."""
    rows = [
        [
            each.name,
            f"{each.lines:,}",
            f"{each.count:,}",
            ", ".join(f"{language} {count:,}" for language, count in each.languages.items()),
        ]
        for each in report.off_target
    ]
    note = "off target: lines that look like another language of the model, by their frequent pieces, or another script"
    return Table([f"{report.name}, off target", "lines", "off", "into"], rows, [note])


def notes(reports: Sequence[SetReport], several: bool, p_columns: Sequence[str], paired: str) -> list[str]:
    """The signature of each metric, and what ± and p mean."""
    scores = [(metric, score) for report in reports for metric, score in report.scores.items()]
    lines = [f"{NAMES[metric]} {score.signature}" for metric, score in scores]
    if several:
        lines.append(WORDS["deviation"])
    if "p" in p_columns:
        lines.append(WORDS["p"].format(first=reports[0].systems[0].system.name) + WORDS[paired])
    if "p(seeds)" in p_columns:
        lines.append(WORDS["p(seeds)"])
    if any(entry.may_count for report in reports for entry in report.systems[1:]):
        lines.append(WORDS["counts"])
    return list(dict.fromkeys(lines))


def with_interval(score: Score) -> str:
    """A score as text: ``31.4 ± 1.2``, with half the width of its 95% interval if it has one."""
    if score.low is None or score.high is None:
        return f"{score.score:.1f}"
    return f"{score.score:.1f} ± {(score.high - score.low) / 2:.1f}"


def with_deviation(result: Result) -> str:
    """A mean as text: ``31.42 ± 0.35``, with its standard deviation over the runs if there are several."""
    if result.deviation is None:
        return f"{result.score.score:.2f}"
    return f"{result.score.score:.2f} ± {result.deviation:.2f}"


def p_text(p: float | None) -> str:
    """A p-value as text: ``0.0312``, ``<0.0001``, or nothing."""
    return "" if p is None else "<0.0001" if p < 0.00005 else f"{p:.4f}"


def latex(drawn: Table) -> str:
    """The table for LaTeX with the package booktabs; its notes are comments. Korean needs XeLaTeX or LuaLaTeX."""
    texts = sum(name in ("set", "system") for name in drawn.headings)
    columns = "l" * texts + "r" * (len(drawn.headings) - texts)
    heads = [re.sub(r"^p\b", "$p$", escaped(name)) for name in drawn.headings]
    lines = [r"% needs \usepackage{booktabs}", *(f"% {printable(note)}" for note in drawn.notes)]
    lines += [rf"\begin{{tabular}}{{{columns}}}", r"\toprule", f"{' & '.join(heads)} \\\\", r"\midrule"]
    before = None
    for row in drawn.rows:
        if before not in (None, row[0]) and drawn.headings[0] == "set" and "system" in drawn.headings:
            lines.append(r"\midrule")
        before = row[0]
        lines.append(" & ".join(map(escaped, row)) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def escaped(text: str) -> str:
    """A text from outside for LaTeX, where no character of it is a command."""
    return "".join(LATEX.get(character, character) for character in printable(text))


def as_csv(reports: Sequence[SetReport]) -> str:
    """All figures as CSV: a row for each metric of each system on each set, and for each of its runs."""
    page = StringIO()
    writer = csv.writer(page, lineterminator="\n")
    numbers = ["score", "low", "high", "deviation", "p_value", "p_seeds"]
    writer.writerow(["set", "system", "run", "lines", "metric", *numbers, "signature"])
    for report in reports:
        for entry in report.systems:
            for metric, result in entry.results.items():
                writer.writerows(csv_rows(report, entry, metric, result))
    return page.getvalue()


def csv_rows(report: SetReport, entry: SystemReport, metric: str, result: Result) -> list[list[object]]:
    """The row of a system, whose run is empty, and one for each of several runs."""
    score = result.score
    figures = [score.score, score.low, score.high, result.deviation, result.p_value, result.p_seeds]
    rows = [("", figures)]
    if len(entry.system.runs) > 1:
        rows += [(run, [value]) for run, value in zip(entry.system.runs, result.runs, strict=True)]
    head: list[object] = [printable(report.name), printable(entry.system.name)]
    return [
        [*head, printable(run), len(report.hypotheses), metric]
        + [None if value is None else f"{value:.6g}" for value in (*values, *[None] * (6 - len(values)))]
        + [score.signature]
        for run, values in rows
    ]
