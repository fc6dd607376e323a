"""The record of measurements, results.jsonl, and the table of it, results.md: python benchmarks/results.py

One object a measurement. Knows nothing of what is measured. Rows carried over from before 2026-11-30 may also have
`up_to`, the upper end of a range, and `interval`, half of the 95% confidence interval.
"""

import json
import os
import platform
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any

PLACE = Path(__file__).parent
RECORD, TABLE = PLACE / "results.jsonl", PLACE / "results.md"
MEASURED_TOGETHER = ("date", "commit", "machine", "task", "command")
Row = dict[str, Any]
HEAD = """# Results

A row a comparison, with the command that repeats it. Made by `python benchmarks/results.py` of
[results.jsonl](results.jsonl), which has an object a measurement. Machines are noisy: compare ratios within a row,
never rows.

| date | task | figures | command | machine |
| --- | --- | --- | --- | --- |
"""


@dataclass(frozen=True)
class Figure:
    """One measured value of an arm; None when the arm failed, and the note says why."""

    arm: str
    metric: str
    value: float | None
    unit: str = ""
    seed: int | None = None
    note: str = ""


def record(task: str, command: str, figures: Sequence[Figure]) -> None:
    """Print the figures, append an object each to results.jsonl, and write results.md again."""
    shared = {"date": date.today().isoformat(), "commit": commit(), "machine": machine(), "task": task}
    rows = [{**shared, **asdict(figure), "command": command} for figure in figures]
    print(f"{shared['machine']}: {task}\n" + shown(rows).replace("; ", "\n"))
    with RECORD.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    write_table()


def machine() -> str:
    """The processor and the cores."""
    name = platform.processor() or platform.machine()
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        names = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    return f"{len(os.sched_getaffinity(0))} cores of {names[0] if names else name}"


def commit(path: str = ".") -> str:
    """The newest commit that changed ``path``."""
    line = ["git", "-C", str(PLACE.parent), "log", "-1", "--format=%h", "--", path]
    return subprocess.run(line, capture_output=True, encoding="utf-8").stdout.strip() or "no commit"


def read() -> list[Row]:
    """All measurements, oldest first."""
    return [json.loads(line) for line in RECORD.read_text(encoding="utf-8").splitlines()]


def write_table() -> None:
    TABLE.write_text(HEAD + "".join(table(read())), encoding="utf-8")


def table(rows: Iterable[Row]) -> Iterable[str]:
    """The lines of results.md: one for the measurements of an arm and of those that it was compared with."""
    for (day, at, where, task, command), group in groupby(rows, lambda row: [row[key] for key in MEASURED_TOGETHER]):
        cells = (day, task, shown(group), " at ".join(filter(None, (f"`{command}`" if command else "", at))), where)
        yield "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |\n"


def shown(rows: Iterable[Row]) -> str:
    """The figures of each arm: ``nmt: speed 372 lines/s, memory 328 MB; …``."""
    arms = groupby(rows, lambda row: row["arm"])
    return "; ".join(f"{arm}: {', '.join(figure(row) for row in figures)}" for arm, figures in arms)


def figure(row: Row) -> str:
    value = "" if row["value"] is None else f" {row['value']:,}"
    value += f"–{row['up_to']:,}" if "up_to" in row else ""
    value += f" ± {row['interval']}" if "interval" in row else ""
    notes = [f"seed {row['seed']}"] if row["seed"] is not None else []
    notes += [row["note"]] if row["note"] else []
    return f"{row['metric']}{value} {row['unit']}".rstrip() + (f" ({', '.join(notes)})" if notes else "")


if __name__ == "__main__":
    write_table()
