"""A page of training runs side by side: scores, curves, samples, settings, data, and the commands that repeat them.

It holds no script, asks for nothing, and allows neither: texts of strangers stay texts. Knows what runs wrote down; not
how they train.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import NamedTuple

from nmt.config import Config
from nmt.disk.files import create_binary
from nmt.errors import DataError
from nmt.scoring.course import Course, Part, Told
from nmt.scoring.gains import table as table_of_stages
from nmt.scoring.seeds import model_names, runs_of
from nmt.scoring.set_scores import SetScores
from nmt.scoring.tables import Table
from nmt.scoring.validation import Validated
from nmt.scoring.validation import table as table_of_scores
from nmt.show.curves import Curve, chart, strips
from nmt.show.markup import page, table, text
from nmt.show.run_facts import DatasetFacts, data_section, environments, lined, settings
from nmt.store.model_folder import ModelFolder
from nmt.store.run_folder import RunFolder
from nmt.text.languages import language_name

SHOWN_LINES = 6
SHOWN_UPDATES, SHOWN_UPDATES_OF_SEVERAL = 6, 4  # at which a sample is shown, evenly spaced, of one run or more
CURVES = {"loss": "Loss", "bleu": "BLEU", "chrf": "chrF", "rate": "Learning rate"}


@dataclass(frozen=True)
class Reported:
    """A run as a page shows it."""

    name: str
    path: Path  # as it was named
    folder: RunFolder
    config: Config
    course: Course
    model: ModelFolder
    environment: dict[str, str]


class Report(NamedTuple):
    """All that a page of runs shows."""

    runs: Sequence[Reported]
    systems: Sequence[Validated]
    datasets: Sequence[DatasetFacts] = ()
    tests: Sequence[SetScores] = ()
    commands: Sequence[str] = ()  # that make data and runs again


def run_folder_of(path: Path) -> RunFolder:
    """The folder of the run at ``path``, or of the run whose model folder that is.

    Raises MissingInputError where there is no model, DataError for a model without its run.
    """
    ModelFolder.open(path)
    for folder in map(RunFolder, runs_of(path)):
        if folder.metrics_path.is_file() and folder.config_path.is_file():
            return folder
    raise DataError(f"{path} is a model without its run", "name a RUN folder made by nmt train")


def open_runs(paths: Sequence[Path]) -> list[Reported]:
    """Read the runs at ``paths``, run folders or the model folders in them.

    Raises what ``run_folder_of`` raises, and DataError for metrics and the like that are not as nmt writes them.
    """
    runs = []
    for name, path in zip(model_names(paths), paths, strict=True):
        folder = run_folder_of(path)
        try:
            course = Course.of(folder.read_metrics())
        except DataError as error:
            raise DataError(error.what.replace("metrics.jsonl", str(folder.metrics_path), 1), error.mend) from None
        model = ModelFolder.open(path)
        runs.append(Reported(name, path, folder, folder.read_config(), course, model, folder.read_environment()))
    return runs


def write_run_report(report: Report, path: Path) -> None:
    """Write the page of the runs to ``path``."""
    with create_binary(path) as file:
        file.write(run_report(report).encode())


def run_report(report: Report) -> str:
    """The page as HTML; the same runs give the same page."""
    names = ", ".join(system.name for system in report.systems)
    pairs = dict.fromkeys(
        f"{language_name(source) or source} → {language_name(target) or target}"
        for run in report.runs
        for source, target in run.model.pairs
    )
    return page(
        "run_report.html",
        f"Report of {names}",
        name=text(names),
        pair=text(" · ".join(pairs)),
        scores=_scores(report),
        curves=_curves(report),
        samples=_samples(report),
        settings=settings({run.name: run.config for run in report.runs}),
        data=data_section(report.datasets, {run.name: run.model for run in report.runs}),
        environment=environments({run.name: run.environment for run in report.runs}),
        commands=f"<pre>{lined(chr(10).join(report.commands))}</pre>",
    )


def drawn(name: str, shown: Table) -> str:
    """A table of texts as HTML, with its notes below."""
    body = table(name, list(map(text, shown.headings)), [list(map(text, row)) for row in shown.rows], _right(shown))
    return body + "".join(f'<p class="about">{text(note)}</p>' for note in shown.notes)


def _right(shown: Table) -> range:
    return range(1, len(shown.headings))


def _scores(report: Report) -> str:
    """The validation scores of each system, and what it scored on test sets."""
    parts = [drawn("scores", table_of_scores(report.systems))]
    if any(len(system.runs) > 1 for system in report.systems):
        rows = [
            [run, str(seed), *(f"{system.scores[figure][place]:.2f}" for figure in ("bleu", "chrf", "loss"))]
            for system in report.systems
            for place, (run, seed) in enumerate(zip(system.runs, system.seeds, strict=True))
        ]
        each = drawn("runs", Table(["run", "seed", "BLEU", "chrF", "loss"], rows, []))
        parts.append(f"<details><summary>Run by run</summary>{each}</details>")
    parts += [f"<h3>{text(test.name)}</h3>{drawn('tests', test.table())}" for test in report.tests]
    parts += [
        f"<h3>Stage by stage: {text(run.name)}</h3>{drawn('stages', table_of_stages(run.name, run.course.gains))}"
        for run in report.runs
        if len(run.course.gains) > 1
    ]
    return "".join(parts)


def _curves(report: Report) -> str:
    """A chart for each figure, with one scale of updates and the phases above."""
    steps = max(run.course.steps for run in report.runs)
    phases = [(run, run.course.parts(run.config.training)) for run in report.runs]
    turns = sorted(
        {round(part.begins, 1) for _, parts in phases for part in parts[1:]}
        | {float(step) for run in report.runs for step, _ in run.course.rounds()}
    )
    top = _legend(report)
    if any(len(parts) > 1 for _, parts in phases):
        alike: dict[tuple[Part, ...], list[str]] = {}
        for run, parts in phases:
            alike.setdefault(tuple(parts), []).append(run.name)
        rows = [
            (", ".join(names), [(part.name, part.begins, part.ends) for part in parts])
            for parts, names in alike.items()
        ]
        top += f'<div class="strips">{strips(rows, steps)}</div>'
    told = [
        f"{text(run.name)}: from update {step:,} {text(what)}"
        for run in report.runs
        for step, what in run.course.rounds()
    ]
    top += f'<p class="about">{" · ".join(told)}</p>' if told else ""
    figures = []
    for figure, title in CURVES.items():
        label = f"{title} over {steps:,} updates of {len(report.runs)} runs"
        picture = chart(label, _lines(report, figure), turns, steps, logarithmic=figure == "loss")
        figures.append(f"<figure><figcaption>{title}{_about(figure)}</figcaption>{picture}</figure>")
    return f'{top}<div class="charts">{"".join(figures)}</div>'


def _about(figure: str) -> str:
    notes = {
        "loss": " · thin: of training, with label smoothing and what the phase adds; dots: of the validation set",
        "rate": "",
    }
    return notes.get(figure, " · of the validation set, greedy search")


def _legend(report: Report) -> str:
    if len(report.systems) < 2:
        return ""
    keys = "".join(
        f'<li><i class="c{number % 6}"></i>{text(system.name)}'
        f"{f' · mean ± deviation of {len(system.runs)} runs' if len(system.runs) > 1 else ''}</li>"
        for number, system in enumerate(report.systems)
    )
    return f'<ul class="legend">{keys}</ul>'


def _lines(report: Report, figure: str) -> list[Curve]:
    """The curves of a figure: of each run, and over those of a system their mean with its deviation."""
    curves = []
    for system_number, system in enumerate(report.systems):
        runs = [run for run in report.runs if run.name in system.runs]
        for run in runs:
            if figure in ("loss", "rate"):
                points = [(float(one.step), float(getattr(one, figure))) for one in run.course.train]
                curves.append(Curve(run.name, system_number, points, thin=figure == "loss" or len(runs) > 1))
            if figure != "rate":
                points = [(float(one.step), float(getattr(one, figure))) for one in run.course.validations]
                curves.append(Curve(run.name, system_number, points, dots=len(runs) == 1, thin=len(runs) > 1))
        if figure != "rate" and len(runs) > 1:
            curves += _mean(system, system_number, runs, figure)
    return curves


def _mean(system: Validated, colour: int, runs: Sequence[Reported], figure: str) -> list[Curve]:
    """The mean of the validations that all runs of a system have made at the same update."""
    by_step = [{one.step: float(getattr(one, figure)) for one in run.course.validations} for run in runs]
    common = sorted(set.intersection(*map(set, by_step)))
    if not common:
        return []
    values = [[scores[step] for scores in by_step] for step in common]
    points = [(float(step), fmean(each)) for step, each in zip(common, values, strict=True)]
    return [Curve(f"{system.name}, mean", colour, points, dots=True, spread=[stdev(each) for each in values])]


def _samples(report: Report) -> str:
    """How the translations of a few validation lines grew, in the first run of each system."""
    lines: dict[tuple[str, str], dict[str, list[Told]]] = {}
    first = {system.runs[0] for system in report.systems}
    for run in report.runs:
        for told in run.course.samples if run.name in first else ():
            lines.setdefault((told.source, told.reference), {}).setdefault(run.name, []).append(told)
    if not lines:
        return '<p class="about">None: the runs began with a version that kept no samples.</p>'
    return "".join(_sample(*line, by_run) for line, by_run in list(lines.items())[:SHOWN_LINES])


def _sample(source: str, reference: str, by_run: dict[str, list[Told]]) -> str:
    rows, shown = [], SHOWN_UPDATES if len(by_run) == 1 else SHOWN_UPDATES_OF_SEVERAL
    for run, told in by_run.items():
        for place in dict.fromkeys(round(number * (len(told) - 1) / (shown - 1)) for number in range(shown)):
            one = told[place]
            head = f"{text(run)}, " if len(by_run) > 1 else ""
            rows.append([f"{head}update {one.step:,}", f'<span dir="auto">{text(one.hypothesis)}</span>'])
    rows.append(["reference", f'<span dir="auto">{text(reference)}</span>'])
    return f'<h3 dir="auto">{text(source)}</h3>{table("samples", ["", "translation"], rows, ())}'
