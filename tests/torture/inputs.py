"""Outputs that are inputs: every pair of flags of every command, with every kind of name for the same file.

The command exits with 2 or 73, and changes no byte of any existing file.
"""

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from .area import Trial, require
from .ends import LONGEST, Table, ended_well, require_unchanged, state_of
from .forked import Setting, program
from .small import PREPARE, TRAIN, Small

REFUSED = {2, 73}
LANGUAGES = ("ko", "en")
MODEL = ("manifest.json", "model.safetensors", "config.toml", "tokenizer.model")
STDOUT = "/dev/stdout"

Named = Callable[[Path], Path]  # another name of a file, made if need be


def link(path: Path) -> Path:
    (path.parent / "link.svg").symlink_to(path.absolute())
    return path.parent / "link.svg"


def hard_link(path: Path) -> Path:
    (path.parent / "hard.svg").hardlink_to(path)
    return path.parent / "hard.svg"


def linked_folder(path: Path) -> Path:
    Path("linked").symlink_to(path.parent.absolute())
    return Path("linked", path.name)


NAMES: dict[str, Callable[[Path], str | Path]] = {
    "itself": lambda path: path,
    "a spelling": lambda path: f"./{path}" if os.sep not in str(path) else f"{path.parent}/../{path}",
    "its absolute path": Path.absolute,
    "a link": link,
    "a hard link": hard_link,
    "a linked folder": linked_folder,
}


@dataclass
class OutputsThatAreInputs(Table):
    """The output, OUT in the command line, is one of the files that the command reads."""

    name: str = "outputs that are inputs"
    full: int = 451
    quick: int = 8

    def cases(self, workplace: Path) -> Iterable[Trial]:
        base, place = workplace / "base", workplace / "trial"
        base.mkdir()
        small = Small(base)
        small.make()
        small.interrupted().rename(base / "run")
        shutil.copytree(base / "run" / "model", base / "model")
        for name in "abch":
            for language in LANGUAGES:
                shutil.copy(base / f"valid.{language}", base / f"{name}.{language}")
        for name in ("out.en.partial", "out.en.journal"):
            shutil.copy(base / "a.ko", base / name)
        for command, target in commands(base):
            for spelled, spell in NAMES.items():
                path = base / target
                if (path.is_file() or spell is not hard_link) and (path.exists() or spelled != "a linked folder"):
                    what = f"{command}, where OUT is {spelled} of {target}"
                    yield what, partial(self.trial, base, place, command, target, spell)
        for command in (
            "translate model a.ko -o /dev/stdout",
            "translate model a.ko",
            "translate model -o /dev/stdout",
        ):
            yield f"{command} >> a.ko", partial(self.appended, base, place, command)
        yield "translate model -o a.ko < a.ko", partial(self.piped, base, place)

    def trial(self, base: Path, place: Path, command: str, target: str, spell: Callable[[Path], str | Path]) -> None:
        with copied(base, place):
            name = str(spell(Path(target)))
            words = [name if word == "OUT" else word for word in command.split()]
            self.refused(place, words, self.sabotage)

    def appended(self, base: Path, place: Path, command: str) -> None:
        def to_the_input() -> None:
            self.sabotage()
            os.dup2(os.open("a.ko", os.O_WRONLY | os.O_APPEND), 1)
            os.dup2(os.open("a.ko", os.O_RDONLY), 0)

        with copied(base, place):
            self.refused(place, command.split(), to_the_input)

    def piped(self, base: Path, place: Path) -> None:
        def from_a_file() -> None:
            self.sabotage()
            os.dup2(os.open("a.ko", os.O_RDONLY), 0)

        with copied(base, place):
            self.refused(place, ["translate", "model", "-o", "a.ko"], from_a_file)

    def refused(self, place: Path, words: list[str], prepare: Callable[[], None]) -> None:
        before = state_of([place])
        ended = ended_well(program(*words, prepare=prepare), Setting(folder=place, longest=LONGEST))
        require_unchanged(before, state_of([place]))
        require(ended.code in REFUSED, f"it was to be refused, but {ended}")


def commands(base: Path) -> Iterator[tuple[str, str]]:
    """Command lines with OUT as the output, and the files they read, which OUT may be."""
    model = [f"model/{name}" for name in MODEL]
    texts = [f"{name}.{language}" for name in "ab" for language in LANGUAGES]
    run = "run/checkpoints/step-00000006/model.safetensors"
    for flag in ("-o", "--stats"):
        for target in ("a.ko", "b.ko", *model):
            yield f"translate model a.ko b.ko {flag} OUT", target
        for target in (run, "run/model/model.safetensors"):
            yield f"translate run a.ko {flag} OUT", target
    yield "translate model a.ko -o new.en --stats OUT", "new.en"
    for name in ("partial", "journal"):
        yield "translate model a.ko -o out.en --stats OUT", f"out.en.{name}"
        yield f"translate model out.en.{name} -o OUT", "out.en"
    yield "translate model a.ko b.ko -o OUT", "."
    for target in (*texts, *model):
        yield "evaluate model a b --output OUT", target
    for target in ("h.en", "a.en", "b.en", "c.en", "a.ko"):
        yield "evaluate --hyp h.en --ref a.en --ref b.en --baseline c.en --src a.ko --output OUT", target
    for target in (*texts, "train.ko", ".", "model", "run", *model):
        yield f"prepare {PREPARE} --train train --valid a --test b -o OUT", target
    for shown in ("--text 나는", "--positions"):
        for target in model:
            yield f"inspect model {shown} -o OUT", target
    for target in ("model", *model, "run", "a.ko", "."):
        yield "export model --to ctranslate2 -o OUT", target
    for target in ("data", "model", "a.ko", *(f"data/{path.name}" for path in (base / "data").iterdir())):
        yield f"train data -o OUT --steps 2 --init model {TRAIN}", target


class copied:  # noqa: N801  # a context, like a function
    """Make a copy of the base folder for a trial."""

    def __init__(self, base: Path, place: Path) -> None:
        self.base, self.place, self.before = base, place, Path.cwd()

    def __enter__(self) -> None:
        shutil.copytree(self.base, self.place, symlinks=True)
        os.chdir(self.place)

    def __exit__(self, *_: object) -> None:
        os.chdir(self.before)
        shutil.rmtree(self.place)


AREAS = (OutputsThatAreInputs(),) if sys.platform == "linux" else ()
