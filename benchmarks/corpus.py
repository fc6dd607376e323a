"""What the comparisons work on: a corpus, and its dataset, lines and models, each made once for each corpus."""

import argparse
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from measure import NMT, PLACE, ROOT

from nmt.scoring.evaluate import read_file


@dataclass(frozen=True)
class Corpus:
    """A folder with ``train`` and ``valid`` in two languages."""

    folder: Path
    source: str
    target: str

    @property
    def place(self) -> Path:
        """Where all that is made of it stands."""
        place = PLACE / f"{self.source}-{self.target}"
        place.mkdir(parents=True, exist_ok=True)
        return place

    @property
    def sides(self) -> list[str]:
        """How nmt prepare is told of the languages."""
        return ["-s", self.source, "-t", self.target]

    def dataset(self) -> Path:
        """Made by the defaults; nmt prepare does nothing where it has been."""
        data = self.place / "data"
        call("prepare", *self.sides, "--train", self.folder / "train", "--valid", self.folder / "valid", "-o", data)
        return data

    def model(self, name: str, minutes: float, *flags: str) -> Path:
        """A run of that name, which is trained the first time."""
        run = self.place / f"run-{name}"
        if not (run / "model").exists():
            call("train", self.dataset(), "-o", run, "--minutes", str(minutes), *flags)
        return run

    def exported(self, model: Path) -> Path:
        """The model as CTranslate2 has it."""
        folder = self.place / "exported"
        shutil.rmtree(folder, ignore_errors=True)
        call("export", model, "--to", "ctranslate2", "-o", folder)
        return folder

    def lines(self, count: int) -> tuple[Path, Path]:
        """So many lines of the training text and their translations, over and over where it has fewer."""
        found = []
        for language in (self.source, self.target):
            there = read_file(self.folder / f"train.{language}")
            there = (there * (1 + count // len(there)))[:count]
            found.append(self.place / f"lines.{language}")
            found[-1].write_text("".join(f"{line}\n" for line in there), encoding="utf-8")
        return found[0], found[1]


def parse(doc: str | None, **defaults: float | str) -> tuple[argparse.Namespace, Corpus]:
    """The options of a script, its own by their defaults, and the corpus that they name."""
    parser = argparse.ArgumentParser(description=(doc or "").partition("\n")[0])
    parser.add_argument("--corpus", type=Path, help="folder of Multi30k (default: the bundled corpus)")
    for name, default in defaults.items():
        parser.add_argument(f"--{name}", type=type(default), default=default)
    options = parser.parse_args()
    corpus = Corpus(options.corpus, "en", "de") if options.corpus else Corpus(ROOT / "data", "ko", "en")
    return options, corpus


def command(script: str, options: argparse.Namespace) -> str:
    """The command line that makes a row again, but for where the corpus lies."""
    flags: Mapping[str, object] = {**vars(options), "corpus": options.corpus and "MULTI30K"}
    return " ".join(
        [
            f"python benchmarks/{script}.py",
            *(f"--{name} {shlex.quote(str(value))}" for name, value in flags.items() if value),
        ]
    )


def call(*arguments: str | Path) -> None:
    subprocess.run([NMT, *arguments], check=True)
