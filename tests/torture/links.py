"""Links, pipes, folders and other users' files in every place that a command reads or writes.

The command succeeds or ends with one line. It never changes a byte behind a link, and never waits for a pipe.
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
from .forked import Setting, Work, import_what_it_imports, program, run
from .hooks import before, die_here
from .small import PREPARE, Small, finished

THESIS = "what took a year\n"
OTHER = 12345  # a user who is not this one
TRAINS, TRANSLATES, PREPARES, WRITES, EXPORTS = "train", "translate", "prepare", "translate -o", "export"
DEBRIS = ".{}.old-1-elsewhere-abcdef"
CHECKPOINTS = "run/checkpoints"
NAMED = ("run", "data", "out.en", "stats.json", "cache")  # by the command line: a link there is meant to be followed
PIPES = ("out.en", "stats.json")  # where a pipe is written to, and its reader waited for

Kind = Callable[[Path, Path], None]  # makes it at a path; the second is a folder outside


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def link_to(name: str) -> Kind:
    def make(path: Path, outside: Path) -> None:
        remove(path)
        path.symlink_to(outside / name)

    return make


def moved_and_linked(path: Path, outside: Path) -> None:
    """Move the file elsewhere and put a link in its place."""
    if os.path.lexists(path):
        path.rename(outside / "moved")
    path.symlink_to(outside / "moved")


def pipe(path: Path, outside: Path) -> None:
    remove(path)
    os.mkfifo(path)


def folder(path: Path, outside: Path) -> None:
    remove(path)
    path.mkdir()
    (path / "thesis").write_text(THESIS)


def others_file(path: Path, outside: Path) -> None:
    remove(path)
    path.write_text("of another\n")
    path.chmod(0o666)
    os.chown(path, OTHER, OTHER)


def others_folder(path: Path, outside: Path) -> None:
    folder(path, outside)
    for owned in (path, path / "thesis"):
        os.chown(owned, OTHER, OTHER)
        owned.chmod(0o777)


KINDS: dict[str, Kind] = {
    "a link to a file": link_to("thesis"),
    "a link to a folder": link_to("folder"),
    "a link to nothing": link_to("nothing"),
    "a link to itself moved away": moved_and_linked,
    "a pipe": pipe,
    "a folder": folder,
}
KINDS_OF_ROOT: dict[str, Kind] = {"another user's file": others_file, "another user's folder": others_folder}


@dataclass
class Links(Table):
    """Each kind of obstacle in each place; for a control, at the place ``only``."""

    only: str = ""
    name: str = "links and pipes in every place"
    full: int = 408
    quick: int = 8

    def cases(self, workplace: Path) -> Iterable[Trial]:
        bench = Bench(workplace / "base", workplace / "trial", workplace / "outside", self.sabotage)
        bench.make()
        kinds = KINDS | (KINDS_OF_ROOT if os.geteuid() == 0 else {})
        for place, commands in bench.places():
            if self.only in ("", place):
                for kind, make in kinds.items():
                    if make is pipe and place in PIPES:
                        continue
                    yield f"{kind} at {place}", partial(bench.trial, place, make, commands)


@dataclass(frozen=True)
class Bench:
    """A folder with the outputs of all commands, which is copied for each trial."""

    base: Path
    trial_folder: Path
    outside: Path
    sabotage: Callable[[], None]

    def make(self) -> None:
        self.base.mkdir()
        small = Small(self.base)
        small.make()
        small.interrupted().rename(self.base / "run")
        shutil.copytree(self.base / "run" / "model", self.base / "model")
        (self.base / "in.ko").write_text("나는 집에 간다.\n너는 학교에 온다.\n", encoding="utf-8")
        settings = {"XDG_CACHE_HOME": str(self.base / "cache")}
        plain = ("translate", self.base / "model", self.base / "in.ko", "--quiet")
        (ended,) = import_what_it_imports(program(*plain, "-o", self.base / "reference"))
        finished(ended)
        finished(run(program(*plain), Setting(environment=settings)))
        kill = partial(before, "nmt.store.resumable:Resumable.finish", 1, die_here)
        killed = run(program(*plain, "-o", self.base / "out.en", prepare=kill))
        require(killed.code == -9 and (self.base / "out.en.partial").exists(), f"it was to be killed, but {killed}")

    def places(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """All places, with the commands that read or write them."""
        (copy,) = (self.base / "cache").glob("nmt/*/*")
        stored = copy.relative_to(self.base)
        last = f"{CHECKPOINTS}/step-00000006"
        yield "run/model", (TRANSLATES, TRAINS)
        yield CHECKPOINTS, (TRAINS,)
        for name in ("model.safetensors", "training.safetensors", "state.json", "manifest.json"):
            yield f"{last}/{name}", (TRAINS,)
        for name in ("model.safetensors", "manifest.json", "config.toml", "tokenizer.model"):
            yield f"run/model/{name}", (TRANSLATES, TRAINS)
        for name in ("metrics.jsonl", ".seconds", ".saved", ".lock", ".validation", "config.toml"):
            yield f"run/{name}", (TRAINS,)
        yield last, (TRAINS,)
        yield f"{CHECKPOINTS}/step-00000008", (TRAINS,)  # which is about to be made
        yield f"{CHECKPOINTS}/{DEBRIS.format('step-00000006')}", (TRAINS,)
        yield f"run/{DEBRIS.format('model')}", (TRAINS,)
        yield "run", (TRANSLATES, TRAINS)
        yield "data", (PREPARES, TRAINS)
        for path in sorted((self.base / "data").iterdir()):
            yield f"data/{path.name}", (TRAINS, PREPARES)
        yield DEBRIS.format("data"), (PREPARES,)
        for path in sorted(copy.iterdir()):
            yield f"{stored}/{path.name}", (WRITES,)
        for place in (stored, stored.parent, stored.parent.parent, Path("cache")):
            yield str(place), (WRITES,)
        yield "cache/nmt/ctranslate2-old", (WRITES,)
        yield f"{stored.parent}/{DEBRIS.format(stored.name)}", (WRITES,)
        for name in ("out.en", "out.en.partial", "out.en.journal", "out.en.partial.lock", "stats.json"):
            yield name, (WRITES,)
        yield "exported", (EXPORTS,)

    def work(self, command: str) -> Work:
        place = self.trial_folder
        small = Small(place, self.sabotage)
        translate = ("translate", place / "run" if command == TRANSLATES else place / "model", place / "in.ko")
        match command:
            case "train":
                return small.train(place / "run")
            case "prepare":
                corpora = ("--train", place / "train", "--valid", place / "valid", "-o", place / "data")
                return program("prepare", *PREPARE.split(), "--seed", "2", *corpora, prepare=self.sabotage)
            case "translate":
                return program(*translate, "--engine", "torch", prepare=self.sabotage)
            case "export":
                export = ("export", place / "model", "--to", "ctranslate2", "-o", place / "exported")
                return program(*export, prepare=self.sabotage)
        return program(*translate, "-o", place / "out.en", "--stats", place / "stats.json", prepare=self.sabotage)

    def trial(self, place: str, make: Kind, commands: tuple[str, ...]) -> None:
        path = self.trial_folder / place
        named = place in NAMED
        try:
            shutil.copytree(self.base, self.trial_folder, symlinks=True)
            (self.outside / "folder").mkdir(parents=True)
            for name in ("thesis", "folder/thesis", "folder/" + DEBRIS.format("model")):
                (self.outside / name).write_text(THESIS)
            path.parent.mkdir(parents=True, exist_ok=True)
            make(path, self.outside)
            was = state_of([self.outside])
            if named and make is not KINDS["a link to a folder"]:  # what it leads to is what the command was given
                meant = str(path.resolve())
                was = {where: what for where, what in was.items() if not (where + "/").startswith(meant + "/")}
            planted, theses = state_of([path]), self.theses()
            environment = {"XDG_CACHE_HOME": str(self.trial_folder / "cache")}
            for command in commands:
                ended = ended_well(self.work(command), Setting(environment=environment, longest=LONGEST))
                require_unchanged(was, state_of([self.outside]), new=named)
                # What has the name of debris is ours, and goes as a folder, too.
                require(self.theses() == theses or ".old-" in place, f"{command}: what somebody put there is gone")
                if place in ("out.en.partial", "out.en.journal"):
                    require(ended.code == 73, f"it was to be refused, but {ended}")
                    require_unchanged(planted, state_of([path]))
                if place.startswith("cache"):
                    require(ended.code == 0, f"it was to do without its cache, but {ended}")
                if command == WRITES and ended.code == 0:
                    self.require_translated()
        finally:
            for folder_of_it in (self.trial_folder, self.outside):
                shutil.rmtree(folder_of_it, ignore_errors=True)

    def theses(self) -> int:
        """Number of these files in the folder of the trial, wherever they were moved."""
        return sum(path.read_text() == THESIS for path in self.trial_folder.rglob("thesis") if path.is_file())

    def require_translated(self) -> None:
        output = self.trial_folder / "out.en"
        output = output / "in.ko" if output.is_dir() else output
        require(output.read_bytes() == (self.base / "reference").read_bytes(), "another translation")


AREAS = (Links(),) if sys.platform == "linux" else ()
