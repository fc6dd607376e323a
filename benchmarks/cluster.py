"""What a cluster costs its driver: workers that sleep in place of translating, one and many, and seconds of the driver.

python benchmarks/cluster.py --workers 1 16 --seconds 1.0

A worker takes as long for a window of 4,096 lines as ``--seconds`` says, and the driver has all of its own work: it
reads the lines, passes windows on, and writes the file and its journal. From what the driver's process needs for a line
follow the most lines a second of any number of workers.
"""

import argparse
import sys
import time
from dataclasses import dataclass
from functools import partial

import ray
from measure import PLACE
from results import Figure, record

from nmt.decoding.formats import Format
from nmt.decoding.job import Job
from nmt.decoding.remarks import Remarks
from nmt.decoding.translation import Translation
from nmt.decoding.windows import WINDOW, Window
from nmt.spread.pool import Pool
from nmt.spread.sent import Heard
from nmt.spread.translators import ClusterTranslator, Done
from nmt.text.progress import Silent


@dataclass
class Sleeps:
    """The work of a worker that knows all translations, after a while."""

    seconds: float  # of a whole window

    def begin(self) -> dict[str, str | int | float]:
        return {"work": "sleeping"}

    def __call__(self, item: Window) -> Done:
        time.sleep(self.seconds * len(item.lines) / WINDOW)
        done = [Translation(str(line), str(line), -0.5, source_pieces=20, target_pieces=20) for line in item.lines]
        return Done(done, Heard(), Remarks())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--seconds", type=float, default=1.0, help="of a worker for a window")
    parser.add_argument("--windows", type=int, default=10, help="for each worker")
    options = parser.parse_args()
    PLACE.mkdir(parents=True, exist_ok=True)
    ray.cloudpickle.register_pickle_by_value(sys.modules["__main__"])
    ray.init("local", num_cpus=max(options.workers), include_dashboard=False, log_to_driver=False)
    rates: dict[int, float] = {}
    figures = []
    for workers in options.workers:
        lines = workers * options.windows * WINDOW
        text, output = PLACE / "cluster.txt", PLACE / "cluster.out"
        text.write_text(
            "".join(f"line {number} has about as many words as a line of text has\n" for number in range(lines))
        )
        output.unlink(missing_ok=True)
        with Pool(Sleeps(options.seconds), workers, Silent()) as pool:
            pool.about()
            list(pool.map(iter([Window(0, ["x"])] * 4 * workers), str))  # until each worker is ready
            began, own = time.monotonic(), time.process_time()
            job = Job([text], str(output), Format())
            job.run(partial(ClusterTranslator, pool, None, False), Silent(), lambda: sys.stdout.buffer, None)
            seconds, own = time.monotonic() - began, time.process_time() - own
        assert output.read_bytes() == text.read_bytes()
        rates[workers] = lines / seconds
        figures += [
            Figure(f"{workers} workers", "lines a second", round(rates[workers]), ""),
            Figure(f"{workers} workers", "driver, of a window", round(1e3 * own / (lines / WINDOW), 1), "ms"),
        ]
        print(figures[-2:], flush=True)
    first, last = options.workers[0], options.workers[-1]
    figures.append(Figure(f"{last} workers", f"speed by {first}", round(rates[last] / rates[first], 2), "times"))
    print(figures[-1])
    flags = f"--workers {' '.join(map(str, options.workers))} --seconds {options.seconds:g}"
    record("a cluster whose workers sleep", f"python benchmarks/cluster.py {flags}", figures)


if __name__ == "__main__":
    main()
