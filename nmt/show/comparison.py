"""A page for those who referee systems: their scores, groups of lines, and the lines on which they differ most.

It holds no script, asks for nothing, and allows neither: texts of strangers stay texts. Knows what an evaluation found;
not how it came about.
"""

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from nmt.disk.files import create_binary
from nmt.scoring.metrics import NAMES
from nmt.scoring.reports import SetReport
from nmt.scoring.systems import Result, SystemReport
from nmt.scoring.tables import kept_table, notes, p_text, with_deviation
from nmt.show.markup import bars, page, table, text
from nmt.show.word_differences import differences

EXAMPLES = 20  # lines on either side
LONGEST = 600  # characters of a line that are shown
BETTER_LOW = "ter"


def write_comparison(reports: Sequence[SetReport], paired: str, path: Path) -> None:
    """Write the page to ``path``; ``paired`` is the test by which the p-values were found."""
    with create_binary(path) as file:
        file.write(comparison(reports, paired).encode())


def comparison(reports: Sequence[SetReport], paired: str = "ar") -> str:
    """The page as HTML; the same results give the same page."""
    first, *others = (entry.system.name for entry in reports[0].systems)
    title = f"{first} beside {', '.join(others)}" if others else f"Evaluation of {first}"
    links = "".join(f'<a href="#set-{number}">{text(report.name)}</a>' for number, report in enumerate(reports))
    sections = "\n".join(_set(report, number, paired) for number, report in enumerate(reports))
    return page("comparison.html", title, name=text(title), links=links, sections=sections)


def _set(report: SetReport, number: int, paired: str) -> str:
    warnings = "".join(f"<li>{text(warning)}</li>" for warning in report.warnings)
    warned = f'<div class="warnings"><h3>Warnings</h3><ul>{warnings}</ul></div>' if warnings else ""
    groups = "".join(_buckets(report, kind) for kind in report.buckets())
    first, *others = report.systems
    pairs = [_pair(report, first, other, place == 0) for place, other in enumerate(others)] or [_alone(report)]
    lines = f"{len(report.hypotheses):,} lines"
    return (
        f'<section id="set-{number}"><h2>{text(report.name)}</h2><p class="about">{lines}</p>{warned}'
        f"{_scores(report, paired)}{_kept(report)}{groups}{''.join(pairs)}</section>"
    )


def _scores(report: SetReport, paired: str) -> str:
    """The table of the systems, with the interval of each score and its runs drawn on one scale."""
    compared = len(report.systems) > 1
    several = any(len(entry.system.runs) > 1 for entry in report.systems)
    seeds = any(result.p_seeds is not None for entry in report.systems for result in entry.results.values())
    p_columns = ["p"] * compared + ["p(seeds)"] * seeds
    heads, numbers = ["system", *(["runs"] if several else [])], [1] if several else []
    for metric in report.scores:
        numbers += [len(heads) + place for place in (0, 1, *range(3, 3 + len(p_columns)))]
        heads += [NAMES[metric], "95% interval", "", *p_columns]
    rows = []
    for entry in report.systems:
        row = [text(entry.system.name), *([str(len(entry.system.runs))] if several else [])]
        for metric, result in entry.results.items():
            low, high = result.score.low, result.score.high
            row += [with_deviation(result), "" if low is None or high is None else f"{low:.1f} – {high:.1f}"]
            row += [_interval(result, [other.results[metric] for other in report.systems])]
            row += [text(p_text(p)) for p in (result.p_value, result.p_seeds)[: len(p_columns)]]
        rows.append(row)
    told = "".join(f"<p>{text(note)}</p>" for note in notes([report], several, p_columns, paired))
    return f'{table("scores", heads, rows, numbers)}<div class="about notes">{told}</div>'


def _interval(result: Result, results: Sequence[Result]) -> str:
    """The interval of a score as a line, its runs as dots, on the scale of all systems; they only repeat numbers."""
    marks = [mark for each in results for mark in (*each.runs, each.score.low, each.score.high) if mark is not None]
    low, width = min(marks), max(max(marks) - min(marks), 1e-9)

    def place(score: float) -> str:
        return f"{4 + 92 * (score - low) / width:.2f}%"

    drawn = ""
    if result.score.low is not None and result.score.high is not None:
        drawn = f'<line x1="{place(result.score.low)}" x2="{place(result.score.high)}" y1="9" y2="9"/>'
    dots = "".join(f'<circle cx="{place(score)}" cy="9" r="3.5"/>' for score in result.runs)
    return f'<svg class="interval" aria-hidden="true" width="8rem" height="18">{drawn}{dots}</svg>'


def _kept(report: SetReport) -> str:
    """The lines that keep what must stay, by kind; nothing where the sources have nothing of it."""
    if not report.kept:
        return ""
    drawn = kept_table(report)
    heads = ["kind", *map(text, drawn.headings[1:])]
    shown = table("kept", heads, [list(map(text, row)) for row in drawn.rows], range(1, len(heads)))
    told = "".join(f"<p>{text(note)}</p>" for note in drawn.notes)
    return f'<h3>What must stay</h3>{shown}<div class="about notes">{told}</div>'


def _buckets(report: SetReport, kind: str) -> str:
    """The scores of each group of lines, and a bar for each system in the order of the columns."""
    metric = line_metric(report)
    names = [text(entry.system.name) for entry in report.systems]
    rows = []
    for bucket in report.buckets()[kind]:
        scores = [bucket.scores(entry, report.measures)[metric] for entry in report.systems]
        drawn = "".join(bars((score, 100, "aside" if place else "kept")) for place, score in enumerate(scores))
        rows.append([text(bucket.name), f"{len(bucket.lines):,}", *(f"{score:.1f}" for score in scores), drawn])
    heads = ["words of the reference" if kind == "length" else text(kind), "lines", *names, ""]
    shown = table("buckets", heads, rows, range(1, 2 + len(names)))
    return f"<h3>By {text(kind)}, {NAMES[metric]}</h3>{shown}"


class Line(NamedTuple):
    """A line of a test set with two texts to compare, the second of which may be the reference."""

    gain: float  # points of the first text's score over the second's
    number: int
    ours: str
    theirs: str


def line_metric(report: SetReport) -> str:
    """The metric by which single lines are ranked: chrF, where it was asked for, since BLEU is rough on a line."""
    return next((metric for metric in ("chrf++", "chrf") if metric in report.scores), next(iter(report.scores)))


def _typical(report: SetReport, entry: SystemReport) -> list[tuple[float, str]]:
    """For each line the score and translation of the run that is nearest to the mean of all runs."""
    metric, runs = line_metric(report), range(len(entry.system.runs))
    sign = -1 if metric == BETTER_LOW else 1
    scores = [[sign * score for score in report.line_scores(entry, metric, run)] for run in runs]
    chosen = []
    for number, line in enumerate(zip(*scores, strict=True)):
        mean = fmean(line)
        run = min(runs, key=lambda run: abs(line[run] - mean))
        chosen.append((line[run], entry.system.outputs[run][number]))
    return chosen


def _pair(report: SetReport, first: SystemReport, other: SystemReport, is_open: bool) -> str:
    """The lines on which two systems differ most, those that each of them does better."""
    both = zip(_typical(report, first), _typical(report, other), strict=True)
    lines = [Line(ours - theirs, number, a, b) for number, ((ours, a), (theirs, b)) in enumerate(both) if a != b]
    names = [text(entry.system.name) for entry in (first, other)]
    better = sorted((line for line in lines if line.gain > 0), key=lambda line: -line.gain)
    worse = sorted((line for line in lines if line.gain < 0), key=lambda line: line.gain)
    sides = "".join(
        f'<div class="{kind}"><h4>{name} is better: {len(found):,} lines</h4>{_items(report, found, names)}</div>'
        for kind, name, found in (("survivors", names[0], better), ("victims", names[1], worse))
    )
    return (
        f'<details class="rule"{" open" if is_open else ""}><summary><h3>{names[0]} and {names[1]}</h3> <span>'
        f"{len(lines):,} lines differ</span></summary><p>{_legend(report)}</p>"
        f'<div class="sides">{sides}</div></details>'
    )


def _alone(report: SetReport) -> str:
    """The lines of the only system that are furthest from the reference."""
    (entry,) = report.systems
    found = [Line(score, number, ours, "") for number, (score, ours) in enumerate(_typical(report, entry))]
    items = _items(report, sorted(found, key=lambda line: line.gain), [text(entry.system.name)])
    return f"<h3>Lines furthest from the reference</h3><p>{_legend(report)}</p>{items}"


def _legend(report: SetReport) -> str:
    points = f"Points are of {NAMES[line_metric(report)]}, of that line."
    words = "Words that differ are marked: <mark class=hit>in the reference</mark>, <mark class=miss>not in it</mark>."
    return f"{points} {words}"


def _items(report: SetReport, found: Sequence[Line], names: Sequence[str]) -> str:
    items = "".join(_item(report, line, names) for line in found[:EXAMPLES])
    return f"<ol>{items}</ol>" if items else '<p class="about">none</p>'


def _item(report: SetReport, line: Line, names: Sequence[str]) -> str:
    reference = shortened(report.texts.references[0][line.number])
    ours, theirs = shortened(line.ours), shortened(line.theirs)
    known = [("source", report.texts.sources[line.number])] if report.texts.sources is not None else []
    rows = [(name, text(shortened(value))) for name, value in (*known, ("reference", reference))]
    if len(names) == 2:
        rows += [(names[0], _marked(ours, theirs, reference)), (names[1], _marked(theirs, ours, reference))]
    else:
        rows.append((names[0], _marked(ours, reference, reference)))
    body = "".join(f'<dt>{name}</dt><dd dir="auto">{value}</dd>' for name, value in rows)
    sign = "+" if len(names) == 2 else ""
    score = f"{line.gain:{sign}.1f}".replace("-", "−")
    return f'<li><b class="score">{score}</b><dl>{body}</dl><span class="place">line {line.number + 1:,}</span></li>'


def _marked(ours: str, theirs: str, reference: str) -> str:
    return "".join(
        text(part.text) if part.kind == "same" else f'<mark class="{part.kind}">{text(part.text)}</mark>'
        for part in differences(ours, theirs, reference)
    )


def shortened(line: str) -> str:
    """The line, cut where it is too long for a page."""
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}…"
