"""One command in one process and on Ray clusters of this machine: the same bytes, seconds, and most memory.

python benchmarks/spread.py translate --model build/run --text lines.en
python benchmarks/spread.py prepare --corpus data/team/train -s en -t de

Clusters are one worker, two workers of one node, and two nodes of one worker each, all with a core a worker. Start no
other work beside it: the command that is alone uses both cores, too.
"""

import argparse
import hashlib
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from measure import NMT, PLACE, Arm
from ray.cluster_utils import Cluster
from results import Figure, record

NODES = {"one worker": [1], "two workers": [2], "two nodes": [1, 1]}  # cores of each node
EVERY = 0.5  # seconds between two looks at the workers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["translate", "prepare"])
    parser.add_argument("--model", type=Path)
    parser.add_argument("--text", type=Path)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("-s", "--source")
    parser.add_argument("-t", "--target")
    options = parser.parse_args()
    PLACE.mkdir(parents=True, exist_ok=True)
    output = PLACE / f"spread-{options.what}"
    if options.what == "translate":
        command: list[str | Path] = [NMT, "translate", options.model, options.text, "-o", output, "--no-resume"]
    else:
        languages = ["-s", options.source, "-t", options.target]
        command = [NMT, "prepare", *languages, "--train", options.corpus, "-o", output]
    alone = Arm("one process", [*command, "--quiet"], output)
    alone.run()
    wanted = digest(output)
    figures = shown(alone)
    for name, cores in NODES.items():
        with cluster(cores) as address, Watched() as workers:
            arm = Arm(name, [*command, "--quiet", "--cluster", address], output)
            arm.run()
        found = digest(output)
        if found != wanted:
            raise SystemExit(f"{name}: {found} is not {wanted}; {arm.words}")
        figures += [*shown(arm), Figure(name, "memory of a worker", round(workers.most / 1e6), "MB")]
        print(figures[-1], flush=True)
    what = f"{options.what}, one process and clusters"
    flags = "--model MODEL --text TEXT" if options.what == "translate" else "--corpus CORPUS -s S -t T"
    record(what, f"python benchmarks/spread.py {options.what} {flags}", figures)


def shown(arm: Arm) -> list[Figure]:
    print(*arm.figures(), sep="\n", flush=True)
    return arm.figures()


@contextmanager
def cluster(cores: list[int]) -> Iterator[str]:
    """The address of a cluster of this machine: a head without cores, and nodes."""
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    try:
        for count in cores:
            made.add_node(num_cpus=count, include_dashboard=False)
        yield made.address
    finally:
        made.shutdown()


@dataclass
class Watched:
    """The most memory of a worker while a block runs, in bytes."""

    most: int = 0
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> "Watched":
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._thread:
            self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(EVERY):
            for process in Path("/proc").glob("[0-9]*"):
                with suppress(OSError):
                    if b"_Worker" in (process / "cmdline").read_bytes():
                        status = (process / "status").read_text(encoding="utf-8")
                        peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
                        self.most = max(self.most, int(peak.split()[1]) << 10)


def digest(output: Path) -> str:
    """SHA-256 of a file, or of all files of a folder with their names; removes it."""
    digest = hashlib.sha256()
    for path in sorted(output.rglob("*")) if output.is_dir() else [output]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    if output.is_dir():
        shutil.rmtree(output)
    else:
        output.unlink()
    return digest.hexdigest()


if __name__ == "__main__":
    main()
