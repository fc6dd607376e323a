"""What an evaluation found on a test set: scores, groups of lines, single lines, warnings; and all of it as JSON."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from nmt.scoring.buckets import Bucket, by_length, by_unseen_words
from nmt.scoring.kept import Kept
from nmt.scoring.metrics import Measure, Score
from nmt.scoring.odd_input import OddReport
from nmt.scoring.off_target import OffTarget
from nmt.scoring.systems import SystemReport, Texts, rounded
from nmt.scoring.training_text import Seen
from nmt.scoring.usable import Calibration
from nmt.text.lines import one_line


@dataclass(frozen=True)
class SetReport:
    """The scores of a test set by one system or several, with warnings."""

    texts: Texts
    systems: list[SystemReport]  # the first is evaluated, the others are its baselines
    warnings: list[str]
    measures: Mapping[str, Measure] = field(default_factory=dict, repr=False, compare=False)
    seen: Seen | None = None  # what of it the training text has, where that is given
    kept: list[Kept] = field(default_factory=list)  # what of the sources must stay, and whether it does
    odd: list[OddReport] = field(default_factory=list)  # the set as odd input, if that was asked for
    usable: list[Calibration] = field(default_factory=list)  # of the models that say which lines are usable
    off_target: list[OffTarget] = field(default_factory=list)  # of the models, where any has several directions

    @property
    def name(self) -> str:
        return self.texts.name

    @property
    def scores(self) -> dict[str, Score]:
        """The scores of the system that is evaluated, by metric."""
        return {metric: result.score for metric, result in self.systems[0].results.items()}

    @property
    def hypotheses(self) -> list[str]:
        """Its translations; of several runs those of the first."""
        return self.systems[0].system.outputs[0]

    def buckets(self) -> dict[str, list[Bucket]]:
        """Groups of lines by the name of what tells them apart."""
        unseen = {"unseen words": by_unseen_words(self.texts, self.seen)} if self.seen else {}
        return {"length": by_length(self.texts), **unseen}

    def line_scores(self, entry: SystemReport, metric: str, run: int) -> list[float]:
        """The score of each line by one run of a system."""
        return [self.measures[metric].line_score(counts) for counts in entry.counts[metric][run]]

    def to_json(self, buckets: bool = False) -> dict[str, Any]:
        """The set as an entry of ``evaluate``'s JSON."""
        first, *others = self.systems
        entry = {"name": self.name, "lines": len(self.hypotheses), **first.to_json(), "warnings": self.warnings}
        if others:
            entry["baselines"] = [{"name": other.system.name, **other.to_json()} for other in others]
        if self.kept:
            names = [entry.system.name for entry in self.systems]
            entry["kept"] = rounded([kind.to_json(names) for kind in self.kept])
        if self.odd:
            entry["odd_input"] = [form.to_json() for form in self.odd]
        if self.usable:
            entry["usable"] = [each.to_json() for each in self.usable]
        if self.off_target:
            entry["off_target"] = [each.to_json() for each in self.off_target]
        if buckets:
            entry["buckets"] = {
                kind: [self.bucket_json(each) for each in found] for kind, found in self.buckets().items()
            }
        return entry

    def bucket_json(self, bucket: Bucket) -> dict[str, Any]:
        systems = [{"name": entry.system.name, **bucket.scores(entry, self.measures)} for entry in self.systems]
        return {"name": bucket.name, "lines": len(bucket.lines), "systems": rounded(systems)}

    def records(self) -> Iterator[str]:
        """A JSON line for each line of the set, with the translation and the scores of every run."""
        runs = [(entry, run) for entry in self.systems for run in range(len(entry.system.runs))]
        scores = [{metric: self.line_scores(entry, metric, run) for metric in entry.results} for entry, run in runs]
        for number in range(len(self.hypotheses)):
            outputs = [
                {
                    "system": entry.system.name,
                    "run": entry.system.runs[run],
                    "translation": one_line(entry.system.outputs[run][number]),
                    **{metric: round(values[number], 6) for metric, values in found.items()},
                }
                for (entry, run), found in zip(runs, scores, strict=True)
            ]
            record: dict[str, Any] = {"set": self.name, "id": number}
            if self.texts.sources is not None:
                record["source"] = one_line(self.texts.sources[number])
            record["references"] = [one_line(stream[number]) for stream in self.texts.references]
            yield json.dumps({**record, "outputs": outputs}, ensure_ascii=False)
