"""Parts of a report of runs: settings that differ, what they were trained on, and what they were made with.

Knows settings, manifests and environments; no curve and no page.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from nmt.config import Config
from nmt.corpus.cleaning import Cleaning
from nmt.corpus.dataset import digest
from nmt.disk.manifest import read_manifest
from nmt.errors import UsageError
from nmt.show.corpus_report import sums_table
from nmt.show.markup import table, text
from nmt.store.model_folder import ModelFolder
from nmt.store.run_folder import DIGESTS

NO_ENVIRONMENT = "It began with a version that wrote none down."


@dataclass(frozen=True)
class DatasetFacts:
    """A dataset beside the runs that were trained on it."""

    folder: Path
    cleaning: Cleaning
    manifest: Mapping[str, Any]

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read a dataset's manifest and what cleaning did. Raises what ``Cleaning.open`` raises."""
        return cls(folder, Cleaning.open(folder), read_manifest(folder, verify=False))

    @property
    def digest(self) -> str:
        """The name by which models know it."""
        return digest(dict(self.manifest))


def open_datasets(folders: Sequence[Path], models: Mapping[str, ModelFolder]) -> list[DatasetFacts]:
    """The datasets, each of which some model was trained on. Raises UsageError for another, else as ``open`` does."""
    datasets = [DatasetFacts.open(folder) for folder in folders]
    known = {str(model.manifest.get("data")) for model in models.values()}
    for dataset in datasets:
        if dataset.digest not in known:
            raise UsageError(f"no run was trained on {dataset.folder}", "leave it out, or name the data of these runs")
    return datasets


def settings(configs: Mapping[str, Config]) -> str:
    """The settings in which runs differ, then all of each."""
    flat = {
        run: {
            f"{section}.{key}": value for section, values in config.to_dict().items() for key, value in values.items()
        }
        for run, config in configs.items()
    }
    first, *others = flat.values()
    differing = [key for key in first if any(other[key] != first[key] for other in others)]
    parts = []
    if differing:
        rows = [[f"<code>{text(key)}</code>", *(_value(flat[run][key]) for run in flat)] for key in differing]
        parts.append(table("differing", ["", *map(text, flat)], rows, range(1, len(flat) + 1)))
    elif others:
        parts.append('<p class="about">The runs have the same settings.</p>')
    for run, values in flat.items():
        shown = "\n".join(f"{key} = {value}" for key, value in values.items())
        name = f"All settings of {run}" if others else "All settings"
        parts.append(f'<details><summary>{text(name)}</summary><pre class="all">{lined(shown)}</pre></details>')
    return "".join(parts)


def _value(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else text(str(value))


def lined(shown: str) -> str:
    return "\n".join(map(text, shown.split("\n")))


def data_section(datasets: Sequence[DatasetFacts], models: Mapping[str, ModelFolder]) -> str:
    """What each run read, and what cleaning did to the datasets that are at hand."""
    names = {dataset.digest: str(dataset.folder) for dataset in datasets}
    rows = []
    for run, model in models.items():
        read = model.manifest.get("training")
        read = read if isinstance(read, dict) else {}
        known = str(model.manifest.get("data", ""))
        counts = [_count(read.get(key)) for key in ("pairs", "epochs", "target_tokens")]
        rows.append([text(run), text(names.get(known, known[:12])), *counts, text(model.licence) or "none given"])
    heads = ["run", "dataset", "pairs", "epochs", "target tokens", "licence"]
    parts = [table("data", heads, rows, range(2, 5))]
    if not datasets:
        parts.append('<p class="about">Name the dataset beside the runs, and this shows what cleaning did to it.</p>')
    for dataset in datasets:
        corpora = [
            [each.role, text(each.path), f"{each.pairs:,}", f"{each.kept:,}"] for each in dataset.cleaning.corpora
        ]
        parts.append(
            f"<h3>{text(str(dataset.folder))}</h3>{table('corpora', ['', 'corpus', 'pairs', 'kept'], corpora, (2, 3))}"
            f"<h3>What cleaning did</h3>{sums_table(dataset.cleaning, linked=False)}"
            '<p class="about">nmt report shows it rule by rule, with examples, on a page of the dataset alone.</p>'
        )
    return "".join(parts)


def _count(value: object) -> str:
    return f"{value:,}" if type(value) in (int, float) else ""


def environments(known: Mapping[str, Mapping[str, str]]) -> str:
    """What the last process of each run was made with; runs with the same are told together."""
    together: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for run, facts in known.items():
        shown = (fact for fact in facts.items() if not fact[0].endswith(DIGESTS))
        own = tuple((key, value) for key, value in shown if key not in ("data", "init", "teachers"))
        together.setdefault(own, []).append(run)
    parts = []
    for own, runs in together.items():
        head = f"<h3>{text(', '.join(runs))}</h3>" if len(known) > 1 else ""
        rows = [[text(key), text(value)] for key, value in own]
        parts.append(head + (table("environment", ["", ""], rows, ()) if rows else f"<p>{NO_ENVIRONMENT}</p>"))
    return "".join(parts)
