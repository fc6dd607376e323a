"""Test every promise in docs/promises.md: python -m tests.torture

Everything is determined by the printed seed, except what depends on clocks: the moment of a kill is a share of the time
that an uninterrupted run takes. Several areas run at once, each in its own process.
"""

import argparse
import json
import os
import platform
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

os.environ["OMP_NUM_THREADS"] = "1"  # before PyTorch is imported: a process that forks must have one thread

from .area import Area, Control, CountsItself, Skipped
from .areas import AREAS
from .controls import CONTROLS
from .forked import Child, Setting, import_what_it_imports, program, start
from .small import READY, Small, finished

TELL_EVERY = 60  # seconds
SHOWN = 10  # failures of an area that are printed; all of them are in the JSON


@dataclass
class Result:
    """The result of an area or of a control."""

    name: str
    trials: int
    failures: list[str]
    seconds: float
    skipped: str = ""  # why it could not be done here
    broken: str = ""  # how the area itself ended, when it did not end well
    control: bool = False

    @property
    def held(self) -> bool:
        """Whether a result is as it must be: an area without a failure, a control with one."""
        return bool(self.skipped) or (not self.broken and bool(self.failures) == self.control)

    def __str__(self) -> str:
        if self.skipped:
            return f"{self.name}: skipped, {self.skipped}"
        if self.broken:
            return f"{self.name}: BROKE"
        if self.control:
            return f"{self.name}: failed as it must: {'yes' if self.held else 'NO'}, {self.seconds:.0f} s"
        return f"{self.name}: {self.trials:,} trials, {len(self.failures):,} failures, {self.seconds:.0f} s"


class Job(NamedTuple):
    """An area with its number of trials, or a control, which has none; ``do`` gets an empty folder."""

    part: Area | Control
    trials: int
    do: Callable[[Path], list[str]]


def main() -> int:
    options = arguments().parse_args()
    seed = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    jobs = chosen(options, seed)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="torture-", dir=memory()) as place:
        os.environ["XDG_CACHE_HOME"] = f"{place}/cache"  # the user's own is left alone
        ready = Path(place) / "ready"
        ready.mkdir()
        warm_up(ready)
        print(f"seed {seed}, {len(jobs)} areas and controls, {options.jobs} at a time, in {place}", flush=True)
        results = list(results_of(jobs, options.jobs, Path(place)))
    order = [job.part.name for job in jobs]
    results.sort(key=lambda result: order.index(result.name))
    seconds = time.monotonic() - began
    nothing_left_out = not any(result.skipped for result in results)
    whole = not options.areas and not options.quick and options.scale >= 1 and nothing_left_out
    print(table(results, seed, seconds), end="")
    if options.json:
        options.json.write_text(
            json.dumps(figures(results, seed, seconds, whole), ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
        )
    return 0 if all(result.held for result in results) else 1


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m tests.torture", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--areas", metavar="A,B", help="areas and controls by their beginnings (default: all)")
    parser.add_argument("--seed", type=int, metavar="N", help="where all randomness comes from (default: drawn)")
    parser.add_argument("--scale", type=float, default=1.0, metavar="F", help="share of the trials (default: 1)")
    parser.add_argument("--quick", action="store_true", help="the few trials of make test")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="areas at a time (default: 2)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
    return parser


def chosen(options: argparse.Namespace, seed: int) -> list[Job]:
    """The jobs to run, with the number of trials of each. An unknown area ends the program."""
    beginnings = options.areas.split(",") if options.areas else [""]
    names = [*(area.name for area in AREAS), *(control.name for control in CONTROLS)]
    for beginning in beginnings:
        if not any(name.startswith(beginning) for name in names):
            sys.exit(f"there is no area {beginning!r}; there are:\n  " + "\n  ".join(names))
    wanted = tuple(beginnings)
    jobs = []
    for area in AREAS:
        if area.name.startswith(wanted):
            trials = area.quick if options.quick else max(1, round(area.full * options.scale))
            if trials:
                jobs.append(Job(area, trials, partial(area.run, trials=trials, seed=seed)))
    for control in CONTROLS:
        if control.name.startswith(wanted):
            jobs.append(Job(control, 0, partial(control.run, seed=seed)))
    return jobs


def memory() -> str | None:
    """A folder in memory, where fsync is free; killed processes leave the same files as on a disk."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def warm_up(workplace: Path) -> None:
    """Make a dataset, and import all that the program imports, also for its errors."""
    small = Small(workplace)
    small.write_corpus()
    folder = workplace / "warm"
    works = small.prepare(small.data), small.train(folder), program("translate", folder, workplace / "valid.ko")
    for ended in import_what_it_imports(*works):
        finished(ended)
    import_what_it_imports(program("translate", workplace / "nothing"))
    READY.append(small.data)


def results_of(jobs: Sequence[Job], at_once: int, place: Path) -> Iterator[Result]:
    """Run the jobs, several at once; yield each result when it is there, and print it in a line."""
    waiting = list(enumerate(jobs))
    running: list[tuple[Job, Child]] = []
    told = time.monotonic()
    while waiting or running:
        while waiting and len(running) < at_once:
            number, job = waiting.pop(0)
            workplace = place / str(number)
            workplace.mkdir()
            print(f"  {job.part.name} …", flush=True)
            running.append((job, start(partial(do, job, workplace), Setting(longest=0))))
        if time.monotonic() - told > TELL_EVERY:
            told = time.monotonic()
            for job, child in running:
                print(f"  {job.part.name}: {child.last_line() or 'at work'}", flush=True)
        for job, child in [pair for pair in running if pair[1].ended_within(0.1)]:
            running.remove((job, child))
            result = result_of(job, child)
            print(f"  {result}", flush=True)
            yield result


def do(job: Job, workplace: Path) -> None:
    """Run an area or a control, in its own process, and print the result as JSON."""
    skipped, failures = "", []
    os.environ["XDG_CACHE_HOME"] = f"{workplace}/cache"
    try:
        failures = job.do(workplace)
    except Skipped as reason:
        skipped = str(reason)
    tried = job.part.tried if isinstance(job.part, CountsItself) else job.trials
    print(json.dumps({"trials": tried, "failures": failures, "skipped": skipped}))
    shutil.rmtree(workplace, ignore_errors=True)


def result_of(job: Job, child: Child) -> Result:
    ended = child.wait()
    went = json.loads(ended.output.splitlines()[-1]) if not ended.code else {"trials": job.trials, "failures": []}
    broken = f"{ended.errors}ended with {ended.code}" if ended.code else ""
    return Result(job.part.name, seconds=ended.seconds, broken=broken, control=not job.trials, **went)


def table(results: Sequence[Result], seed: int, seconds: float) -> str:
    """The final report: the failures, then one line for each area, then the controls."""
    lines = []
    for result in results:
        if result.broken:
            lines += ["", f"{result.name} broke, and proved nothing:", result.broken]
        elif result.failures and not result.control:
            lines += ["", f"{result.name}:", *(f"  {failure}" for failure in result.failures[:SHOWN])]
            if len(result.failures) > SHOWN:
                lines.append(f"  and {len(result.failures) - SHOWN} more")
    lines += ["", f"{'area':45} {'trials':>8} {'failures':>9} {'seconds':>8} {'seed':>8}"]
    for result in results:
        if not result.control:
            counts = f"{result.trials:8,} {len(result.failures):9,}"
            if result.skipped or result.broken:
                counts = f"{'skipped' if result.skipped else 'BROKE':>18}"
            lines.append(f"{result.name:45} {counts} {result.seconds:8.0f} {seed:8}")
    controls = [result for result in results if result.control]
    if controls:
        lines += ["", f"{'the program':54} failed as it must"]
        lines += [
            f"{result.name:54} {'skipped' if result.skipped else 'yes' if result.held else 'NO'}" for result in controls
        ]
    lines += [
        "",
        f"{seconds / 60:.1f} minutes; {'all held' if all(result.held for result in results) else 'NOT ALL HELD'}",
    ]
    return "\n".join(lines) + "\n"


def figures(results: Sequence[Result], seed: int, seconds: float, whole: bool) -> dict[str, object]:
    """The figures from which docs/update.py makes its table; ``whole`` if no part was left out."""
    rows = [asdict(result) | {"seconds": round(result.seconds)} for result in results]
    return {
        "whole": whole,
        "seed": seed,
        "minutes": round(seconds / 60, 1),
        "cores": len(os.sched_getaffinity(0)),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "areas": [row for row in rows if not row["control"]],
        "controls": [row | {"failures": len(row["failures"])} for row in rows if row["control"]],
    }


if __name__ == "__main__":
    sys.exit(main())
