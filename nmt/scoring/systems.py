"""Several systems on one test set: scores, deviations over seeds, and tests of differences. Knows no file, no model."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import fmean, stdev
from typing import Any, Literal

from nmt.scoring.metrics import LINES_FOR_CONFIDENCE, Measure, References, Score, score_of
from nmt.scoring.significance import COUNTS, Counts, bootstrap, differing, randomization, smallest_p, welch

Paired = Literal["ar", "bs"]
_TESTS: dict[Paired, Callable[..., float]] = {"ar": randomization, "bs": bootstrap}


@dataclass(frozen=True)
class System:
    """A system's translations of a test set, by one run or by several that differ only by their seed."""

    name: str
    runs: tuple[str, ...]  # their names
    outputs: tuple[list[str], ...]  # the lines of each run

    @classmethod
    def of(cls, name: str, lines: list[str]) -> "System":
        """A system of one run."""
        return cls(name, (name,), (lines,))


@dataclass(frozen=True)
class Texts:
    """The texts of a test set, line by line."""

    name: str
    systems: Sequence[System]  # the first is evaluated, the others are its baselines
    references: References
    language: str  # of the references; "" when unknown
    sources: list[str] | None = None


@dataclass(frozen=True)
class Result:
    """One metric of one system."""

    score: Score  # of several runs the mean; its interval is that of other sentences
    runs: tuple[float, ...]  # the score of each run
    p_value: float | None = None  # of the difference from the first system, for other sentences
    p_seeds: float | None = None  # and for other seeds

    @property
    def deviation(self) -> float | None:
        """The standard deviation over runs (n − 1); None of a single one."""
        return stdev(self.runs) if len(self.runs) > 1 else None

    def to_json(self) -> dict[str, Any]:
        """The result as JSON has it, with six decimals: the others are noise of floating-point sums."""
        entry: dict[str, Any] = {**asdict(self.score)}
        if self.deviation is not None:
            entry |= {"deviation": self.deviation, "runs": list(self.runs)}
        compared = {"p_value": self.p_value, "p_seeds": self.p_seeds}
        return {**rounded(entry), **{name: p for name, p in compared.items() if p is not None}}


@dataclass(frozen=True)
class SystemReport:
    """The results of one system on a test set, with the counts of its lines from which they are computed."""

    system: System
    results: Mapping[str, Result]  # by metric
    counts: Mapping[str, list[Counts]] = field(repr=False, compare=False)  # by metric, of each run
    may_count: bool = True  # whether enough lines differ from the first system's for a significant difference

    def mean_counts(self, metric: str) -> Counts:
        """The counts of each line, mean over runs: float64 (lines, counts)."""
        return mean_counts(self.counts[metric])

    def to_json(self) -> dict[str, Any]:
        """The runs, if there are several, and the results."""
        runs = {"runs": list(self.system.runs)} if len(self.system.runs) > 1 else {}
        return {**runs, **{metric: result.to_json() for metric, result in self.results.items()}}


def compare(
    measures: Mapping[str, Measure], systems: Sequence[System], confidence: bool = True, paired: Paired = "ar"
) -> list[SystemReport]:
    """The report of each system; all after the first are compared with that.

    ``paired`` is the test over sentences: approximate randomization or the paired bootstrap, named as sacreBLEU does.
    """
    outputs = [lines for system in systems for lines in system.outputs]
    counted = {metric: iter(measure.counts(outputs)) for metric, measure in measures.items()}
    reports: list[SystemReport] = []
    for system in systems:
        counts = {metric: [next(counted[metric]) for _ in system.runs] for metric in measures}
        report = SystemReport(system, results(measures, counts, confidence), counts)
        reports.append(against(reports[0], report, measures, _TESTS[paired]) if reports else report)
    return reports


def results(measures: Mapping[str, Measure], counts: Mapping[str, list[Counts]], confidence: bool) -> dict[str, Result]:
    """The scores of a system's runs and their means."""
    found = {}
    for metric, measure in measures.items():
        runs = tuple(measure.score(lines.sum(0)) for lines in counts[metric])
        whole = mean_counts(counts[metric])
        score = score_of(measure, whole, confidence and len(whole) >= LINES_FOR_CONFIDENCE)
        found[metric] = Result(Score(fmean(runs), score.low, score.high, score.signature), runs)
    return found


def against(
    first: SystemReport, other: SystemReport, measures: Mapping[str, Measure], test: Callable[..., float]
) -> SystemReport:
    """The report of a system with the p-values of its differences from the first."""
    compared = {}
    for metric, result in other.results.items():
        ours = first.results[metric]
        p = test(measures[metric].score, first.mean_counts(metric), other.mean_counts(metric))
        compared[metric] = Result(result.score, result.runs, p, welch(ours.runs, result.runs))
    differ = differing(first.system.outputs, other.system.outputs)
    return SystemReport(other.system, compared, other.counts, smallest_p(len(differ)) < COUNTS)


def mean_counts(counts: Sequence[Counts]) -> Counts:
    """The mean of the runs' counts, line by line."""
    return counts[0] if len(counts) == 1 else sum(counts[1:], counts[0]) / len(counts)


def rounded(value: Any) -> Any:
    """Numbers with six decimals, also inside lists and objects."""
    if isinstance(value, dict):
        return {key: rounded(part) for key, part in value.items()}
    if isinstance(value, list):
        return [rounded(part) for part in value]
    return round(value, 6) if isinstance(value, float) else value
