"""Monolingual text in a dataset: rows with an empty side, and what became of each text that was given.

A dataset may come from a stranger, so every fact is checked. Knows the manifest and the split; no cleaning.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from nmt.corpus.item_file import AGAIN
from nmt.corpus.shards import Split
from nmt.errors import DataError

NAME = "mono"
SIDES = ("source", "target")
_LARGEST_COUNT = 1 << 53


@dataclass(frozen=True)
class MonoReport:
    """Counts of one text: ``texts`` = ``kept`` + the sum of ``dropped``, by rule."""

    path: str
    side: int  # 0: in the source language, 1: in the target language
    texts: int  # lines, or sentences where a line has more than lines of the pairs have
    kept: int
    dropped: Mapping[str, int]


def mono_reports(manifest: Mapping[str, Any], path: Path) -> tuple[MonoReport, ...]:
    """The reports in the manifest at ``path``; none where the dataset has no monolingual text. Raises DataError."""
    facts = manifest.get(NAME, [])
    if not isinstance(facts, list) or not all(map(_is_report, facts)):
        raise DataError(f"{path}: {NAME} is invalid", AGAIN)
    return tuple(MonoReport(**each) for each in facts)


def open_mono(folder: Path, manifest: Mapping[str, Any]) -> Split | None:
    """The rows of the monolingual text of a dataset, each with one empty side, in the order of the reports.

    None where there is none. Raises DataError when a file differs from the manifest.
    """
    reports = mono_reports(manifest, folder / "manifest.json")
    if not any(report.kept for report in reports):
        return None
    return Split(
        folder,
        NAME,
        manifest["source_vocabulary"],
        manifest["target_vocabulary"],
        corpora=len(reports),
        longest=manifest["options"]["max_length"],
        rows=sum(report.kept for report in reports),
        files=manifest["files"],
    )


def _is_report(facts: object) -> bool:
    if not isinstance(facts, dict) or facts.keys() != {spec.name for spec in fields(MonoReport)}:
        return False
    dropped = facts["dropped"]
    return (
        isinstance(facts["path"], str)
        and facts["side"] in (0, 1)
        and isinstance(dropped, dict)
        and all(map(_is_count, (facts["texts"], facts["kept"], *dropped.values())))
        and facts["texts"] == facts["kept"] + sum(dropped.values())
    )


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value <= _LARGEST_COUNT
