"""Validation scores of training runs, those that differ only by their seed together. Knows manifests; no test set."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from nmt.disk.manifest import NAME
from nmt.disk.untrusted import is_real
from nmt.errors import DataError, shown
from nmt.scoring.seeds import common_name, group_by_settings, model_names, seed_of
from nmt.scoring.systems import rounded
from nmt.scoring.tables import Table
from nmt.store.model_folder import ModelFolder
from nmt.text.lines import printable

FIGURES = {"bleu": "BLEU", "chrf": "chrF", "loss": "loss", "perplexity": "perplexity"}


@dataclass(frozen=True)
class Validated:
    """The validation scores of the models of some runs, which differ only by their seed."""

    name: str
    runs: tuple[str, ...]
    seeds: tuple[int | None, ...]
    scores: dict[str, list[float]]  # of each run, by figure

    def mean(self, figure: str) -> float:
        """The mean over runs."""
        return fmean(self.scores[figure])

    def deviation(self, figure: str) -> float | None:
        """The standard deviation over runs (n − 1); None of a single one."""
        return stdev(self.scores[figure]) if len(self.runs) > 1 else None

    def to_json(self) -> dict[str, Any]:
        """The runs with their seeds, and mean, deviation and scores by figure."""
        figures = {
            figure: {"mean": self.mean(figure), "deviation": self.deviation(figure), "runs": scores}
            for figure, scores in self.scores.items()
        }
        return {"name": self.name, "runs": list(self.runs), "seeds": list(self.seeds), **rounded(figures)}


def validation_of(paths: Sequence[Path]) -> list[Validated]:
    """The validation scores of the exported models of runs, in the order of the first run of each system.

    Raises MissingInputError or DataError for a path without a sound model, or a model that was not validated yet.
    """
    models = [(path, ModelFolder.open(path)) for path in paths]
    names, scores = model_names(paths), [_scores(model) for _, model in models]
    systems = []
    for group in group_by_settings(models):
        runs = tuple(names[index] for index in group)
        figures = {figure: [scores[index][figure] for index in group] for figure in FIGURES}
        systems.append(Validated(common_name(runs), runs, tuple(seed_of(paths[index]) for index in group), figures))
    return systems


def _scores(model: ModelFolder) -> dict[str, float]:
    """The validation scores in the manifest of a model. Raises DataError when they are none."""
    found = model.manifest.get("validation")
    if found == {}:
        raise DataError(f"{model.folder} was not validated yet", "train it for longer, or evaluate it on a test set")
    values: list[Any] = [found.get(figure) if isinstance(found, dict) else None for figure in FIGURES]
    if not all(
        is_real(value, 1e305 if figure == "perplexity" else 1e30) for figure, value in zip(FIGURES, values, strict=True)
    ):
        raise DataError(f"{model.folder / NAME}: validation is invalid: {shown(found)}", "restore the file")
    return dict(zip(FIGURES, map(float, values), strict=True))


def table(systems: Sequence[Validated]) -> Table:
    """The means ± deviations over the runs of each system."""
    rows = []
    for system in systems:
        cells = []
        for figure in FIGURES:
            deviation = system.deviation(figure)
            digits = 3 if figure == "loss" else 2
            spread = "" if deviation is None else f" ± {deviation:.{digits}f}"
            cells.append(f"{system.mean(figure):.{digits}f}{spread}")
        rows.append([system.name, str(len(system.runs)), *cells])
    note = "of the validation set; ±: standard deviation over runs that differ only by their seed"
    return Table(["system", "runs", *FIGURES.values()], rows, [note])


def as_csv(systems: Sequence[Validated]) -> str:
    """A row for each run."""
    page = StringIO()
    writer = csv.writer(page, lineterminator="\n")
    writer.writerow(["system", "run", "seed", *FIGURES])
    for system in systems:
        for place, run in enumerate(system.runs):
            figures = [f"{system.scores[figure][place]:.6g}" for figure in FIGURES]
            writer.writerow([printable(system.name), printable(run), system.seeds[place], *figures])
    return page.getvalue()
