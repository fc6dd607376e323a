"""Memory use on very long lines: 60 MiB in one line, 100 lines of 30 MB in kilobytes of gzip, settings, names, metrics.

The command succeeds or ends with one line, and uses at most 600 MB more than on a small file.
"""

import gzip
import os
import resource
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from .area import Trial, require
from .ends import CODES, Table, ended_well
from .forked import Setting, Work, import_what_it_imports, program, run
from .small import PREPARE, Small, facts, finished
from .strangers import memory

MOST = 600_000_000  # bytes over what a small file takes
RUNAWAY = 1 << 30  # bytes at which the kernel refuses more, so that one failure does not take the machine
SECONDS = 120  # that it may take
LONG = 60 << 20  # bytes of a line
BUSY = 75  # out of memory
SPARSE = 2 << 30  # bytes of a line that has no bytes on the disk
ARGUMENT = 100_000  # bytes of an argument; Linux gives one 131,072
MAKERS: dict[str, Callable[[Path], object]] = {}


def made(name: str) -> Callable[[Callable[[Path], object]], Callable[[Path], object]]:
    def register(make: Callable[[Path], object]) -> Callable[[Path], object]:
        MAKERS[name] = make
        return make

    return register


@made("long.en")
def long_line(path: Path) -> None:
    path.write_bytes(b"the red house " * (LONG // 14) + b"\n")


@made("long.ko")
def no_spaces(path: Path) -> None:
    path.write_bytes("가".encode() * (LONG // 3) + b"\n")


@made("both.tsv")
def two_sides(path: Path) -> None:
    path.write_bytes(b"a" * (LONG // 2) + b"\t" + b"b" * (LONG // 2) + b"\n")


@made("zip.ko.gz")
def hundred(path: Path) -> None:
    path.write_bytes(gzip.compress(b"a" * 30_000_000 + b"\n", 9) * 100)


@made("zip.en.gz")
def no_end(path: Path) -> None:
    path.write_bytes(gzip.compress(b"a" * 30_000_000, 9) * 100)


@made("fits.ko")
def longest(path: Path) -> None:
    """Many lines of the largest length allowed."""
    path.write_bytes((b"a" * ((1 << 20) - 1) + b"\n") * 30)


@made("fits.en")
def longest_words(path: Path) -> None:
    path.write_bytes((b"a b " * ((1 << 18) - 1) + b"\n") * 2)


@made("dotted.toml")
def dotted(path: Path) -> None:
    path.write_text("".join(f"a{number}{'.a' * 95} = 1\n" for number in range(200)))


@made("deep.toml")
def deep(path: Path) -> None:
    path.write_text(f"a{'.a' * 20_000} = 1\n")


@made("nested.toml")
def nested(path: Path) -> None:
    path.write_text(f"a = {'[' * 20_000}\n")


@made("long.toml")
def long_settings(path: Path) -> None:
    path.write_bytes(b"a = 1 #" + b"x" * LONG)


@dataclass
class Memory(Table):
    name: str = "memory by one long line"
    full: int = 31
    quick: int = 3
    only: str = ""  # cases whose words have it, for a control

    def cases(self, workplace: Path) -> Iterable[Trial]:
        small = Small(workplace)
        small.make()
        run_folder = workplace / "run"
        finished(run(small.train(run_folder, steps=4)))
        works = [program(*words) for words in self.commands(workplace, "valid.ko", "valid.en")]
        most = max(finished(ended).memory for ended in import_what_it_imports(*works)) + MOST
        for words, work in self.works(workplace, small):
            if self.only in words:
                yield words, partial(self.trial, workplace, words, work, most)

    def commands(self, place: Path, source: str, target: str) -> Iterator[list[str]]:
        """Every command that reads text, for a source and a target file."""
        model = f"{place}/run"
        yield ["translate", model, f"{place}/{source}", "--beam-size", "1", "--max-length-factor", "0.1"]
        yield ["evaluate", "--hyp", f"{place}/{target}", "--ref", f"{place}/{target}", "--no-confidence"]

    def works(self, place: Path, small: Small) -> Iterator[tuple[str, Work]]:
        """The trials: a description that names the files read, and the work."""
        run_folder, sabotage = place / "run", self.sabotage
        translate = partial(program, "translate", run_folder, "--max-length-factor", "0.1", prepare=sabotage)
        evaluate = partial(program, "evaluate", "--no-confidence", prepare=sabotage)
        for name in ("long.ko", "long.en", "zip.ko.gz", "zip.en.gz"):
            yield f"translate {name}", translate(place / name)
            yield f"evaluate --hyp {name}", evaluate("--hyp", place / name, "--ref", place / "valid.en")
            yield f"evaluate --ref {name}", evaluate("--hyp", place / "valid.en", "--ref", place / name)
        yield "translate < long.ko", translate(prepare=self.typed(place / "long.ko"))
        yield "evaluate --hyp fits.en", evaluate("--hyp", place / "fits.en", "--ref", place / "fits.en")
        prepare = partial(program, "prepare", *PREPARE.split(), "-o", place / "made", prepare=sabotage)
        for name in ("long", "zip", "fits", "both.tsv"):
            said = f"prepare {name}.ko {name}.en" if "." not in name else f"prepare {name}"
            yield said.replace("zip.ko zip.en", "zip.ko.gz zip.en.gz"), prepare("--train", place / name)
        train = partial(small.train, place / "new", steps=1)
        for name in ("dotted.toml", "deep.toml", "nested.toml", "long.toml"):
            yield f"train --config {name}", train("--config", place / name)
        for setting in (f"model{'.a' * (ARGUMENT // 2)}=1", f"model.width={'1' * ARGUMENT}",
                        f"model.width={'[' * ARGUMENT}", f"training.seed={'{a=' * (ARGUMENT // 3)}"):  # fmt: skip
            yield f"train --set {setting[:20]}…", train("--set", setting)
        for option in ("--text", "--target"):
            words = ("--text", "나는", "--target") if option == "--target" else ("--text",)
            for sign in ("가" * (ARGUMENT // 3), "a b " * (ARGUMENT // 4)):
                yield f"inspect {option} {sign[:4]}…", program("inspect", run_folder, *words, sign, prepare=sabotage)
        yield "train with sparse metrics", partial(self.with_sparse_metrics, small, run_folder)

    def typed(self, path: Path) -> Callable[[], None]:
        def from_the_file() -> None:
            self.sabotage()
            os.dup2(os.open(path, os.O_RDONLY), 0)

        return from_the_file

    def with_sparse_metrics(self, small: Small, run_folder: Path) -> None:
        with (run_folder / "metrics.jsonl").open("r+b") as file:
            file.truncate(SPARSE)
        small.train(run_folder)()

    def trial(self, place: Path, words: str, work: Work, most: int) -> None:
        names = [name for word in words.split() for name in [word] if name in MAKERS]
        for name in names:
            MAKERS[name](place / name)
        try:
            limit = 1024 * memory("VmSize") + RUNAWAY
            ended = ended_well(work, Setting(limits={resource.RLIMIT_AS: limit}, longest=SECONDS), codes=CODES | {BUSY})
            require(
                ended.code != BUSY and ended.memory <= most, f"it took {ended.memory:,} bytes, over {most:,}; {ended}"
            )
            if "metrics" in words:
                facts(place / "run")
        finally:
            for name in names:
                (place / name).unlink()


AREAS = (Memory(),) if sys.platform == "linux" else ()
