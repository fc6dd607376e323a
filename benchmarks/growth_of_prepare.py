"""How nmt prepare grows with the corpus: seconds of each stage and the most memory of all its processes; a picture.

The corpus is a text written out again and again, with other names on each line:
python benchmarks/growth_of_prepare.py --pairs 1 3 10
"""

import argparse
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from measure import PLACE, ROOT
from results import Figure, record

from nmt.show.charts import plotting, write_picture

PICTURE = ROOT / "docs" / "experiments" / "growth-of-prepare.png"
Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--text", type=Path, default=ROOT / "data" / "train", help="prefix of the text")
    parser.add_argument("--source", default="en")
    parser.add_argument("--target", default="ko")
    parser.add_argument("--pairs", type=float, nargs="+", default=[1, 3, 10], help="millions")
    options = parser.parse_args()
    rows: list[Row] = []
    for millions in options.pairs:
        pairs = round(millions * 1e6)
        corpus = write(options.text, (options.source, options.target), pairs)
        rows.append({"pairs": pairs, **measured(corpus, options.source, options.target)})
        print(rows[-1], flush=True)
    draw(rows)
    arguments = f"--pairs {' '.join(f'{millions:g}' for millions in options.pairs)}"
    names = [name for name in rows[0] if name != "pairs"]
    figures = [
        Figure(f"{row['pairs']:,} pairs", name, round(row[name], 1), "MB" if "memory" in name else "s")
        for row in rows
        for name in names
    ]
    record("nmt prepare, by the number of pairs", f"python benchmarks/growth_of_prepare.py {arguments}", figures)


def draw(rows: list[Row]) -> None:
    """Time by stage and memory, over the number of pairs."""
    alt = plotting()
    stages = [name for name in rows[0] if name not in ("pairs", "all", "processor") and "memory" not in name]
    times = [{"million pairs": r["pairs"] / 1e6, "seconds": r[name], "stage": name} for r in rows for name in stages]
    memory = [
        {"million pairs": r["pairs"] / 1e6, "MB": r[name], "what": name} for r in rows for name in r if "memory" in name
    ]
    panels = [panel(times, "seconds", "stage", "seconds"), panel(memory, "MB", "what", "memory of all processes")]
    write_picture(alt.concat(*panels, columns=1, spacing=32).resolve_scale(color="independent"), PICTURE)


def panel(values: list[Row], y: str, series: str, title: str) -> Any:
    """Lines of ``y`` over the pairs, both axes linear and from zero."""
    alt = plotting()
    return (
        alt.Chart(alt.Data(values=values), width=420, height=240, title=title)
        .mark_line(point=True)
        .encode(
            x=alt.X("million pairs:Q", scale=alt.Scale(zero=True)),
            y=alt.Y(f"{y}:Q"),
            color=alt.Color(f"{series}:N", title=None, legend=alt.Legend(labelLimit=0)),
        )
    )


def write(text: Path, languages: tuple[str, str], pairs: int) -> Path:
    """The text written out until it has so many pairs, with names in the place of words; returns the prefix."""
    PLACE.mkdir(parents=True, exist_ok=True)
    prefix = PLACE / f"grown-{pairs}"
    lines = [Path(f"{text}.{language}").read_text(encoding="utf-8").splitlines() for language in languages]
    draw = Random(1)
    with open(f"{prefix}.{languages[0]}", "w") as source, open(f"{prefix}.{languages[1]}", "w") as target:
        for number in range(pairs):
            row = number % len(lines[0]) if number < len(lines[0]) else draw.randrange(len(lines[0]))
            names = " ".join(draw.choice(NAMES) for _ in range(4))  # a real text does not repeat itself either
            source.write(f"{lines[0][row]} {names}\n")
            target.write(f"{lines[1][row]} {names}\n")
    return prefix


_SYLLABLES = ("ba", "ko", "mi", "ra", "tu", "ne", "so", "li", "va", "de")
NAMES = [f"{a}{b}{c}".title() for a in _SYLLABLES for b in _SYLLABLES for c in _SYLLABLES]


# Says when each stage begins.
PROGRAM = """
import sys, time
from pathlib import Path
from nmt.config import PrepareOptions
from nmt.corpus.prepare import PrepareRequest, prepare
from nmt.text.machine import available_cores
from nmt.text.progress import Silent
class Timed(Silent):
    def start(self, what, total=None, unit=""):
        print(time.monotonic(), what, flush=True)
source, target, corpus, output = sys.argv[1:]
request = PrepareRequest(source, target, (Path(corpus),), None, (), Path(output))
prepare(request, PrepareOptions(), available_cores(), Timed())
print(time.monotonic(), "end", flush=True)
"""


def measured(corpus: Path, source: str, target: str) -> Row:
    """Seconds of each stage, and the most memory of all processes together, in MB."""
    output = corpus.with_name("grown-data")
    shutil.rmtree(output, ignore_errors=True)
    begun, worked = time.monotonic(), processor_seconds()
    command = [sys.executable, "-c", PROGRAM, source, target, str(corpus), str(output)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8")
    memory = own = 0.0
    while process.poll() is None:
        together = [memory_of(pid) for pid in family(process.pid)]
        memory, own = max(memory, sum(pss for pss, _ in together)), max(own, sum(anon for _, anon in together))
        time.sleep(0.5)
    said = [line.split(" ", 1) for line in (process.stdout.read() if process.stdout else "").splitlines()]
    if process.returncode:
        sys.exit(process.returncode)
    moments = [float(moment) for moment, _ in said]
    stages = {name: end - start for (_, name), start, end in zip(said, moments, moments[1:], strict=False)}
    took = {"all": moments[-1] - begun, "processor": processor_seconds() - worked}
    return {**took, **stages, "memory": memory, "memory without mapped files": own}


def processor_seconds() -> float:
    """What the processes that have ended took of the cores."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def family(process: int) -> Iterator[int]:
    """A process and its children."""
    yield process
    try:
        yield from map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split())
    except OSError:
        return


def memory_of(process: int) -> tuple[float, float]:
    """The proportional share of a process's memory, and of that what is no file, in MB."""
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text()
    except OSError:
        return 0.0, 0.0
    found = dict(re.findall(r"^(Pss|Pss_Anon):\s+(\d+) kB", text, re.MULTILINE))
    return int(found.get("Pss", 0)) / 1e3, int(found.get("Pss_Anon", 0)) / 1e3


if __name__ == "__main__":
    main()
